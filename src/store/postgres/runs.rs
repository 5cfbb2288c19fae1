//! Runs of row ids in the table `post`: how lines are packed, and how the row ids of keys are walked, newest first.
//!
//! Each transaction adds a line per key, so lines of one key may overlap in range; a line is named by its largest row id, and tells
//! its smallest, too: who looks for row ids of a narrow range enters a common key in the middle. All row ids of a line come from
//! one gateway, so that their differences are small. See [`crate::store::runs`] for the packing.

use tokio_postgres::Row;

use super::connect::{Connection, Later, together};
use super::fault::Fault;
use super::rows::{gateway, of_tick, tick};
use crate::store::port::StoreError;
use crate::store::runs;

/// A line as a table holds it, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) last: i64,
    pub(super) count: i16,
    /// The smallest row id; `None` for a single one.
    pub(super) first: Option<i64>,
    /// `None` for a single row id.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Packs row ids, in any order, into as few lines as will hold them.
pub(super) fn pack(mut rows: Vec<i64>) -> Vec<Line> {
    rows.sort_unstable_by_key(|row| (gateway(*row), std::cmp::Reverse(*row)));
    rows.dedup();
    let mut lines = Vec::new();
    for own in rows.chunk_by(|a, b| gateway(*a) == gateway(*b)) {
        let by = own.first().map_or(0, |row| gateway(*row));
        let ticks: Vec<i64> = own.iter().map(|row| tick(*row)).collect();
        let mut end = 0;
        for run in runs::pack(&ticks) {
            end += usize::try_from(run.count).unwrap_or(0);
            let least = end.checked_sub(1).and_then(|at| ticks.get(at)).copied();
            lines.push(Line {
                last: of_tick(run.last, by),
                // A run holds less than a thousand.
                count: i16::try_from(run.count).unwrap_or(i16::MAX),
                first: least.filter(|_| run.count > 1).map(|tick| of_tick(tick, by)),
                bytes: (run.count > 1).then_some(run.bytes),
            });
        }
    }
    lines
}

/// The row ids of a line, largest first.
pub(super) fn unpack(last: i64, count: i16, bytes: Option<&[u8]>) -> Result<Vec<i64>, StoreError> {
    let count = u32::try_from(count).unwrap_or(0);
    let ticks = runs::unpack(tick(last), count, bytes.unwrap_or(&[]));
    let ticks = ticks.ok_or_else(|| StoreError::Failed(format!("the run {last} is damaged")))?;
    Ok(ticks.into_iter().map(|one| of_tick(one, gateway(last))).collect())
}

/// Takes a line from three columns from `at` on: last, n and rids.
pub(super) fn line(row: &Row, at: usize) -> Result<Vec<i64>, Fault> {
    Ok(unpack(row.try_get(at)?, row.try_get(at + 1)?, row.try_get(at + 2)?)?)
}

/// Lines that are read of a key the first time, and at most.
const FIRST: i64 = if cfg!(test) { 1 } else { 4 };
const LARGEST: i64 = if cfg!(test) { 4 } else { 256 };
/// About so many row ids stand in a line of a common key.
const ROWS: i128 = if cfg!(test) { 4 } else { 512 };
/// Reading a line costs as much as testing so many resources. In the time of one such test the database passes over some ten lines;
/// as many of them are foreseen as there can be at most, which are several times more than there are.
const LINE: i128 = 2;
const PASSED: i128 = 40;
/// What is no longer there is read in pieces of so many lines; of one key, of so many for each line that is read of it.
const GONE: i64 = if cfg!(test) { 4 } else { 8192 };
const GONE_PER_LINE: i64 = if cfg!(test) { 2 } else { 16 };

