//! The dictionaries of the store: loaded when it is opened, added to as it grows, and at the service of SQL.

use std::sync::Arc;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, params};

use super::failed;
use crate::store::port::StoreError;
use crate::store::squeeze::{Purpose, Squeezer};

/// Loads the dictionaries of a store whose next new resource gets the row id `next_row`.
pub(super) fn load(connection: &Connection, next_row: i64) -> Result<Squeezer, StoreError> {
    let mut statement = connection.prepare("SELECT n, purpose, bytes FROM dictionary ORDER BY n").map_err(failed)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u8>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?));
    let lines = statement.query_map([], read).map_err(failed)?.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
    let named =
        |(number, code, bytes)| Purpose::ALL.into_iter().find(|purpose| purpose.code() == code).map(|purpose| (number, purpose, bytes));
    let seen = u64::try_from(next_row.saturating_sub(1)).unwrap_or(0);
    Ok(Squeezer::new(lines.into_iter().filter_map(named), seen))
}

/// Gives a connection the function `plain`, which expands a squeezed column; NULL stays NULL.
pub(super) fn serve(connection: &Connection, squeezer: &Arc<Squeezer>) -> Result<(), StoreError> {
    let squeezer = Arc::clone(squeezer);
    let plain = move |context: &rusqlite::functions::Context<'_>| match context.get_raw(0) {
        ValueRef::Blob(bytes) => squeezer.expand(bytes).map(Some).map_err(|told| Error::UserFunctionError(told.into())),
        _ => Ok(None),
    };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("plain", 1, flags, plain).map_err(failed)
}

/// Makes new dictionaries durable, then uses them.
pub(super) fn add(connection: &Connection, squeezer: &Squeezer, dictionaries: &[(Purpose, Vec<u8>)]) -> Result<(), StoreError> {
    for (purpose, bytes) in dictionaries {
        let Some(number) = squeezer.next_number() else { return Ok(()) };
        let sql = "INSERT INTO dictionary (n, purpose, bytes) VALUES (?1, ?2, ?3)";
        connection.execute(sql, params![number, purpose.code(), bytes]).map_err(failed)?;
        squeezer.learn(number, *purpose, bytes);
    }
    Ok(())
}
