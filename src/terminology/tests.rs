//! Terminology, built in and made for these tests.

use serde_json::json;

use super::check::Status;
use super::expand::{Refusal, Wanted};
use super::lookup::{Subsumption, subsumption};
use super::*;

/// Lines of a text, without those that are empty.
fn cases(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// `value set  system|code -> answer`; without a system, the code of an element of type `code`.
#[test]
fn codes_are_in_or_out() {
    let cases_of = "
        http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1 female -> In
        http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1 Female -> Out
        http://hl7.org/fhir/ValueSet/administrative-gender http://hl7.org/fhir/administrative-gender|other -> In
        http://hl7.org/fhir/ValueSet/administrative-gender http://example.org|other -> Out
        http://hl7.org/fhir/ValueSet/observation-status|4.0.1 entered-in-error -> In
        http://hl7.org/fhir/ValueSet/observation-status|4.0.1 done -> Out
        http://hl7.org/fhir/ValueSet/resource-types|4.0.1 Observation -> In
        http://hl7.org/fhir/ValueSet/resource-types|4.0.1 Genome -> Out
        http://hl7.org/fhir/ValueSet/condition-clinical|4.0.1 http://terminology.hl7.org/CodeSystem/condition-clinical|active -> In
        http://hl7.org/fhir/ValueSet/mimetypes|4.0.1 application/json -> In
        http://hl7.org/fhir/ValueSet/mimetypes|4.0.1 json -> Unknown
        http://hl7.org/fhir/ValueSet/mimetypes|4.0.1 a/b/c -> Out
        http://hl7.org/fhir/ValueSet/mimetypes|4.0.1 http://example.org|application/json -> Out
        http://hl7.org/fhir/ValueSet/all-languages urn:ietf:bcp:47|nb-NO -> In
        http://hl7.org/fhir/ValueSet/all-languages urn:ietf:bcp:47|norsk bokmål -> Out
        http://hl7.org/fhir/ValueSet/currencies NOK -> In
        http://hl7.org/fhir/ValueSet/currencies KRONE -> Out
        http://hl7.org/fhir/ValueSet/iso3166-1-2 urn:iso:std:iso:3166|NO -> In
        http://hl7.org/fhir/ValueSet/iso3166-1-2 urn:iso:std:iso:3166|XX -> Out
        http://hl7.org/fhir/ValueSet/ucum-units http://unitsofmeasure.org|mg/dL -> In
        http://hl7.org/fhir/ValueSet/ucum-units http://unitsofmeasure.org|milligrams per litre -> Out
        http://hl7.org/fhir/ValueSet/days-of-week|5.0.0 mon -> In
        http://hl7.org/fhir/ValueSet/observation-codes http://loinc.org|4711-7 -> Unknown
        http://hl7.org/fhir/uv/genomics-reporting/ValueSet/hgvs-vs http://varnomen.hgvs.org|NM_004333.4:c.1799T>A -> Unknown
        http://hl7.org/fhir/uv/genomics-reporting/ValueSet/hgvs-vs http://loinc.org|LA1-1 -> Out
        http://terminology.hl7.org/ValueSet/v3-PersonalRelationshipRoleType http://terminology.hl7.org/CodeSystem/v3-RoleCode|MTH -> In
        http://terminology.hl7.org/ValueSet/v3-PersonalRelationshipRoleType http://terminology.hl7.org/CodeSystem/v3-RoleCode|HOSP -> Out
        http://example.org/nowhere http://loinc.org|1 -> Unknown
    ";
    for case in cases(cases_of) {
        let (asked, expected) = case.rsplit_once(" -> ").unwrap();
        let (set, coding) = asked.split_once(' ').unwrap();
        let (system, code) = coding.split_once('|').map_or((None, coding), |(system, code)| (Some(system), code));
        assert_eq!(format!("{:?}", Terminology::embedded().membership(set, system, code)), expected, "{asked}");
    }
}

/// A system with a hierarchy, an excerpt, a supplement, and value sets over them.
fn small() -> Terminology {
    let set = |name: &str, compose: Value| json!({ "resourceType": "ValueSet", "url": name, "status": "active", "compose": compose });
    let filter = |property: &str, op: &str, value: &str| json!({ "include": [{ "system": "animals", "filter": [{ "property": property, "op": op, "value": value }] }] });
    let resources = [
        json!({ "resourceType": "CodeSystem", "url": "animals", "version": "1", "content": "complete", "caseSensitive": true, "concept": [
            { "code": "bird", "display": "Bird", "property": [{ "code": "notSelectable", "valueBoolean": true }], "concept": [
                { "code": "eagle", "display": "Eagle", "property": [{ "code": "hunts", "valueBoolean": true }, { "code": "legs", "valueInteger": 2 }] },
                { "code": "dodo", "display": "Dodo", "property": [{ "code": "inactive", "valueBoolean": true }] }] },
            { "code": "cat", "display": "Cat", "designation": [{ "language": "nb", "value": "Katt" }], "property": [{ "code": "hunts", "valueBoolean": true }] },
            { "code": "lion", "display": "Lion", "property": [{ "code": "subsumedBy", "valueCode": "cat" }] }] }),
        json!({ "resourceType": "CodeSystem", "url": "more", "content": "supplement", "supplements": "animals", "concept": [
            { "code": "lion", "designation": [{ "language": "nb", "value": "Løve" }] }] }),
        json!({ "resourceType": "CodeSystem", "url": "excerpt", "content": "fragment", "concept": [{ "code": "x", "display": "An X" }] }),
        set(
            "listed",
            json!({ "include": [{ "system": "s", "concept": [{ "code": "b", "display": "The B" }, { "code": "a" }] }, { "system": "s", "concept": [{ "code": "a" }] }] }),
        ),
        set("whole", json!({ "include": [{ "system": "animals" }] })),
        set("active", json!({ "inactive": false, "include": [{ "system": "animals" }] })),
        set("is-a", filter("concept", "is-a", "bird")),
        set("below", filter("concept", "descendent-of", "cat")),
        set("not-below", filter("concept", "is-not-a", "bird")),
        set("above", filter("concept", "generalizes", "lion")),
        set("property", filter("hunts", "=", "true")),
        set("number", filter("legs", "in", "2,4")),
        set("exists", filter("legs", "exists", "true")),
        set("lacks", filter("legs", "exists", "false")),
        set("regex", filter("code", "regex", "[cl].*")),
        set("not-in", filter("concept", "not-in", "cat, lion")),
        set("broken", filter("code", "regex", "(")),
        set("less", json!({ "include": [{ "system": "animals" }], "exclude": [{ "valueSet": ["is-a"] }] })),
        set("both", json!({ "include": [{ "valueSet": ["is-a", "property"] }] })),
        set("narrowed", json!({ "include": [{ "system": "animals", "valueSet": ["property"] }] })),
        set("part", json!({ "include": [{ "system": "excerpt" }] })),
        set("absent", json!({ "include": [{ "valueSet": ["nowhere"] }] })),
        set("itself", json!({ "include": [{ "valueSet": ["itself"] }] })),
        json!({ "resourceType": "ValueSet", "url": "expanded", "status": "active", "expansion": { "contains": [
            { "system": "s", "abstract": true, "code": "group", "contains": [{ "system": "s", "code": "b" }] }, { "system": "t", "code": "c" }] } }),
        json!({ "resourceType": "ValueSet", "url": "page", "status": "active", "expansion": { "total": 9, "contains": [{ "system": "s", "code": "b" }] } }),
    ];
    Terminology::embedded().with_json(&resources).unwrap()
}

/// The codes of a value set, or why they are not told.
fn codes(terminology: &Terminology, set: &str, wanted: &Wanted) -> String {
    match terminology.expand(terminology.set(set).unwrap(), wanted, 100) {
        Ok(codes) => codes.iter().map(|code| code.code).collect::<Vec<_>>().join(" "),
        Err(Refusal::Unknown(_)) => "unknown".to_owned(),
        Err(Refusal::Unlistable(_)) => "unlistable".to_owned(),
        Err(Refusal::TooCostly(_)) => "too costly".to_owned(),
    }
}

#[test]
fn value_sets_are_expanded() {
    let terminology = small();
    for case in cases(
        "listed -> b a
        whole -> bird eagle dodo cat lion
        active -> bird eagle cat lion
        is-a -> bird eagle dodo
        below -> lion
        not-below -> cat lion
        above -> cat lion
        property -> eagle cat
        number -> eagle
        exists -> eagle
        lacks -> bird dodo cat lion
        regex -> cat lion
        not-in -> bird eagle dodo
        broken -> unlistable
        less -> cat lion
        both -> eagle
        narrowed -> eagle cat
        part -> unlistable
        absent -> unknown
        itself -> unlistable
        expanded -> b c
        page -> unlistable
        http://hl7.org/fhir/ValueSet/administrative-gender -> male female other unknown
        http://hl7.org/fhir/ValueSet/mimetypes -> unlistable
        http://hl7.org/fhir/ValueSet/currencies -> too costly",
    ) {
        let (set, expected) = case.split_once(" -> ").unwrap();
        assert_eq!(codes(&terminology, set, &Wanted::default()), expected, "{set}");
    }
    let wanted = |filter: &str, active_only, language: Option<&str>| Wanted {
        filter: filter.to_owned(),
        active_only,
        language: language.map(str::to_owned),
    };
    assert_eq!(codes(&terminology, "whole", &wanted("", true, None)), "bird eagle cat lion");
    assert_eq!(codes(&terminology, "whole", &wanted("EA", false, None)), "eagle");
    assert_eq!(codes(&terminology, "whole", &wanted("katt", false, Some("nb"))), "cat");
}

/// Every code that an expansion lists is in, and no other code of the system.
#[test]
fn expansion_and_membership_agree() {
    let terminology = small();
    let animals: Vec<String> = terminology.system("animals").unwrap().concepts().map(|concept| concept.code.to_string()).collect();
    let mut sets = 0;
    for set in [
        "whole",
        "active",
        "is-a",
        "below",
        "not-below",
        "above",
        "property",
        "number",
        "exists",
        "lacks",
        "regex",
        "not-in",
        "less",
        "both",
        "narrowed",
    ] {
        let listed = codes(&terminology, set, &Wanted::default());
        for code in &animals {
            let is_listed = listed.split(' ').any(|listed| listed == code);
            let expected = if is_listed { Membership::In } else { Membership::Out };
            assert_eq!(terminology.membership(set, Some("animals"), code), expected, "{set} {code}");
            assert_eq!(terminology.membership(set, None, code), expected, "{set} {code}");
        }
    }
    let embedded = Terminology::embedded();
    for entry in Definitions::embedded().archive().entries().iter().filter(|entry| entry.kind == Kind::Set) {
        let canonical = format!("{}|{}", entry.url, entry.version);
        let set = embedded.set(&canonical).unwrap_or_else(|| panic!("{canonical} cannot be read"));
        let Ok(codes) = embedded.expand(set, &Wanted::default(), 5_000) else { continue };
        sets += 1;
        for code in codes.iter().step_by(7) {
            assert_eq!(embedded.member(set, code.system, code.code), Membership::In, "{canonical} {code:?}");
        }
    }
    eprintln!("{sets} value sets are expanded");
    assert!(sets > 3_000, "{sets}");
}

#[test]
fn everything_built_in_can_be_read() {
    let embedded = Terminology::embedded();
    let archive = Definitions::embedded().archive();
    let mut concepts = 0;
    for (place, entry) in archive.entries().iter().enumerate() {
        let item = embedded.built_in.as_ref().unwrap().item(place);
        match item.unwrap_or_else(|| panic!("{entry:?}")) {
            Item::System(system) => concepts += system.len(),
            Item::Set(set) => assert_eq!((set.url.as_str(), set.package), (entry.url, Some(entry.package))),
            Item::Map(map) => assert!(!map.groups.is_empty() || map.url.contains("example"), "{entry:?}"),
        }
    }
    assert!(concepts > 30_000, "{concepts}");
}

/// `system code display -> what is known`.
#[test]
fn codes_are_checked_with_their_displays() {
    let terminology = small();
    let told = |system: &str, code: &str, display: Option<&str>| match terminology.code(system, code, display) {
        Status::Fine(name) => format!("fine {}", name.unwrap_or_default()),
        Status::OtherDisplay(names) => format!("other {}", names.join(", ")),
        Status::UnknownCode => "no code".to_owned(),
        Status::UnknownSystem => "no system".to_owned(),
    };
    assert_eq!(told("animals", "cat", None), "fine Cat");
    assert_eq!(told("animals", "cat", Some("katt")), "fine Cat");
    assert_eq!(told("animals", "lion", Some("løve")), "fine Lion");
    assert_eq!(told("animals", "cat", Some("Dog")), "other Cat, Katt");
    assert_eq!(told("animals", "Cat", None), "no code");
    assert_eq!(told("animals|1", "dog", None), "no code");
    assert_eq!(told("excerpt", "X", Some("an  x")), "fine An X");
    assert_eq!(told("excerpt", "y", None), "no system");
    assert_eq!(told("http://snomed.info/sct", "276885007", None), "no system");
    assert_eq!(told("http://snomed.info/sct", "1", None), "no code");
    assert_eq!(told("http://unitsofmeasure.org", "kg", Some("kilo")), "fine ");
    assert_eq!(told("http://unitsofmeasure.org", "kilo", None), "no code");
    let listed = terminology.set("listed").unwrap();
    assert_eq!(terminology.code_in(listed, "s", "b", Some("the b")), Status::Fine(Some("The B".to_owned())));
    assert_eq!(terminology.code_in(listed, "s", "b", Some("C")), Status::OtherDisplay(vec!["The B".to_owned()]));
}

#[test]
fn concepts_stand_to_each_other() {
    let terminology = small();
    let animals = terminology.system("animals").unwrap();
    for (a, b, expected) in [
        ("cat", "lion", Subsumption::Subsumes),
        ("eagle", "bird", Subsumption::SubsumedBy),
        ("cat", "cat", Subsumption::Equivalent),
        ("cat", "bird", Subsumption::NotSubsumed),
    ] {
        assert_eq!(subsumption(animals, a, b), Some(expected), "{a} {b}");
    }
    assert_eq!(subsumption(animals, "cat", "dog"), None);
    let lion = terminology.lookup(animals, "lion").unwrap();
    assert_eq!((lion.display(None), lion.display(Some("nb-NO"))), (Some("Lion"), Some("Løve")));
}

#[test]
fn codes_are_translated_both_ways() {
    let map = json!({ "resourceType": "ConceptMap", "url": "map", "status": "active", "group": [{ "source": "a", "target": "b", "element": [
        { "code": "1", "target": [{ "code": "one", "display": "One", "equivalence": "equal" }, { "code": "number", "equivalence": "wider" }] },
        { "code": "2", "target": [{ "equivalence": "unmatched" }] }], "unmapped": { "mode": "other-map", "url": "rest" } }] });
    let rest = json!({ "resourceType": "ConceptMap", "url": "rest", "status": "active", "group": [{ "source": "a", "target": "b",
        "unmapped": { "mode": "fixed", "code": "other" } }] });
    let terminology = Terminology::default().with_json(&[map, rest]).unwrap();
    let told = |system: &str, code: &str, target: Option<&str>, reverse: bool| {
        let found = terminology.translate(terminology.map("map").unwrap(), map::Asked { system, code, target, reverse });
        let told = |one: &map::Match| format!("{} {}", one.equivalence, one.coding.as_ref().map_or("-", |(_, code, _)| code));
        found.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told("a", "1", None, false), "equal one, wider number");
    assert_eq!(told("a", "1", Some("c"), false), "");
    assert_eq!(told("a", "2", None, false), "unmatched -");
    assert_eq!(told("a", "3", None, false), "inexact other");
    assert_eq!(told("b", "number", None, true), "narrower 1");
    assert_eq!(told("b", "1", None, false), "");
}

#[test]
fn what_is_added_stands_first() {
    let own = json!({ "resourceType": "CodeSystem", "url": "http://hl7.org/fhir/administrative-gender", "version": "9", "content": "complete",
        "concept": [{ "code": "own" }] });
    let terminology = Terminology::embedded().with_json(&[own]).unwrap();
    let system = |canonical: &str| terminology.system(canonical).unwrap().version.clone().unwrap();
    assert_eq!(system("http://hl7.org/fhir/administrative-gender"), "9");
    assert_eq!(system("http://hl7.org/fhir/administrative-gender|4.0.1"), "4.0.1");
}
