//! Resources that a search has found by their row ids: what they carry for tests, and their texts.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use super::Shared;
use super::connect::Connection;
use super::dictionary::ready;
use super::fault::Fault;
use super::read;
use crate::model::reference::Key;
use crate::store::evaluate::Candidate;
use crate::store::keys::Packed;
use crate::store::port::{StoreError, Version};

/// What is wanted of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Which it is.
    Name,
    Keys,
    Text,
    Both,
}

/// A living resource.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) row: i64,
    /// Without the text, unless that is wanted.
    pub(super) version: Arc<Version>,
    /// The packed index rows, if they are wanted.
    keys: Vec<u8>,
}

impl Line {
    /// What it carries for searches.
    pub(super) fn candidate(&self) -> Result<Candidate<'_, Packed<'_>>, StoreError> {
        let rows = Packed::of(&self.keys).ok_or_else(|| StoreError::Failed(format!("the keys of row {} are damaged", self.row)))?;
        Ok(Candidate { row: self.row, id: self.version.key.id.as_str(), rows, updated: self.version.updated })
    }
}

const NAME: &str = "SELECT rid, kind, id, version, updated, method, NULL::bytea, NULL::bytea FROM resource
    WHERE rid = ANY ($1::int8[]) AND body IS NOT NULL";
const KEYS: &str = "SELECT rid, kind, id, version, updated, method, NULL::bytea, keys FROM resource
    WHERE rid = ANY ($1::int8[]) AND body IS NOT NULL";
const TEXT: &str = "SELECT rid, kind, id, version, updated, method, body, NULL::bytea FROM resource
    WHERE rid = ANY ($1::int8[]) AND body IS NOT NULL";
const BOTH: &str = "SELECT rid, kind, id, version, updated, method, body, keys FROM resource
    WHERE rid = ANY ($1::int8[]) AND body IS NOT NULL";

impl Want {
    /// The statement that asks for it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Name => NAME,
            Self::Keys => KEYS,
            Self::Text => TEXT,
            Self::Both => BOTH,
        }
    }
}

/// The living resources of some row ids, in the order of these.
pub(super) async fn lines(connection: &Connection, shared: &Shared, rows: &[i64], want: Want) -> Result<Vec<Line>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found = connection.query(want.sql(), &[&rows]).await?;
    ready(connection, shared, &found, &[6, 7]).await?;
    let mut lines = found.iter().map(|row| line(shared, row).map(|line| (line.row, line))).collect::<Result<HashMap<_, _>, _>>()?;
    Ok(rows.iter().filter_map(|row| lines.remove(row)).collect())
}

fn line(shared: &Shared, row: &Row) -> Result<Line, Fault> {
    let key = Key { kind: shared.kinds.kind(row.try_get(1)?)?, id: read::id_of(row.try_get(2)?)? };
    let own = row.try_get(0)?;
    let keys = row.try_get::<_, Option<&[u8]>>(7)?.map(|small| read::keys(shared, own, small)).transpose()?.unwrap_or_default();
    Ok(Line { row: own, version: Arc::new(read::version(shared, row, 3, key)?), keys })
}
