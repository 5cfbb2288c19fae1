//! The dictionaries of the store: what one gateway writes with a new one every other can read, since it looks for dictionaries
//! that it does not know.

use std::sync::Arc;

use tokio_postgres::Row;

use super::Shared;
use super::connect::Connection;
use super::fault::Fault;
use crate::store::squeeze::{Purpose, Squeezer, Training};

/// Learns the dictionaries that are not known yet; tells whether there were any.
pub(super) async fn load(connection: &Connection, squeezer: &Squeezer) -> Result<bool, Fault> {
    let mut learnt = false;
    for line in connection.query("SELECT n, purpose, bytes FROM dictionary ORDER BY n", &[]).await? {
        let (number, code, bytes): (i16, i64, &[u8]) = (line.try_get(0)?, line.try_get(1)?, line.try_get(2)?);
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.code() == code);
        if let (Ok(number), Some(purpose)) = (u8::try_from(number), purpose)
            && squeezer.lacks(&[number])
        {
            squeezer.learn(number, purpose, bytes);
            learnt = true;
        }
    }
    Ok(learnt)
}

/// Sees to it that some columns of some lines can be expanded.
pub(super) async fn ready(connection: &Connection, shared: &Shared, lines: &[Row], columns: &[usize]) -> Result<(), Fault> {
    for line in lines {
        for column in columns {
            if line.try_get::<_, Option<&[u8]>>(*column)?.is_some_and(|small| shared.squeezer.lacks(small)) {
                load(connection, &shared.squeezer).await?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Trains new dictionaries, makes them durable and then uses them. If it fails, the store goes on with those that it has.
pub(super) async fn train(shared: Arc<Shared>, training: Training) {
    let Ok(dictionaries) = tokio::task::spawn_blocking(move || training.run()).await else { return };
    let _ = add(&shared, dictionaries).await;
}

async fn add(shared: &Shared, dictionaries: Vec<(Purpose, Vec<u8>)>) -> Result<(), Fault> {
    let connection = shared.address.connect().await?;
    // Another gateway may have trained on the same resources: one set is enough.
    if load(&connection, &shared.squeezer).await? {
        return Ok(());
    }
    for (purpose, bytes) in dictionaries {
        let Some(number) = shared.squeezer.next_number() else { return Ok(()) };
        let sql = "INSERT INTO dictionary (n, purpose, bytes) VALUES ($1, $2, $3)";
        match connection.execute(sql, &[&i16::from(number), &purpose.code(), &bytes]).await {
            Ok(_) => shared.squeezer.learn(number, purpose, &bytes),
            Err(Fault::Conflict(_)) => {
                load(&connection, &shared.squeezer).await?;
                return Ok(());
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}
