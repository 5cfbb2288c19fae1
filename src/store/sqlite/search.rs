//! Running a plan: row ids from the runs, the tables and the recent rows, in one order; then their resources; then the total.
//!
//! Each condition that is a set of posts, and each that few resources meet, becomes a [`Source`]; the sources are intersected
//! from large row ids to small ones. What is left is tested on the packed rows that each resource carries.

use std::cell::Cell;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::recent::{self, Masked, Question, Snapshot};
use super::runs::{self, Walk};
use super::series::{Series, Span};
use super::source::{Range, Source, next, with_ids};
use super::tables::{High, Low, Norm, Row};
use super::{Shared, failed, read};
use crate::search::key;
use crate::search::plan::{Filter, Place, Plan, Sort, SortBy, SortValue, Test, Unit};
use crate::store::evaluate::{compare, is_alone};
use crate::store::normal::{conjuncts, posts, reach};
use crate::store::port::{Hit, Page, StoreError};

/// A connection to search on, and what else that takes.
pub(super) struct Searcher<'s> {
    pub(super) connection: &'s Connection,
    pub(super) shared: &'s Shared,
    /// Recent rows went into the tables between the snapshot and the look at them: what was found is of no use.
    moved: Cell<bool>,
    /// How many resources were looked at to test conditions.
    pub(super) tested: Cell<u64>,
}

/// Rows that are gathered at most to turn a condition into a source. Tests use a small number, to get past it.
pub(super) const MOST: i64 = if cfg!(test) { 9 } else { 65_536 };
/// Testing a resource costs as much as gathering so many rows.
const TEST: i64 = if cfg!(test) { 1 } else { 10 };
/// When so few resources meet a condition, testing them is quicker than gathering the rows of another.
const FEW: i64 = if cfg!(test) { 2 } else { 64 };
/// Windows in which a sort's table is walked before giving up: a filter that passes too little in these is selective enough, or
/// lies far from the beginning, so that going through all matches is better.
const WINDOWS: [i64; 4] = if cfg!(test) { [2, 2, 3, 4] } else { [64, 512, 4096, 16_384] };

/// Rows in the order of a sort: a table, the column that tells whose they are, that of the values, and whose they must be.
type Lane = (&'static str, &'static str, &'static str, i64);
/// In more lanes than these no sort is walked: one in many units.
const LANES: usize = 32;

/// The conditions of a plan over the rows of a snapshot.
pub(super) struct Outline<'p> {
    pub(super) plan: &'p Plan,
    /// The codes of the types that are searched.
    pub(super) kinds: Vec<i64>,
    /// Only rows up to this one are in the tables.
    pub(super) up_to: i64,
    /// What the tables say of these rows is passed over.
    pub(super) masked: Masked,
    pub(super) conditions: Vec<Filter>,
}

/// What a plan comes to before any resource is read.
pub(super) struct Outcome {
    /// At most the plan's limit.
    pub(super) places: Vec<Place>,
    pub(super) more: bool,
    pub(super) total: Option<u64>,
}

/// Sources to intersect, and what they leave to be tested.
pub(super) struct Way<'c, 'o> {
    pub(super) sources: Vec<Source<'c>>,
    pub(super) rest: Vec<&'o Filter>,
    /// How many resources the rarest source has, or more than were counted.
    pub(super) least: i64,
}

impl<'s> Searcher<'s> {
    pub(super) fn new(connection: &'s Connection, shared: &'s Shared) -> Self {
        Self { connection, shared, moved: Cell::new(false), tested: Cell::new(0) }
    }

    /// Runs a plan in a snapshot of its own.
    pub(super) fn page(&self, plan: &Plan) -> Result<Page, StoreError> {
        loop {
            let snapshot = self.connection.unchecked_transaction().map_err(failed)?;
            let page = self.read(plan);
            snapshot.finish().map_err(failed)?;
            // A new snapshot has what moved.
            if !self.moved.take() {
                return page;
            }
        }
    }

    /// Runs a plan inside the writer's transaction.
    pub(super) fn inside(&self, plan: &Plan) -> Result<Page, StoreError> {
        let page = self.read(plan)?;
        if self.moved.take() { Err(StoreError::Failed("the writer lost its own rows".to_owned())) } else { Ok(page) }
    }

