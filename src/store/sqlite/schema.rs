//! The tables of a SQLite store, their versions, and how an older file becomes a newer one.
//!
//! ```text
//! kind     (code, name, living)                     the resource types, and how many resources each has now
//! dictionary (n, purpose, bytes)                    what bodies and keys are squeezed with (`store::squeeze`)
//! resource (rid, kind, id, version, updated, method, body)
//!                                                   the current version; a deleted one keeps its line, without a body
//! carried  (rid, id, updated, keys)                 what a living resource carries for searches: its packed rows
//! history  (n, rid, version, updated, method, body) the versions before the current one
//! change   (seq, kind, rid, version, method, updated)
//!                                                   the change feed: one line per version ever written, without gaps; by its
//!                                                   index on `kind` the history of a type is read in order
//! run      (k, last, n, rids)                       which resources have a post: runs of row ids (`store::runs`)
//! series   (s, p, u, point)                         which intervals a series has: of one parameter in one unit, points (1), short
//!                                                   ones (2) or wider ones (0)
//! num_lo   (s, lo, rid, w)                          intervals by low end; w is the width, 0 in series of points
//! num_hi   (s, hi, rid, w)                          intervals by high end, those of points left out
//! txt_norm (p, norm, rid)                           folded texts
//! young_run, young_lo, young_hi, young_norm         the index rows that came last, of the same form: each stands in one of both
//! request  (n, key, request, at, results)           idempotency keys with what was answered
//! secret   (one, bytes)                             what the gateway signs with
//! mark     (indexed, generation)                    up to which row id the index tables are complete, and how many generations of
//!                                                   recent rows are in them
//! stale    (n, rid, updated, keys)                  what the index tables hold, or held, of resources up to the mark whose newer
//!                                                   version has its index rows in memory only
//! catalog  (generation)                             the generation of the search parameters of the server's own
//! parameter (id, since, text, progress)             these parameters, since which generation, and how far their rows are complete
//! ```
//!
//! `rid` counts up from 1 in the order of creation. One writer makes it, so it needs no clock; small numbers keep every index
//! row four bytes shorter than a time would. Bodies (without what type, id, version and time tell) and keys are squeezed; the
//! SQL function `plain` expands them. `keys` holds the packed index rows of a resource (`store::keys`): an update
//! takes them away by it, and a search tests on it what no index answers. They stand apart from the bodies, so that a search
//! that tests many resources reads few pages.

use rusqlite::{Connection, ErrorCode};

use super::{failed, series};
use crate::store::port::StoreError;

/// Marks a file as ours: `Norn` in ASCII.
const APPLICATION: i32 = 0x4E6F_726E;

