//! After a crash: the index rows that were only in memory are read back from the resources that they belong to.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::failed;
use super::recent::State;
use super::tables::Tables;
use super::write::Numbers;
use crate::base::clock::Instant;
use crate::store::keys;
use crate::store::port::StoreError;

/// Resources per transaction.
const STEP: i64 = 4096;

/// Brings the index tables up to the last resource. After an orderly close there is nothing to do.
pub(super) fn recover(connection: &mut Connection, numbers: &mut Numbers) -> Result<(), StoreError> {
    while numbers.indexed + 1 < numbers.next_row {
        let mark = (numbers.indexed + STEP).min(numbers.next_row - 1);
        let transaction = connection.transaction().map_err(failed)?;
        let mut tables = Tables::default();
        each_state(&transaction, numbers.indexed, mark, |row, state| tables.add(row, &state))?;
        tables.flush(&transaction)?;
        transaction.execute("UPDATE mark SET indexed = ?1", [mark]).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        numbers.indexed = mark;
    }
    Ok(())
}

/// Goes through the living resources with row ids above `after` and up to `last`.
pub(super) fn each_state(connection: &Connection, after: i64, last: i64, mut each: impl FnMut(i64, State)) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT rid, updated, plain(keys) FROM carried WHERE rid > ?1 AND rid <= ?2").map_err(failed)?;
    let mut rows = statement.query(params![after, last]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (rid, updated) = (row.get(0).map_err(failed)?, Instant(row.get(1).map_err(failed)?));
        let keys = row.get_ref(2).map_err(failed)?.as_blob().ok().and_then(keys::unpack);
        let rows = keys.ok_or_else(|| StoreError::Failed(format!("the keys of row {rid} are damaged")))?;
        each(rid, State { sequence: 0, updated, rows: Some(Arc::new(rows)) });
    }
    Ok(())
}
