//! The compiler on small packages made for this test: what becomes of types, profiles, parameters and terminology.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CompileError, PACKAGES, Package, tables};
use crate::definitions::archive::Archive;

const CORE: &str = "http://hl7.org/fhir/StructureDefinition";

/// The five packages, with `resources` in the first and `more` in the last.
fn packages(resources: &[Value], more: &[Value]) -> Vec<Package> {
    let package = |name: &str, resources: &[Value]| {
        let mut files = BTreeMap::from([("package.json".to_owned(), json!({ "name": name, "version": "1" }).to_string().into_bytes())]);
        for (i, resource) in resources.iter().enumerate() {
            files.insert(format!("{}-{i}.json", resource["resourceType"].as_str().unwrap()), resource.to_string().into_bytes());
        }
        Package::from_files(files).unwrap()
    };
    let last = PACKAGES.len() - 1;
    PACKAGES
        .iter()
        .enumerate()
        .map(|(i, name)| {
            package(
                name,
                if i == 0 {
                    resources
                } else if i == last {
                    more
                } else {
                    &[]
                },
            )
        })
        .collect()
}

/// The table `name` compiled out of these resources.
fn check(name: &str, resources: &[Value], more: &[Value], expected: &str) {
    let files = tables(&packages(resources, more)).unwrap().files;
    let found = &files.iter().find(|(file, _)| *file == name).unwrap().1;
    let found = std::str::from_utf8(found).unwrap();
    let told: Vec<_> = found.lines().map(|line| line.replace('\t', "  ")).collect();
    let expected: Vec<_> =
        expected.lines().map(|line| line.strip_prefix("        ").unwrap_or(line)).filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(told, expected, "{name}");
}

fn thing(elements: Value) -> Value {
    json!({ "resourceType": "StructureDefinition", "url": format!("{CORE}/Thing"), "type": "Thing", "kind": "resource", "abstract": false,
        "derivation": "specialization", "baseDefinition": format!("{CORE}/DomainResource"), "snapshot": { "element": elements } })
}

fn elements() -> Value {
    json!([
        { "path": "Thing", "min": 0, "max": "*", "constraint": [{ "key": "t-1", "severity": "error", "expression": "a\n or b" }, { "key": "ele-1", "severity": "error" }] },
        { "path": "Thing.id", "min": 0, "max": "1", "base": { "path": "Resource.id" }, "isSummary": true,
          "type": [{ "code": "http://hl7.org/fhirpath/System.String", "extension": [{ "url": format!("{CORE}/structuredefinition-fhir-type"), "valueUrl": "string" }] }] },
        { "path": "Thing.part", "min": 0, "max": "*", "type": [{ "code": "BackboneElement" }], "short": "prose", "constraint": [{ "key": "t-1", "severity": "warning", "expression": "c" }] },
        { "path": "Thing.part.value[x]", "min": 1, "max": "1", "isModifier": true, "maxLength": 7,
          "type": [{ "code": "string" }, { "code": "Reference", "targetProfile": [format!("{CORE}/Patient"), "http://example.org/p|1.0"] }] },
        { "path": "Thing.part.gone", "min": 0, "max": "0", "type": [{ "code": "string" }] },
        { "path": "Thing.part.part", "min": 0, "max": "*", "contentReference": "#Thing.part" },
        { "path": "Thing.code", "min": 0, "max": "1", "type": [{ "code": "code" }], "binding": { "strength": "required", "valueSet": "http://example.org/vs|1" } }
    ])
}

#[test]
fn types_are_told_with_all_their_facts() {
    check(
        "types.tsv",
        &[thing(elements())],
        &[],
        "
        Thing  resource  DomainResource  t-1
          id  0..1  s  id  -  -
          part  0..*  -  Thing.part  -  -
          code  0..1  -  code  required http://example.org/vs|1  -
        Thing.part  backbone  BackboneElement  t-1~2
          value[x]  1..1  m  string Reference>Patient>http://example.org/p  -  -  maxLength integer 7
          part  0..*  -  Thing.part  -  -
    ",
    );
    check(
        "constraints.tsv",
        &[thing(elements())],
        &[],
        "
        ele-1  error  -
        t-1  error  a  or b
        t-1~2  warning  c
    ",
    );
}

