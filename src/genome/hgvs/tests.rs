//! Texts that are and are not HGVS names.

use super::super::allele::Allele;
use super::{Level, NotHgvs, genomic, parse};

#[test]
fn coding_names() {
    let check = |text: &str| {
        let name = parse(text, Level::Coding).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(format!("{}:{}", name.reference, name.description), text);
    };
    check("NM_004958.3:c.2997C>T");
    check("NM_004958.3:c.7165-1G>T");
    check("NM_001626.5:c.*2537=");
    check("NM_198253.2:c.-124C>T");
    check("NM_001429.3:c.4408del");
    check("NM_005228.5:c.2235_2249del");
    check("NM_005228.5:c.2300_2308dup");
    check("NM_000546.5:c.375+1_375+2insAC");
    check("NM_000546.5:c.743_744delinsTA");
    check("NM_000546.5:c.743_744delGAinsTA");
    check("ENST00000269305.9:c.743G=");
}

#[test]
fn protein_names() {
    let check = |text: &str| assert!(parse(text, Level::Protein).is_ok(), "{text}");
    check("NP_003811.2:p.(Lys17Arg)");
    check("NP_003811.2:p.Lys17Arg");
    check("NP_001420.2:p.(Glu1442Ter)");
    check("NP_001420.2:p.(Glu1442*)");
    check("NP_001420.2:p.(Met1470CysfsTer26)");
    check("NP_001420.2:p.(Thr410fs)");
    check("NP_005219.2:p.(Glu746_Ala750del)");
    check("NP_005219.2:p.(Ala767_Val769dup)");
    check("NP_005219.2:p.(Asp770_Asn771insGlyTyr)");
    check("NP_005219.2:p.(Leu747_Pro753delinsSer)");
    check("NP_005219.2:p.(Met1?)");
    check("NP_005219.2:p.(Asn999=)");
    check("NP_005219.2:p.(Ter110GlnextTer17)");
    check("NP_005219.2:p.?");
}

#[test]
fn texts_that_only_look_like_names() {
    let check = |text: &str, level, why| assert_eq!(parse(text, level), Err(why), "{text}");
    check("NM_004958.3:c.2997C>T(p.(Asn999=))", Level::Protein, NotHgvs::Reference);
    check("NM_004958.3:c.2997C>T(p.(Asn999=))", Level::Coding, NotHgvs::Description);
    check("NM_000546:c.818G>A", Level::Coding, NotHgvs::Version);
    check(":c.3G>A", Level::Coding, NotHgvs::Reference);
    check("NM_000546.5:c.3G>A|NM_000547.1:c.3G>A", Level::Coding, NotHgvs::Description);
    check("c.818G>A", Level::Coding, NotHgvs::Form);
    check("NM_000546.5:c.818", Level::Coding, NotHgvs::Description);
    check("NM_000546.5:c.08G>A", Level::Coding, NotHgvs::Description);
    check("NM_000546.5:c.8insA", Level::Coding, NotHgvs::Description);
    check("T410fs", Level::Protein, NotHgvs::Form);
    check("NP_000537.3:Thr410MetfsTer15", Level::Protein, NotHgvs::Description);
    check("NP_000537.3:p.(T410fs)", Level::Protein, NotHgvs::Description);
    check("NP_000537.3:p.(Lys17Arg", Level::Protein, NotHgvs::Description);
    check("NP_000537.3:p.(Lys17)", Level::Protein, NotHgvs::Description);
    check("NP_000537:p.(Lys17Arg)", Level::Protein, NotHgvs::Version);
}

#[test]
fn genomic_names_only_where_no_reference_is_needed() {
    let check = |position, reference, alternative, name: Option<&str>| {
        let allele = Allele::from_vcf(position, reference, alternative).unwrap();
        assert_eq!(genomic("NC_000007.13", &allele).as_deref(), name);
    };
    check(55_259_515, "T", "G", Some("NC_000007.13:g.55259515T>G"));
    check(10, "CTG", "CAG", Some("NC_000007.13:g.11T>A"));
    check(10, "CT", "AA", Some("NC_000007.13:g.10_11delinsAA"));
    check(10, "CT", "AG", Some("NC_000007.13:g.10_11inv"));
    check(10, "CTTG", "CAG", Some("NC_000007.13:g.11_12delinsA"));
    check(10, "CA", "C", None);
    check(10, "C", "CA", None);
}
