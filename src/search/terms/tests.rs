//! Value sets and hierarchies, from resources and from the compiled tables.

use super::{Known, Need, Terms};
use crate::definitions::Definitions;
use crate::model::codec::read_json;

fn known(resources: &[(Need, &str)]) -> Known {
    let read = |text: &str| {
        let limits = crate::base::budget::Limits::default();
        std::sync::Arc::new(read_json(text.as_bytes(), &Definitions::embedded().schema, &limits).unwrap())
    };
    resources.iter().map(|(need, text)| (need.clone(), (!text.is_empty()).then(|| read(text)))).collect()
}

fn set(url: &str) -> Need {
    Need::ValueSet(url.to_owned())
}

fn system(url: &str) -> Need {
    Need::CodeSystem(url.to_owned())
}

/// A code system `s`: a above b and c, c above d; d is below e, too.
const SYSTEM: &str = r#"{"resourceType":"CodeSystem","url":"s","status":"active","content":"complete","concept":[
    {"code":"a","concept":[{"code":"b"},{"code":"c","concept":[{"code":"d","property":[{"code":"parent","valueCode":"e"}]}]}]},
    {"code":"e"}]}"#;

fn compose(compose: &str) -> String {
    format!(r#"{{"resourceType":"ValueSet","status":"active","compose":{{{compose}}}}}"#)
}

/// `compose` -> codes, told as `system|code`, or part of what is told instead.
#[test]
fn compositions_become_codes() {
    let other = compose(r#""include":[{"system":"s","concept":[{"code":"b"},{"code":"d"}]},{"system":"t","concept":[{"code":"x"}]}]"#);
    let cases = [
        (r#""include":[{"system":"s","concept":[{"code":"b"},{"code":"q"}]}]"#, "s|b s|q"),
        (r#""include":[{"system":"s"}]"#, "s|a s|b s|c s|d s|e"),
        (r#""include":[{"system":"s"}],"exclude":[{"system":"s","concept":[{"code":"b"}]},{"valueSet":["other"]}]"#, "s|a s|c s|e"),
        (r#""include":[{"valueSet":["other"]}]"#, "s|b s|d t|x"),
        (r#""include":[{"system":"s","valueSet":["other"]}]"#, "s|b s|d"),
        (r#""include":[{"valueSet":["other","http://hl7.org/fhir/ValueSet/administrative-gender"]}]"#, ""),
        (r#""include":[{"system":"s","filter":[{"property":"concept","op":"is-a","value":"c"}]}]"#, "s|c s|d"),
        (r#""include":[{"system":"s","filter":[{"property":"concept","op":"descendent-of","value":"e"}]}]"#, "s|d"),
        (r#""include":[{"system":"s","filter":[{"property":"concept","op":"is-not-a","value":"a"}]}]"#, "s|e"),
        (r#""include":[{"system":"s","filter":[{"property":"concept","op":"generalizes","value":"d"}]}]"#, "s|a s|c s|d s|e"),
        (r#""include":[{"system":"s","filter":[{"property":"concept","op":"=","value":"e"}]}]"#, "s|e"),
        (
            r#""include":[{"system":"s","filter":[{"property":"concept","op":"is-a","value":"a"},{"property":"concept","op":"not-in","value":"b,c"}]}]"#,
            "s|a s|d",
        ),
        (r#""include":[{"system":"http://hl7.org/fhir/quantity-comparator"}]"#, "comparator|< comparator|<= comparator|> comparator|>="),
        (r#""include":[{"system":"s","filter":[{"property":"colour","op":"=","value":"red"}]}]"#, "the property \"colour\""),
        (r#""include":[{"system":"s","filter":[{"property":"concept","op":"regex","value":"a.*"}]}]"#, "\"regex\" is not served"),
        (r#""include":[{"system":"nowhere"}]"#, "\"nowhere\""),
        (r#""include":[{"valueSet":["missing"]}]"#, "\"missing\" is not known"),
        (r#""include":[{"valueSet":["set"]}]"#, "imports itself"),
    ];
    for (text, expected) in cases {
        let text = compose(text);
        let known = known(&[
            (set("set"), &text),
            (set("other"), &other),
            (set("missing"), ""),
            (set("http://hl7.org/fhir/ValueSet/administrative-gender"), ""),
            (system("s"), SYSTEM),
            (system("nowhere"), ""),
            (system("http://hl7.org/fhir/quantity-comparator"), ""),
        ]);
        let terms = Terms::new(&known, "");
        match terms.members("set") {
            Ok(codes) => {
                let told: Vec<_> = codes.iter().map(|(s, code)| format!("{}|{code}", s.rsplit("quantity-").next().unwrap())).collect();
                assert_eq!(told.join(" "), expected, "{text}");
            }
            Err(told) => assert!(told.contains(expected) && !expected.is_empty(), "{text}: {told}"),
        }
        assert_eq!(terms.needs(), [], "{text}");
    }
}

#[test]
fn expansions_count_if_they_are_whole() {
    let of = |expansion: &str| {
        let text = format!(
            r#"{{"resourceType":"ValueSet","status":"active","expansion":{{"timestamp":"2026-01-01",{expansion}"contains":[
            {{"system":"s","abstract":true,"code":"a","contains":[{{"system":"s","code":"b"}}]}},{{"system":"s","code":"c"}}]}}}}"#
        );
        let known = known(&[(set("set"), &text)]);
        Terms::new(&known, "").members("set").map(|codes| codes.into_iter().map(|(_, code)| code).collect::<String>())
    };
    assert_eq!(of("").unwrap(), "bc");
    assert_eq!(of(r#""total":3,"#).unwrap(), "bc");
    assert!(of(r#""total":4,"#).unwrap_err().contains("only a part"));
    assert!(of(r#""offset":1,"#).unwrap_err().contains("only a part"));
}

#[test]
fn what_is_missing_is_told() {
    let text = compose(r#""include":[{"system":"s"}]"#);
    let known = known(&[(set("ValueSet/set"), &text)]);
    let terms = Terms::new(&known, "http://me/fhir");
    assert!(terms.members("http://me/fhir/ValueSet/set").is_err() && terms.subsumed("t", "x", true).is_err());
    assert_eq!(terms.needs(), [system("s"), system("t")]);
}

#[test]
fn a_query_cannot_ask_for_any_number_of_codes() {
    let concepts: Vec<_> = (0..9_999).map(|n| format!(r#"{{"code":"c{n}"}}"#)).collect();
    let text = compose(&format!(r#""include":[{{"system":"s","concept":[{}]}}]"#, concepts.join(",")));
    let known = known(&[(set("set"), &text)]);
    let terms = Terms::new(&known, "");
    assert!((0..10).all(|_| terms.members("set").is_ok()));
    assert!(terms.members("set").unwrap_err().contains("fewer types"));
}

/// `system code` -> below; above.
#[test]
fn codes_are_above_and_below_others() {
    let role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let incomplete = r#"{"resourceType":"CodeSystem","url":"f","status":"active","content":"fragment","concept":[{"code":"a"}]}"#;
    let parts = r#"{"resourceType":"CodeSystem","url":"p","status":"active","hierarchyMeaning":"part-of","content":"complete","concept":[
        {"code":"body","concept":[{"code":"arm"}]}]}"#;
    let known = known(&[
        (system("s"), SYSTEM),
        (system(role), ""),
        (system("f"), incomplete),
        (system("p"), parts),
        (system("http://snomed.info/sct"), ""),
    ]);
    let terms = Terms::new(&known, "");
    let told = |system: &str, code: &str, below: bool| terms.subsumed(system, code, below).map(|codes| codes.join(" "));
    for (code, below, above) in [("a", "a b c d", "a"), ("c", "c d", "a c"), ("d", "d", "a c d e"), ("e", "d e", "e")] {
        assert_eq!((told("s", code, true).unwrap().as_str(), told("s", code, false).unwrap().as_str()), (below, above), "{code}");
    }
    assert_eq!(told("p", "body", true).unwrap(), "body");
    let parents = terms.subsumed(role, "PRN", true).unwrap();
    assert!(["PRN", "MTH", "NMTH", "ADOPTF"].iter().all(|code| parents.iter().any(|found| found == code)), "{parents:?}");
    assert!(terms.subsumed(role, "NMTH", false).unwrap().iter().any(|found| found == "FAMMEMB"));
    assert!(told("s", "z", true).unwrap_err().contains("no code \"z\""));
    assert!(told("f", "a", true).unwrap_err().contains("fragment"));
    assert!(told("http://snomed.info/sct", "1", true).unwrap_err().contains("is not known here"));
}
