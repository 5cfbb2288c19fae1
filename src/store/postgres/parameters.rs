//! The search parameters of the server's own, and who does what only one gateway may do.
//!
//! Their generation stands on the line of the change feed, which every transaction that writes takes before it ends: so a commit
//! and a change of parameters always come one after the other, and the later one knows of the earlier.

use bytes::Bytes;

use super::connect::Connection;
use super::fault::Fault;
use super::read::id_of;
use crate::store::port::{Definition, Parameters, Progress, Stored};

/// All of them, as of one moment.
pub(super) async fn read(connection: &Connection) -> Result<Parameters, Fault> {
    let sql = "SELECT f.generation, p.id, p.since, p.text, p.progress
        FROM feed f LEFT JOIN parameter p ON true WHERE f.one = 0 ORDER BY p.since, p.id";
    let mut parameters = Parameters::default();
    for line in connection.query(sql, &[]).await? {
        parameters.generation = line.try_get::<_, i64>(0)?.cast_unsigned();
        let Some(id) = line.try_get::<_, Option<&str>>(1)? else { continue };
        let (id, since) = (id_of(id)?, line.try_get::<_, i64>(2)?.cast_unsigned());
        let (text, progress) = (line.try_get::<_, &[u8]>(3)?, line.try_get::<_, &[u8]>(4)?);
        let progress = Progress { id, since, text: Bytes::copy_from_slice(progress) };
        parameters.stored.push(Stored { text: Bytes::copy_from_slice(text), progress });
    }
    Ok(parameters)
}

/// Lets the generation grow by that much, if it is the one given.
pub(super) async fn grow(connection: &Connection, generation: u64, by: u64) -> Result<(), Fault> {
    let sql = "UPDATE feed SET generation = generation + $2 WHERE one = 0 AND generation = $1";
    match connection.execute(sql, &[&generation.cast_signed(), &by.cast_signed()]).await? {
        0 => Err(moved()),
        _ => Ok(()),
    }
}

/// Others changed the parameters since the transaction began: done again, it knows of it.
pub(super) fn moved() -> Fault {
    Fault::Conflict("the search parameters have changed".to_owned())
}

/// Takes definitions in under a generation.
pub(super) async fn define(connection: &Connection, definitions: &[Definition], generation: u64) -> Result<(), Fault> {
    for Definition { id, text } in definitions {
        match text {
            Some(text) => {
                let sql = "INSERT INTO parameter (id, since, text, progress) VALUES ($1, $2, $3, '')
                    ON CONFLICT (id) DO UPDATE SET since = excluded.since, text = excluded.text, progress = excluded.progress";
                connection.execute(sql, &[&id.as_str(), &generation.cast_signed(), &&text[..]]).await?
            }
            None => connection.execute("DELETE FROM parameter WHERE id = $1", &[&id.as_str()]).await?,
        };
    }
    Ok(())
}

/// Keeps progress of definitions that are still the present ones.
pub(super) async fn advance(connection: &Connection, progress: &Progress) -> Result<(), Fault> {
    let sql = "UPDATE parameter SET progress = $3 WHERE id = $1 AND since = $2";
    connection.execute(sql, &[&progress.id.as_str(), &progress.since.cast_signed(), &&progress.text[..]]).await?;
    Ok(())
}

/// Takes or renews a lease, by the clock of the database.
pub(super) async fn lease(connection: &Connection, name: &str, owner: &str, microseconds: i64) -> Result<bool, Fault> {
    let sql = "INSERT INTO lease (name, owner, until)
        VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000000)::int8 + $3)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE lease.owner = excluded.owner OR lease.until < (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    Ok(connection.execute(sql, &[&name, &owner, &microseconds]).await? > 0)
}
