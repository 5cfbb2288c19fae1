//! Filters, drivers and orders as SQL text.

use crate::model::primitive::Id;
use crate::search::plan::{Filter, Place, Plan, Sort, SortBy, SortValue, Test, Unit};
use crate::store::contract;

use super::condition::Condition;
use super::driver::{Candidate, Driver, Outline};
use super::*;

/// Marks that are easy to read.
#[derive(Debug)]
struct Plain;

impl Dialect for Plain {
    fn mark(&self, number: usize) -> String {
        format!("${number}")
    }

    fn listed(&self, column: &str, mark: &str) -> String {
        format!("{column} = ANY({mark})")
    }

    fn unnested(&self, mark: &str) -> String {
        format!("unnest({mark}) d(rid)")
    }

    fn contains(&self, column: &str, mark: &str) -> String {
        format!("strpos({column}, {mark}) > 0")
    }
}

fn post(n: u64) -> Filter {
    Filter::Post(n)
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn integers(numbers: &[i64]) -> Vec<Parameter> {
    numbers.iter().map(|number| Parameter::Integer(*number)).collect()
}

#[test]
fn conditions() {
    let number = |test, unit| Filter::Number(3, test, unit);
    let start = |text: &str| Filter::TextStart(4, text.to_owned());
    let probe = "EXISTS (SELECT 1 FROM post q WHERE q.rid = d.rid AND q.k";
    let interval = "EXISTS (SELECT 1 FROM num q WHERE q.p = $1 AND q.rid = d.rid AND";
    let text = "EXISTS (SELECT 1 FROM txt q WHERE q.p = $1 AND q.rid = d.rid AND";
    let cases: Vec<(Filter, String, Vec<Parameter>)> = vec![
        (post(u64::MAX), format!("{probe} = $1)"), integers(&[-1])),
        (Filter::Any(vec![post(2), post(1), post(2)]), format!("{probe} IN ($1, $2))"), integers(&[1, 2])),
        (
            Filter::Any((0..9).map(post).collect()),
            "d.rid IN (SELECT q.rid FROM post q WHERE q.k = ANY($1))".into(),
            vec![Parameter::Integers((0..9).collect())],
        ),
        (not(not(not(post(1)))), format!("NOT {probe} = $1)"), integers(&[1])),
        (Filter::All(vec![]), "1=1".into(), vec![]),
        (Filter::Any(vec![]), "1=0".into(), vec![]),
        (Filter::All(vec![post(1), Filter::Any(vec![])]), "1=0".into(), vec![]),
        (Filter::Any(vec![post(1), not(Filter::Any(vec![]))]), "1=1".into(), vec![]),
        (
            not(Filter::All(vec![Filter::All(vec![post(1)]), post(2), Filter::All(vec![])])),
            format!("NOT ({probe} = $1) AND {probe} = $2))"),
            integers(&[1, 2]),
        ),
        (number(Test::Within(1, 2), Unit::Any), format!("{interval} q.lo >= $2 AND q.hi <= $3)"), integers(&[3, 1, 2])),
        (number(Test::NotWithin(1, 2), Unit::Any), format!("{interval} (q.lo < $2 OR q.hi > $3))"), integers(&[3, 1, 2])),
        (number(Test::EndsAfter(1), Unit::Exactly(9)), format!("{interval} q.hi > $2 AND q.u = $3)"), integers(&[3, 1, 9])),
        (number(Test::StartsBefore(1), Unit::Code(9)), format!("{interval} q.lo < $2 AND (q.u & 4294967295) = $3)"), integers(&[3, 1, 9])),
        (
            start("ab"),
            format!("{text} q.norm >= $2 AND q.norm < $3)"),
            vec![Parameter::Integer(4), Parameter::Text("ab".into()), Parameter::Text("ac".into())],
        ),
        (start(""), text.trim_end_matches(" AND").to_owned() + ")", integers(&[4])),
        (
            Filter::TextPart(4, "%'".into()),
            format!("{text} strpos(q.norm, $2) > 0)"),
            vec![Parameter::Integer(4), Parameter::Text("%'".into())],
        ),
        (
            Filter::Id(vec![Id::new("a").unwrap()]),
            "d.rid IN (SELECT q.rid FROM resource q WHERE q.kind = $1 AND q.id = $2)".into(),
            vec![Parameter::Integer(7), Parameter::Text("a".into())],
        ),
    ];
    for (filter, text, parameters) in cases {
        let mut sql = Statement::new(&Plain);
        Condition::of(&filter).write(7, &mut sql);
        assert_eq!((sql.text, sql.parameters), (text, parameters), "{filter:?}");
    }
}

#[test]
fn the_end_of_a_prefix_range() {
    for (prefix, end) in [
        ("a", Some("b")),
        ("aß", Some("aà")),
        ("\u{D7FF}", Some("\u{E000}")),
        ("a\u{10FFFF}", Some("b")),
        ("\u{10FFFF}\u{10FFFF}", None),
        ("", None),
    ] {
        assert_eq!(condition::successor(prefix).as_deref(), end, "{prefix}");
    }
}

#[test]
fn drivers() {
    let drivers = |filter| {
        let outline = Outline::of(&contract::plan("Left", filter), 7, 100);
        outline.candidates().into_iter().map(|candidate| (candidate.conjunct.unwrap(), candidate.driver)).collect::<Vec<_>>()
    };
    assert_eq!(drivers(Filter::All(vec![not(post(1)), post(2)])), [(1, Driver::Posts(vec![2]))]);
    assert_eq!(drivers(Filter::Any(vec![post(1), post(2)])), [(0, Driver::Posts(vec![1, 2]))]);
    assert_eq!(drivers(Filter::Any(vec![post(1), not(post(2))])), []);
    assert_eq!(drivers(Filter::TextPart(1, "x".into())), []);
    assert_eq!(drivers(Filter::Number(1, Test::NotWithin(0, 1), Unit::Any)), []);
    assert_eq!(drivers(Filter::Number(1, Test::Overlaps(0, 1), Unit::Any)).len(), 2);
}

#[test]
fn statements() {
    let filter = Filter::All(vec![post(1), Filter::Number(3, Test::Within(5, 9), Unit::Any)]);
    let outline = Outline::of(&contract::plan("Left", filter), 7, 100);
    let [by_post, by_number] = &outline.candidates()[..] else { panic!() };
    let check = |sql: Statement<'_>, text: &str, numbers: &[i64]| {
        assert_eq!((sql.text.as_str(), sql.parameters), (text, integers(numbers)));
    };
    let interval = "EXISTS (SELECT 1 FROM num q WHERE q.p = $3 AND q.rid = d.rid AND q.lo >= $4 AND q.hi <= $5)";
    check(
        outline.page(by_post, Some(50), 20, &Plain),
        &format!("SELECT d.rid FROM post d WHERE d.k = $1 AND d.rid < $2 AND {interval} ORDER BY d.rid DESC LIMIT $6"),
        &[1, 50, 3, 5, 9, 20],
    );
    check(
        outline.count(by_post, &Plain),
        &format!("SELECT count(*) FROM post d WHERE d.k = $1 AND d.rid <= $2 AND {interval}"),
        &[1, 100, 3, 5, 9],
    );
    check(
        outline.count(by_number, &Plain),
        "SELECT count(DISTINCT d.rid) FROM num_lo d WHERE d.p = $1 AND d.lo >= $2 AND d.lo <= $3 AND d.lo >= $4 AND d.hi <= $5 \
         AND d.rid <= $6 AND EXISTS (SELECT 1 FROM post q WHERE q.rid = d.rid AND q.k = $7)",
        &[3, 5, 9, 5, 9, 100, 1],
    );
    check(
        outline.bounded_count(&by_number.driver, 64, &Plain),
        "SELECT count(*) FROM (SELECT 1 FROM num_lo d WHERE d.p = $1 AND d.lo >= $2 AND d.lo <= $3 LIMIT $4)",
        &[3, 5, 9, 64],
    );
}

