//! After a crash: the index rows that were only in memory are read back from the resources that they belong to.
//!
//! Older resources that had a new version stand in `stale` with the packed rows of the version before. Of each of them the
//! tables may hold the rows of a version named there, of the next one, or some of either: all are taken away, and those of the
//! current version are put in.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::failed;
use super::merge::Mark;
use super::recent::State;
use super::tables::Tables;
use super::write::Numbers;
use crate::base::clock::Instant;
use crate::store::keys;
use crate::store::port::StoreError;

/// Resources per transaction.
const STEP: i64 = 4096;

/// Brings the index tables up to the last resource and version. After an orderly close there is nothing to do.
pub(super) fn recover(connection: &mut Connection, numbers: &mut Numbers) -> Result<(), StoreError> {
    renew_stale(connection, numbers.mark.indexed)?;
    while numbers.mark.indexed + 1 < numbers.next_row {
        let mark = Mark { indexed: (numbers.mark.indexed + STEP).min(numbers.next_row - 1), ..numbers.mark };
        let transaction = connection.transaction().map_err(failed)?;
        let mut tables = Tables::default();
        each_state(&transaction, numbers.mark.indexed, mark.indexed, |row, state| tables.renew(row, &state))?;
        tables.flush(&transaction)?;
        mark.write(&transaction)?;
        transaction.commit().map_err(failed)?;
        numbers.mark = mark;
    }
    Ok(())
}

/// Gives the resources named in `stale` the rows of their current versions, those beyond the mark none: their turn comes.
fn renew_stale(connection: &mut Connection, indexed: i64) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(failed)?;
    let (mut tables, mut renewed) = (Tables::default(), BTreeSet::new());
    states(&transaction, "SELECT rid, updated, plain(keys) FROM stale", [], |row, state| {
        renewed.insert(row);
        tables.remove(row, &state);
    })?;
    if renewed.is_empty() {
        return Ok(());
    }
    for row in renewed.range(..=indexed) {
        each_state(&transaction, row - 1, *row, |row, state| tables.renew(row, &state))?;
    }
    tables.flush(&transaction)?;
    transaction.execute("DELETE FROM stale", []).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Goes through the living resources with row ids above `after` and up to `last`.
pub(super) fn each_state(connection: &Connection, after: i64, last: i64, each: impl FnMut(i64, State)) -> Result<(), StoreError> {
    states(connection, "SELECT rid, updated, plain(keys) FROM carried WHERE rid > ?1 AND rid <= ?2", params![after, last], each)
}

fn states(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    mut each: impl FnMut(i64, State),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(parameters).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (rid, updated) = (row.get(0).map_err(failed)?, Instant(row.get(1).map_err(failed)?));
        let keys = row.get_ref(2).map_err(failed)?.as_blob_or_null().map_err(|error| failed(error.into()))?;
        let damaged = || StoreError::Failed(format!("the keys of row {rid} are damaged"));
        let rows = keys.map(|keys| keys::unpack(keys).map(Arc::new).ok_or_else(damaged)).transpose()?;
        each(rid, State { sequence: 0, updated, rows });
    }
    Ok(())
}
