//! Index rows as the tables hold them, and how sorted lists of them are written.
//!
//! Sorted, rows go into each table from left to right: neighbours share pages, and the row ids of a post come together. The
//! intervals stand in two tables, one per end, where a database would keep one table with indexes: so each is filled in its
//! own order. Posts become runs ([`super::runs`]).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection};

use super::recent::State;
use super::series::{Series, Span};
use super::{failed, runs};
use crate::search::plan::{NumberRow, Rows};
use crate::store::keys;
use crate::store::port::StoreError;

/// A row of one of the tables; compares as the table sorts.
pub(super) trait Row: Ord + std::fmt::Debug {
    const TABLE: &'static str;
    /// The table of those that came last.
    const YOUNG: &'static str;
    const COLUMNS: &'static [&'static str];
    /// The resource to which it belongs.
    fn resource(&self) -> i64;
    /// Binds its columns to the parameters from `first` (1-based).
    fn bind(&self, statement: &mut CachedStatement<'_>, first: usize) -> rusqlite::Result<()>;
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident, $table:literal, $young:literal, $rid:tt: $($column:ident $type:ty = $field:tt),*) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name($($type),*);

        impl Row for $name {
            const TABLE: &'static str = $table;
            const YOUNG: &'static str = $young;
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

/// An equality key, and a resource that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Post(pub(super) i64, pub(super) i64);

row!(
    /// An interval, by its low end.
    Low, "num_lo", "young_lo", 2: s i64 = 0, lo i64 = 1, rid i64 = 2, w i64 = 3
);
row!(
    /// An interval that is no point, by its high end.
    High, "num_hi", "young_hi", 2: s i64 = 0, hi i64 = 1, rid i64 = 2, w i64 = 3
);
row!(
    /// A folded text.
    Norm, "txt_norm", "young_norm", 2: p i64 = 0, norm Arc<str> = 1, rid i64 = 2
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
    lows: Changes<Low>,
    highs: Changes<High>,
    norms: Changes<Norm>,
    /// All series to which intervals are added.
    series: BTreeSet<Series>,
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

    /// Adds all rows of a resource, of which some may be there.
    pub(super) fn renew(&mut self, row: i64, state: &State) {
        self.remove(row, state);
        self.add(row, state);
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
        let (low, high) = (number.low, number.high);
        let width = high.wrapping_sub(low);
        let series = Series { parameter: number.parameter, unit: number.unit, span: Span::of(width) };
        let s = series.code();
        if add {
            self.series.insert(series);
        }
        self.lows.push((Low(s, low, row, width), add));
        if series.span != Span::Point {
            self.highs.push((High(s, high, row, width), add));
        }
    }

    fn text(&mut self, row: i64, parameter: u32, text: &str, add: bool) {
        self.norms.push((Norm(i64::from(parameter), text.into(), row), add));
    }

    fn is_empty(&self) -> bool {
        self.posts.is_empty() && self.lows.is_empty() && self.highs.is_empty() && self.norms.is_empty()
    }

    /// Puts every list into the order of its table. A row that is both taken away and added stays.
    pub(super) fn sort(&mut self) {
        self.posts.sort_unstable();
        self.lows.sort_unstable();
        self.highs.sort_unstable();
        self.norms.sort_unstable();
    }

    /// The posts.
    pub(super) fn posts(&self) -> &[(Post, bool)] {
        &self.posts
    }

    /// Shows every list of rows to `visitor`.
    pub(super) fn visit(&self, visitor: &mut impl TableVisitor) -> Result<(), StoreError> {
        visitor.visit(&self.lows)?;
        visitor.visit(&self.highs)?;
        visitor.visit(&self.norms)
    }

    /// How many changes there are.
    pub(super) fn len(&self) -> usize {
        self.posts.len() + self.lows.len() + self.highs.len() + self.norms.len()
    }

    /// Writes that share of every list, which are sorted; gives by how many rows the young tables grew.
    pub(super) fn write(&self, connection: &Connection, share: Share) -> Result<i64, StoreError> {
        if share.from == 0 {
            self.series.iter().try_for_each(|series| series.write(connection))?;
        }
        let grown = runs::write(connection, share.of(&self.posts, |(post, _)| post))?;
        let mut slice = Slice { connection, share, grown };
        self.visit(&mut slice)?;
        Ok(slice.grown)
    }

    /// Writes everything, and is empty then.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if !self.is_empty() {
            self.sort();
            self.write(connection, Share::ALL)?;
            *self = Self::default();
        }
        Ok(())
    }
}

