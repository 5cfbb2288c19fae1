//! Resources that a search has found by their row ids: what they carry for tests, and their texts.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::Row;

use super::Shared;
use super::connect::Connection;
use super::dictionary::ready;
use super::fault::Fault;
use super::method::method;
use super::read;
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::model::resource::Body;
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
    /// Without the text.
    pub(super) version: Version,
    /// What is kept of the text, squeezed, if it is wanted: most of what is tested need not be expanded.
    text: Option<Vec<u8>>,
    /// The packed index rows, if they are wanted.
    keys: Vec<u8>,
}

impl Line {
    /// What it carries for searches.
    pub(super) fn candidate(&self) -> Result<Candidate<'_, Packed<'_>>, StoreError> {
        let rows = Packed::of(&self.keys).ok_or_else(|| StoreError::Failed(format!("the keys of row {} are damaged", self.row)))?;
        Ok(Candidate { row: self.row, id: self.version.key.id.as_str(), rows, updated: self.version.updated })
    }

    /// Whether the text was read.
    pub(super) fn has_text(&self) -> bool {
        self.text.is_some()
    }

    /// The text, if it was read.
    pub(super) fn body(&self, shared: &Shared) -> Result<Option<Bytes>, StoreError> {
        let Version { key, version, updated, .. } = &self.version;
        let tail = self.text.as_deref().map(|small| read::expanded(shared, key, small)).transpose()?;
        Ok(tail.map(|tail| Body::restore(key, tail, *version, *updated)))
    }

    /// The version, with the text if it was read.
    pub(super) fn whole(self, shared: &Shared) -> Result<Arc<Version>, StoreError> {
        let body = self.body(shared)?;
        Ok(Arc::new(Version { body, ..self.version }))
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
    let (version, updated) = (row.try_get::<_, i64>(3)?.cast_unsigned(), Instant(row.try_get(4)?));
    let version = Version { key, version, updated, method: method(row.try_get(5)?), body: None };
    Ok(Line { row: own, version, text: row.try_get::<_, Option<&[u8]>>(6)?.map(<[u8]>::to_vec), keys })
}