#[test]
fn profiles_are_told_by_what_they_add() {
    let profile = json!({ "resourceType": "StructureDefinition", "url": "http://example.org/profile", "version": "2", "type": "Thing", "kind": "resource",
        "abstract": false, "derivation": "constraint", "baseDefinition": format!("{CORE}/Thing"), "snapshot": { "element": [
            { "id": "Thing", "path": "Thing", "min": 0, "max": "*", "constraint": [{ "key": "p-1", "severity": "error", "expression": "d" }, { "key": "t-1", "severity": "error", "expression": "a\n or b" }] },
            { "id": "Thing.part", "path": "Thing.part", "min": 0, "max": "*", "type": [{ "code": "BackboneElement" }],
              "slicing": { "rules": "closed", "ordered": true, "discriminator": [{ "type": "value", "path": "value" }] } },
            { "id": "Thing.part:one", "path": "Thing.part", "min": 0, "max": "*", "type": [{ "code": "BackboneElement" }] },
            { "id": "Thing.part:one.value[x]", "path": "Thing.part.value[x]", "min": 1, "max": "1", "type": [{ "code": "string" }], "isModifier": true, "patternString": "1.0" },
            { "id": "Thing.code", "path": "Thing.code", "min": 0, "max": "1", "type": [{ "code": "code" }], "short": "only prose differs",
              "binding": { "strength": "required", "valueSet": "http://example.org/vs|1" } },
            { "id": "Thing.amount", "path": "Thing.amount", "min": 0, "max": "1", "type": [{ "code": "decimal" }], "fixedDecimal": serde_json::from_str::<Value>("1.50").unwrap() }
        ] } });
    check(
        "profiles.tsv",
        &[thing(elements())],
        &[profile],
        r#"
        http://example.org/profile  2  Thing  Thing  -
          Thing  0..*  -  -  -  -  p-1
          Thing.part  0..*  -  -  -  closed ordered value:value  -
          Thing.part:one  0..*  -  -  -  -  -
          Thing.part:one.value[x]  1..1  m  string  -  -  -  pattern string "1.0"
          Thing.amount  0..1  -  decimal  -  -  -  fixed decimal 1.50
    "#,
    );
}

fn parameter(url: &str, base: &[&str], code: &str, expression: &str, experimental: bool) -> Value {
    json!({ "resourceType": "SearchParameter", "url": url, "base": base, "code": code, "type": "reference", "expression": expression,
        "target": ["Patient", "Group"], "experimental": experimental })
}

#[test]
fn parameters_are_split_by_type_and_stand_once() {
    let all = [
        parameter(
            "a",
            &["Thing", "Other"],
            "subject",
            "Thing.subject.where(resolve() is Patient) | (Other.a as Reference) | Other.where(x='|').b",
            false,
        ),
        parameter("0", &["Thing"], "subject", "Thing.example", true),
        parameter("b", &["Thing"], "unexpressed", "", true),
        parameter("c", &["Thing"], "elsewhere", "Other.c", false),
        parameter("d", &["Resource"], "_text", "", false),
        parameter("e", &["Thing"], "ext", "Thing.extension('http://example.org/e')", false),
        parameter("f", &["Thing"], "has", "Thing.item.where(hasExtension('http://example.org/e')).x", false),
    ];
    check(
        "search-parameters.tsv",
        &all,
        &[],
        "
        Other  subject  reference  (Other.a as Reference) | Other.where(x='|').b  a  Group Patient
        Resource  _text  special  -  d  Group Patient
        Thing  ext  reference  Thing.extension('http://example.org/e').value  e  Group Patient
        Thing  has  reference  Thing.item.where(extension('http://example.org/e').exists()).x  f  Group Patient
        Thing  subject  reference  Thing.subject.where(resolve() is Patient)  a  Patient
    ",
    );
    let composite = json!({ "resourceType": "SearchParameter", "url": "g", "base": ["Thing"], "code": "both", "type": "composite", "expression": "Thing",
        "component": [{ "definition": "nowhere", "expression": "x" }] });
    assert!(matches!(tables(&packages(&[composite], &[])), Err(CompileError::Definition(url, _)) if url == "g"));
}

#[test]
fn terminology_is_kept_without_its_prose() {
    let system = json!({ "resourceType": "CodeSystem", "id": "animals", "url": "animals", "version": "2", "content": "complete", "description": "prose",
        "concept": [{ "code": "cat", "display": "Cat", "definition": "prose", "property": [{ "code": "legs", "valueInteger": 4 }] }] });
    let map = json!({ "resourceType": "ConceptMap", "url": "map", "text": { "div": "prose" }, "group": [{ "source": "animals" }] });
    let files = tables(&packages(&[system, map], &[])).unwrap().files;
    let packed: &'static [u8] = files.into_iter().find(|(file, _)| *file == "terminology.bin").unwrap().1.leak();
    let archive = Archive::load(packed).unwrap();
    let told: Vec<_> =
        archive.entries().iter().map(|entry| format!("{} {} {}", entry.url, entry.version, archive.text(entry).unwrap())).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("animals 2 {") && told[0].contains(r#"{"code":"legs","valueInteger":4}"#), "{told:?}");
    assert!(told[1].starts_with("map  {") && !told.concat().contains("prose"), "{told:?}");
}

#[test]
fn all_packages_are_needed() {
    let mut all = packages(&[], &[]);
    all.pop();
    assert!(matches!(tables(&all), Err(CompileError::Missing("hl7.fhir.us.mcode"))));
}
