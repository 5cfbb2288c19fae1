//! Matches in the order of a sort: by walking where its values stand, or by looking at all matches.

use std::collections::{HashSet, VecDeque};

use super::candidate::{Want, lines};
use super::connect::Connection;
use super::fault::Fault;
use super::recheck::{CHUNK, asks_for_text};
use super::runs::line;
use super::search::{Found, Searcher};
use super::source::{gather, next};
use super::spans::{Course, Stretch};
use super::way::{MOST, Way};
use crate::search::plan::{Filter, Place, Plan, SortBy, Test, Unit};
use crate::store::evaluate::compare;

/// Resources looked at in the order of a sort before giving up: a filter that passes too little of these is selective enough, or
/// lies far from the beginning, so that going through all matches is better.
const WINDOW: usize = if cfg!(test) { 6 } else { 8192 };
/// Wide intervals are looked at all before a walk begins, if there are at most so many.
const WIDE_ONES: usize = if cfg!(test) { 3 } else { 500 };
/// Resources looked at together at first.
const STEP: usize = if cfg!(test) { 2 } else { 24 };
/// Lines read at first, and at most.
const FEWEST: i64 = if cfg!(test) { 1 } else { 25 };
const LARGEST: i64 = if cfg!(test) { 4 } else { 256 };

impl Searcher<'_> {
    /// The first `wanted` matches after the place, sorted.
    pub(super) async fn sorted(&self, plan: &Plan, conditions: &[Filter], wanted: usize) -> Result<Vec<Found>, Fault> {
        let worth = self.worth(&plan.of, wanted).await?;
        if conditions.is_empty()
            && let Some(found) = self.walked(plan, conditions, wanted).await?
        {
            return Ok(found);
        }
        let mut way = self.way(&plan.of, conditions, Some(wanted), worth.min(MOST)).await?;
        if way.least.is_none_or(|least| least >= worth) {
            if let Some(found) = self.walked(plan, conditions, wanted).await? {
                return Ok(found);
            }
            way = self.way(&plan.of, conditions, None, MOST).await?;
        }
        self.all_sorted(plan, way, wanted).await
    }

    /// The same, after looking at every match.
    async fn all_sorted(&self, plan: &Plan, mut way: Way<'_>, wanted: usize) -> Result<Vec<Found>, Fault> {
        let what = reading(plan, &way.rest);
        let (mut best, mut most) = (Vec::new(), i64::MAX);
        loop {
            let rows = next(self.connection, &mut way.sources, most, CHUNK).await?;
            best.extend(self.look(plan, &rows, &way.rest, what).await?);
            keep_first(plan, &mut best, wanted);
            match rows.last() {
                Some(last) if rows.len() == CHUNK => most = last.saturating_sub(1),
                _ => return Ok(best),
            }
        }
    }

    /// Those of some rows that meet conditions and come after the plan's place.
    async fn look(&self, plan: &Plan, rows: &[i64], filters: &[&Filter], what: Want) -> Result<Vec<Found>, Fault> {
        let (kept, around) = self.recheck(lines(self.connection, self.shared, rows, what).await?, filters).await?;
        let mut found = Vec::with_capacity(kept.len());
        for line in kept {
            let place = line.candidate()?.place(&plan.sort, &around)?;
            if plan.after.as_ref().is_none_or(|after| compare(&plan.sort, &place, after).is_gt()) {
                found.push(Found { place, line: Some(line) });
            }
        }
        Ok(found)
    }

    /// The same by walking where the values of the only sort key stand; `None` if that would take too long.
    async fn walked(&self, plan: &Plan, conditions: &[Filter], wanted: usize) -> Result<Option<Vec<Found>>, Fault> {
        let ([sort], [_]) = (plan.sort.as_slice(), plan.of.as_slice()) else { return Ok(None) };
        let Some(course) = Course::of(&sort.by, sort.descending) else { return Ok(None) };
        let filters: Vec<&Filter> = conditions.iter().collect();
        let what = reading(plan, &filters);
        let mut found: Vec<Found> = Vec::new();
        let value = plan.after.as_ref().map(|place| place.values.first().cloned().flatten());
        if value != Some(None) {
            let (mut seen, mut size) = (HashSet::new(), STEP);
            let mut trail = Trail::new(course.stretch(value.flatten().as_ref()), sort.descending);
            let elsewhere = course.wide().into_iter().collect::<Vec<_>>();
            let (wide, read) = tokio::join!(gather(self.connection, &elsewhere, WIDE_ONES), trail.read(self.connection));
            read?;
            let Some(rows) = wide? else { return Ok(None) };
            seen.extend(rows.iter().copied());
            found.extend(self.look(plan, &rows, &filters, what).await?.into_iter().filter(has_value));
            while let Some((chunk, (k, row))) = trail.next(self.connection, size).await? {
                let rows: Vec<i64> = chunk.into_iter().filter(|row| seen.insert(*row)).collect();
                // What comes first will mostly be wanted whole.
                let what = if size == STEP { Want::Both } else { what };
                found.extend(self.look(plan, &rows, &filters, what).await?.into_iter().filter(has_value));
                found.sort_unstable_by(|a, b| compare(&plan.sort, &a.place, &b.place));
                let sure = |one: &&Found| {
                    one.place.values.first().and_then(Option::as_ref).is_some_and(|value| course.is_before((value, one.place.row), k, row))
                };
                if found.iter().take_while(sure).count() >= wanted {
                    found.truncate(wanted);
                    return Ok(Some(found));
                }
                if seen.len() > WINDOW {
                    return Ok(None);
                }
                size = (size * 2).min(CHUNK);
            }
            keep_first(plan, &mut found, wanted);
        }
        // Last come those without a value, newest first.
        let before = plan.after.as_ref().filter(|_| found.is_empty() && plan.after.as_ref().is_some_and(|place| place.values == [None]));
        let missing = wanted - found.len();
        if let Some(without) = without(&sort.by).filter(|_| missing > 0) {
            let rest = self.by_row(plan, conditions, Some(&without), before.map(|place| place.row), missing, Want::Keys).await?;
            found.extend(rest.into_iter().map(|one| Found { place: Place { values: vec![None], row: one.place.row }, ..one }));
        }
        Ok(Some(found))
    }
}

