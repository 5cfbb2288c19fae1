//! The way of a generation of recent rows into the tables: a slice with every batch, so that no commit waits long for it.
//!
//! A slice has the next share of each table's rows, in order. Rows that are in the tables already but beyond the mark do no harm,
//! since searches look there only up to the mark; when the last slice is in, the mark moves.

use std::collections::HashSet;

use rusqlite::Connection;

use super::recent::{Recent, State};
use super::tables::{Share, Tables};
use crate::store::port::StoreError;

/// A generation on its way.
#[derive(Debug)]
pub(super) struct Merge {
    rows: Tables,
    /// The rows of how many resources, in number, are in the tables.
    done: usize,
    /// The last row id, where the mark will stand.
    last_row: i64,
    /// How many resources it has.
    resources: usize,
    /// Resources that got another version meanwhile: their rows are written with that version.
    touched: HashSet<i64>,
}

/// How far a merge came in a transaction, to be remembered when that has succeeded.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) done: usize,
    pub(super) touched: HashSet<i64>,
    /// Where the mark was moved to.
    pub(super) mark: Option<i64>,
}

impl Merge {
    /// Closes the newest generation and begins to merge it, if there is anything to merge.
    pub(super) fn begin(recent: &Recent) -> Option<Self> {
        let (states, last_row) = recent.freeze()?;
        let mut rows = Tables::default();
        for (row, state) in &states {
            rows.add(*row, state);
        }
        rows.sort(true);
        Some(Self { rows, done: 0, last_row, resources: states.len(), touched: HashSet::new() })
    }

    /// Whether the resource belongs to this generation.
    pub(super) fn covers(&self, row: i64) -> bool {
        row <= self.last_row
    }

    /// Replaces the rows of a resource of this generation, of which some may be in the tables.
    pub(super) fn replace(row: i64, old: &State, new: &State, pending: &mut Tables, progress: &mut Progress) {
        pending.remove(row, old);
        pending.add(row, new);
        progress.touched.insert(row);
    }

    /// Writes the share of rows that belongs to `resources` average resources.
    pub(super) fn step(&self, connection: &Connection, resources: usize, progress: &mut Progress) -> Result<(), StoreError> {
        progress.done = self.done.saturating_add(resources).min(self.resources);
        let skip = |row: i64| self.touched.contains(&row) || progress.touched.contains(&row);
        self.rows.write(connection, Share { from: self.done, to: progress.done, whole: self.resources }, &skip)?;
        if progress.done == self.resources {
            progress.mark = Some(self.last_row);
        }
        Ok(())
    }

    /// Takes over what a transaction did that succeeded.
    pub(super) fn advance(&mut self, progress: Progress) {
        self.done = self.done.max(progress.done);
        self.touched.extend(progress.touched);
    }
}
