//! What a store of an older version lacks: index rows of intervals and texts, made anew from what the resources carry; and the
//! smallest row ids of runs.

use std::collections::BTreeMap;

use super::connect::{Connection, Statements};
use super::dictionary;
use super::entries::{Standing, settled_lines};
use super::fault::Fault;
use super::index::{Placed, Places};
use super::rows::RowIds;
use super::runs::line;
use super::spans::{of_moment, of_number, of_text};
use crate::store::keys::unpack;
use crate::store::port::StoreError;
use crate::store::squeeze::Squeezer;

/// Resources that are read together.
const READ: i64 = if cfg!(test) { 3 } else { 1000 };
/// So many values are held in memory, to go into as few lines as will hold them.
const HELD: usize = if cfg!(test) { 20 } else { 2_000_000 };
/// Lines that are written together.
const WRITTEN: usize = 1000;

/// Posts, the names of runs, and the smallest row ids of these.
type Told = (Vec<i64>, Vec<i64>, Vec<i64>);

/// Has each run tell its smallest row id.
pub(super) async fn tell_first(connection: &Connection) -> Result<(), Fault> {
    let mut last = (i64::MIN, i64::MIN, i16::MIN);
    loop {
        let sql = "SELECT k, last, n, rids, shard FROM post WHERE (k, last, shard) > ($1, $2, $3) AND n > 1 AND first IS NULL
            ORDER BY k, last, shard LIMIT $4";
        let lines = connection.query(sql, &[&last.0, &last.1, &last.2, &READ]).await?;
        let Some(end) = lines.last() else { return Ok(()) };
        last = (end.try_get(0)?, end.try_get(1)?, end.try_get(4)?);
        let mut by_shard: BTreeMap<i16, Told> = BTreeMap::new();
        for own in &lines {
            let Some(first) = line(own, 1)?.last().copied() else { continue };
            let (posts, names, firsts) = by_shard.entry(own.try_get(4)?).or_default();
            posts.push(own.try_get(0)?);
            names.push(own.try_get(1)?);
            firsts.push(first);
        }
        for (shard, (posts, names, firsts)) in &by_shard {
            connection.execute(TELL_FIRST, &[shard, posts, names, firsts]).await?;
        }
    }
}

const TELL_FIRST: &str = "UPDATE post AS p SET first = w.first FROM unnest($2::int8[], $3::int8[], $4::int8[]) AS w(k, last, first)
    WHERE p.shard = $1 AND p.k = w.k AND p.last = w.last";

/// Fills the empty table `place`.
pub(super) async fn rebuild(connection: &Connection) -> Result<(), Fault> {
    let squeezer = Squeezer::new([], 0);
    dictionary::load(connection, &squeezer).await?;
    // Older than all names to come: no gateway has the number 0 soon, and time was never so small.
    let names = RowIds::new(0);
    let mut held: BTreeMap<i16, Standing> = BTreeMap::new();
    let mut last = (i64::MIN, i16::MIN);
    loop {
        let sql = "SELECT rid, shard, updated, keys FROM resource WHERE (rid, shard) > ($1, $2) AND keys IS NOT NULL
            ORDER BY rid, shard LIMIT $3";
        let lines = connection.query(sql, &[&last.0, &last.1, &READ]).await?;
        for line in &lines {
            let (row, shard, small): (i64, i16, &[u8]) = (line.try_get(0)?, line.try_get(1)?, line.try_get(3)?);
            last = (row, shard);
            let rows = squeezer.expand(small).ok().and_then(|keys| unpack(&keys));
            let rows = rows.ok_or_else(|| StoreError::Failed(format!("the keys of row {row} are damaged")))?;
            let own = held.entry(shard).or_default();
            own.extend(rows.numbers.iter().map(|number| (of_number(number), row)));
            own.extend(rows.texts.iter().map(|text| (of_text(text.parameter, &text.text), row)));
            own.push((of_moment(rows.last_updated, line.try_get(2)?), row));
        }
        if lines.is_empty() || held.values().map(Vec::len).sum::<usize>() > HELD {
            write(connection, std::mem::take(&mut held), &names).await?;
        }
        if lines.is_empty() {
            return Ok(());
        }
    }
}

async fn write(connection: &Connection, held: BTreeMap<i16, Standing>, names: &RowIds) -> Result<(), Fault> {
    for (shard, standing) in held {
        let lines: Placed = settled_lines(standing, |_| names.name(0)).into_iter().map(|line| (shard, line)).collect();
        for some in lines.chunks(WRITTEN) {
            let places = Places::of(some);
            let statements: Statements<'_> = places.statement().into_iter().collect();
            connection.send(&statements).await?;
        }
    }
    Ok(())
}
