//! Row sources: for one condition each, the row ids that meet it, from large to small. A search intersects them.

use super::connect::Connection;
use super::entries::line;
use super::fault::Fault;
use super::parts::{Part, read_parts};
use super::runs::{Sought, Walk, read_on};
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

    /// The smallest and the largest row id of a source, if all of them were read and there are any.
    pub(super) fn reach(&self) -> Option<(i64, i64)> {
        self.size()?;
        let listed = self.listed.last().copied().zip(self.listed.first().copied());
        self.walks.iter().filter_map(Walk::reach).chain(listed).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// What it costs to learn all row ids of a range: see [`Walk::ahead`].
    pub(super) fn ahead(&self, range: (i64, i64), all: i64) -> i64 {
        self.walks.iter().map(|walk| walk.ahead(range, all)).fold(0, i64::saturating_add)
    }

    /// From now on, only row ids of a range matter.
    pub(super) fn confine(&mut self, range: (i64, i64)) {
        self.walks.iter_mut().for_each(|walk| walk.confine(range));
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

/// Values that are looked at for each one that is wanted, and some more: beyond, too few of them lie within the stretches.
const LOOKED_AT: usize = if cfg!(test) { 4 } else { 16 };
const SOME: usize = if cfg!(test) { 10 } else { 20_000 };

/// The row ids of all that stands in some stretches, largest first and once each; `None` if there are more than `bound`.
pub(super) async fn gather(connection: &Connection, stretches: &[Stretch], bound: usize) -> Result<Option<Vec<i64>>, Fault> {
    let (of, mut parts): (Vec<&Stretch>, Vec<Part>) =
        stretches.iter().flat_map(|stretch| stretch.places().into_iter().map(move |places| (stretch, Part::new(places)))).unzip();
    let (mut rows, mut seen) = (Vec::new(), 0);
    while parts.iter().any(Part::is_open) {
        for (stretch, lines) in of.iter().zip(read_parts(connection, &mut parts).await?) {
            for own in &lines {
                let standing = line(own, 0)?;
                seen += standing.len();
                rows.extend(standing.into_iter().filter(|(spot, _)| stretch.has(spot.at, spot.unit)).map(|(_, row)| row));
            }
        }
        if rows.len() > bound || seen > bound.saturating_mul(LOOKED_AT).saturating_add(SOME) {
            return Ok(None);
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
