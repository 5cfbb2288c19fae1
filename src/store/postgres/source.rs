//! Row sources: for one condition each, the row ids that meet it, from large to small. A search intersects them.

use tokio_postgres::Row;

use super::connect::{Connection, Later, together};
use super::entries::line;
use super::fault::Fault;
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

    /// The smallest row id of a source of which all were read; `None` if it has none.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.walks.iter().filter_map(Walk::oldest).chain(self.listed.last().copied()).min()
    }

    /// About how many lines must be read to come down to a row id.
    pub(super) fn ahead(&self, row: i64) -> i64 {
        self.walks.iter().map(|walk| walk.ahead(row)).fold(0, i64::saturating_add)
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

const LINES: &str = "SELECT s, k, name, n, rows FROM place WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, name) > ($2, $4)
    ORDER BY k, name LIMIT $5";
/// Lines that are read first of each part of a stretch.
const FEW_LINES: i64 = if cfg!(test) { 2 } else { 64 };
/// Values that are looked at for each one that is wanted, and some more: beyond, too few of them lie within the stretches.
const LOOKED_AT: usize = if cfg!(test) { 4 } else { 16 };
const SOME: usize = if cfg!(test) { 10 } else { 20_000 };

/// Places from which lines are read in their order.
struct Part {
    s: i32,
    /// The line after which reading goes on; `None` at the end.
    after: Option<(i64, i64)>,
    to: i64,
    limit: i64,
}

impl Part {
    async fn read(&self, connection: &Connection) -> Result<Vec<Row>, Fault> {
        let Some((place, name)) = self.after else { return Ok(Vec::new()) };
        connection.query(LINES, &[&self.s, &place, &self.to, &name, &self.limit]).await
    }

    /// Where to go on after some lines.
    fn next(&mut self, lines: &[Row]) -> Result<(), Fault> {
        let last = lines.last().filter(|_| i64::try_from(lines.len()).unwrap_or(0) >= self.limit);
        self.after = last.map(|last| Ok::<_, Fault>((last.try_get(1)?, last.try_get(2)?))).transpose()?;
        self.limit *= 8;
        Ok(())
    }
}

/// The row ids of all that stands in some stretches, largest first and once each; `None` if there are more than `bound`.
pub(super) async fn gather(connection: &Connection, stretches: &[Stretch], bound: usize) -> Result<Option<Vec<i64>>, Fault> {
    let part = |(s, from, to)| Part { s, after: Some((from, i64::MIN)), to, limit: FEW_LINES };
    let mut parts: Vec<(&Stretch, Part)> =
        stretches.iter().flat_map(|stretch| stretch.places().into_iter().map(move |place| (stretch, part(place)))).collect();
    let (mut rows, mut seen) = (Vec::new(), 0);
    while !parts.is_empty() {
        let mut questions: Vec<Later<'_, Vec<Row>>> = Vec::with_capacity(parts.len());
        for (_, part) in &parts {
            questions.push(Box::pin(part.read(connection)));
        }
        let answers = together(questions).await?;
        for ((stretch, part), lines) in parts.iter_mut().zip(answers) {
            for own in &lines {
                let standing = line(own, 0)?;
                seen += standing.len();
                rows.extend(standing.into_iter().filter(|(spot, _)| stretch.has(spot.at, spot.unit)).map(|(_, row)| row));
            }
            part.next(&lines)?;
        }
        if rows.len() > bound || seen > bound.saturating_mul(LOOKED_AT).saturating_add(SOME) {
            return Ok(None);
        }
        parts.retain(|(_, part)| part.after.is_some());
    }
    descending(&mut rows);
    Ok(Some(rows))
}

/// All lines of some places of a series.
pub(super) async fn all(connection: &Connection, (s, from, to): (i32, i64, i64)) -> Result<Vec<Row>, Fault> {
    let mut part = Part { s, after: Some((from, i64::MIN)), to, limit: FEW_LINES };
    let mut lines = Vec::new();
    while part.after.is_some() {
        let more = part.read(connection).await?;
        part.next(&more)?;
        lines.extend(more);
    }
    Ok(lines)
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
