//! The language beyond the official suite: `cases.tsv` has an expression and its values in each line.

use crate::base::budget::Limits;
use crate::base::clock::Instant;
use crate::definitions::Definitions;
use crate::fhirpath::{Environment, Error, Expression, Mode, Moment};
use crate::model::codec::read_json;
use crate::model::resource::Resource;
use proptest::prelude::*;

const PATIENT: &str = r##"{"resourceType":"Patient","id":"p","active":true,
    "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A <br/> <img src=\"a.png\" alt=\"a\"/></p></div>"},
    "contained":[{"resourceType":"Practitioner","id":"g","name":[{"family":"G"}]}],
    "name":[{"family":"A","given":["X","Y"]},{"use":"usual","given":[null],"_given":[{"extension":[{"url":"s","valueInteger":2}]}]}],
    "_gender":{"extension":[{"url":"g","valueCode":"x"}]},
    "birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"b","valueTime":"08:00:00"}]},
    "contact":[{"name":{"family":"C"}}],
    "generalPractitioner":[{"reference":"#g"},{"reference":"Organization/1"}]}"##;

fn patient() -> Resource {
    read_json(PATIENT.as_bytes(), &Definitions::embedded().schema, &Limits::default()).unwrap()
}

/// The values as JSON, or `!`.
fn answer(expression: &str, resource: &Resource, mode: Mode) -> String {
    let Ok(compiled) = Expression::compile(expression, &Definitions::embedded().schema) else { return "!".to_owned() };
    let root = resource.root();
    let now = Moment::at(Instant(1_795_748_645_678_000));
    let environment = Environment { mode, now: Some(now), ..Environment::of(root) };
    match compiled.evaluate_with(root, &environment) {
        Err(_) => "!".to_owned(),
        Ok(values) => {
            let told = values.iter().map(|value| {
                let mut out = String::new();
                value.write_json(&mut out);
                out
            });
            format!("[{}]", told.collect::<Vec<_>>().join(","))
        }
    }
}

fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("cases.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once('\t').unwrap())
}

