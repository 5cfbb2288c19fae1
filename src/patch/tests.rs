//! Patches of all three languages, by their rules, by random documents, and by the official cases.

mod official;
mod random;

use super::{Fault, FaultKind, Format, Patch};
use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::model::codec::{read_json, read_xml};
use crate::model::resource::Resource;

pub(super) fn resource(text: &str) -> Resource {
    let schema = &Definitions::embedded().schema;
    let read = if text.trim_start().starts_with('<') { read_xml } else { read_json };
    read(text.as_bytes(), schema, &Limits::default()).unwrap_or_else(|issues| panic!("{text}: {issues:?}"))
}

/// What a patch makes of a resource, as its JSON or the fault.
fn told(outcome: Result<Resource, Fault>) -> String {
    match outcome {
        Ok(resource) => String::from_utf8(resource.text().to_vec()).unwrap(),
        Err(fault) => format!("{:?}: {}", fault.kind, fault.issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"A","given":["B","C"]}],"birthDate":"1970","_birthDate":{"extension":[{"url":"u","valueCode":"x"}]},"deceasedBoolean":false}"#;

/// Holds a patch against the patient: `wanted` is a part of the JSON, or of the fault.
fn check(outcome: Result<Patch, Fault>, wanted: &str) {
    let outcome = told(outcome.and_then(|patch| patch.apply(&resource(PATIENT), &Limits::default())));
    assert!(outcome.contains(wanted), "{outcome}\nlacks {wanted}");
}

