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
//! dictionary (n, purpose, bytes)                       what bodies and keys are squeezed with (`store::squeeze`)
//! resource (rid, shard, kind, id, version, updated, method, body, keys)
//!                                                      the current version; a deleted one keeps its line, without body and keys
//! history  (rid, version, shard, updated, method, body) the versions before the current one
//! change   (seq, shard, kind, rid, version, method, updated)
//!                                                      the change feed: one line per version ever written, without gaps
//! post     (k, last, shard, n, rids, first)            which resources have an equality key: runs of row ids (`runs`)
//! gone     (k, rid, shard)                             resources that a run of the key names and that have it no longer
//! place    (s, k, name, shard, n, rows)                which resources have a value near `k` under the parameter `s`, and which
//!                                                      value (`spans`, `entries`)
//! request  (key, shard, request, at, results)          idempotency keys with what was answered
//! secret   (one, bytes)                                what the gateways sign with
//! lease    (name, owner, until)                        who does what only one gateway may do
//! ```
//!
//! `rid` is made by the gateway and grows with time (`rows`). `shard` is the distribution column of clustered databases, told by
//! the key of a resource; it is always 0 unless the database is distributed. It comes last in every key, so that an index gives
//! its order whichever shards a machine holds. Bodies (without what type, id, version and time tell) and keys, the packed index
//! rows of a resource, are squeezed. Common to all tables: no foreign keys, sequences, triggers or generated columns, and no
//! index kind but the B-tree.

use std::fmt::Write as _;

use super::connect::Connection;
use super::fault::Fault;
use super::moved;
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
    CREATE TABLE dictionary (
        n int2 PRIMARY KEY,
        purpose int8 NOT NULL,
        bytes bytea NOT NULL
    );
    CREATE TABLE resource (
        rid int8 NOT NULL,
        updated int8 NOT NULL,
        version int8 NOT NULL,
        kind int4 NOT NULL,
        shard int2 NOT NULL,
        method int2 NOT NULL,
        id text COLLATE \"C\" NOT NULL,
        body bytea,
        keys bytea,
        PRIMARY KEY (rid, shard)
    ) WITH (toast_tuple_target = 4080, fillfactor = 95);
    CREATE UNIQUE INDEX resource_id ON resource (kind, id, shard);
    CREATE TABLE history (
        rid int8 NOT NULL,
        version int8 NOT NULL,
        updated int8 NOT NULL,
        shard int2 NOT NULL,
        method int2 NOT NULL,
        body bytea,
        PRIMARY KEY (rid, version, shard)
    ) WITH (toast_tuple_target = 4080);
    CREATE TABLE change (
        seq int8 NOT NULL,
        rid int8 NOT NULL,
        version int8 NOT NULL,
        updated int8 NOT NULL,
        kind int4 NOT NULL,
        shard int2 NOT NULL,
        method int2 NOT NULL,
        PRIMARY KEY (seq, shard)
    );
    CREATE INDEX change_kind ON change (kind, seq);
    CREATE INDEX change_updated ON change (updated);
    CREATE TABLE post (
        k int8 NOT NULL,
        last int8 NOT NULL,
        shard int2 NOT NULL,
        n int2 NOT NULL,
        rids bytea,
        PRIMARY KEY (k, last, shard)
    );
    CREATE TABLE gone (
        k int8 NOT NULL,
        rid int8 NOT NULL,
        shard int2 NOT NULL,
        PRIMARY KEY (k, rid, shard)
    );
    CREATE TABLE span (
        s int4 NOT NULL,
        shard int2 NOT NULL,
        n int2 NOT NULL,
        k int8 NOT NULL,
        last int8 NOT NULL,
        rids bytea,
        PRIMARY KEY (s, k, last, shard)
    );
    CREATE TABLE request (
        key bytea NOT NULL,
        shard int2 NOT NULL,
        request bytea NOT NULL,
        at int8 NOT NULL,
        results bytea NOT NULL,
        PRIMARY KEY (key, shard)
    );
    CREATE INDEX request_at ON request (at);
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
    // Gateways of the version before write to `span` with each resource: they wait until the index rows have moved, and then fail.
    "
    LOCK TABLE span IN ACCESS EXCLUSIVE MODE;
    CREATE TABLE place (
        s int4 NOT NULL,
        shard int2 NOT NULL,
        n int2 NOT NULL,
        k int8 NOT NULL,
        name int8 NOT NULL,
        rows bytea NOT NULL,
        PRIMARY KEY (s, k, name, shard)
    );
",
    // Gateways of the version before go on: lines that they write do not tell it.
    "
    ALTER TABLE post ADD COLUMN first int8;
",
];

/// Index rows of the version before the one with `place`, when there are others.
const LEFT_BEHIND: &str = "DROP TABLE span";
/// The last version with these.
const WITH_SPANS: usize = 2;
/// The last version whose runs do not tell their smallest row id.
const WITHOUT_FIRST: usize = 3;

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
    if state.found <= WITH_SPANS {
        if state.shards > 1 {
            connection.query("SELECT create_distributed_table('place', 'shard', colocate_with => 'resource')", &[]).await?;
        }
        // All in this transaction: if it breaks off, all is as it was, and the next start begins again.
        moved::rebuild(connection).await?;
        connection.run(LEFT_BEHIND).await?;
    }
    if !create && state.found <= WITHOUT_FIRST {
        moved::tell_first(connection).await?;
    }
    connection.run(&format!("UPDATE norn_schema SET version = {VERSION}; COMMIT")).await?;
    Ok(state)
}

/// Tables that are spread over a cluster by their shard, all alike, so that lines of one resource are together.
const DISTRIBUTED: [&str; 6] = ["history", "change", "post", "gone", "place", "request"];
/// Small tables of which every machine of the cluster has a copy.
const EVERYWHERE: [&str; 8] = ["norn_schema", "feed", "guard", "kind", "dictionary", "secret", "lease", "parameter"];

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
