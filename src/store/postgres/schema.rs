//! The tables of a PostgreSQL store, their versions, and how an older database becomes a newer one.
//!
//! ```text
//! norn_schema (version, shards)                        the version of these tables
//! feed     (seq, last, row, opened, generation)        one line: the last place in the change feed, the time of the last write,
//!                                                      the largest row id, how often a gateway was started, the generation of
//!                                                      the search parameters of the server's own
//! parameter (id, since, text, progress)                these parameters, since which generation, how far their rows are complete
//! guard    (k)                                         one line: held by the one transaction that verifies searches
//! kind     (code, name, living)                        the resource types, and how many resources each has now
//! resource (shard, rid, kind, id, version, updated, method, body, keys)
//!                                                      the current version; a deleted one keeps its line, without body and keys
//! history  (shard, rid, version, updated, method, body) the versions before the current one
//! change   (shard, seq, kind, rid, version, method, updated)
//!                                                      the change feed: one line per version ever written, without gaps
//! post     (shard, k, rid)                             equality keys
//! num      (shard, p, u, lo, hi, rid)                  intervals
//! txt      (shard, p, rid, norm)                       folded texts, as bytes: their order is that of code points in any locale
//! link     (shard, p, kind, id, at, rid)               references to resources of this server; `at` is the shard of the target
//! request  (shard, key, request, at, results)          idempotency keys with what was answered
//! secret   (one, bytes)                                what the gateways sign with
//! lease    (name, owner, until)                        who does what only one gateway may do
//! ```
//!
//! `rid` is made by the gateway and grows with time (`rows`). `shard` is the distribution column of clustered databases, first
//! in every key and named in every join; it is always 0 unless the database is distributed. Common to all tables: no foreign
//! keys, sequences, triggers or generated columns, and no index kind but the B-tree.

use std::fmt::Write as _;

use super::connect::Connection;
use super::fault::Fault;
use crate::store::port::StoreError;

/// Each entry leads from the version that is its number to the next. Forward only; entries are never changed once released.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE feed (
        one int2 PRIMARY KEY,
        seq int8 NOT NULL,
        last int8 NOT NULL,
        row int8 NOT NULL,
        opened int8 NOT NULL
    );
    INSERT INTO feed VALUES (0, 0, -9223372036854775808, 0, 0);
    CREATE TABLE guard (
        k int2 PRIMARY KEY
    );
    INSERT INTO guard VALUES (0);
    CREATE TABLE kind (
        code int4 PRIMARY KEY,
        name text COLLATE \"C\" NOT NULL,
        living int8 NOT NULL
    );
    CREATE TABLE resource (
        shard int2 NOT NULL,
        rid int8 NOT NULL,
        kind int4 NOT NULL,
        id text COLLATE \"C\" NOT NULL,
        version int8 NOT NULL,
        updated int8 NOT NULL,
        method int2 NOT NULL,
        body bytea,
        keys bytea,
        PRIMARY KEY (shard, rid)
    ) WITH (toast_tuple_target = 4080, fillfactor = 90);
    CREATE UNIQUE INDEX resource_id ON resource (shard, kind, id);
    CREATE TABLE history (
        shard int2 NOT NULL,
        rid int8 NOT NULL,
        version int8 NOT NULL,
        updated int8 NOT NULL,
        method int2 NOT NULL,
        body bytea,
        PRIMARY KEY (shard, rid, version)
    );
    CREATE TABLE change (
        shard int2 NOT NULL,
        seq int8 NOT NULL,
        kind int4 NOT NULL,
        rid int8 NOT NULL,
        version int8 NOT NULL,
        method int2 NOT NULL,
        updated int8 NOT NULL,
        PRIMARY KEY (shard, seq)
    );
    CREATE INDEX change_kind ON change (shard, kind, seq);
    CREATE INDEX change_updated ON change (shard, updated);
    CREATE TABLE post (
        shard int2 NOT NULL,
        k int8 NOT NULL,
        rid int8 NOT NULL,
        PRIMARY KEY (shard, k, rid)
    );
    CREATE TABLE num (
        shard int2 NOT NULL,
        p int4 NOT NULL,
        u int8 NOT NULL,
        lo int8 NOT NULL,
        hi int8 NOT NULL,
        rid int8 NOT NULL
    );
    CREATE INDEX num_lo ON num (shard, p, lo, rid DESC);
    CREATE INDEX num_hi ON num (shard, p, hi, rid);
    CREATE INDEX num_rid ON num (shard, rid, p);
    CREATE TABLE txt (
        shard int2 NOT NULL,
        p int4 NOT NULL,
        rid int8 NOT NULL,
        norm bytea NOT NULL
    );
    CREATE INDEX txt_norm ON txt (shard, p, substring(norm, 1, 128), rid);
    CREATE INDEX txt_rid ON txt (shard, rid, p);
    CREATE TABLE link (
        shard int2 NOT NULL,
        p int4 NOT NULL,
        kind int4 NOT NULL,
        id text COLLATE \"C\" NOT NULL,
        at int2 NOT NULL,
        rid int8 NOT NULL
    );
    CREATE INDEX link_to ON link (shard, p, kind, id, rid);
    CREATE INDEX link_rid ON link (shard, rid, p);
    CREATE TABLE request (
        shard int2 NOT NULL,
        key bytea NOT NULL,
        request bytea NOT NULL,
        at int8 NOT NULL,
        results bytea NOT NULL,
        PRIMARY KEY (shard, key)
    );
    CREATE INDEX request_at ON request (shard, at);
    CREATE TABLE secret (
        one int2 PRIMARY KEY,
        bytes bytea NOT NULL
    );
    CREATE TABLE lease (
        name text COLLATE \"C\" PRIMARY KEY,
        owner text NOT NULL,
        until int8 NOT NULL
    );
