//! The way of a generation of recent rows into the tables: a slice with every batch, so that no commit waits long for it.
//!
//! A slice has the next share of each table's rows, in order. Rows that are in the tables already but beyond the mark do no harm,
//! since searches look there only up to the mark, and what the tables say of changed resources is passed over as long as their
//! generation is in memory. When the last slice is in, the mark moves.

use rusqlite::{Connection, params};

use super::failed;
use super::recent::{Frozen, Recent};
use super::tables::{Share, Tables};
use super::young::Young;
use crate::store::port::StoreError;

/// A generation on its way.
#[derive(Debug)]
pub(super) struct Merge {
    rows: Tables,
    /// The rows of how many resources, in number, are in the tables.
    done: usize,
    mark: Mark,
    /// How many resources it has.
    resources: usize,
    /// The last line of `stale` that belongs to it, or to generations before.
    stale: i64,
}

/// Up to where the tables are complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// The last row id of which the tables have the rows.
    pub(super) indexed: i64,
    /// How many generations are in the tables.
    pub(super) generation: i64,
}

/// How far a merge came in a transaction, to be remembered when that has succeeded.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) done: usize,
    /// The young tables.
    pub(super) young: Option<Young>,
    /// Where the mark was moved to.
    pub(super) mark: Option<Mark>,
}

impl Merge {
    /// Closes the newest generation and begins to merge it, if there is anything to merge.
    pub(super) fn begin(connection: &Connection, recent: &Recent, young: &mut Young) -> Result<Option<Self>, StoreError> {
        let stale = connection.query_row("SELECT ifnull(max(n), 0) FROM stale", [], |row| row.get(0)).map_err(failed)?;
        let Some(Frozen { number, new, changed, last_row }) = recent.freeze() else { return Ok(None) };
        let mut rows = Tables::default();
        new.iter().for_each(|(row, state)| rows.add(*row, state));
        changed.iter().for_each(|(row, before, after)| rows.replace(*row, before, after));
        rows.sort();
        let mark = Mark { indexed: last_row, generation: number + 1 };
        let resources = (new.len() + changed.len()).max(1);
        young.weigh(last_row, rows.len(), resources);
        Ok(Some(Self { rows, done: 0, mark, resources, stale }))
    }

    /// Writes the share of rows that belongs to `resources` average resources, and at last the mark; as many young rows move on.
    pub(super) fn step(&self, connection: &Connection, resources: usize, young: &Young, progress: &mut Progress) -> Result<(), StoreError> {
        progress.done = self.done.saturating_add(resources).min(self.resources);
        let come = self.rows.write(connection, Share { from: self.done, to: progress.done, whole: self.resources })?;
        let mut young = young.clone();
        young.step(connection, come)?;
        progress.young = Some(young);
        if progress.done == self.resources {
            self.mark.write(connection)?;
            connection.execute("DELETE FROM stale WHERE n <= ?1", [self.stale]).map_err(failed)?;
            progress.mark = Some(self.mark);
        }
        Ok(())
    }

    /// Takes over what a transaction did that succeeded.
    pub(super) fn advance(&mut self, progress: &Progress) {
        self.done = self.done.max(progress.done);
    }
}

impl Mark {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let read = |row: &rusqlite::Row<'_>| Ok(Self { indexed: row.get(0)?, generation: row.get(1)? });
        connection.query_row("SELECT indexed, generation FROM mark", [], read).map_err(failed)
    }

    pub(super) fn write(self, connection: &Connection) -> Result<(), StoreError> {
        connection
            .execute("UPDATE mark SET indexed = ?1, generation = ?2", params![self.indexed, self.generation])
            .map(drop)
            .map_err(failed)
    }
}
