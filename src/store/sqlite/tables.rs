//! Index rows as the tables hold them, and how sorted lists of them are written.
//!
//! Sorted, rows go into each table from left to right: neighbours share pages, and SQLite finds the place of a row from that of
//! the row before. The interval rows stand in three tables and the texts in two, one per order, where a database would keep
//! one table with indexes: so each is filled in its own order.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection};

use super::failed;
use super::recent::State;
use crate::search::plan::{NumberRow, Rows};
use crate::store::keys;
use crate::store::port::StoreError;

/// A row of one of the tables; compares as the table sorts.
pub(super) trait Row: Ord + std::fmt::Debug {
    const TABLE: &'static str;
    const COLUMNS: &'static [&'static str];
    /// The resource to which it belongs.
    fn resource(&self) -> i64;
    /// Binds its columns to the parameters from `first` (1-based).
    fn bind(&self, statement: &mut CachedStatement<'_>, first: usize) -> rusqlite::Result<()>;
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident, $table:literal, $rid:tt: $($column:ident $type:ty = $field:tt),*) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name($($type),*);

        impl Row for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),*];

            fn resource(&self) -> i64 {
                self.$rid
            }

            fn bind(&self, statement: &mut CachedStatement<'_>, first: usize) -> rusqlite::Result<()> {
                $(statement.raw_bind_parameter(first + $field, &self.$field)?;)*
                Ok(())
            }
        }
    };
}

row!(
    /// An equality key.
    Post, "post", 1: k i64 = 0, rid i64 = 1
);
row!(
    /// An interval, by resource.
    Number, "num", 1: p i64 = 0, rid i64 = 1, lo i64 = 2, hi i64 = 3, u i64 = 4
);
row!(
    /// An interval, by its low end.
    Low, "num_lo", 2: p i64 = 0, lo i64 = 1, rid i64 = 2, hi i64 = 3, u i64 = 4
);
row!(
    /// An interval, by its high end.
    High, "num_hi", 2: p i64 = 0, hi i64 = 1, rid i64 = 2, lo i64 = 3, u i64 = 4
);
row!(
    /// A folded text, by resource.
    Text, "txt", 1: p i64 = 0, rid i64 = 1, norm Arc<str> = 2
);
row!(
    /// A folded text, by itself.
    Norm, "txt_norm", 2: p i64 = 0, norm Arc<str> = 1, rid i64 = 2
);

/// Rows to be added (`true`) or taken away (`false`).
pub(super) type Changes<R> = Vec<(R, bool)>;

/// Does something with the rows of each table.
pub(super) trait TableVisitor {
    fn visit<R: Row>(&mut self, changes: &Changes<R>) -> Result<(), StoreError>;
}

/// Changes of all tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    posts: Changes<Post>,
    numbers: Changes<Number>,
    lows: Changes<Low>,
    highs: Changes<High>,
    texts: Changes<Text>,
    norms: Changes<Norm>,
}

impl Tables {
    /// Adds all rows of a resource.
    pub(super) fn add(&mut self, row: i64, state: &State) {
        self.all(row, state, true);
    }

    /// Takes away all rows of a resource, there or not.
    pub(super) fn remove(&mut self, row: i64, state: &State) {
        self.all(row, state, false);
    }

    fn all(&mut self, row: i64, state: &State, add: bool) {
        if let Some(rows) = state.rows.as_deref() {
            rows.posts.iter().for_each(|post| self.post(row, *post, add));
            rows.numbers.iter().for_each(|number| self.number(row, number, add));
            rows.texts.iter().for_each(|text| self.text(row, text.parameter, &text.text, add));
            self.number(row, &time(state, rows), add);
        }
    }

    /// Turns the rows of one version of a resource into those of the next.
    pub(super) fn replace(&mut self, row: i64, old: &State, new: &State) {
        let none = Rows::default();
        let (before, after) = (old.rows.as_deref().unwrap_or(&none), new.rows.as_deref().unwrap_or(&none));
        keys::differ(&before.posts, &after.posts, |post, add| self.post(row, *post, add));
        keys::differ(&before.numbers, &after.numbers, |number, add| self.number(row, number, add));
        keys::differ(&before.texts, &after.texts, |text, add| self.text(row, text.parameter, &text.text, add));
        for (state, add) in [(old, false), (new, true)] {
            if let Some(rows) = &state.rows {
                self.number(row, &time(state, rows), add);
            }
        }
    }

    fn post(&mut self, row: i64, post: u64, add: bool) {
        self.posts.push((Post(post.cast_signed(), row), add));
    }

    fn number(&mut self, row: i64, number: &NumberRow, add: bool) {
        let (p, low, high, unit) = (i64::from(number.parameter), number.low, number.high, number.unit.cast_signed());
        self.numbers.push((Number(p, row, low, high, unit), add));
        self.lows.push((Low(p, low, row, high, unit), add));
        self.highs.push((High(p, high, row, low, unit), add));
    }

