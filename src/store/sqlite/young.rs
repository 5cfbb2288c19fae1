//! Young and old tables of index rows.
//!
//! In a large store each of the thousands of rows of a generation belongs to another page, and each page that is changed passes
//! through the log and into the file. So rows go first into young tables, which are small: there a generation changes each page
//! once, for many of its rows. From these, as many rows as come in move on into the old tables, neighbours together, round and
//! round: when a neighbourhood has its turn, the rows of many generations have gathered there. With `a` resources in all and `g`
//! in a generation, the fewest pages are changed when the young tables hold the rows of about the root of `a * g / 2` resources.
//!
//! A row stands in a young table or in the old one, never in both, and searches look into both. So rows can move at any time, in
//! any transaction, and a crash has nothing to repair.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::tables::{High, Low, Norm, Row};
use super::{failed, runs};
use crate::store::port::StoreError;

/// The young tables, and which rows move next.
#[derive(Debug, Clone)]
pub(super) struct Young {
    /// How many rows they have.
    rows: i64,
    /// How many they should have.
    aim: i64,
    next: Place,
}

/// The tables take turns, each from its first row to its last. A place is that after a row.
#[derive(Debug, Clone)]
enum Place {
    Runs(i64, i64),
    Lows(Vec<Value>),
    Highs(Vec<Value>),
    Norms(Vec<Value>),
}

impl Place {
    const FIRST: Self = Self::Runs(i64::MIN, i64::MIN);
}

/// As many resources are in a full generation, about.
const GENERATION: usize = if cfg!(test) { 1 } else { 3000 };
/// Rows that move at once beside twice those that come, at most, so that no commit waits long.
const MORE: i64 = 500;

impl Young {
    /// The young tables as they are.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut rows = 0;
        for table in ["young_run", Low::YOUNG, High::YOUNG, Norm::YOUNG] {
            rows += connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).map_err(failed)?;
        }
        Ok(Self { rows, aim: i64::MAX, next: Place::FIRST })
    }

    /// Tells how many resources there are, and how many rows some of them have.
    pub(super) fn weigh(&mut self, all: i64, rows: usize, resources: usize) {
        let all = usize::try_from(all).unwrap_or(0);
        let resources_there = (all.saturating_mul(GENERATION) / 2).isqrt();
        let aim = resources_there.saturating_mul(rows) / resources.max(1);
        self.aim = i64::try_from(aim).unwrap_or(i64::MAX);
    }

    /// So many rows came in: if there are too many now, the oldest neighbourhoods move on.
    pub(super) fn step(&mut self, connection: &Connection, come: i64) -> Result<(), StoreError> {
        self.rows += come;
        let mut left = (self.rows - self.aim).clamp(0, 2 * come.max(0) + MORE);
        // Each table at most once, so that it ends when there are none.
        for _ in 0..4 {
            if left == 0 {
                break;
            }
            let (next, moved) = match &self.next {
                Place::Runs(post, last) => {
                    let (place, moved) = runs::settle(connection, (*post, *last), left)?;
                    (if moved < left { Place::Lows(Vec::new()) } else { Place::Runs(place.0, place.1) }, moved)
                }
                Place::Lows(after) => settle::<Low>(connection, after, left)?.then(Place::Lows, Place::Highs(Vec::new())),
                Place::Highs(after) => settle::<High>(connection, after, left)?.then(Place::Highs, Place::Norms(Vec::new())),
                Place::Norms(after) => settle::<Norm>(connection, after, left)?.then(Place::Norms, Place::FIRST),
            };
            self.next = next;
            self.rows -= moved;
            left -= moved;
        }
        Ok(())
    }
}

/// How far rows of a table moved.
struct Moved {
    count: i64,
    /// The last one, if there may be more after it.
    last: Option<Vec<Value>>,
}

impl Moved {
    fn then(self, same: impl FnOnce(Vec<Value>) -> Place, other: Place) -> (Place, i64) {
        (self.last.map_or(other, same), self.count)
    }
}

/// Moves rows after a place, so many at most.
fn settle<R: Row>(connection: &Connection, after: &[Value], most: i64) -> Result<Moved, StoreError> {
    let (young, old, columns) = (R::YOUNG, R::TABLE, R::COLUMNS.join(", "));
    let places = |first: usize| (first..first + R::COLUMNS.len()).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ");
    let from = if after.is_empty() { "1".to_owned() } else { format!("({columns}) > ({})", places(1)) };
    let number = |count: i64| Value::Integer(count);
    // The last one that moves.
    let sql = format!("SELECT {columns} FROM {young} WHERE {from} ORDER BY {columns} LIMIT 1 OFFSET ?{}", after.len() + 1);
    let values = || after.iter().cloned();
    let last = {
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        let mut lines = statement.query(params_from_iter(values().chain([number(most - 1)]))).map_err(failed)?;
        match lines.next().map_err(failed)? {
            Some(line) => Some((0..R::COLUMNS.len()).map(|at| line.get(at)).collect::<rusqlite::Result<Vec<Value>>>().map_err(failed)?),
            None => None,
        }
    };
    let to = if last.is_some() { format!("({columns}) <= ({})", places(after.len() + 1)) } else { "1".to_owned() };
    let bounds = || params_from_iter(values().chain(last.iter().flatten().cloned()).collect::<Vec<_>>());
    let part = format!("{young} WHERE {from} AND {to}");
    let execute = |sql: &str| connection.prepare_cached(sql).and_then(|mut statement| statement.execute(bounds())).map_err(failed);
    execute(&format!("INSERT OR IGNORE INTO {old} ({columns}) SELECT {columns} FROM {part} ORDER BY {columns}"))?;
    let count = i64::try_from(execute(&format!("DELETE FROM {part}"))?).unwrap_or(i64::MAX);
    Ok(Moved { count, last })
}
