//! Resource types as small numbers: the codes by which the tables know them.

use std::collections::HashMap;

use rusqlite::Connection;

use super::failed;
use crate::model::schema::{ResourceType, Schema};
use crate::store::port::StoreError;

/// The codes of all types of a schema. Codes are given once per file and never change, whatever order a later schema has.
#[derive(Debug)]
pub(super) struct Kinds {
    codes: HashMap<ResourceType, i64>,
    types: HashMap<i64, ResourceType>,
}

impl Kinds {
    /// Reads the codes, and gives codes to types that have none yet.
    pub(super) fn load(connection: &mut Connection, schema: &Schema) -> Result<Self, StoreError> {
        let mut known: HashMap<String, i64> = HashMap::new();
        let mut statement = connection.prepare("SELECT name, code FROM kind").map_err(failed)?;
        for row in statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)? {
            known.extend([row.map_err(failed)?]);
        }
        drop(statement);
        let mut kinds = Self { codes: HashMap::new(), types: HashMap::new() };
        let transaction = connection.transaction().map_err(failed)?;
        for kind in schema.resource_types() {
            let code = match known.get(kind.name()) {
                Some(code) => *code,
                None => transaction
                    .query_row("INSERT INTO kind (name) VALUES (?1) RETURNING code", [kind.name()], |row| row.get(0))
                    .map_err(failed)?,
            };
            kinds.codes.insert(kind, code);
            kinds.types.insert(code, kind);
        }
        transaction.commit().map_err(failed)?;
        Ok(kinds)
    }

    pub(super) fn code(&self, kind: ResourceType) -> Result<i64, StoreError> {
        self.codes.get(&kind).copied().ok_or_else(|| StoreError::Failed(format!("the type {kind} is none of the store's schema")))
    }

    pub(super) fn kind(&self, code: i64) -> Result<ResourceType, StoreError> {
        self.types
            .get(&code)
            .copied()
            .ok_or_else(|| StoreError::Failed(format!("the store holds a type (code {code}) that the schema lacks")))
    }
}