fn has_value(found: &Found) -> bool {
    found.place.values.first().is_some_and(Option::is_some)
}

fn keep_first(plan: &Plan, found: &mut Vec<Found>, wanted: usize) {
    found.sort_unstable_by(|a, b| compare(&plan.sort, &a.place, &b.place));
    found.truncate(wanted);
}

/// What must be read of a resource to test and sort it.
fn reading(plan: &Plan, filters: &[&Filter]) -> Want {
    let text = filters.iter().any(|filter| asks_for_text(filter)) || plan.sort.iter().any(|sort| matches!(sort.by, SortBy::Probe(_)));
    if text { Want::Both } else { Want::Keys }
}

/// The condition that a resource has no value to sort by; `None` if each has one.
fn without(by: &SortBy) -> Option<Filter> {
    let has = match by {
        SortBy::Number(parameter) => Filter::Number(*parameter, Test::Within(i64::MIN, i64::MAX), Unit::Any),
        SortBy::Text(parameter) => Filter::TextStart(*parameter, String::new()),
        SortBy::Id | SortBy::Updated | SortBy::Probe(_) => return None,
    };
    Some(Filter::Not(Box::new(has)))
}

const UP: &str = "SELECT k, last, n, rids FROM span WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, last) > ($4, $5)
    ORDER BY k, last LIMIT $6";
const DOWN: &str = "SELECT k, last, n, rids FROM span WHERE s = $1 AND k >= $2 AND k <= $3 AND (k, last) < ($4, $5)
    ORDER BY k DESC, last DESC LIMIT $6";

/// What stands in a stretch, in order of place, and of one place the newest first.
struct Trail {
    stretch: Stretch,
    descending: bool,
    /// The line where reading goes on; `None` at the end.
    from: Option<(i64, i64)>,
    step: i64,
    /// Places and row ids in order.
    ready: VecDeque<(i64, i64)>,
    /// What was read at the last place, whose lines were not all read.
    open: Vec<(i64, i64)>,
}

/// Row ids, and the last of them with its place.
type Chunk = (Vec<i64>, (i64, i64));

impl Trail {
    fn new(stretch: Stretch, descending: bool) -> Self {
        let from = if descending { (i64::MAX, i64::MAX) } else { (i64::MIN, i64::MIN) };
        Self { stretch, descending, from: Some(from), step: FEWEST, ready: VecDeque::new(), open: Vec::new() }
    }

    /// The next row ids, at most so many.
    async fn next(&mut self, connection: &Connection, size: usize) -> Result<Option<Chunk>, Fault> {
        while self.ready.is_empty() && self.from.is_some() {
            self.read(connection).await?;
        }
        let chunk: Vec<(i64, i64)> = self.ready.drain(..size.min(self.ready.len())).collect();
        Ok(chunk.last().copied().map(|last| (chunk.into_iter().map(|(_, row)| row).collect(), last)))
    }

    async fn read(&mut self, connection: &Connection) -> Result<(), Fault> {
        let Some((place, name)) = self.from else { return Ok(()) };
        let Stretch { s, from, to } = self.stretch;
        let sql = if self.descending { DOWN } else { UP };
        let lines = connection.query(sql, &[&s, &from, &to, &place, &name, &self.step]).await?;
        let mut rows = std::mem::take(&mut self.open);
        let mut last = None;
        for own in &lines {
            let k = own.try_get(0)?;
            rows.extend(line(own, 1)?.into_iter().map(|row| (k, row)));
            last = Some((k, own.try_get(1)?));
        }
        self.from = last.filter(|_| i64::try_from(lines.len()).unwrap_or(0) >= self.step);
        self.step = (self.step * 4).min(LARGEST);
        let (end, descending) = (self.from, self.descending);
        // Lines come by their largest row ids: going down, what lies above the last one's is sure; going up, whole places are.
        let is_sure = |(k, row): &(i64, i64)| match end {
            None => true,
            Some((last, name)) if descending => *k > last || (*k == last && *row >= name),
            Some((last, _)) => *k < last,
        };
        let (mut sure, open): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_sure);
        self.open = open;
        sure.sort_unstable_by(|a, b| if descending { b.cmp(a) } else { (a.0, b.1).cmp(&(b.0, a.1)) });
        sure.dedup();
        self.ready.extend(sure);
        Ok(())
    }
}
