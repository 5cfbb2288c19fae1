//! The search parameters of the server's own: their definitions, their generation, and how far their rows are complete.

use bytes::Bytes;
use rusqlite::{Connection, params};

use super::failed;
use crate::model::primitive::Id;
use crate::store::port::{Definition, Parameters, Progress, StoreError, Stored};

/// All of them, as of one moment.
pub(super) fn read(connection: &Connection) -> Result<Parameters, StoreError> {
    let sql = "SELECT c.generation, p.id, p.since, p.text, p.progress FROM catalog c LEFT JOIN parameter p ORDER BY p.since, p.id";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut lines = statement.query([]).map_err(failed)?;
    let mut parameters = Parameters::default();
    while let Some(line) = lines.next().map_err(failed)? {
        parameters.generation = line.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
        let Some(id) = line.get::<_, Option<String>>(1).map_err(failed)?.as_deref().and_then(Id::new) else { continue };
        let since = line.get::<_, i64>(2).map_err(failed)?.cast_unsigned();
        let bytes = |column| line.get::<_, Vec<u8>>(column).map(Bytes::from).map_err(failed);
        parameters.stored.push(Stored { text: bytes(3)?, progress: Progress { id, since, text: bytes(4)? } });
    }
    Ok(parameters)
}

/// Takes definitions in under a generation.
pub(super) fn define(connection: &Connection, definitions: &[Definition], generation: u64) -> Result<(), StoreError> {
    let since = generation.cast_signed();
    connection.prepare_cached("UPDATE catalog SET generation = ?1").and_then(|mut line| line.execute([since])).map_err(failed)?;
    let put = "INSERT OR REPLACE INTO parameter (id, since, text, progress) VALUES (?1, ?2, ?3, x'')";
    for Definition { id, text } in definitions {
        let id = id.as_str();
        match text {
            Some(text) => connection.prepare_cached(put).and_then(|mut line| line.execute(params![id, since, &**text])),
            None => connection.prepare_cached("DELETE FROM parameter WHERE id = ?1").and_then(|mut line| line.execute([id])),
        }
        .map_err(failed)?;
    }
    Ok(())
}

/// Keeps progress of definitions that are still the present ones.
pub(super) fn advance(connection: &Connection, progress: &[Progress]) -> Result<(), StoreError> {
    for Progress { id, since, text } in progress {
        let sql = "UPDATE parameter SET progress = ?3 WHERE id = ?1 AND since = ?2";
        let values = params![id.as_str(), since.cast_signed(), &**text];
        connection.prepare_cached(sql).and_then(|mut line| line.execute(values)).map_err(failed)?;
    }
    Ok(())
}