#[test]
fn orders() {
    let sort = |by, descending| Sort { by, descending };
    let sorts = vec![sort(SortBy::Number(3), true), sort(SortBy::Id, false)];
    let after = Place { values: vec![Some(SortValue::Number(5)), Some(SortValue::Text("x".into()))], row: 40 };
    let plan = Plan { sort: sorts, after: Some(after), ..contract::plan("Left", post(1)) };
    let outline = Outline::of(&plan, 7, 100);
    let by = Candidate { driver: Driver::Posts(vec![1]), conjunct: Some(0) };
    let sql = order::sorted_page(&plan, &outline, &by, 20, &Plain);
    assert_eq!(
        sql.text,
        "SELECT * FROM (SELECT d.rid, (SELECT max(q.hi) FROM num q WHERE q.rid = d.rid AND q.p = $1) AS s0, \
         (SELECT q.id FROM resource q WHERE q.rid = d.rid) AS s1 FROM (SELECT d.rid FROM post d WHERE d.k = $2 AND d.rid <= $3) d) d \
         WHERE ((s0 < $4 OR s0 IS NULL) OR s0 = $5 AND (s1 > $6 OR s1 IS NULL) OR s0 = $7 AND s1 = $8 AND rid < $9) \
         ORDER BY s0 IS NULL, s0 DESC, s1 IS NULL, s1 ASC, rid DESC LIMIT $10"
    );
    let walk = order::walk(sort(SortBy::Text(4), false), &outline, Some((&SortValue::Text("m".into()), 40)), 64, &Plain);
    assert_eq!(
        walk.text,
        "SELECT d.rid, d.norm FROM txt_norm d WHERE d.p = $1 AND NOT EXISTS (SELECT 1 FROM txt e WHERE e.p = d.p AND e.rid = d.rid \
         AND e.norm < d.norm) AND d.rid <= $2 AND d.norm >= $3 AND (d.norm > $4 OR d.rid < $5) ORDER BY d.norm ASC, d.rid DESC LIMIT $6"
    );
}
