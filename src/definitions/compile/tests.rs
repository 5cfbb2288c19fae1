//! The compiler on small packages made for this test: what becomes of types, profiles, parameters and value sets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CompileError, PACKAGES, Package, tables};

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

/// Value sets compiled because `Thing.code` is bound to each of them.
fn check_value_sets(resources: Vec<Value>, more: &[Value], expected: &str) {
    let bound = resources.iter().chain(more).filter(|resource| resource["resourceType"] == "ValueSet");
    let bindings: Vec<_> = bound
        .map(|set| json!({ "path": "Thing.code", "max": "1", "binding": { "strength": "required", "valueSet": set["url"] } }))
        .collect();
    check("value-sets.tsv", &[vec![thing(json!(bindings))], resources].concat(), more, expected);
}

fn value_set(url: &str, compose: Value) -> Value {
    json!({ "resourceType": "ValueSet", "url": url, "version": "1", "compose": compose })
}

#[test]
fn value_sets_are_expanded_as_far_as_the_packages_go() {
    let animals = json!({ "resourceType": "CodeSystem", "url": "animals", "content": "complete", "concept": [
        { "code": "bird", "concept": [{ "code": "eagle", "property": [{ "code": "hunts", "valueBoolean": true }] }, { "code": "finch" }] },
        { "code": "cat", "property": [{ "code": "hunts", "valueBoolean": true }] },
        { "code": "lion", "property": [{ "code": "subsumedBy", "valueCode": "cat" }] }] });
    let fragment = json!({ "resourceType": "CodeSystem", "url": "fragment", "content": "fragment", "concept": [{ "code": "x" }] });
    let filter = |property: &str, op: &str, value: &str| json!({ "include": [{ "system": "animals", "filter": [{ "property": property, "op": op, "value": value }] }] });
    check_value_sets(
        vec![
            animals,
            fragment,
            value_set(
                "v01-listed",
                json!({ "include": [{ "system": "s", "concept": [{ "code": "b" }, { "code": "a" }] }, { "system": "s", "concept": [{ "code": "c d" }] }] }),
            ),
            value_set("v02-whole", json!({ "include": [{ "system": "animals" }] })),
            value_set("v03-is-a", filter("concept", "is-a", "bird")),
            value_set("v04-below", filter("concept", "descendent-of", "cat")),
            value_set("v05-property", filter("hunts", "=", "true")),
            value_set("v06-not-in", filter("concept", "not-in", "cat, lion")),
            value_set("v07-other-filter", filter("concept", "regex", "c.*")),
            value_set("v08-less", json!({ "include": [{ "system": "animals" }], "exclude": [{ "valueSet": ["v03-is-a"] }] })),
            value_set("v09-both", json!({ "include": [{ "valueSet": ["v03-is-a", "v05-property"] }] })),
            value_set("v10-fragment", json!({ "include": [{ "system": "fragment" }] })),
            value_set("v11-absent", json!({ "include": [{ "valueSet": ["nowhere"] }] })),
            value_set("v12-itself", json!({ "include": [{ "valueSet": ["v12-itself"] }] })),
        ],
        &[],
        "
        v01-listed  1
          s  a  b  c d
        v02-whole  1
          animals  bird  cat  eagle  finch  lion
        v03-is-a  1
          animals  bird  eagle  finch
        v04-below  1
          animals  lion
        v05-property  1
          animals  cat  eagle
        v06-not-in  1
          animals  bird  eagle  finch
        v07-other-filter  1
          animals  *
        v08-less  1
          animals  cat  lion
        v09-both  1
          animals  eagle
        v10-fragment  1
          fragment  *
        v11-absent  1
          ?  *
        v12-itself  1
          ?  *
    ",
    );
}

#[test]
fn all_packages_are_needed() {
    let mut all = packages(&[], &[]);
    all.pop();
    assert!(matches!(tables(&all), Err(CompileError::Missing("hl7.fhir.us.mcode"))));
}
