//! Requisitions in both notations, and what is refused in them.

use super::identifier::National;
use super::*;

fn parse(text: &str) -> (Requisition, Problems) {
    let file = SourceFile { name: "r".to_owned(), bytes: text.as_bytes().to_vec() };
    let (mut account, mut problems) = (Account::default(), Problems::default());
    let requisition = read(&file, &mut account, &mut problems);
    (requisition, problems)
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = "[patient]\nidentifier = \"31875890010\"\nbirth_date = 1958-07-31\nsex = \"F\"\n[genome]\nsource_class = \"germline\"\n";
    let json = r#"{"patient":{"identifier":"31875890010","birth_date":"1958-07-31","sex":"female"},"source_class":"germline"}"#;
    let ((a, none), (b, nothing)) = (parse(toml), parse(json));
    assert!(none.refusals.is_empty() && nothing.refusals.is_empty() && none.warnings.is_empty(), "{none:?} {nothing:?}");
    let told = |r: &Requisition| {
        let id = r.patient_identifier.clone().unwrap().value;
        (id.system, id.value, r.birth_date.clone().unwrap().value, r.sex.clone().unwrap().value, r.source_class.clone().unwrap().value)
    };
    assert_eq!(told(&a), told(&b));
    assert_eq!(told(&a).0.as_deref(), Some("urn:oid:2.16.578.1.12.4.1.4.1"));
}

#[test]
fn faults_have_a_place() {
    let check = |text: &str, row: usize, column: usize, part: &str| {
        let (_, problems) = parse(text);
        let refusal = problems.refusals.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!((refusal.row, refusal.column), (row, column), "{text}: {refusal}");
        assert!(refusal.message.contains(part), "{refusal}");
    };
    check("[patient]\nidentifer = \"x\"\n", 2, 1, "not known");
    check("{\"patient\": {\n  \"sexx\": \"female\"}}", 2, 3, "not known");
    check("[patient]\nsex = \"woman\"\n", 2, 8, "female");
    check("[patient]\nbirth_date = \"31.07.1958\"\n", 2, 15, "no date");
    check("[patient]\nidentifier = 31875890010\n", 2, 14, "quotation marks");
    check("[patient]\nidentifier = \"31875890011\"\n", 2, 15, "check digits");
    check("[patient]\nidentifier = \"urn:oid:2.16.578.1.12.4.1.4.2|31875890010\"\n", 2, 15, "another kind");
    check("[patient]\nidentifier = \"FNR|31875890010\"\n", 2, 15, "system is a URI");
    check("[patient]\nname = \"\"\n", 2, 9, "empty");
    check("[patient]\nname = \"a\"\nname = \"b\"\n", 3, 1, "");
    check("{\"patient\": {\"name\": \"a\", \"name\": \"b\"}}", 1, 27, "again");
    check("{\"patient\": {\"name\": 1}}", 1, 22, "quotation marks");
    check("[genome]\nbuild = \"hg17\"\n", 2, 10, "GRCh37");
    check("[specimen]\ncollected = \"yesterday\"\n", 2, 14, "no date");
    check("patient = 3\n", 1, 11, "quotation marks");
    check("[patient\n", 1, 9, "TOML");
    check("{\"a\": }", 1, 7, "JSON");
}

#[test]
fn national_numbers() {
    let check = |text: &str, kind: Option<&str>| {
        assert_eq!(National::read(text).map(|n| n.system().rsplit('.').next().unwrap().to_owned()).as_deref(), kind, "{text}")
    };
    check("31875890010", Some("1"));
    check("41458210096", Some("2"));
    check("82000000147", Some("3"));
    check("31125840100", Some("1"));
    // First check digits as they are given out from 2032 on; a hjelpenummer has none of these.
    check("31815810166", Some("1"));
    check("81234510142", None);
    for bad in ["31875890011", "3187589001", "318758900100", "3187589001O", "00000000000", ""] {
        check(bad, None);
    }
    // Any single digit that is misread shows.
    let good = "31875890010";
    for at in 0..11 {
        for digit in '0'..='9' {
            let mut text: Vec<char> = good.chars().collect();
            text[at] = digit;
            let text: String = text.into_iter().collect();
            assert_eq!(National::read(&text).is_some(), text == good, "{text}");
        }
    }
}

#[test]
fn a_person_whose_number_says_otherwise_is_looked_at_twice() {
    let (_, problems) = parse("[patient]\nidentifier = \"31875890010\"\nbirth_date = \"1958-08-31\"\nsex = \"male\"\n");
    assert_eq!((problems.refusals.len(), problems.warnings.len()), (0, 2));
}

#[test]
fn the_specimen_must_be_one_of_the_samples() {
    let check = |identifier: &str, part: Option<&str>| {
        let (requisition, mut problems) = parse(&format!("[specimen]\nidentifier = \"{identifier}\"\n"));
        let sample = SampleId::read("IPD0001-D01-P01-A15").unwrap();
        requisition.check_against(&[&sample], &mut problems);
        let message = problems.refusals.first().map(|refusal| refusal.message.clone());
        assert!(
            message.as_deref().is_none_or(|m| part.is_some_and(|part| m.contains(part))) && message.is_some() == part.is_some(),
            "{identifier}: {message:?}"
        );
    };
    check("IPD0001-D01-P01-A15", None);
    check("IPD0001-R03-P01-A15_P", None);
    check("IPD0001", None);
    check("26-P-01733", None);
    check("https://example.org/specimens|S1", None);
    check("IPD0002-D01-P01-A15", Some("patient IPD0002"));
    check("IPD0001-D01-P01-a15", Some("character 17"));
    check("IPDO001-D01-P01-A15", Some("character 4"));
}