    fn read(&self, plan: &Plan) -> Result<Page, StoreError> {
        let Outcome { places, more, total } = self.run(plan)?;
        let hits = places
            .into_iter()
            .map(|place| Ok(Hit { version: read::hit(self.connection, &self.shared.kinds, place.row)?, place }))
            .collect::<Result<_, StoreError>>()?;
        Ok(Page { hits, more, total })
    }

    /// Runs a plan in the snapshot at hand.
    pub(super) fn run(&self, plan: &Plan) -> Result<Outcome, StoreError> {
        let nothing = Outcome { places: Vec::new(), more: false, total: plan.total.then_some(0) };
        let Some(conditions) = conjuncts(&plan.filter) else { return Ok(nothing) };
        let Some(conditions) = self.joined(conditions, plan.of.len() > 1)? else { return Ok(nothing) };
        let snapshot = self.snapshot()?;
        let kinds = plan.of.iter().map(|of| self.shared.kinds.code(of.kind)).collect::<Result<Vec<_>, _>>()?;
        let mut outline = Outline { plan, kinds, up_to: snapshot.indexed, masked: Masked::default(), conditions };
        let wanted = if plan.limit == 0 { 0 } else { plan.limit.saturating_add(1) };
        let count = plan.total && !outline.conditions.is_empty();
        let Some(recent) = self.recent(&outline, snapshot, wanted, count)? else {
            self.moved.set(true);
            return Ok(nothing);
        };
        outline.masked = recent.masked;
        let mut places = self.merged(&outline, recent.places, wanted)?;
        let more = places.len() > plan.limit;
        places.truncate(plan.limit);
        let total = match plan.total {
            false => None,
            true if !count => Some(self.living(&outline.kinds)?.cast_unsigned()),
            // The first page is the only one: that was all.
            true if plan.after.is_none() && plan.limit > 0 && !more => Some(places.len() as u64),
            true => Some(recent.total + self.total(&outline)?),
        };
        Ok(Outcome { places, more, total })
    }

