//! Resource types as small numbers: the codes by which the tables know them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::connect::Connection;
use super::fault::Fault;
use crate::model::schema::{ResourceType, Schema};
use crate::store::port::StoreError;

/// The codes of all types of a schema. A code is given once per database and never changes, whatever order a later schema has.
#[derive(Debug)]
pub(super) struct Kinds {
    codes: HashMap<ResourceType, i32>,
    types: HashMap<i32, ResourceType>,
}

impl Kinds {
    /// Reads the codes, and gives codes to types that have none yet.
    pub(super) async fn load(connection: &Connection, schema: &'static Schema) -> Result<Self, Fault> {
        let names: Vec<&str> = schema.resource_types().map(ResourceType::name).collect();
        let read = "SELECT name, code FROM kind WHERE name = ANY($1::text[])";
        let mut rows = connection.query(read, &[&names]).await?;
        if rows.len() < names.len() {
            // Several gateways may start at once: the line of the schema's version keeps them apart.
            connection.run("BEGIN").await?;
            connection.query("SELECT version FROM norn_schema FOR UPDATE", &[]).await?;
            let add = "INSERT INTO kind (code, name, living)
                SELECT (SELECT coalesce(max(code), 0) FROM kind) + n, name, 0
                FROM (SELECT row_number() OVER ()::int4 AS n, w.name FROM unnest($1::text[]) AS w(name)
                      WHERE NOT EXISTS (SELECT 1 FROM kind k WHERE k.name = w.name)) AS missing";
            connection.execute(add, &[&names]).await?;
            connection.run("COMMIT").await?;
            rows = connection.query(read, &[&names]).await?;
        }
        let known: HashMap<String, i32> = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Fault>>()?;
        let mut kinds = Self { codes: HashMap::new(), types: HashMap::new() };
        for kind in schema.resource_types() {
            let code = *known.get(kind.name()).ok_or_else(|| StoreError::Failed(format!("the type {kind} got no code")))?;
            kinds.codes.insert(kind, code);
            kinds.types.insert(code, kind);
        }
        Ok(kinds)
    }

    pub(super) fn code(&self, kind: ResourceType) -> Result<i32, StoreError> {
        self.codes.get(&kind).copied().ok_or_else(|| StoreError::Failed(format!("the type {kind} is none of the store's schema")))
    }

    pub(super) fn kind(&self, code: i32) -> Result<ResourceType, StoreError> {
        self.types
            .get(&code)
            .copied()
            .ok_or_else(|| StoreError::Failed(format!("the store holds a type (code {code}) that the schema lacks")))
    }
}

/// How many resources types have, as they were counted lately.
#[derive(Debug, Default)]
pub(super) struct Sizes(Mutex<HashMap<i32, (i64, i64)>>);

/// A count is looked up so often before it is read again.
const USES: i64 = 1000;

impl Sizes {
    pub(super) fn get(&self, code: i32) -> Option<i64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, left) = counts.get_mut(&code)?;
        *left -= 1;
        // A count that was small may have grown a lot.
        (*left >= 0).then_some(*count)
    }

    pub(super) fn put(&self, code: i32, count: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(code, (count, count.min(USES)));
    }
}
