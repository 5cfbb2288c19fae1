//! Small releases in each format, written by hand in the layout that the publishers describe.

use super::*;
use crate::terminology::read;
use crate::terminology::system::CodeSystem;

/// What a reader makes of files, read back as every CodeSystem is.
fn loaded(files: &[&str]) -> CodeSystem {
    let format = Format::of(files[0]).unwrap();
    let written = serde_json::to_vec(&format.read(files, None).unwrap()).unwrap();
    read::system(&written).unwrap()
}

fn names(system: &CodeSystem, code: &str) -> Vec<String> {
    let concept = system.concept(code).unwrap();
    concept.display.iter().chain(concept.designations.iter().map(|other| &other.value)).map(ToString::to_string).collect()
}

#[test]
fn loinc_is_read_with_its_names_and_statuses() {
    let system = loaded(&[concat!(
        "\"LOINC_NUM\",\"COMPONENT\",\"PROPERTY\",\"TIME_ASPCT\",\"SYSTEM\",\"SCALE_TYP\",\"METHOD_TYP\",\"CLASS\",\"VersionLastChanged\",\"STATUS\",\"SHORTNAME\",\"LONG_COMMON_NAME\"\n",
        "\"718-7\",\"Hemoglobin\",\"MCnc\",\"Pt\",\"Bld\",\"Qn\",\"\",\"HEM/BC\",\"2.70\",\"ACTIVE\",\"Hgb Bld-mCnc\",\"Hemoglobin [Mass/volume] in Blood\"\n",
        "\"1-8\",\"Says \"\"old\"\", or\nso\",\"MCnc\",\"Pt\",\"Ser\",\"Qn\",\"RIA\",\"DRUG\",\"2.8\",\"DEPRECATED\",\"\",\"An old one\"\n",
    )]);
    assert_eq!((system.url.as_str(), system.version.as_deref(), system.len()), ("http://loinc.org", Some("2.70"), 2));
    assert_eq!(names(&system, "718-7"), ["Hemoglobin [Mass/volume] in Blood", "Hemoglobin:MCnc:Pt:Bld:Qn", "Hgb Bld-mCnc"]);
    assert!(system.concept("1-8").unwrap().inactive() && !system.concept("718-7").unwrap().inactive());
    assert_eq!(names(&system, "1-8")[1], "Says \"old\", or\nso:MCnc:Pt:Ser:Qn:RIA");
}

#[test]
fn snomed_ct_is_read_from_its_parts_in_any_order() {
    let head = "id\teffectiveTime\tactive\tmoduleId\t";
    let international = "900000000000207008";
    let row = |cells: &[&str]| format!("{}\n", cells.join("\t"));
    let concepts = format!("{head}definitionStatusId\n")
        + &row(&["138875005", "20020131", "1", international, "900000000000074008"])
        + &row(&["404684003", "20020131", "1", international, "900000000000074008"])
        // In a full release an older row may follow a newer one.
        + &row(&["64572001", "20240101", "1", international, "900000000000074008"])
        + &row(&["64572001", "20020131", "0", international, "900000000000074008"])
        + &row(&["155574008", "20100131", "0", international, "900000000000074008"]);
    let description = |id: &str, concept: &str, kind: &str, term: &str| {
        row(&[id, "20020131", "1", international, concept, "en", kind, term, "900000000000448009"])
    };
    let (full, synonym) = ("900000000000003001", "900000000000013009");
    let descriptions = format!("{head}conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n")
        + &description("1", "138875005", full, "SNOMED CT Concept (SNOMED RT+CTV3)")
        + &description("2", "64572001", full, "Disease (disorder)")
        + &description("3", "64572001", synonym, "Disease")
        + &description("4", "64572001", synonym, "Morbid \"condition")
        + &description("5", "404684003", full, "Clinical finding (finding)");
    let relation = |id: &str, from: &str, to: &str, kind: &str, active: &str| {
        row(&[id, "20020131", active, international, from, to, "0", kind, "900000000000011006", "900000000000451002"])
    };
    let relationships = format!("{head}sourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\n")
        + &relation("10", "404684003", "138875005", "116680003", "1")
        + &relation("11", "64572001", "404684003", "116680003", "1")
        + &relation("12", "138875005", "64572001", "116680003", "0")
        + &relation("13", "138875005", "64572001", "363698007", "1");
    let language = format!("{head}refsetId\treferencedComponentId\tacceptabilityId\n")
        + &row(&["80000e10-0001", "20020131", "1", international, "900000000000509007", "3", "900000000000548007"])
        + &row(&["80000e10-0002", "20020131", "1", international, "900000000000509007", "2", "900000000000548007"])
        + &row(&["80000e10-0003", "20020131", "1", international, "900000000000509007", "4", "900000000000549004"]);
    let system = loaded(&[&relationships, &language, &descriptions, &concepts]);
    assert_eq!(system.version.as_deref(), Some("http://snomed.info/sct/900000000000207008/version/20240101"));
    assert_eq!(names(&system, "64572001"), ["Disease", "Disease (disorder)", "Morbid \"condition"]);
    assert_eq!(names(&system, "404684003"), ["Clinical finding (finding)"]);
    assert!(system.is_a("64572001", "138875005") && !system.is_a("138875005", "64572001"));
    assert!(!system.concept("64572001").unwrap().inactive() && system.concept("155574008").unwrap().inactive());
    let missing = Format::Snomed.read(&[&concepts, &descriptions], None).unwrap_err();
    assert!(missing.to_string().contains("relationships"), "{missing}");
}