",
    "
    ALTER TABLE feed ADD COLUMN generation int8 NOT NULL DEFAULT 0;
    CREATE TABLE parameter (
        id text COLLATE \"C\" PRIMARY KEY,
        since int8 NOT NULL,
        text bytea NOT NULL,
        progress bytea NOT NULL
    );
",
];

/// Bytes of a text that stand in its index; the column itself holds all of it.
pub(super) const TEXT_INDEXED: usize = 128;

/// What the tables say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// The version that they had when they were opened.
    pub(super) found: usize,
    /// Into how many shards resources are spread.
    pub(super) shards: u16,
}

/// The present version.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Makes the database a store of the present version: creates the tables, or migrates older ones.
///
/// # Errors
/// When it is one of a later version, holds tables of somebody else, or the database fails.
pub(super) async fn prepare(connection: &Connection) -> Result<State, Fault> {
    // The one that comes second when two gateways create the tables at once is told so, and looks again.
    let mut tries = 0;
    loop {
        let state = match look(connection).await? {
            Some(state) if state.found == VERSION => return Ok(state),
            state => state,
        };
        match migrate(connection, state.is_none()).await {
            Ok(state) => return Ok(state),
            Err(Fault::Conflict(_)) if tries < 10 => {
                connection.run("ROLLBACK").await?;
                tries += 1;
            }
            Err(fault) => {
                let _ = connection.run("ROLLBACK").await;
                return Err(fault);
            }
        }
    }
}

/// The state of the tables; `None` if there are none.
pub(super) async fn look(connection: &Connection) -> Result<Option<State>, Fault> {
    if connection.number("SELECT count(*) FROM pg_class WHERE oid = to_regclass('norn_schema')", &[]).await? == 0 {
        return Ok(None);
    }
    state(connection, "SELECT version, shards FROM norn_schema").await
}

async fn state(connection: &Connection, sql: &str) -> Result<Option<State>, Fault> {
    let rows = connection.query(sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (version, shards): (i32, i16) = (row.try_get(0)?, row.try_get(1)?);
    match (usize::try_from(version), u16::try_from(shards)) {
        (Ok(found), Ok(shards)) if found <= VERSION && shards > 0 => Ok(Some(State { found, shards })),
        _ => {
            Err(StoreError::Unusable("the database was written by a later version of Norn; use that one, or restore a backup".into())
                .into())
        }
    }
}

async fn migrate(connection: &Connection, create: bool) -> Result<State, Fault> {
    connection.run("BEGIN").await?;
    if create {
        let sql = "CREATE TABLE norn_schema (one int2 PRIMARY KEY, version int4 NOT NULL, shards int2 NOT NULL);
            INSERT INTO norn_schema VALUES (0, 0, 1)";
        // Somebody else has just made it.
        connection.run(sql).await.map_err(|fault| match fault {
            Fault::Store(StoreError::Failed(text)) if text.contains("42P07") => Fault::Conflict(text),
            other => other,
        })?;
    }
    let state = state(connection, "SELECT version, shards FROM norn_schema FOR UPDATE").await?;
    let state = state.ok_or_else(|| StoreError::Unusable("norn_schema is empty".to_owned()))?;
    for step in MIGRATIONS.get(state.found..).unwrap_or(&[]) {
        connection.run(step).await.map_err(|fault| match fault {
            Fault::Store(StoreError::Failed(text)) if text.contains("42P07") => {
                StoreError::Unusable(format!("the database holds tables of another application: {text}")).into()
            }
            other => other,
        })?;
    }
    connection.run(&format!("UPDATE norn_schema SET version = {VERSION}; COMMIT")).await?;
    Ok(state)
}

/// Tables that are spread over a cluster by their shard, all alike, so that lines of one resource are together.
const DISTRIBUTED: [&str; 7] = ["history", "change", "post", "num", "txt", "link", "request"];
/// Small tables of which every machine of the cluster has a copy.
const EVERYWHERE: [&str; 7] = ["norn_schema", "feed", "guard", "kind", "secret", "lease", "parameter"];

/// The statements that distribute empty tables with Citus into so many shards.
#[must_use]
pub fn citus(shards: u16) -> String {
    let mut sql = "SELECT create_distributed_table('resource', 'shard', shard_count => ".to_owned();
    let _ = writeln!(sql, "{shards});");
    for table in DISTRIBUTED {
        let _ = writeln!(sql, "SELECT create_distributed_table('{table}', 'shard', colocate_with => 'resource');");
    }
    for table in EVERYWHERE {
        let _ = writeln!(sql, "SELECT create_reference_table('{table}');");
    }
    let _ = writeln!(sql, "UPDATE norn_schema SET shards = {shards};");
    sql
}