#[test]
fn every_expression_has_its_values() {
    let patient = patient();
    let wrong: Vec<String> = cases()
        .filter_map(|(expression, wanted)| {
            let found = answer(expression, &patient, Mode::Strict);
            (found != wanted).then(|| format!("{expression}: {found} instead of {wanted}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn invariants_are_taken_as_they_are_meant() {
    let patient = patient();
    for (expression, wanted) in [
        ("active is Boolean", "[true]"),
        ("birthDate is DateTime", "[false]"),
        ("name.as(HumanName).count()", "[2]"),
        ("nothing", "[]"),
        ("name.first().nothing.exists()", "[false]"),
        ("Observation.value", "[]"),
        ("children().first().exists()", "[true]"),
        ("active and name", "!"),
    ] {
        assert_eq!(answer(expression, &patient, Mode::Lenient), wanted, "{expression}");
    }
}

#[test]
fn every_invariant_of_r4_and_the_profiles_can_be_evaluated() {
    let definitions = Definitions::embedded();
    let patient = patient();
    let mut count = 0;
    for line in include_str!("../../../profiles/compiled/constraints.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let (key, expression) = (cells.next().unwrap(), cells.next_back().unwrap());
        let compiled = Expression::compile(expression, &definitions.schema);
        let compiled = compiled.unwrap_or_else(|refused| panic!("{key}: {refused}"));
        // On a Patient some ask a list where they mean one value; what they may not do is name something that nobody knows.
        let held = compiled.holds(patient.root(), &Environment::of(patient.root()));
        assert!(matches!(held, Ok(_) | Err(Error::Impossible(_))), "{key}: {held:?}");
        count += 1;
    }
    assert!(count > 200, "{count}");
}

/// Expressions that would take very long, or very much, end with the limit that they break.
#[test]
fn bombs_end() {
    let schema = &Definitions::embedded().schema;
    let patient = patient();
    let ten = "(1|2|3|4|5|6|7|8|9|10)";
    let nested = (0..9).fold("$this".to_owned(), |inner, _| format!("{ten}.select({inner})"));
    let bombs = [
        "1.repeat($this + 1)".to_owned(),
        "'a'.repeat($this & $this)".to_owned(),
        "(1 | 2).repeat($this.combine($this + 1))".to_owned(),
        nested.clone(),
        format!("{nested}.count()"),
        format!("{ten}.aggregate($total | $total.select($this + 1) | $total.combine($this), {ten}).repeat($this + 1)"),
        format!("'a'{}", ".replace('a', 'aaaaaaaaaaaaaaaa')".repeat(20)),
        format!("'a'{}.length()", ".replace('', 'aaaaaaaaaaaaaaaa')".repeat(20)),
        "name.given.repeat($this & 'a')".to_owned(),
        format!("1.repeat($this + 1).where({}true)", "(true and true) and ".repeat(60)),
        "(1|2|3|4|5|6|7|8|9).repeat($this + 1).select($this.toString()).select('a'.matches($this))".to_owned(),
        "1.repeat($this.toString().toInteger() + 1).where(descendants().exists())".to_owned(),
        "%resource.repeat(%resource | children() | %resource.descendants()).select(%resource.descendants()).select(%resource.descendants()).select(%resource.descendants())".to_owned(),
    ];
    for bomb in &bombs {
        let compiled = Expression::compile(bomb, schema).unwrap_or_else(|refused| panic!("{bomb}: {refused}"));
        let ended = compiled.evaluate_with(patient.root(), &Environment::of(patient.root()));
        assert!(matches!(ended, Err(Error::Limit(_))), "{bomb}: {:?}", ended.map(|values| values.len()));
    }
    let refused = [
        format!("{}true{}", "name.where(".repeat(200), ")".repeat(200)),
        format!("name{}", ".first()".repeat(100_000)),
        format!("{}1", "(".repeat(50_000)),
        format!("{}1", "-".repeat(70_000)),
        format!("1{}", " + 1".repeat(10_000)),
        format!("1{}", " | 1".repeat(10_000)),
        "a".repeat(1 << 20),
        "'x'.matches('((((a{1,100}){1,100}){1,100}){1,100})')".to_owned(),
        "1.select(".repeat(64),
        format!("'x'.matches('{}')", "\\\\w{150}".repeat(20)),
        format!("{}1", "'x'.matches('\\\\w{40}') | ".repeat(1000)),
    ];
    for bomb in &refused {
        assert!(Expression::compile(bomb, schema).is_err(), "{} bytes: {}", bomb.len(), bomb.chars().take(40).collect::<String>());
    }
    // What other engines try for ever is decided in one pass.
    let catastrophe = format!("'{}!'.matches('^(a+)+$')", "a".repeat(5000));
    assert_eq!(answer(&catastrophe, &patient, Mode::Strict), "[false]");
}

/// What is as deep as can be compiled can also be evaluated on the stack of a thread.
#[test]
fn the_deepest_expressions_are_evaluated() {
    let patient = patient();
    let nested = |function: &str, count: usize| format!("{}true{}", format!("name.{function}(").repeat(count), ")".repeat(count));
    for (expression, wanted) in [
        (format!("id{}", ".first()".repeat(150)), "[\"p\"]"),
        (format!("id{}", ".where(true)".repeat(150)), "[\"p\"]"),
        (format!("id{}", ".select($this | $this)".repeat(150)), "[\"p\"]"),
        (format!("1{}", " + 1".repeat(150)), "[151]"),
        (format!("true{}", " and true".repeat(150)), "[true]"),
        (format!("{}true{}", "(".repeat(35), ")".repeat(35)), "[true]"),
        (format!("{}1{}", "iif(true, ".repeat(35), ")".repeat(35)), "[1]"),
        (nested("exists", 20), "[false]"),
    ] {
        assert_eq!(answer(&expression, &patient, Mode::Lenient), wanted, "{expression}");
    }
}

#[test]
fn a_deadline_ends_an_evaluation() {
    let patient = patient();
    let compiled = Expression::compile("1.repeat($this + 1)", &Definitions::embedded().schema).unwrap();
    let late = || true;
    let budget = crate::fhirpath::Budget { steps: u64::MAX, late: Some(&late) };
    let ended = compiled.evaluate_with(patient.root(), &Environment { budget, ..Environment::of(patient.root()) });
    assert_eq!(ended.unwrap_err(), Error::Limit("the evaluation takes too long"));
}

const SIGNS: [&str; 20] =
    ["+", "-", "*", "/", "&", "|", "=", "!=", "~", "!~", "<", ">=", "and", "or", "xor", "implies", "in", "contains", "div", "mod"];

fn expression() -> impl Strategy<Value = String> {
    let texts: Vec<&'static str> = cases().map(|(expression, _)| expression).filter(|text| !text.contains("//")).collect();
    let leaf = proptest::sample::select(texts).prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), proptest::sample::select(&SIGNS[..]), inner.clone()).prop_map(|(a, sign, b)| format!("({a}) {sign} ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}).where({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}).select({b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("({a})[0]")),
            inner.prop_map(|a| format!("({a}).first().is(Integer)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_as_the_same(text in expression()) {
        let schema = &Definitions::embedded().schema;
        if let Ok(compiled) = Expression::compile(&text, schema) {
            let printed = compiled.to_string();
            let again = Expression::compile(&printed, schema);
            let again = again.map_err(|refused| TestCaseError::fail(format!("{text} printed as {printed}: {refused}")))?;
            prop_assert_eq!(&printed, &again.to_string(), "{}", text);
            let patient = patient();
            prop_assert_eq!(answer(&text, &patient, Mode::Lenient), answer(&printed, &patient, Mode::Lenient), "{}", printed);
        }
    }

    #[test]
    fn equality_has_no_sides(a in expression(), b in expression()) {
        let patient = patient();
        for sign in ["=", "!=", "~", "!~"] {
            let (one, other) = (format!("({a}) {sign} ({b})"), format!("({b}) {sign} ({a})"));
            let (one, other) = (answer(&one, &patient, Mode::Lenient), answer(&other, &patient, Mode::Lenient));
            // What fails on one side may never be looked at from the other.
            if one != "!" && other != "!" {
                prop_assert_eq!(one, other, "{} {} {}", a, sign, b);
            }
        }
    }

    #[test]
    fn any_text_is_an_expression_or_refused(text in "[a-z@'%$().|0-9 \\[\\]{}<>=!~&*/+-]{0,40}") {
        let patient = patient();
        let _ = answer(&text, &patient, Mode::Lenient);
    }
}