#[test]
fn genes_sequence_features_and_tumour_types_are_read() {
    let genes = loaded(&[concat!(
        "hgnc_id\tsymbol\tname\tlocus_group\tstatus\talias_symbol\tprev_symbol\tdate_modified\n",
        "HGNC:3236\tEGFR\tepidermal growth factor receptor\tprotein-coding gene\tApproved\t\"ERBB1|ERRP\"\tERBB\t2024-03-01\n",
        "HGNC:7132\tKMT2A\tlysine methyltransferase 2A\tprotein-coding gene\tApproved\tALL-1\tMLL\t2023-01-20\n",
    )]);
    assert_eq!((genes.url.as_str(), genes.version.as_deref()), ("http://www.genenames.org", Some("2024-03-01")));
    assert_eq!(names(&genes, "HGNC:3236"), ["EGFR", "epidermal growth factor receptor", "ERBB1", "ERRP", "ERBB"]);
    let features = loaded(&["format-version: 1.2\ndata-version: 2024-06-05\n\n[Term]\nid: SO:0000110\nname: sequence_feature\n\n\
        [Term]\nid: SO:0001583\nname: missense_variant\ndef: \"A \\\"variant\\\", with another residue.\" [EBI:fc]\n\
        synonym: \"missense\" EXACT [VAR]\nis_a: SO:0000110 ! sequence_feature\n\n[Typedef]\nid: part_of\nname: part_of\n"]);
    assert_eq!((features.len(), features.version.as_deref()), (2, Some("2024-06-05")));
    assert!(features.is_a("SO:0001583", "SO:0000110"));
    assert_eq!(features.concept("SO:0001583").unwrap().definition.as_deref(), Some("A \"variant\", with another residue."));
    let tumours = loaded(&[r#"[{"code":"LUNG","name":"Lung","mainType":null,"parent":"TISSUE"},
        {"code":"LUAD","name":"Lung Adenocarcinoma","mainType":"Non-Small Cell Lung Cancer","tissue":"Lung","parent":"NSCLC","level":3},
        {"code":"NSCLC","name":"Non-Small Cell Lung Cancer","mainType":"Non-Small Cell Lung Cancer","tissue":"Lung","parent":"LUNG"}]"#]);
    assert!(tumours.is_a("LUAD", "LUNG") && !tumours.is_a("LUNG", "LUAD"));
}

#[test]
fn what_is_none_of_these_is_not_taken() {
    assert_eq!(
        ["", "a,b\n", "{\"resourceType\":\"CodeSystem\"}", "id\teffectiveTime\tactive\tmoduleId\tother\n"].map(Format::of),
        [None; 4]
    );
    assert!(Format::Hgnc.read(&["hgnc_id\tsymbol\n"], None).is_err_and(|error| matches!(error, Broken::Empty)));
    assert!(Format::Hgnc.read(&["hgnc_id\tname\nHGNC:1\tA\n"], None).is_err_and(|error| matches!(error, Broken::Column("symbol"))));
}