/// A version's time is one of its rows.
fn time(state: &State, rows: &Rows) -> NumberRow {
    NumberRow { parameter: rows.last_updated, low: state.updated.0, high: state.updated.0, unit: 0 }
}

/// A part of each list: from one fraction of it to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) from: usize,
    pub(super) to: usize,
    /// What `from` and `to` are parts of.
    pub(super) whole: usize,
}

impl Share {
    const ALL: Self = Self { from: 0, to: 1, whole: 1 };

    /// Its items of a sorted list. Changes of one row are never torn apart: the last word on it counts.
    fn of<T, K: PartialEq>(self, list: &[T], row: impl Fn(&T) -> &K) -> &[T] {
        let at = |part: usize| {
            let at = if part >= self.whole { list.len() } else { list.len() * part / self.whole };
            let same = |at: usize| at.checked_sub(1).and_then(|before| Some(row(list.get(before)?) == row(list.get(at)?)));
            if same(at) == Some(true) { at + 1 } else { at }
        };
        list.get(at(self.from)..at(self.to)).unwrap_or(&[])
    }
}

struct Slice<'s> {
    connection: &'s Connection,
    share: Share,
    /// By how many rows the young tables grew.
    grown: i64,
}

/// Rows per statement: the fewer calls the better, up to a point.
const MANY: usize = 32;

impl TableVisitor for Slice<'_> {
    fn visit<R: Row>(&mut self, changes: &Changes<R>) -> Result<(), StoreError> {
        let own = self.share.of(changes, |(row, _)| row);
        let mut add = Vec::with_capacity(own.len());
        // The last word on a row counts. What is taken away may stand in either table, and so may what is both taken away and
        // added, which then stands in one.
        let (young, old) = (delete::<R>(R::YOUNG), delete::<R>(R::TABLE));
        for same in own.chunk_by(|(a, _), (b, _)| a == b) {
            if let Some((row, false)) = same.first() {
                self.grown -= self.execute(&young, &[row])?;
                self.execute(&old, &[row])?;
            }
            add.extend(same.last().filter(|(_, add)| *add).map(|(row, _)| row));
        }
        let chunks = add.chunks_exact(MANY);
        let rest = chunks.remainder();
        let many = insert::<R>(MANY);
        for chunk in chunks {
            self.grown += self.execute(&many, chunk)?;
        }
        let one = insert::<R>(1);
        for row in rest {
            self.grown += self.execute(&one, &[*row])?;
        }
        Ok(())
    }
}

impl Slice<'_> {
    /// Gives how many rows there were to change.
    fn execute<R: Row>(&self, sql: &str, rows: &[&R]) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        for (number, row) in rows.iter().enumerate() {
            row.bind(&mut statement, 1 + number * R::COLUMNS.len()).map_err(failed)?;
        }
        statement.raw_execute().map(|changed| i64::try_from(changed).unwrap_or(i64::MAX)).map_err(failed)
    }
}

fn delete<R: Row>(table: &str) -> String {
    let tests: Vec<String> = R::COLUMNS.iter().map(|column| format!("{column} = ?")).collect();
    format!("DELETE FROM {table} WHERE {}", tests.join(" AND "))
}

/// `OR IGNORE` not only since rows may be there already: a statement of many rows that could fail in the middle makes SQLite
/// keep copies of the pages that it changes.
fn insert<R: Row>(rows: usize) -> String {
    let mut sql = format!("INSERT OR IGNORE INTO {} ({}) VALUES ", R::YOUNG, R::COLUMNS.join(", "));
    let row = format!("({})", vec!["?"; R::COLUMNS.len()].join(", "));
    for i in 0..rows {
        let _ = write!(sql, "{}{row}", if i == 0 { "" } else { ", " });
    }
    sql
}