/// Lines that may name row ids of a range: those that end in it or above, and begin in it or below. One that does not tell where it
/// begins, of a gateway of the version before, may begin anywhere.
macro_rules! lines {
    ($key:literal) => {
        concat!(
            "SELECT k, last, n, rids FROM post WHERE k ",
            $key,
            " AND last < $2 AND last >= $3 AND CASE WHEN n = 1 THEN last <= $4 ELSE (first > $4) IS NOT TRUE END",
            " ORDER BY last DESC LIMIT $5"
        )
    };
}
/// What is gone of them within the range, told as lines of nothing.
macro_rules! gone {
    ($key:literal, $limit:literal) => {
        concat!(
            "SELECT k, rid, 0::int2, NULL::bytea FROM gone WHERE k ",
            $key,
            " AND rid < $2 AND rid >= $3 AND rid <= $4 ORDER BY rid DESC LIMIT ",
            $limit
        )
    };
}
const LINES_OF_ONE: &str = lines!("= $1");
const LINES_OF_MANY: &str = lines!("= ANY ($1::int8[])");
const GONE_OF_ONE: &str = gone!("= $1", "$5");
const GONE_OF_MANY: &str = gone!("= ANY ($1::int8[])", "$5");
const BOTH_OF_ONE: &str = concat!("(", lines!("= $1"), ") UNION ALL (", gone!("= $1", "$6"), ")");
const BOTH_OF_MANY: &str = concat!("(", lines!("= ANY ($1::int8[])"), ") UNION ALL (", gone!("= ANY ($1::int8[])", "$6"), ")");

/// The resources that have one of some keys, walked from large row ids to small ones.
#[derive(Debug)]
pub(super) struct Walk {
    posts: Vec<i64>,
    /// Lines named by less are not read yet; `None` when all are that matter.
    before: Option<i64>,
    /// Row ids below and above do not matter.
    floor: i64,
    roof: i64,
    /// Row ids that are sure, largest first; those before `at` are done with.
    ready: Vec<i64>,
    at: usize,
    /// Row ids of lines that were read, below what is sure, with their keys.
    below: Vec<(i64, i64)>,
    step: i64,
    /// How many row ids were sure so far.
    seen: usize,
    /// How many lines were read, and the name of the first.
    lines: i64,
    first: i64,
}

/// What a walk finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    Row(i64),
    End,
    /// Lines must be read first.
    Unread,
}

impl Walk {
    pub(super) fn new(posts: Vec<i64>) -> Self {
        let step = FIRST.max(i64::try_from(posts.len()).unwrap_or(i64::MAX).saturating_add(if posts.len() > 1 { 1 } else { 0 }));
        Self {
            posts,
            before: Some(i64::MAX),
            floor: i64::MIN,
            roof: i64::MAX,
            ready: Vec::new(),
            at: 0,
            below: Vec::new(),
            step,
            seen: 0,
            lines: 0,
            first: i64::MIN,
        }
    }

    /// From now on, nothing below or above matters.
    pub(super) fn confine(&mut self, (floor, roof): (i64, i64)) {
        (self.floor, self.roof) = (self.floor.max(floor), self.roof.min(roof));
        // What is sure already reaches down to where reading ended.
        self.before = self.before.filter(|before| *before > self.floor);
    }

    /// The largest row id that is not above `most`, which never grows from call to call.
    pub(super) fn seek(&mut self, most: i64) -> Sought {
        self.at += self.ready.get(self.at..).unwrap_or(&[]).partition_point(|row| *row > most);
        match (self.ready.get(self.at), self.before) {
            (Some(row), _) => Sought::Row(*row),
            (None, Some(_)) => Sought::Unread,
            (None, None) => Sought::End,
        }
    }

    /// Whether all lines were read.
    pub(super) fn is_complete(&self) -> bool {
        self.before.is_none()
    }

    /// What it costs to learn the row ids of a range, told in resources that could be tested instead, if those to come lie as close
    /// as those that were read, and are no more than `all`.
    pub(super) fn ahead(&self, (floor, roof): (i64, i64), all: i64) -> i64 {
        let Some(before) = self.before.filter(|before| *before > floor) else { return 0 };
        let (seen, read) = (self.seen() as i128, i128::from(self.first.saturating_sub(before).max(1)));
        let lines = |from: i64, to: i64| (seen * i128::from(to.saturating_sub(from).max(0)) / read).min(i128::from(all)) / ROWS;
        let top = roof.clamp(floor, before);
        i64::try_from((1 + lines(floor, top)) * LINE + lines(top, before) / PASSED).unwrap_or(i64::MAX)
    }

    /// The smallest and the largest row id that are sure.
    pub(super) fn reach(&self) -> Option<(i64, i64)> {
        Some((*self.ready.last()?, *self.ready.first()?))
    }

    /// How many row ids it has, as far as lines were read.
    pub(super) fn seen(&self) -> usize {
        self.seen + self.below.len()
    }