#[test]
fn json_patch_changes_a_resource() {
    let check = |patch: &str, wanted: &str| check(Patch::read(Format::Json, patch.as_bytes()), wanted);
    check(r#"[{"op":"replace","path":"/birthDate","value":"1980"}]"#, r#""birthDate":"1980""#);
    check(r#"[{"op":"add","path":"/name/0/given/1","value":"X"}]"#, r#""given":["B","X","C"]"#);
    check(r#"[{"op":"add","path":"/name/-","value":{"text":"T"}}]"#, r#"},{"text":"T"}]"#);
    check(r#"[{"op":"move","from":"/name/0/given/0","path":"/name/0/given/1"}]"#, r#"["C","B"]"#);
    check(r#"[{"op":"copy","from":"/name/0","path":"/name/1"}]"#, r#"["B","C"]},{"family":"A","given":["B","C"]}]"#);
    check(r#"[{"op":"test","path":"","value":{"resourceType":"Patient"}}]"#, "Unfit: Operation 1 of the patch (test the whole document)");
    check(r#"[{"op":"test","path":"/active","value":true},{"op":"remove","path":"/hair"}]"#, "Operation 2 of the patch (remove /hair)");
    check(r#"[{"op":"test","path":"/active","value":true}]"#, PATIENT);
    check(r#"[]"#, PATIENT);
    check(r#"[{"op":"remove","path":"/birthDate"},{"op":"remove","path":"/_birthDate"}]"#, r#"C"]}],"deceased"#);
    check(r#"[{"op":"add","path":"/hair","value":"red"}]"#, "Unfit: Patient: Patient has no element \"hair\"");
    check(r#"[{"op":"replace","path":"/id","value":"q"}]"#, "Unfit: Patient.id");
    check(r#"[{"op":"remove","path":"/id"}]"#, "Unfit: Patient.id");
    check(r#"[{"op":"replace","path":"","value":{"resourceType":"Basic","id":"p","code":{"text":"x"}}}]"#, "Unfit: Patient.id");
    check(r#"[{"op":"move","from":"/name","path":"/name/0/x"}]"#, "cannot be moved into itself");
    check(r#"[{"op":"add","path":"/name/01","value":1}]"#, "is no place in an array of 1 items");
    check(r#"{"op":"add"}"#, "Malformed: A JSON Patch is an array");
    check(r#"[{"op":"add","path":"/a"}]"#, "Malformed: Operation 1 of the patch fails: it needs \"value\"");
    check(r#"[{"op":"grow","path":"/a"}]"#, "\"op\" is one of");
    check(r#"[{"op":"remove","path":"a"}]"#, "begins with \"/\"");
    check(r#"[{"op":"remove","path":"/a~2"}]"#, "~0");
    check("[\n{]", "Malformed: The JSON of the patch is broken at line 2, column 2");
}

#[test]
fn a_json_patch_cannot_grow_without_bound() {
    let double = r#"{"op":"copy","from":"/name","path":"/name/-"},"#.repeat(40);
    let outcome = told(
        Patch::read(Format::Json, format!("[{}]", double.trim_end_matches(',')).as_bytes())
            .and_then(|patch| patch.apply(&resource(PATIENT), &Limits::default())),
    );
    assert!(outcome.contains("the copies grow too large") || outcome.contains("nested too deeply"), "{outcome:.200}");
    let deep = format!(r#"[{{"op":"add","path":"/a{}","value":1}}]"#, "/a".repeat(200));
    check(Patch::read(Format::Json, deep.as_bytes()), "Unfit: Operation 1");
    let many = format!("[{}]", [r#"{"op":"test","path":"/active","value":true}"#; 1001].join(","));
    check(Patch::read(Format::Json, many.as_bytes()), "TooLarge");
    let large = vec![b' '; super::LARGEST + 1];
    check(Patch::read(Format::Json, &large), "TooLarge");
    check(Patch::read(Format::Xml, &large), "TooLarge");
}

#[test]
fn xml_patch_changes_a_resource() {
    let check = |operations: &str, wanted: &str| {
        check(Patch::read(Format::Xml, format!("<diff xmlns=\"http://hl7.org/fhir\">{operations}</diff>").as_bytes()), wanted);
    };
    check("<replace sel=\"f:Patient/f:birthDate/@value\">1980</replace>", r#""birthDate":"1980","_birthDate""#);
    check("<replace sel=\"/Patient/birthDate/@value\">1980</replace>", r#""birthDate":"1980""#);
    check("<add sel=\"f:Patient/f:name[1]/f:given[@value='B']\" pos=\"after\"><given value=\"X\"/></add>", r#"["B","X","C"]"#);
    check("<add sel=\"f:Patient/f:name[f:family/@value='A']\" pos=\"prepend\"><text value=\"T\"/></add>", r#"[{"text":"T","family":"A""#);
    check("<remove sel=\"*/f:name/f:given[last()]\"/>", r#""given":["B"]"#);
    check(
        "<remove sel=\"f:Patient/f:name/f:given\"/>",
        "Unfit: Operation 1 of the patch (remove f:Patient/f:name/f:given) fails: the selector finds 2",
    );
    check("<remove sel=\"f:Patient/f:photo\"/>", "finds 0 nodes");
    check("<remove sel=\"f:Patient/f:photo\" ws=\"all\"/>", "Malformed: Operation 1");
    check("<remove sel=\"f:Patient/f:active\" ws=\"before\"/>", "no white space");
    check("<remove sel=\"f:Patient\"/>", "cannot be removed");
    check("<replace sel=\"f:Patient/f:id/@value\">q</replace>", "Unfit: Patient.id");
    check("<add sel=\"f:Patient/f:birthDate\" type=\"@value\">1980</add>", "is there already");
    check("<add sel=\"f:Patient/f:birthDate\" type=\"@hair\">1980</add>", "Unfit: Patient.birthDate: The attribute \"hair\"");
    check("<add sel=\"f:Patient\"><active value=\"true\"/></add>", "Unfit: Patient: \"active\" must stand before");
    check("<replace sel=\"f:Patient/f:active\"><active value=\"true\"/></replace>", PATIENT);
    check("<add sel=\"f:Patient\">text</add>", "Unfit: Patient: Text must not stand here");
    check("<remove sel=\"f:Patient/x:y\"/>", "Malformed: Operation 1 of the patch fails: the prefix \"x\" is not declared");
    check("<remove sel=\"f:Patient/f:name[\"/>", "Malformed");
    check("<remove sel=\"//f:name\"/>", "Malformed");
    check("<remove/>", "it needs the attribute sel");
    check("<grow sel=\"f:Patient\"/>", "add, replace and remove");
    check("<add xmlns=\"urn:x\" sel=\"f:Patient\"/>", "not in the namespace of the patch");
    check("", "Malformed: The patch has no operations");
    check("<", "Malformed: The XML is broken");
    check("<remove sel=\"f:Patient/f:name[a[a[a[a[a[a[a[a[a[a]]]]]]]]]]\"/>", "nested too deeply");
}

/// A FHIRPath Patch of operations, each told as name and JSON value of its parts.
fn path_patch(operations: &[&[(&str, &str)]]) -> Result<Patch, Fault> {
    let part = |(name, value): &(&str, &str)| format!(r#"{{"name":"{name}",{value}}}"#);
    let operation =
        |parts: &&[(&str, &str)]| format!(r#"{{"name":"operation","part":[{}]}}"#, parts.iter().map(part).collect::<Vec<_>>().join(","));
    let parameters = operations.iter().map(operation).collect::<Vec<_>>().join(",");
    Patch::carried_by(&resource(&format!(r#"{{"resourceType":"Parameters","parameter":[{parameters}]}}"#)))
}

fn check_path(kind: &str, path: &str, parts: &[(&str, &str)], wanted: &str) {
    let (kind, path) = (format!(r#""valueCode":"{kind}""#), format!(r#""valueString":"{path}""#));
    let all = [&[("type", kind.as_str()), ("path", path.as_str())], parts].concat();
    check(path_patch(&[&all]), wanted);
}

#[test]
fn fhirpath_patch_knows_the_shape_of_elements() {
    let check = check_path;
    // A choice takes its type from the value.
    check("replace", "Patient.deceased", &[("value", r#""valueDateTime":"2020""#)], r#"}]},"deceasedDateTime":"2020"}"#);
    check(
        "add",
        "Patient",
        &[("name", r#""valueString":"multipleBirth""#), ("value", r#""valueInteger":2"#)],
        r#""multipleBirthInteger":2"#,
    );
    check(
        "add",
        "Patient",
        &[("name", r#""valueString":"multipleBirthInteger""#), ("value", r#""valueInteger":2"#)],
        "its name is \"multipleBirth\"",
    );
    check("add", "Patient", &[("name", r#""valueString":"deceased""#), ("value", r#""valueDateTime":"2020""#)], "is there already");
    check(
        "replace",
        "Patient.deceased",
        &[("value", r#""valueString":"2020""#)],
        "a string cannot stand in \"deceased\", which takes boolean, dateTime",
    );
    // Elements that repeat are arrays, also when they are new.
    check(
        "add",
        "Patient",
        &[("name", r#""valueString":"photo""#), ("value", r#""valueAttachment":{"title":"t"}"#)],
        r#""photo":[{"title":"t"}]"#,
    );
    check("add", "Patient.name[0]", &[("name", r#""valueString":"given""#), ("value", r#""valueString":"D""#)], r#"["B","C","D"]"#);
    check("insert", "Patient.name.given", &[("index", r#""valueInteger":1"#), ("value", r#""valueString":"D""#)], r#"["B","D","C"]"#);
    check(
        "insert",
        "Patient.photo",
        &[("index", r#""valueInteger":0"#), ("value", r#""valueAttachment":{"title":"t"}"#)],
        r#""photo":[{"title":"t"}]"#,
    );
    check("insert", "Patient.name.given", &[("index", r#""valueInteger":3"#), ("value", r#""valueString":"D""#)], "the list has 2 items");
    check("insert", "Patient.active", &[("index", r#""valueInteger":0"#), ("value", r#""valueBoolean":true"#)], "does not repeat");
    check("move", "Patient.name.given", &[("source", r#""valueInteger":0"#), ("destination", r#""valueInteger":1"#)], r#"["C","B"]"#);
    check("move", "Patient.name.given", &[("source", r#""valueInteger":0"#), ("destination", r#""valueInteger":2"#)], "cannot be moved");
    check("replace", "Patient.name.where(family = 'A').given[1]", &[("value", r#""valueString":"D""#)], r#"["B","D"]"#);
    check("delete", "Patient.name.given.where($this = 'B')", &[], r#""given":["C"]"#);
    // What has no content any more goes too, and what is not there needs no deleting.
    check("delete", "Patient.name", &[], r#""active":true,"birthDate""#);
    check("delete", "Patient.photo", &[], PATIENT);
    check("delete", "Patient.name.given", &[], "finds 2 elements");
    check("delete", "Patient", &[], "cannot be deleted");
    check("replace", "Patient", &[("value", r#""valueString":"x""#)], "use an update");
    check(
        "replace",
        "Patient.photo",
        &[("value", r#""valueString":"x""#)],
        "Unfit: Parameters.parameter[0]: Operation 1 of the patch (replace Patient.photo) fails: there is nothing",
    );
    check("replace", "Patient.id", &[("value", r#""valueId":"q""#)], "Unfit: Patient.id");
    check("replace", "Patient.active", &[("value", r#""valueString":"x""#)], "a string cannot stand in \"active\"");
    check(
        "replace",
        "Patient.birthDate",
        &[("value", r#""valueString":"1980-13""#)],
        "Unfit: Patient.birthDate: \"1980-13\" is not a date",
    );
}

#[test]
fn fhirpath_patch_keeps_primitives_and_their_extensions_together() {
    let check = check_path;
    check("replace", "Patient.birthDate", &[("value", r#""valueDate":"1980""#)], r#""birthDate":"1980","deceased"#);
    check(
        "replace",
        "Patient.birthDate",
        &[("value", r#""valueDate":"1980","_valueDate":{"id":"i"}"#)],
        r#""birthDate":"1980","_birthDate":{"id":"i"}"#,
    );
    check("delete", "Patient.birthDate", &[], r#"C"]}],"deceasedBoolean""#);
    // A Parameters resource of R4 has no valueExtension, so that an extension comes in parts.
    let extension =
        [("name", r#""valueString":"extension""#), ("value", r#""part":[{"name":"url","valueUri":"v"},{"name":"value","valueCode":"y"}]"#)];
    check("add", "Patient.birthDate", &extension, r#"{"url":"u","valueCode":"x"},{"url":"v","valueCode":"y"}]"#);
    check("add", "Patient.active", &extension, r#""_active":{"extension":[{"url":"v","valueCode":"y"}]}"#);
    check("add", "Patient.name.given[1]", &extension, r#""_given":[null,{"extension":[{"url":"v","valueCode":"y"}]}]"#);
    let insert = [("index", r#""valueInteger":0"#), ("value", r#""valueString":"X","_valueString":{"id":"i"}"#)];
    check("insert", "Patient.name.given", &insert, r#""given":["X","B","C"],"_given":[{"id":"i"},null,null]"#);
}

#[test]
fn fhirpath_patch_takes_values_in_parts() {
    let contact = [
        ("name", r#""valueString":"contact""#),
        (
            "value",
            r#""part":[{"name":"gender","valueCode":"male"},{"name":"telecom","valueContactPoint":{"system":"phone","value":"1"}},{"name":"telecom","part":[{"name":"system","valueCode":"email"},{"name":"value","valueString":"2"}]}]"#,
        ),
    ];
    check_path(
        "add",
        "Patient",
        &contact,
        r#""contact":[{"gender":"male","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"2"}]}]"#,
    );
    let hair = [("name", r#""valueString":"contact""#), ("value", r#""part":[{"name":"hair","valueCode":"red"}]"#)];
    check_path("add", "Patient", &hair, "Patient.contact has no element \"hair\"");
    let contained =
        [("name", r#""valueString":"contained""#), ("value", r#""resource":{"resourceType":"Organization","id":"o","name":"O"}"#)];
    check_path("add", "Patient", &contained, r#""contained":[{"resourceType":"Organization","id":"o","name":"O"}]"#);
}

#[test]
fn a_fhirpath_patch_is_refused_when_it_is_none() {
    check(
        path_patch(&[&[("type", r#""valueCode":"grow""#), ("path", r#""valueString":"Patient""#)]]),
        "Malformed: Parameters.parameter[0]: Operation 1",
    );
    check(path_patch(&[&[("type", r#""valueCode":"delete""#)]]), "it needs the part \"path\"");
    check(path_patch(&[&[("type", r#""valueCode":"delete""#), ("hair", r#""valueString":"Patient""#)]]), "its parts are");
    check_path("delete", "Patient.name[", &[], "its path cannot be read: FHIRPath, column");
    check_path("delete", "Patient.managingOrganization.resolve()", &[], "goes down from the resource");
    check_path("delete", "%resource.name", &[], "goes down from the resource");
    check_path("delete", "Patient.name | Patient.photo", &[], "goes down from the resource");
    let other = r#"{"resourceType":"Parameters","parameter":[{"name":"change","valueString":"x"}]}"#;
    check(Patch::carried_by(&resource(other)), "the name of each parameter is \"operation\"");
    check(Patch::carried_by(&resource(r#"{"resourceType":"Basic","code":{"text":"x"}}"#)), "Unknown: Basic");
    // In between, the resource may lack what it needs.
    let swap: [&[(&str, &str)]; 2] = [
        &[("type", r#""valueCode":"delete""#), ("path", r#""valueString":"Observation.status""#)],
        &[
            ("type", r#""valueCode":"add""#),
            ("path", r#""valueString":"Observation""#),
            ("name", r#""valueString":"status""#),
            ("value", r#""valueCode":"amended""#),
        ],
    ];
    let observation = resource(r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"}}"#);
    let apply =
        |operations: &[&[(&str, &str)]]| told(path_patch(operations).and_then(|patch| patch.apply(&observation, &Limits::default())));
    assert!(apply(&swap).contains(r#""status":"amended""#), "{}", apply(&swap));
    assert!(apply(&swap[..1]).contains("Unfit: Observation: The element status is missing"), "{}", apply(&swap[..1]));
}

#[test]
fn a_binary_carries_a_patch_document() {
    let binary = |kind: &str, data: &str| {
        Patch::carried_by(&resource(&format!(r#"{{"resourceType":"Binary","contentType":"{kind}","data":"{data}"}}"#)))
    };
    // [{"op":"remove","path":"/name"}]
    check(binary("application/json-patch+json", "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL25hbWUifV0="), r#""active":true,"birthDate""#);
    check(binary("text/plain", "W10="), "Unknown: Binary.contentType");
    assert_eq!(binary("application/json-patch+json", "e30=").unwrap_err().kind, FaultKind::Malformed);
}