/// Each entry leads from the version that is its number to the next. Forward only; entries are never changed once released.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE kind (
        code INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        living INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE resource (
        rid INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        method INTEGER NOT NULL,
        body BLOB
    ) STRICT;
    CREATE TABLE carried (
        rid INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        updated INTEGER NOT NULL,
        keys BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX resource_id ON resource (kind, id);
    CREATE TABLE history (
        n INTEGER PRIMARY KEY,
        rid INTEGER NOT NULL,
        version INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        method INTEGER NOT NULL,
        body BLOB
    ) STRICT;
    CREATE UNIQUE INDEX history_version ON history (rid, version);
    CREATE TABLE change (
        seq INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        rid INTEGER NOT NULL,
        version INTEGER NOT NULL,
        method INTEGER NOT NULL,
        updated INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE run (
        k INTEGER NOT NULL,
        last INTEGER NOT NULL,
        n INTEGER NOT NULL,
        rids BLOB NOT NULL,
        PRIMARY KEY (k, last)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE dictionary (
        n INTEGER PRIMARY KEY,
        purpose INTEGER NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE series (
        s INTEGER PRIMARY KEY,
        p INTEGER NOT NULL,
        u INTEGER NOT NULL,
        point INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX series_unit ON series (p, u, point);
    CREATE TABLE num_lo (
        s INTEGER NOT NULL,
        lo INTEGER NOT NULL,
        rid INTEGER NOT NULL,
        w INTEGER NOT NULL,
        PRIMARY KEY (s, lo, rid, w)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE num_hi (
        s INTEGER NOT NULL,
        hi INTEGER NOT NULL,
        rid INTEGER NOT NULL,
        w INTEGER NOT NULL,
        PRIMARY KEY (s, hi, rid, w)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE txt_norm (
        p INTEGER NOT NULL,
        norm TEXT NOT NULL,
        rid INTEGER NOT NULL,
        PRIMARY KEY (p, norm, rid)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE request (
        n INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        request BLOB NOT NULL,
        at INTEGER NOT NULL,
        results BLOB NOT NULL
    ) STRICT;
    CREATE TABLE secret (
        one INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE mark (
        indexed INTEGER NOT NULL
    ) STRICT;
    INSERT INTO mark VALUES (0);
",
    "
    CREATE INDEX change_kind ON change (kind);
",
    "
    ALTER TABLE mark ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE stale (
        n INTEGER PRIMARY KEY,
        rid INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        keys BLOB
    ) STRICT;
",
    "
    CREATE TABLE catalog (
        generation INTEGER NOT NULL
    ) STRICT;
    INSERT INTO catalog VALUES (0);
    CREATE TABLE parameter (
        id TEXT PRIMARY KEY,
        since INTEGER NOT NULL,
        text BLOB NOT NULL,
        progress BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    INSERT INTO series SELECT DISTINCT short(p, u), p, u, 2 FROM num_lo JOIN series USING (s) WHERE point = 0 AND is_short(w);
    INSERT INTO num_lo SELECT short(p, u), lo, rid, w FROM num_lo JOIN series USING (s) WHERE point = 0 AND is_short(w);
    DELETE FROM num_lo WHERE s IN (SELECT s FROM series WHERE point = 0) AND is_short(w);
    INSERT INTO num_hi SELECT short(p, u), hi, rid, w FROM num_hi JOIN series USING (s) WHERE point = 0 AND is_short(w);
    DELETE FROM num_hi WHERE s IN (SELECT s FROM series WHERE point = 0) AND is_short(w);
    CREATE TABLE young_run (
        k INTEGER NOT NULL,
        last INTEGER NOT NULL,
        n INTEGER NOT NULL,
        rids BLOB NOT NULL,
        PRIMARY KEY (k, last)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE young_lo (
        s INTEGER NOT NULL,
        lo INTEGER NOT NULL,
        rid INTEGER NOT NULL,
        w INTEGER NOT NULL,
        PRIMARY KEY (s, lo, rid, w)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE young_hi (
        s INTEGER NOT NULL,
        hi INTEGER NOT NULL,
        rid INTEGER NOT NULL,
        w INTEGER NOT NULL,
        PRIMARY KEY (s, hi, rid, w)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE young_norm (
        p INTEGER NOT NULL,
        norm TEXT NOT NULL,
        rid INTEGER NOT NULL,
        PRIMARY KEY (p, norm, rid)
    ) STRICT, WITHOUT ROWID;
",
];

/// Makes the file a store of the present version: creates the tables, or migrates older ones.
///
/// # Errors
/// When it is a foreign file, one of a later version, or the database fails.
pub(super) fn prepare(connection: &mut Connection, page_size: u32) -> Result<(), StoreError> {
    let unusable = |text: &str| StoreError::Unusable(text.to_owned());
    let number = |name: &str, connection: &Connection| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let (application, version) = number("application_id", connection)
        .and_then(|application| Ok((application, number("user_version", connection)?)))
        .map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => unusable("the file is not a SQLite database"),
            _ => failed(error),
        })?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let ours = application == i64::from(APPLICATION);
    if !ours && (tables > 0 || application != 0 || version != 0) {
        return Err(unusable("the file is a SQLite database of another application"));
    }
    let version = usize::try_from(version).map_err(|_| unusable("the file's version makes no sense"))?;
    let Some(steps) = MIGRATIONS.get(version..) else {
        return Err(unusable("the file was written by a later version of Norn; use that one, or restore a backup"));
    };
    if version == 0 {
        // Takes effect only before the first table, and not in WAL mode.
        connection.pragma_update(None, "page_size", page_size).map_err(failed)?;
    }
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(unusable("the file system does not allow SQLite's write-ahead log"));
    }
    series::serve(connection).map_err(failed)?;
    for (step, target) in steps.iter().zip(version + 1..) {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
        transaction.pragma_update(None, "user_version", i64::try_from(target).unwrap_or(i64::MAX)).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}