    /// Lines of what is gone that are read at a time.
    fn most_gone(&self) -> i64 {
        match i64::try_from(self.posts.len()).unwrap_or(i64::MAX) {
            1 => self.step.saturating_mul(GONE_PER_LINE),
            // A row id may be gone of all of them.
            many => GONE.saturating_add(many),
        }
    }

    /// What lines make sure, largest first, without what is gone.
    fn of_one(&mut self, lines: &[Row], mut gone: Vec<(i64, i64)>, sure: Option<i64>) -> Result<Vec<i64>, Fault> {
        let post = self.posts.first().copied().unwrap_or_default();
        let mut rows: Vec<i64> = std::mem::take(&mut self.below).into_iter().map(|(row, _)| row).collect();
        for row in lines {
            // Those below will be read again.
            let name: i64 = row.try_get(1)?;
            if sure.is_none_or(|sure| name >= sure) {
                rows.extend(line(row, 1)?);
            }
        }
        // Each line is in order already, which this sort sees.
        rows.sort_by(|a, b| b.cmp(a));
        let below = sure.map_or(rows.len(), |sure| rows.partition_point(|row| *row >= sure));
        self.below = rows.split_off(below).into_iter().map(|row| (row, post)).collect();
        if !gone.is_empty() {
            gone.sort_by(|a, b| b.cmp(a));
            let mut gone = gone.into_iter().map(|(row, _)| row).peekable();
            rows.retain(|own| {
                while gone.next_if(|other| other > own).is_some() {}
                gone.peek() != Some(own)
            });
        }
        Ok(rows)
    }

    /// The same of several keys.
    fn of_many(&mut self, lines: &[Row], mut gone: Vec<(i64, i64)>, sure: Option<i64>) -> Result<Vec<i64>, Fault> {
        let mut rows = std::mem::take(&mut self.below);
        for row in lines {
            let (post, name): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            if sure.is_none_or(|sure| name >= sure) {
                rows.extend(line(row, 1)?.into_iter().map(|own| (own, post)));
            }
        }
        let (mut ready, below): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(row, _)| sure.is_none_or(|sure| *row >= sure));
        self.below = below;
        ready.sort_by(|a, b| b.cmp(a));
        gone.sort_by(|a, b| b.cmp(a));
        let mut gone = gone.into_iter().peekable();
        let is_there = |own: &(i64, i64)| {
            while gone.next_if(|other| other > own).is_some() {}
            gone.peek() != Some(own)
        };
        Ok(ready.into_iter().filter(is_there).map(|(row, _)| row).collect())
    }

    /// Takes in lines and what is gone of them. The largest row ids of what was read are sure down to where reading ended.
    fn take(&mut self, lines: &[Row], gone: Vec<(i64, i64)>, gone_down_to: Option<i64>) -> Result<(), Fault> {
        let read = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let full = read >= self.step;
        self.lines = self.lines.saturating_add(read);
        if let Some(line) = lines.first() {
            self.first = self.first.max(line.try_get(1)?);
        }
        let last: Option<i64> = lines.last().filter(|_| full).map(|line| line.try_get(1)).transpose()?;
        // Lines of several keys may have the same name, of which some may not have been read.
        let last = last.map(|last| if self.posts.len() > 1 { last.saturating_add(1) } else { last });
        let sure = last.max(gone_down_to);
        self.before = sure;
        let mut next = if self.posts.len() > 1 { self.of_many(lines, gone, sure)? } else { self.of_one(lines, gone, sure)? };
        next.dedup();
        self.seen += next.len();
        // All of it lies below what is ready.
        self.ready.drain(..self.at.min(self.ready.len()));
        self.at = 0;
        self.ready.append(&mut next);
        self.step = (self.step * 4).min(LARGEST.max(self.step));
        Ok(())
    }
}

