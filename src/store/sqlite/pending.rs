//! Index rows on their way into the tables, gathered over all commits of a batch.
//!
//! Sorted, they go into each table from left to right: neighbours share pages, and SQLite finds the place of a row from that
//! of the row before.

use std::fmt::Write;

use rusqlite::{Connection, ToSql};

use super::failed;
use crate::base::clock::Instant;
use crate::search::plan::{NumberRow, Rows};
use crate::store::keys;
use crate::store::port::StoreError;

/// Rows in the order of their table's columns, to be added (`true`) or taken away (`false`).
type Changes<T> = Vec<(T, bool)>;

/// Rows to add or to take away; the last word on a row counts.
#[derive(Debug, Default)]
pub(super) struct Pending {
    posts: Changes<(i64, i64)>,
    numbers: Changes<(i64, i64, i64, i64, i64)>,
    texts: Changes<(i64, i64, String)>,
}

impl Pending {
    /// Turns the rows of one version of the resource `row` into those of the next. A version's time is a row as well.
    pub(super) fn replace(&mut self, row: i64, old: Option<(&Rows, Instant)>, new: Option<(&Rows, Instant)>) {
        let none = Rows::default();
        let (before, after) = (old.map_or(&none, |(rows, _)| rows), new.map_or(&none, |(rows, _)| rows));
        let posts = &mut self.posts;
        let mut post = |key: &u64, add| posts.push(((key.cast_signed(), row), add));
        both(&before.posts, &after.posts, &mut post);
        let numbers = &mut self.numbers;
        let mut number = |number: &NumberRow, add| {
            numbers.push(((i64::from(number.parameter), row, number.low, number.high, number.unit.cast_signed()), add))
        };
        both(&before.numbers, &after.numbers, &mut number);
        for (time, add) in [(old, false), (new, true)] {
            if let Some((rows, at)) = time {
                number(&NumberRow { parameter: rows.last_updated, low: at.0, high: at.0, unit: 0 }, add);
            }
        }
        let texts = &mut self.texts;
        both(&before.texts, &after.texts, |text, add| texts.push(((i64::from(text.parameter), row, text.text.clone()), add)));
    }

    /// Writes everything to the tables.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        write(connection, "post", &["k", "rid"], &mut self.posts, |(k, rid)| [k as &dyn ToSql, rid])?;
        write(connection, "num", &["p", "rid", "lo", "hi", "u"], &mut self.numbers, |(p, rid, lo, hi, u)| {
            [p as &dyn ToSql, rid, lo, hi, u]
        })?;
        write(connection, "txt", &["p", "rid", "norm"], &mut self.texts, |(p, rid, norm)| [p as &dyn ToSql, rid, norm])
    }
}

fn both<T: Ord>(old: &[T], new: &[T], mut change: impl FnMut(&T, bool)) {
    let mut change = |row: &T, add| change(row, add);
    keys::differ(old, new, &mut change);
}

/// Rows per statement: the fewer calls the better, up to a point.
const MANY: usize = 32;

fn write<T: Ord, const COLUMNS: usize>(
    connection: &Connection,
    table: &str,
    columns: &[&str; COLUMNS],
    rows: &mut Changes<T>,
    values: impl Fn(&T) -> [&dyn ToSql; COLUMNS],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    // A stable sort keeps changes of the same row in their order.
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut add = Vec::with_capacity(rows.len());
    for same in rows.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((row, adds)) = same.last() else { continue };
        if *adds {
            add.push(row);
        } else {
            let test: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
            let sql = format!("DELETE FROM {table} WHERE {}", test.join(" AND "));
            connection.prepare_cached(&sql).and_then(|mut statement| statement.execute(&values(row)[..])).map_err(failed)?;
        }
    }
    for size in [MANY, 1] {
        let taken = add.len() / size * size;
        let rest = add.split_off(taken);
        if !add.is_empty() {
            let sql = insert(table, COLUMNS, size);
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            for chunk in add.chunks_exact(size) {
                for (value, number) in chunk.iter().flat_map(|row| values(row)).zip(1..) {
                    statement.raw_bind_parameter(number, value).map_err(failed)?;
                }
                statement.raw_execute().map_err(failed)?;
            }
        }
        add = rest;
    }
    rows.clear();
    Ok(())
}

/// `OR IGNORE` not for the sake of duplicates, but because a statement of many rows that may fail in the middle makes SQLite
/// keep copies of the pages that it changes.
fn insert(table: &str, columns: usize, rows: usize) -> String {
    let mut sql = format!("INSERT OR IGNORE INTO {table} VALUES ");
    let row = format!("({})", vec!["?"; columns].join(", "));
    for i in 0..rows {
        let _ = write!(sql, "{}{row}", if i == 0 { "" } else { ", " });
    }
    sql
}
