//! Orders: sort keys as SQL, and the test "comes after this place".
//!
//! Every order ends with the row id, newest first, so that it is total and a page can go on from any row.

use crate::search::plan::{Place, Plan, Sort, SortBy, SortValue, Test, Unit};

use super::condition::Condition;
use super::driver::{Candidate, Outline};
use super::{Dialect, Parameter, Statement};

/// Row ids and sort values of matches, in the plan's order, after its place. Every match is looked at, so the driver should be
/// selective.
pub(crate) fn sorted_page<'d>(plan: &Plan, outline: &Outline, by: &Candidate, limit: i64, dialect: &'d dyn Dialect) -> Statement<'d> {
    let mut sql = Statement::new(dialect);
    sql.push("SELECT d.rid");
    for (number, sort) in plan.sort.iter().enumerate() {
        sql.push(", ");
        key(*sort, &mut sql);
        sql.push(&format!(" AS s{number}"));
    }
    sql.push(if by.driver.is_unique() { " FROM (SELECT d.rid" } else { " FROM (SELECT DISTINCT d.rid" });
    outline.write_matches(by, None, &mut sql);
    sql.push(") d");
    if let Some(place) = &plan.after {
        // Named again from outside: the place is compared with the values, which are worked out once per row.
        let inner = std::mem::take(&mut sql.text);
        sql.push("SELECT * FROM (").push(&inner).push(") d WHERE ");
        after(&plan.sort, place, &mut sql);
    }
    sql.push(" ORDER BY ");
    for (number, sort) in plan.sort.iter().enumerate() {
        let direction = if sort.descending { "DESC" } else { "ASC" };
        sql.push(&format!("s{number} IS NULL, s{number} {direction}, "));
    }
    sql.push("rid DESC LIMIT ").integer(limit);
    sql
}

/// Rows of the sort's own index in order, after a place: row id and value. Each resource comes with its first value only, but
/// may come several times in a row, when intervals share an end.
pub(crate) fn walk<'d>(
    sort: Sort,
    outline: &Outline,
    after: Option<(&SortValue, i64)>,
    limit: i64,
    dialect: &'d dyn Dialect,
) -> Statement<'d> {
    let mut sql = Statement::new(dialect);
    let (direction, beyond) = if sort.descending { ("DESC", "<") } else { ("ASC", ">") };
    let column = match sort.by {
        SortBy::Number(parameter) => {
            let column = if sort.descending { "hi" } else { "lo" };
            sql.push(&format!("SELECT d.rid, d.{column} FROM num d WHERE d.p = ")).integer(i64::from(parameter));
            sql.push(" AND NOT EXISTS (SELECT 1 FROM num e WHERE e.p = d.p AND e.rid = d.rid AND ");
            // The values that come before are on the far side of this one.
            sql.push(&format!("e.{column} {} d.{column})", if sort.descending { ">" } else { "<" }));
            column
        }
        SortBy::Text(parameter) => {
            sql.push("SELECT d.rid, d.norm FROM txt d WHERE d.p = ").integer(i64::from(parameter));
            sql.push(" AND NOT EXISTS (SELECT 1 FROM txt e WHERE e.p = d.p AND e.rid = d.rid AND ");
            sql.push(&format!("e.norm {} d.norm)", if sort.descending { ">" } else { "<" }));
            "norm"
        }
        SortBy::Id => {
            sql.push("SELECT d.rid, d.id FROM resource d WHERE d.kind = ").integer(outline.kind);
            // Deleted resources keep their line but not their rows.
            sql.push(" AND ");
            Condition::Posts(vec![outline.type_post]).write(outline.kind, &mut sql);
            "id"
        }
    };
    sql.push(" AND d.rid <= ").integer(outline.up_to);
    if let Some((value, row)) = after {
        sql.push(&format!(" AND d.{column} {beyond}= ")).bind(parameter(value));
        sql.push(&format!(" AND (d.{column} {beyond} ")).bind(parameter(value)).push(" OR d.rid < ").integer(row).push(")");
    }
    sql.push(&format!(" ORDER BY d.{column} {direction}, d.rid DESC LIMIT ")).integer(limit);
    sql
}

/// The condition that a resource has no value to sort by.
pub(crate) fn without(by: SortBy) -> Condition {
    let has = match by {
        SortBy::Number(parameter) => Condition::Number(parameter, Test::Within(i64::MIN, i64::MAX), Unit::Any),
        SortBy::Text(parameter) => Condition::TextStart(parameter, String::new()),
        SortBy::Id => return Condition::Any(Vec::new()),
    };
    Condition::Not(Box::new(has))
}

/// Appends the value of one sort key of `d.rid`.
fn key(sort: Sort, sql: &mut Statement<'_>) {
    let extreme = if sort.descending { "max" } else { "min" };
    match sort.by {
        SortBy::Number(parameter) => {
            let column = if sort.descending { "hi" } else { "lo" };
            sql.push(&format!("(SELECT {extreme}(q.{column}) FROM num q WHERE q.rid = d.rid AND q.p = "))
                .integer(i64::from(parameter))
                .push(")");
        }
        SortBy::Text(parameter) => {
            sql.push(&format!("(SELECT {extreme}(q.norm) FROM txt q WHERE q.rid = d.rid AND q.p = "))
                .integer(i64::from(parameter))
                .push(")");
        }
        SortBy::Id => {
            sql.push("(SELECT q.id FROM resource q WHERE q.rid = d.rid)");
        }
    }
}

/// Appends the test whether the values `s0 …` and `rid` come after the place.
fn after(sorts: &[Sort], place: &Place, sql: &mut Statement<'_>) {
    sql.push("(");
    for (depth, (sort, value)) in sorts.iter().zip(&place.values).enumerate() {
        // Nothing comes after a missing value but a smaller row id.
        if let Some(value) = value {
            equal(&place.values, depth, sql);
            let beyond = if sort.descending { "<" } else { ">" };
            sql.push(&format!("(s{depth} {beyond} ")).bind(parameter(value)).push(&format!(" OR s{depth} IS NULL) OR "));
        }
    }
    equal(&place.values, sorts.len(), sql);
    sql.push("rid < ").integer(place.row).push(")");
}

/// Appends the test that the first `count` values are the place's, and an AND.
fn equal(values: &[Option<SortValue>], count: usize, sql: &mut Statement<'_>) {
    for (number, value) in values.iter().take(count).enumerate() {
        match value {
            Some(value) => sql.push(&format!("s{number} = ")).bind(parameter(value)),
            None => sql.push(&format!("s{number} IS NULL")),
        };
        sql.push(" AND ");
    }
}

fn parameter(value: &SortValue) -> Parameter {
    match value {
        SortValue::Number(number) => Parameter::Integer(*number),
        SortValue::Text(text) => Parameter::Text(text.clone()),
    }
}
