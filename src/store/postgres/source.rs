//! Row sources: for one condition each, the row ids that meet it, from large to small. A search intersects them.

use super::connect::Connection;
use super::fault::Fault;
use super::runs::{Sought, Walk, line, read_on};
use super::spans::Stretch;
use crate::model::primitive::Id;

/// The row ids that meet a condition: those of some posts, and those of a list.
#[derive(Debug)]
pub(super) struct Source {
    walks: Vec<Walk>,
    /// Largest first.
    listed: Vec<i64>,
    /// Those of the list before this one are done with.
    at: usize,
}

/// Up to so many posts are walked each in its own order; more are sorted by the database.
const APART: usize = if cfg!(test) { 2 } else { 8 };

impl Source {
    pub(super) fn new(posts: Vec<i64>, listed: Vec<i64>) -> Self {
        let walks = match posts.len() {
            0 => Vec::new(),
            1..=APART => posts.into_iter().map(|post| Walk::new(vec![post])).collect(),
            _ => vec![Walk::new(posts)],
        };
        Self { walks, listed, at: 0 }
    }

    /// Adds row ids to a source of which nothing has been asked yet; largest first.
    pub(super) fn list(&mut self, rows: Vec<i64>) {
        self.listed = rows;
    }

    /// The largest row id that is not above `most`, which never grows from call to call.
    fn seek(&mut self, most: i64) -> Sought {
        self.at += self.listed.get(self.at..).unwrap_or(&[]).partition_point(|row| *row > most);
        let mut largest = self.listed.get(self.at).copied();
        for walk in &mut self.walks {
            match walk.seek(most) {
                Sought::Row(row) => largest = largest.max(Some(row)),
                Sought::End => {}
                Sought::Unread => return Sought::Unread,
            }
        }
        largest.map_or(Sought::End, Sought::Row)
    }

    /// How many row ids it has, if all of them were read.
    pub(super) fn size(&self) -> Option<usize> {
        self.walks.iter().all(Walk::is_complete).then(|| self.seen())
    }

    /// How many row ids it has, as far as they were read.
    pub(super) fn seen(&self) -> usize {
        self.listed.len() + self.walks.iter().map(Walk::seen).sum::<usize>()
    }
}

/// Reads on in sources.
pub(super) async fn read_more(connection: &Connection, sources: Vec<&mut Source>) -> Result<(), Fault> {
    read_on(connection, sources.into_iter().flat_map(|source| &mut source.walks).collect()).await
}

/// At most `wanted` row ids that are in all sources and not above `most`, largest first; fewer only if there are no more.
pub(super) async fn next(connection: &Connection, sources: &mut [Source], mut most: i64, wanted: usize) -> Result<Vec<i64>, Fault> {
    let mut found = Vec::new();
    let all = sources.len();
    'next: while found.len() < wanted && all > 0 {
        // Goes round until all sources in turn have named the same row.
        let mut agreed = 0;
        while agreed < all {
            let mut unread = false;
            for source in &mut *sources {
                match source.seek(most) {
                    Sought::End => break 'next,
                    Sought::Unread => {
                        unread = true;
                        break;
                    }
                    Sought::Row(row) if row == most => agreed += 1,
                    Sought::Row(row) => (most, agreed) = (row, 1),
                }
                if agreed >= all {
                    break;
                }
            }
            if unread {
                // All that have come to their end read on at once.
                let mut behind = Vec::new();
                for source in &mut *sources {
                    if source.seek(most) == Sought::Unread {
                        behind.extend(source.walks.iter_mut().filter_map(|walk| (walk.seek(most) == Sought::Unread).then_some(walk)));
                    }
                }
                read_on(connection, behind).await?;
                agreed = 0;
            }
        }
        found.push(most);
        most = most.saturating_sub(1);
    }
    Ok(found)
}

const LINES: &str = "SELECT k, last, n, rids FROM span WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, last) > ($2, $4)
    ORDER BY k, last LIMIT $5";
/// Lines that are read first of a stretch.
const FEW_LINES: i64 = if cfg!(test) { 2 } else { 64 };

/// The row ids of all that stands in some stretches, largest first and once each; `None` if there are more than `bound`.
pub(super) async fn gather(connection: &Connection, stretches: &[Stretch], bound: usize) -> Result<Option<Vec<i64>>, Fault> {
    let mut rows = Vec::new();
    for Stretch { s, from, to } in stretches {
        let (mut place, mut limit) = ((*from, i64::MIN), FEW_LINES);
        loop {
            let lines = connection.query(LINES, &[s, &place.0, to, &place.1, &limit]).await?;
            for own in &lines {
                rows.extend(line(own, 1)?);
            }
            if rows.len() > bound {
                return Ok(None);
            }
            let Some(last) = lines.last().filter(|_| i64::try_from(lines.len()).unwrap_or(0) >= limit) else { break };
            (place, limit) = ((last.try_get(0)?, last.try_get(1)?), limit * 8);
        }
    }
    descending(&mut rows);
    Ok(Some(rows))
}

/// The row ids of living resources with these ids, largest first.
pub(super) async fn with_ids(connection: &Connection, kinds: &[i32], ids: &[Id]) -> Result<Vec<i64>, Fault> {
    let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    let sql = "SELECT rid FROM resource WHERE kind = ANY ($1::int4[]) AND id = ANY ($2::text[]) AND body IS NOT NULL";
    let lines = connection.query(sql, &[&kinds, &ids]).await?;
    let mut rows = lines.iter().map(|line| Ok(line.try_get(0)?)).collect::<Result<Vec<i64>, Fault>>()?;
    descending(&mut rows);
    Ok(rows)
}

pub(super) fn descending(rows: &mut Vec<i64>) {
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows.dedup();
}