    /// The matches among the recent resources; `None` if they are no longer there.
    fn recent(&self, outline: &Outline<'_>, snapshot: Snapshot, wanted: usize, count: bool) -> Result<Option<recent::Found>, StoreError> {
        let sort = &outline.plan.sort;
        let (alone, beyond): (Vec<_>, Vec<_>) = outline.conditions.iter().partition(|filter| is_alone(filter));
        let keep = !beyond.is_empty() || sort.iter().any(|sort| matches!(sort.by, SortBy::Probe(_)));
        let question = Question { plan: outline.plan, kinds: &outline.kinds, conditions: &alone, snapshot, wanted, count, keep };
        let Some(mut found) = self.shared.recent.find(question) else { return Ok(None) };
        // What looks beyond the rows of a resource is tested here, where nobody is kept waiting.
        for kept in std::mem::take(&mut found.kept) {
            let candidate = kept.candidate();
            if self.all_hold(candidate, &beyond)? {
                found.add(candidate.place(sort, self)?, question);
            }
        }
        found.keep_first(question);
        Ok(Some(found))
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let sql = "SELECT (SELECT seq FROM change ORDER BY seq DESC LIMIT 1), indexed, generation FROM mark";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Snapshot { sequence: row.get::<_, Option<i64>>(0)?.unwrap_or(0), indexed: row.get(1)?, generation: row.get(2)? })
        };
        statement.query_row([], read).map_err(failed)
    }

    /// The first `wanted` places of those in the tables and the recent ones.
    fn merged(&self, outline: &Outline<'_>, mut recent: Vec<Place>, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let plan = outline.plan;
        if plan.sort.is_empty() {
            // All that is new is newer than all in the tables; what was changed stands among these.
            let missing = wanted - recent.partition_point(|place| place.row > outline.up_to);
            if missing > 0 {
                let before = plan.after.as_ref().map(|place| place.row);
                recent.extend(self.by_row(outline, None, before, missing)?);
                recent.sort_unstable_by_key(|place| std::cmp::Reverse(place.row));
                recent.truncate(wanted);
            }
            return Ok(recent);
        }
        let mut places = if wanted > 0 { self.sorted(outline, wanted)? } else { Vec::new() };
        if !recent.is_empty() {
            places.append(&mut recent);
            places.sort_by(|a, b| compare(&plan.sort, a, b));
            places.truncate(wanted);
        }
        Ok(places)
    }

    /// The sources for a search that is worth going through `bound` rows to spare itself testing.
    pub(super) fn way<'o>(&self, outline: &'o Outline<'_>, bound: i64) -> Result<Way<'_, 'o>, StoreError> {
        let mut way = Way { sources: Vec::new(), rest: Vec::new(), least: i64::MAX };
        let (mut posted, mut open) = (Vec::new(), Vec::new());
        for filter in &outline.conditions {
            match (posts(filter), filter) {
                (Some(posts), _) => posted.push((i64::MAX, posts, filter)),
                (None, Filter::Id(ids)) => {
                    let rows = with_ids(self.connection, &outline.kinds, ids, outline.up_to)?;
                    way.list(self.connection, rows);
                }
                (None, filter) => open.push(filter),
            }
        }
        // Nobody asks how many meet the only condition. If few meet one, it does not matter how many meet the others.
        let alone = outline.conditions.len() == 1 && outline.plan.sort.is_empty();
        for bound in [FEW, MOST].into_iter().filter(|_| !alone) {
            for (count, posts, _) in &mut posted {
                if way.least <= FEW {
                    break;
                }
                let most = way.least.min(bound);
                let sum = posts.iter().map(|post| runs::count(self.connection, *post, most)).sum::<Result<i64, _>>()?;
                *count = if sum > most { i64::MAX } else { sum };
                way.least = way.least.min(if bound == FEW { *count } else { sum });
            }
        }
        let confined = |filter: &Filter| reach(filter).is_some_and(|(parameter, ..)| Range::between(parameter, &open).is_some());
        for filter in open.iter().copied() {
            // A parameter that is confined from both sides has few rows between them, and many beyond either: see below.
            if confined(filter) {
                way.rest.push(filter);
                continue;
            }
            match self.gather(filter, outline.up_to, bound.min(MOST).min(way.least).max(1), way.least)? {
                Some(rows) => way.list(self.connection, rows),
                None => way.rest.push(filter),
            }
        }
        self.confine(outline, bound.min(MOST), &mut way)?;
        posted.sort_by_key(|(count, ..)| *count);
        for (count, posts, filter) in posted {
            // Each of the few would be looked for in another run of a post that many have; they must be tested anyway.
            if count > FEW && way.least <= FEW && !way.rest.is_empty() {
                way.rest.push(filter);
            } else {
                way.sources.push(Source::new(self.connection, outline.up_to, &posts, Vec::new()));
            }
        }
        if way.sources.is_empty() {
            let types: Vec<_> = outline.plan.of.iter().map(|of| of.post.cast_signed()).collect();
            way.sources.push(Source::new(self.connection, outline.up_to, &types, Vec::new()));
        }
        Ok(way)
    }

    /// Looks for conditions that confine a parameter from both sides, of which none alone has few rows: the dates of a week.
    fn confine<'c>(&'c self, outline: &Outline<'_>, bound: i64, way: &mut Way<'c, '_>) -> Result<(), StoreError> {
        if way.least <= FEW {
            return Ok(());
        }
        for parameter in way.rest.iter().filter_map(|filter| reach(filter)).map(|(parameter, ..)| parameter) {
            let Some(range) = Range::between(parameter, &way.rest) else { continue };
            if let Some(rows) = range.gather(self.connection, outline.up_to, bound)? {
                let wide = key::wide(parameter).cast_signed();
                let others = runs::count(self.connection, wide, MOST)?;
                way.least = way.least.min(signed(rows.len()).saturating_add(others));
                way.sources.push(Source::new(self.connection, outline.up_to, &[wide], rows));
                if others == 0 {
                    // All of the type are narrow: the index has told already.
                    way.rest.retain(|filter| reach(filter).is_none_or(|(other, ..)| other != parameter));
                }
                break;
            }
        }
        Ok(())
    }

    pub(super) fn gather(&self, filter: &Filter, up_to: i64, bound: i64, least: i64) -> Result<Option<Vec<i64>>, StoreError> {
        if least > FEW {
            for range in Range::of(filter) {
                if let Some(rows) = range.gather(self.connection, up_to, bound)? {
                    return Ok(Some(rows));
                }
            }
        }
        Ok(None)
    }

    /// Up to how many rows gathering all of them is cheaper than walking everything of the type until `wanted` are found: with
    /// `m` matches among `n` of the type, walking tests about `wanted * n / m` resources, and a test costs as much as many rows.
    pub(super) fn worth(&self, outline: &Outline<'_>, wanted: usize) -> Result<i64, StoreError> {
        Ok(signed(wanted).saturating_mul(self.living(&outline.kinds)?).saturating_mul(TEST).isqrt() + 1)
    }

    /// Matches in the tables that also meet `more`, newest first.
    fn by_row(&self, outline: &Outline<'_>, more: Option<&Filter>, before: Option<i64>, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let mut way = self.way(outline, self.worth(outline, wanted)?)?;
        way.rest.extend(more);
        let mut most = before.map_or(outline.up_to, |before| outline.up_to.min(before.saturating_sub(1)));
        let mut places = Vec::new();
        while places.len() < wanted
            && let Some(row) = next(&mut way.sources, most)?
        {
            most = row - 1;
            if outline.masked.has(row) {
                continue;
            }
            if way.rest.is_empty() || read::carried(self.connection, row, |candidate| self.all_hold(candidate, &way.rest))? {
                places.push(Place { values: Vec::new(), row });
            }
        }
        Ok(places)
    }

    /// Matches in the tables, sorted.
    fn sorted(&self, outline: &Outline<'_>, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let sort = &outline.plan.sort;
        let worth = self.worth(outline, wanted)?;
        let mut way = self.way(outline, worth)?;
        if way.least >= worth {
            if let ([sort], [_]) = (sort.as_slice(), outline.plan.of.as_slice())
                && let Some(places) = self.walk(sort, outline, wanted)?
            {
                return Ok(places);
            }
            way = self.way(outline, MOST)?;
        }
        // Every match is looked at.
        let (mut places, mut most) = (Vec::new(), outline.up_to);
        while let Some(row) = next(&mut way.sources, most)? {
            most = row - 1;
            if outline.masked.has(row) {
                continue;
            }
            let place = read::carried(self.connection, row, |candidate| {
                self.all_hold(candidate, &way.rest)?.then(|| candidate.place(sort, self)).transpose()
            })?;
            places.extend(place.filter(|place| outline.plan.after.as_ref().is_none_or(|after| compare(sort, place, after).is_gt())));
            if places.len() > wanted.saturating_mul(2).saturating_add(1000) {
                places.sort_unstable_by(|a, b| compare(sort, a, b));
                places.truncate(wanted);
            }
        }
        places.sort_unstable_by(|a, b| compare(sort, a, b));
        places.truncate(wanted);
        Ok(places)
    }

    /// Walks the table in the order of the sort until there are enough; `None` if that took too long.
    fn walk(&self, sort: &Sort, outline: &Outline<'_>, wanted: usize) -> Result<Option<Vec<Place>>, StoreError> {
        let lanes = match &sort.by {
            SortBy::Number(parameter) => {
                let by_high = |series: &Series| sort.descending && series.span != Span::Point;
                let all = Series::of(self.connection, *parameter, Unit::Any)?;
                let (high, low): (Vec<_>, Vec<_>) = all.into_iter().partition(by_high);
                let high = high.into_iter().flat_map(|series| [High::YOUNG, High::TABLE].map(|table| (table, "s", "hi", series.code())));
                let low = low.into_iter().flat_map(|series| [Low::YOUNG, Low::TABLE].map(|table| (table, "s", "lo", series.code())));
                high.chain(low).collect()
            }
            SortBy::Text(parameter) => [Norm::YOUNG, Norm::TABLE].map(|table| (table, "p", "norm", i64::from(*parameter))).to_vec(),
            // Deleted resources keep their line but not their body.
            SortBy::Id => outline.kinds.iter().map(|kind| ("resource", "body IS NOT NULL AND kind", "id", *kind)).collect(),
            SortBy::Updated | SortBy::Probe(_) => return Ok(None),
        };
        if lanes.len() > LANES {
            return Ok(None);
        }
        let mut places: Vec<Place> = Vec::new();
        let mut last = outline.plan.after.clone();
        let beyond_values = last.as_ref().is_some_and(|place| place.values.first().is_none_or(Option::is_none));
        if !beyond_values {
            let mut exhausted = false;
            for window in WINDOWS {
                let from = last.as_ref().and_then(|place| Some((place.values.first()?.as_ref()?, place.row)));
                let chunk = self.window(sort, &lanes, outline.up_to, (from, window))?;
                exhausted = signed(chunk.len()) < window;
                last = chunk.last().cloned().or(last);
                for place in chunk {
                    // A resource stands in the order with its first value only; its row may come twice if intervals share an end.
                    if places.last() != Some(&place)
                        && !outline.masked.has(place.row)
                        && read::carried(self.connection, place.row, |candidate| {
                            Ok(place.values.first() == Some(&candidate.value(sort, self)?)
                                && self.all_hold(candidate, &outline.conditions.iter().collect::<Vec<_>>())?)
                        })?
                    {
                        places.push(place);
                    }
                    if places.len() >= wanted {
                        return Ok(Some(places));
                    }
                }
                if exhausted {
                    break;
                }
            }
            if !exhausted {
                return Ok(None);
            }
            last = None;
        }
        // Last come those without a value, newest first.
        if let Some(without) = without(&sort.by) {
            let rest = self.by_row(outline, Some(&without), last.map(|place| place.row), wanted - places.len())?;
            places.extend(rest.into_iter().map(|place| Place { values: vec![None], row: place.row }));
        }
        Ok(Some(places))
    }

    /// The first rows of some lanes together, after a place.
    fn window(
        &self,
        sort: &Sort,
        lanes: &[Lane],
        up_to: i64,
        (after, limit): (Option<(&SortValue, i64)>, i64),
    ) -> Result<Vec<Place>, StoreError> {
        let (direction, beyond) = if sort.descending { ("DESC", "<") } else { ("ASC", ">") };
        let mut places = Vec::new();
        for (table, key, column, of) in lanes {
            let mut values = [*of, up_to, limit].map(Value::Integer).to_vec();
            let mut place = String::new();
            if let Some((value, row)) = after {
                place = format!("AND {column} {beyond}= ?4 AND ({column} {beyond} ?4 OR rid < ?5)");
                values.push(match value {
                    SortValue::Number(number) => Value::Integer(*number),
                    SortValue::Text(text) => Value::Text(text.clone()),
                });
                values.push(Value::Integer(row));
            }
            let sql = format!(
                "SELECT rid, {column} FROM {table} WHERE {key} = ?1 AND rid <= ?2 {place} ORDER BY {column} {direction}, rid DESC LIMIT ?3"
            );
            let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
                let value = match row.get(1)? {
                    Value::Integer(number) => Some(SortValue::Number(number)),
                    Value::Text(text) => Some(SortValue::Text(text)),
                    Value::Null | Value::Real(_) | Value::Blob(_) => None,
                };
                Ok(Place { values: vec![value], row: row.get(0)? })
            });
            places.extend(rows.map_err(failed)?.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?);
        }
        places.sort_by(|a, b| compare(std::slice::from_ref(sort), a, b));
        places.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(places)
    }

    /// The number of matches in the tables.
    fn total(&self, outline: &Outline<'_>) -> Result<u64, StoreError> {
        if let [only] = outline.conditions.as_slice() {
            if let Some([post]) = posts(only).as_deref() {
                let all = runs::count_up_to(self.connection, *post, outline.up_to)?;
                return Ok((all - self.masked_with(*post, outline)?).cast_unsigned());
            }
            if let Some(rows) = self.gather(only, outline.up_to, i64::MAX - 1, i64::MAX)? {
                return Ok(rows.iter().filter(|row| !outline.masked.has(**row)).count() as u64);
            }
        }
        let mut way = self.way(outline, MOST)?;
        let (mut total, mut most) = (0, outline.up_to);
        while let Some(row) = next(&mut way.sources, most)? {
            most = row - 1;
            if outline.masked.has(row) {
                continue;
            }
            let holds = way.rest.is_empty() || read::carried(self.connection, row, |candidate| self.all_hold(candidate, &way.rest))?;
            total += u64::from(holds);
        }
        Ok(total)
    }

    /// How many of the rows that are passed over have a post in the tables.
    fn masked_with(&self, post: i64, outline: &Outline<'_>) -> Result<i64, StoreError> {
        let (mut walk, mut count) = (Walk::new(self.connection, post, outline.up_to), 0);
        for row in outline.masked.rows().into_iter().filter(|row| *row <= outline.up_to) {
            count += i64::from(walk.seek(row)? == Some(row));
        }
        Ok(count)
    }

    /// How many resources some types have now.
    pub(super) fn living(&self, kinds: &[i64]) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT living FROM kind WHERE code = ?1").map_err(failed)?;
        let mut living = |kind: &i64| statement.query_row([kind], |row| row.get::<_, i64>(0)).map_err(failed);
        kinds.iter().map(&mut living).sum()
    }
}

impl<'c> Way<'c, '_> {
    fn list(&mut self, connection: &'c Connection, rows: Vec<i64>) {
        self.least = self.least.min(signed(rows.len()));
        self.sources.push(Source::new(connection, i64::MAX, &[], rows));
    }
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

pub(super) fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