    fn text(&mut self, row: i64, parameter: u32, text: &str, add: bool) {
        let text: Arc<str> = text.into();
        self.texts.push((Text(i64::from(parameter), row, Arc::clone(&text)), add));
        self.norms.push((Norm(i64::from(parameter), text, row), add));
    }

    /// The number of changes.
    pub(super) fn len(&self) -> usize {
        self.posts.len() + self.numbers.len() + self.lows.len() + self.highs.len() + self.texts.len() + self.norms.len()
    }

    /// Puts every list into the order of its table. Changes of the same row stay in their order, unless `alike` says that all
    /// are additions.
    pub(super) fn sort(&mut self, alike: bool) {
        sort(&mut self.posts, alike);
        sort(&mut self.numbers, alike);
        sort(&mut self.lows, alike);
        sort(&mut self.highs, alike);
        sort(&mut self.texts, alike);
        sort(&mut self.norms, alike);
    }

    /// Shows every list to `visitor`.
    pub(super) fn visit(&self, visitor: &mut impl TableVisitor) -> Result<(), StoreError> {
        visitor.visit(&self.posts)?;
        visitor.visit(&self.numbers)?;
        visitor.visit(&self.lows)?;
        visitor.visit(&self.highs)?;
        visitor.visit(&self.texts)?;
        visitor.visit(&self.norms)
    }

    /// Writes the changes with these numbers (counted over all lists, which are sorted) but for resources that `skip` tells.
    pub(super) fn write(&self, connection: &Connection, range: Range<usize>, skip: &dyn Fn(i64) -> bool) -> Result<(), StoreError> {
        self.visit(&mut Slice { connection, range, skip })
    }

    /// Writes everything, and is empty then.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if self.len() > 0 {
            self.sort(false);
            self.write(connection, 0..self.len(), &|_| false)?;
            *self = Self::default();
        }
        Ok(())
    }
}

/// A version's time is one of its rows.
fn time(state: &State, rows: &Rows) -> NumberRow {
    NumberRow { parameter: rows.last_updated, low: state.updated.0, high: state.updated.0, unit: 0 }
}

fn sort<R: Row>(changes: &mut Changes<R>, alike: bool) {
    if alike {
        changes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    } else {
        changes.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
}

/// A part of several lists that are counted as one.
struct Slice<'s> {
    connection: &'s Connection,
    /// What is still to be written, counted from the list at hand.
    range: Range<usize>,
    skip: &'s dyn Fn(i64) -> bool,
}

/// Rows per statement: the fewer calls the better, up to a point.
const MANY: usize = 32;

impl TableVisitor for Slice<'_> {
    fn visit<R: Row>(&mut self, changes: &Changes<R>) -> Result<(), StoreError> {
        let own = self.range.start.min(changes.len())..self.range.end.min(changes.len());
        self.range = self.range.start.saturating_sub(changes.len())..self.range.end.saturating_sub(changes.len());
        let mut add = Vec::with_capacity(own.len());
        // The last word on a row counts.
        for same in changes.get(own).unwrap_or(&[]).chunk_by(|(a, _), (b, _)| a == b) {
            match same.last() {
                Some((row, _)) if (self.skip)(row.resource()) => {}
                Some((row, true)) => add.push(row),
                Some((row, false)) => self.execute(&delete::<R>(), &[row])?,
                None => {}
            }
        }
        let chunks = add.chunks_exact(MANY);
        let rest = chunks.remainder();
        let many = insert::<R>(MANY);
        for chunk in chunks {
            self.execute(&many, chunk)?;
        }
        let one = insert::<R>(1);
        rest.iter().try_for_each(|row| self.execute(&one, &[*row]))
    }
}

impl Slice<'_> {
    fn execute<R: Row>(&self, sql: &str, rows: &[&R]) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        for (number, row) in rows.iter().enumerate() {
            row.bind(&mut statement, 1 + number * R::COLUMNS.len()).map_err(failed)?;
        }
        statement.raw_execute().map_err(failed)?;
        Ok(())
    }
}

fn delete<R: Row>() -> String {
    let tests: Vec<String> = R::COLUMNS.iter().map(|column| format!("{column} = ?")).collect();
    format!("DELETE FROM {} WHERE {}", R::TABLE, tests.join(" AND "))
}

/// `OR IGNORE` not only since rows may be there already: a statement of many rows that could fail in the middle makes SQLite
/// keep copies of the pages that it changes.
fn insert<R: Row>(rows: usize) -> String {
    let mut sql = format!("INSERT OR IGNORE INTO {} ({}) VALUES ", R::TABLE, R::COLUMNS.join(", "));
    let row = format!("({})", vec!["?"; R::COLUMNS.len()].join(", "));
    for i in 0..rows {
        let _ = write!(sql, "{}{row}", if i == 0 { "" } else { ", " });
    }
    sql
}
