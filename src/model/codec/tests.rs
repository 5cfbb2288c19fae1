//! What the strict reader takes and refuses.

use super::read_json;
use crate::base::budget::Limits;
use crate::base::clock::Instant;
use crate::definitions::Definitions;
use crate::model::primitive::Id;
use crate::model::resource::Resource;

fn read(text: &str) -> Result<Resource, Vec<String>> {
    let issues = |issues: Vec<crate::model::outcome::Issue>| issues.iter().map(ToString::to_string).collect();
    read_json(text.as_bytes(), &Definitions::embedded().schema, &Limits::default()).map_err(issues)
}

#[test]
fn wrong_json_is_refused_with_its_place() {
    let check = |text: &str, wanted: &str| {
        let issues = read(text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(issues.iter().any(|issue| issue.contains(wanted)), "{text}\n gave {issues:?}\n not {wanted}");
    };
    check("", "line 1, column 1");
    check("[]", "starts with '{'");
    check(r#"{"resourceType":"Patient","active":true"#, "before all brackets are closed");
    check("{\"resourceType\":\"Patient\",\n\"active\":tru}", "line 2, column 10");
    check(r#"{"resourceType":"Patient"}x"#, "more text after the end");
    check(r#"{"id":"a"}"#, "resourceType is missing");
    check(r#"{"resourceType":"Pasient","id":"a"}"#, "not a resource type");
    check(r#"{"resourceType":"Resource","id":"a"}"#, "not a resource type");
    check(r#"{"resourceType":"Patient","hair":"red"}"#, "Patient: Patient has no element \"hair\"");
    check(r#"{"resourceType":"Patient","birthdate":"1970"}"#, "Did you mean \"birthDate\"");
    check(r#"{"resourceType":"Observation","value":"x"}"#, "Observation has no element \"value\"");
    check(r#"{"resourceType":"Patient","active":"true"}"#, "Patient.active: The type boolean is told as a JSON true or false");
    check(
        r#"{"resourceType":"Patient","active":true,"active":true}"#,
        "Patient.active: The property \"active\" stands in this object twice",
    );
    check(r#"{"resourceType":"Patient","name":{"family":"A"}}"#, "Patient.name: This element repeats");
    check(r#"{"resourceType":"Patient","gender":["male"]}"#, "Patient.gender: This element does not repeat");
    check(r#"{"resourceType":"Patient","name":[]}"#, "Patient.name: An array must not be empty");
    check(r#"{"resourceType":"Patient","name":[{}]}"#, "Patient.name[0]: An object must not be empty");
    check(r#"{"resourceType":"Patient","gender":null}"#, "Patient.gender: null is not a value");
    check(r#"{"resourceType":"Patient","name":[{"given":["A",null]}]}"#, "Patient.name[0].given: null is not a value");
    check(r#"{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,null]}]}"#, "given[1]: Neither a value nor an extension");
    check(r#"{"resourceType":"Patient","name":[{"given":["A"],"_given":[null,null]}]}"#, "same number of items");
    check(r#"{"resourceType":"Patient","birthDate":"1970-02-30"}"#, "Patient.birthDate: \"1970-02-30\" is not a date");
    check(r#"{"resourceType":"Patient","birthDate":""}"#, "Patient.birthDate: \"\" is not a date");
    check(r#"{"resourceType":"Patient","id":"a b"}"#, "Patient.id: \"a b\" is not a id");
    check(r#"{"resourceType":"Observation","valueString":"a","valueInteger":1}"#, "value[x] has more than one type");
    check(r#"{"resourceType":"Observation","valueInteger":1.0}"#, "Observation.value: \"1.0\" is not a integer");
    check(r#"{"resourceType":"Patient","contained":[{"id":"x"}]}"#, "Patient.contained[0]: The property resourceType is missing");
    check(
        r#"{"resourceType":"Patient","contained":[{"resourceType":"Patient","colour":1}]}"#,
        "Patient.contained[0]: Patient has no element \"colour\"",
    );
    check(r#"{"resourceType":"Patient","_name":[{"id":"x"}]}"#, "not a primitive type");
    check("{\"resourceType\":\"Patient\",\"gender\":\"a\\u0000\"}", "U+0000");
    check(r#"{"resourceType":"Patient","gender":"\ud800"}"#, "surrogate");
    check(&format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100)), "nested too deeply");
    check(r#"{"resourceType":"Observation","valueQuantity":{"value":01}}"#, "leading zeros");
}

#[test]
fn what_is_right_is_kept_to_the_digit() {
    let check = |text: &str, minified: &str| assert_eq!(read(text).map(|r| r.text().clone()), Ok(minified.to_owned().into()));
    let text =
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50e-3,"unit":"mg \"x\" \u00e6"}}"#;
    check(text, text);
    check("\u{FEFF} { \"active\" : true ,\n\t\"resourceType\" : \"Patient\" } ", r#"{"active":true,"resourceType":"Patient"}"#);
    let shadows = r#"{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"extension":[{"url":"u","valueCode":"x"}]}]}]}"#;
    check(shadows, shadows);
    let inner = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p","active":true}}]}"#;
    check(inner, inner);
}

#[test]
fn the_stored_form_has_id_and_meta_first() {
    let check = |text: &str, stored: &str| {
        let body = read(text).unwrap().body(&Id::new("new").unwrap());
        let finished = body.finish(3, Instant(0));
        assert_eq!(std::str::from_utf8(&finished).unwrap(), stored);
        assert!(body.same_content(&body.finish(12, Instant(99_000_000))));
        assert!(read(stored).is_ok());
    };
    check(
        r#"{"active":true,"meta":{"versionId":"9","tag":[{"code":"x"}]},"id":"old","resourceType":"Patient"}"#,
        r#"{"resourceType":"Patient","id":"new","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z","tag":[{"code":"x"}]},"active":true}"#,
    );
    check(
        r#"{"resourceType":"Patient"}"#,
        r#"{"resourceType":"Patient","id":"new","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000Z"}}"#,
    );
    let one = read(r#"{"resourceType":"Patient"}"#).unwrap().body(&Id::new("a").unwrap());
    let other = read(r#"{"resourceType":"Patient","meta":{"source":"x"}}"#).unwrap().body(&Id::new("a").unwrap());
    assert!(!one.same_content(&other.finish(1, Instant(0))) && !other.same_content(&one.finish(1, Instant(0))));
}

#[test]
fn entries_of_a_bundle_become_resources_of_their_own() {
    let bundle = read(r#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"id":"p","resourceType":"Patient","name":[{"family":"Æ \"b\""}]}}]}"#).unwrap();
    let entry = bundle.root().get("entry").unwrap().get("resource").unwrap();
    let patient = Resource::extract(entry).unwrap();
    assert_eq!((patient.kind().name(), patient.id().unwrap().as_str()), ("Patient", "p"));
    assert_eq!(patient.root().get("name").unwrap().get_text("family").unwrap(), "Æ \"b\"");
    assert_eq!(&patient.text()[..], r#"{"id":"p","resourceType":"Patient","name":[{"family":"Æ \"b\""}]}"#.as_bytes());
}
