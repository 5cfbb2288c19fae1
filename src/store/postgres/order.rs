//! Matches in the order of a sort: by walking where its values stand, or by looking at all matches.

use std::collections::HashSet;

use super::candidate::{Want, lines};
use super::fault::Fault;
use super::recheck::{CHUNK, asks_for_text};
use super::search::{Found, Searcher};
use super::source::{gather, next};
use super::spans::Course;
use super::trail::Trail;
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
        let (kept, around) = self.recheck(lines(self.connection, self.shared, rows, what).await?, filters, sorts_by_text(plan)).await?;
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
            let mut trail = Trail::new(course.stretches(value.flatten().as_ref()), sort.descending);
            let elsewhere = course.wide().into_iter().collect::<Vec<_>>();
            let (wide, read) = tokio::join!(gather(self.connection, &elsewhere, WIDE_ONES), trail.read(self.connection));
            read?;
            let Some(rows) = wide? else { return Ok(None) };
            seen.extend(rows.iter().copied());
            found.extend(self.look(plan, &rows, &filters, what).await?.into_iter().filter(has_value));
            while let Some((chunk, (at, row))) = trail.next(self.connection, size).await? {
                let rows: Vec<i64> = chunk.into_iter().filter(|row| seen.insert(*row)).collect();
                // What comes first will mostly be wanted whole.
                let what = if size == STEP { Want::Both } else { what };
                found.extend(self.look(plan, &rows, &filters, what).await?.into_iter().filter(has_value));
                found.sort_unstable_by(|a, b| compare(&plan.sort, &a.place, &b.place));
                let sure = |one: &&Found| {
                    one.place.values.first().and_then(Option::as_ref).is_some_and(|value| course.is_before((value, one.place.row), at, row))
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
    let text = filters.iter().any(|filter| asks_for_text(filter)) || sorts_by_text(plan);
    if text { Want::Both } else { Want::Keys }
}

fn sorts_by_text(plan: &Plan) -> bool {
    plan.sort.iter().any(|sort| matches!(sort.by, SortBy::Probe(_)))
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