/// Reads more lines for walks.
pub(super) async fn read_on(connection: &Connection, walks: Vec<&mut Walk>) -> Result<(), Fault> {
    let walks: Vec<&mut Walk> = walks.into_iter().filter(|walk| walk.before.is_some()).collect();
    if walks.is_empty() {
        return Ok(());
    }
    let questions = walks.iter().map(|walk| -> Later<'_, (Vec<Row>, Vec<Row>)> { Box::pin(ask(connection, walk)) });
    let answers = together(questions.collect()).await?;
    for (walk, (lines, gone)) in walks.into_iter().zip(answers) {
        let full = i64::try_from(gone.len()).unwrap_or(i64::MAX) >= walk.most_gone();
        // Row ids of several keys may be the same, of which some may not have been read.
        let down_to = gone.last().filter(|_| full).map(|row| row.try_get::<_, i64>(1)).transpose()?.map(|row| row.saturating_add(1));
        let gone = gone.iter().map(|row| Ok((row.try_get(1)?, row.try_get(0)?))).collect::<Result<_, Fault>>()?;
        walk.take(&lines, gone, down_to)?;
    }
    Ok(())
}

/// The next lines of a walk, and what is gone of them.
async fn ask(connection: &Connection, walk: &Walk) -> Result<(Vec<Row>, Vec<Row>), Fault> {
    let Walk { posts, before, floor, roof, step, .. } = walk;
    let most_gone = walk.most_gone();
    if connection.is_clustered() {
        // A cluster takes long over statements with two limits. What is gone is asked for first: whoever takes a line away that held
        // it does so after this look.
        let mut questions: Vec<Later<'_, Vec<Row>>> = Vec::with_capacity(2);
        for (of_one, of_many, most) in [(GONE_OF_ONE, GONE_OF_MANY, &most_gone), (LINES_OF_ONE, LINES_OF_MANY, step)] {
            questions.push(Box::pin(async move {
                match posts.as_slice() {
                    [post] => connection.query(of_one, &[post, before, floor, roof, most]).await,
                    posts => connection.query(of_many, &[&posts, before, floor, roof, most]).await,
                }
            }));
        }
        let mut answers = together(questions).await?.into_iter();
        let gone = answers.next().unwrap_or_default();
        return Ok((answers.next().unwrap_or_default(), gone));
    }
    let both = match posts.as_slice() {
        [post] => connection.query(BOTH_OF_ONE, &[post, before, floor, roof, step, &most_gone]).await?,
        posts => connection.query(BOTH_OF_MANY, &[&posts, before, floor, roof, step, &most_gone]).await?,
    };
    let (mut lines, mut gone) = (Vec::with_capacity(both.len()), Vec::new());
    for row in both {
        if row.try_get::<_, i16>(2)? == 0 { gone.push(row) } else { lines.push(row) }
    }
    Ok((lines, gone))
}

/// How many resources have a post.
pub(super) async fn count(connection: &Connection, post: i64) -> Result<i64, Fault> {
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&post];
    let (named, gone) = tokio::join!(
        connection.number("SELECT coalesce(sum(n), 0)::int8 FROM post WHERE k = $1", &values),
        connection.number("SELECT count(*) FROM gone WHERE k = $1", &values)
    );
    Ok(named? - gone?)
}

/// Lines whose lengths tell roughly how many resources have a post.
const TELLING: i64 = if cfg!(test) { 2 } else { 16 };

/// Roughly how many resources have one of some posts, if they have so few lines that looking at these is worth while.
pub(super) async fn estimate(connection: &Connection, posts: &[i64]) -> Result<Option<i64>, Fault> {
    let sql = "SELECT count(*), coalesce(sum(n), 0)::int8 FROM (SELECT n FROM post WHERE k = ANY ($1::int8[]) LIMIT $2) AS counted";
    let limit = TELLING.saturating_mul(i64::try_from(posts.len()).unwrap_or(i64::MAX));
    let rows = connection.query(sql, &[&posts, &limit]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (lines, named): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok((lines < limit).then_some(named))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unpacking_undoes_packing(rows in prop::collection::btree_set((0_i64..1 << 40, 0_i64..3), 0..400)) {
            let rows: Vec<i64> = rows.into_iter().map(|(tick, by)| of_tick(tick, by)).collect();
            let mut back = Vec::new();
            for line in pack(rows.clone()) {
                let own = unpack(line.last, line.count, line.bytes.as_deref()).unwrap();
                prop_assert!(own.len() == usize::try_from(line.count).unwrap() && own.first() == Some(&line.last));
                prop_assert!(line.first.is_none_or(|first| own.last() == Some(&first)) && line.first.is_some() == (line.count > 1));
                back.extend(own);
            }
            back.sort_unstable();
            let mut rows = rows;
            rows.sort_unstable();
            prop_assert_eq!(back, rows);
        }
    }
}
