//! Running a plan: row ids come from sources (`way`), newest first or in the order of a sort (`order`); what the sources leave is
//! tested on what the resources carry (`recheck`); the texts of a page are read last.

use std::pin::Pin;

use super::Shared;
use super::candidate::{Line, Want, lines};
use super::connect::Connection;
use super::fault::Fault;
use super::recheck::{CHUNK, asks_for_text};
use super::runs;
use super::source::next;
use super::way::{FEW, MOST};
use crate::model::primitive::Id;
use crate::search::key;
use crate::search::plan::{Filter, Link, Place, Plan, Searched};
use crate::store::evaluate::{Carried as _, is_alone, target_id};
use crate::store::normal::{conjuncts, posts};
use crate::store::port::{Hit, Page};

/// The inner condition of a chain is answered first if at most so many resources meet it.
const INNER: usize = if cfg!(test) { 3 } else { 1024 };
/// Answering it for one resource from outside costs as much as finding so many from inside.
const OUTSIDE: usize = if cfg!(test) { 1 } else { 4 };
/// Resources that are tested first, at most.
const FIRST: usize = if cfg!(test) { 2 } else { 64 };

/// A connection to search on, and what else that takes.
pub(super) struct Searcher<'s> {
    pub(super) connection: &'s Connection,
    pub(super) shared: &'s Shared,
}

/// The answer to an inner search.
type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// A match, and what was read of it on the way.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) line: Option<Line>,
}

/// What a plan comes to before the texts are read.
struct Outcome {
    /// At most the plan's limit.
    found: Vec<Found>,
    more: bool,
    total: Option<u64>,
}

impl<'s> Searcher<'s> {
    pub(super) fn new(connection: &'s Connection, shared: &'s Shared) -> Self {
        Self { connection, shared }
    }

    /// Runs a plan in a snapshot of its own.
    pub(super) async fn page(&self, plan: &Plan) -> Result<Page, Fault> {
        let (begun, outcome) =
            tokio::join!(self.connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), self.run(plan, Want::Text));
        begun?;
        let Outcome { found, more, total } = outcome?;
        // The end is sent behind the last question.
        self.connection.statement(Want::Text.sql()).await?;
        let (hits, ended) = tokio::join!(self.texts(found), self.connection.run("COMMIT"));
        ended?;
        Ok(Page { hits: hits?, more, total })
    }

    /// Runs a plan inside a transaction that writes, and holds `guard`.
    pub(super) async fn inside(&self, plan: &Plan) -> Result<Page, Fault> {
        let Outcome { found, more, total } = self.run(plan, Want::Text).await?;
        Ok(Page { hits: self.texts(found).await?, more, total })
    }

    async fn texts(&self, found: Vec<Found>) -> Result<Vec<Hit>, Fault> {
        let missing: Vec<i64> = found.iter().filter(|one| !has(one, Want::Text)).map(|one| one.place.row).collect();
        let mut read = lines(self.connection, self.shared, &missing, Want::Text).await?.into_iter().peekable();
        let mut hits = Vec::with_capacity(found.len());
        for one in found {
            let line = if has(&one, Want::Text) { one.line } else { read.next_if(|line| line.row == one.place.row) };
            if let Some(line) = line {
                hits.push(Hit { version: line.whole(self.shared)?, place: one.place });
            }
        }
        Ok(hits)
    }

    /// Runs a plan in the snapshot at hand.
    async fn run(&self, plan: &Plan, want: Want) -> Result<Outcome, Fault> {
        let nothing = Outcome { found: Vec::new(), more: false, total: plan.total.then_some(0) };
        let Some(conditions) = self.conditions(plan).await? else { return Ok(nothing) };
        let mut found = if plan.limit == 0 { Vec::new() } else { self.first(plan, &conditions, want).await? };
        let more = found.len() > plan.limit;
        found.truncate(plan.limit);
        let total = match plan.total {
            false => None,
            true if conditions.is_empty() => Some(self.living(&plan.of).await?.cast_unsigned()),
            // The first page is the only one: that was all.
            true if plan.after.is_none() && plan.limit > 0 && !more => Some(found.len() as u64),
            true => Some(self.total(plan, &conditions).await?),
        };
        Ok(Outcome { found, more, total })
    }

    /// One more than wanted of the matches after the place, if there are so many.
    async fn first(&self, plan: &Plan, conditions: &[Filter], want: Want) -> Result<Vec<Found>, Fault> {
        let wanted = plan.limit.saturating_add(1);
        if plan.sort.is_empty() {
            let before = plan.after.as_ref().map(|place| place.row);
            self.by_row(plan, conditions, None, before, wanted, want).await
        } else {
            self.sorted(plan, conditions, wanted).await
        }
    }

    /// What a plan without a sort finds, for a search within a search, and whether more follow.
    pub(super) fn find<'a>(&'a self, plan: &'a Plan, want: Want) -> Later<'a, (Vec<Line>, bool)> {
        Box::pin(async move {
            let Some(conditions) = self.conditions(plan).await? else { return Ok((Vec::new(), false)) };
            let mut found = self.first(plan, &conditions, want).await?;
            let more = found.len() > plan.limit;
            found.truncate(plan.limit);
            let missing: Vec<i64> = found.iter().filter(|one| !has(one, want)).map(|one| one.place.row).collect();
            let mut all: Vec<Line> = found.into_iter().filter(|one| has(one, want)).filter_map(|one| one.line).collect();
            all.extend(lines(self.connection, self.shared, &missing, want).await?);
            all.sort_unstable_by_key(|line| std::cmp::Reverse(line.row));
            Ok((all, more))
        })
    }

    /// Matches that also meet `more`, newest first.
    pub(super) async fn by_row(
        &self,
        plan: &Plan,
        conditions: &[Filter],
        more: Option<&Filter>,
        before: Option<i64>,
        wanted: usize,
        want: Want,
    ) -> Result<Vec<Found>, Fault> {
        // One source alone is read as it is needed.
        let worth_reading = if conditions.len() > 1 { FEW } else { 0 };
        let mut way = self.way(&plan.of, conditions, Some(wanted), worth_reading).await?;
        way.rest.extend(more);
        let mut most = before.map_or(i64::MAX, |before| before.saturating_sub(1));
        let place = |row| Place { values: Vec::new(), row };
        if way.rest.is_empty() {
            let rows = next(self.connection, &mut way.sources, most, wanted).await?;
            return Ok(rows.into_iter().map(|row| Found { place: place(row), line: None }).collect());
        }
        let text = way.rest.iter().any(|filter| asks_for_text(filter));
        let (mut found, mut size) = (Vec::new(), wanted.saturating_add(wanted / 2).min(FIRST));
        // What is tested first will mostly be wanted whole.
        let mut what = if text || want == Want::Text { Want::Both } else { Want::Keys };
        while found.len() < wanted {
            let rows = next(self.connection, &mut way.sources, most, size).await?;
            let Some(last) = rows.last() else { break };
            most = last.saturating_sub(1);
            let exhausted = rows.len() < size;
            let kept = self.recheck(lines(self.connection, self.shared, &rows, what).await?, &way.rest, false).await?.0;
            found.extend(kept.into_iter().map(|line| Found { place: place(line.row), line: Some(line) }));
            if exhausted {
                break;
            }
            what = if text { Want::Both } else { Want::Keys };
            size = (size * 4).min(CHUNK);
        }
        found.truncate(wanted);
        Ok(found)
    }

    /// The number of all matches.
    async fn total(&self, plan: &Plan, conditions: &[Filter]) -> Result<u64, Fault> {
        if let [only] = conditions
            && let Some([post]) = posts(only).as_deref()
        {
            return Ok(runs::count(self.connection, *post).await?.cast_unsigned());
        }
        let mut way = self.way(&plan.of, conditions, None, MOST).await?;
        let text = way.rest.iter().any(|filter| asks_for_text(filter));
        let (mut total, mut most, size) = (0, i64::MAX, if way.rest.is_empty() { 100 * CHUNK } else { CHUNK });
        loop {
            let rows = next(self.connection, &mut way.sources, most, size).await?;
            let Some(last) = rows.last() else { return Ok(total) };
            most = last.saturating_sub(1);
            total += if way.rest.is_empty() {
                rows.len() as u64
            } else {
                let what = if text { Want::Both } else { Want::Keys };
                self.recheck(lines(self.connection, self.shared, &rows, what).await?, &way.rest, false).await?.0.len() as u64
            };
        }
    }

    /// How many resources some types have now.
    pub(super) async fn living(&self, of: &[Searched]) -> Result<i64, Fault> {
        let kinds = of.iter().map(|of| self.shared.kinds.code(of.kind)).collect::<Result<Vec<_>, _>>()?;
        let sql = "SELECT coalesce(sum(living), 0)::int8 FROM kind WHERE code = ANY ($1::int4[])";
        self.connection.number(sql, &[&kinds]).await
    }

    /// Roughly the same, as it was lately.
    pub(super) async fn about(&self, of: &[Searched]) -> Result<i64, Fault> {
        let mut sum = 0_i64;
        for one in of {
            let code = self.shared.kinds.code(one.kind)?;
            let count = match self.shared.sizes.get(code) {
                Some(count) => count,
                None => {
                    let count = self.living(std::slice::from_ref(one)).await?;
                    self.shared.sizes.put(code, count);
                    count
                }
            };
            sum = sum.saturating_add(count);
        }
        Ok(sum)
    }

    /// The conditions of a plan, those replaced that are better answered from inside; `None` if they cannot all hold.
    pub(super) async fn conditions(&self, plan: &Plan) -> Result<Option<Vec<Filter>>, Fault> {
        let Some(conditions) = conjuncts(&plan.filter) else { return Ok(None) };
        if conditions.iter().all(is_alone) {
            return Ok(Some(conditions));
        }
        // If few resources are left by the other conditions, each is better asked from outside.
        let mut most = INNER;
        for filter in &conditions {
            let own = match (posts(filter), filter) {
                (Some(posts), _) => match runs::estimate(self.connection, &posts).await? {
                    Some(own) => own,
                    None => continue,
                },
                (None, Filter::Id(ids)) => i64::try_from(ids.len()).unwrap_or(i64::MAX),
                _ => continue,
            };
            most = most.min(usize::try_from(own).unwrap_or(usize::MAX).saturating_mul(OUTSIDE));
        }
        let mut inside = Vec::new();
        for filter in conditions {
            inside.push(self.inside_out(filter, most.max(OUTSIDE), plan.of.len() > 1).await?);
        }
        Ok(conjuncts(&Filter::All(inside)))
    }

    fn inside_out(&self, filter: Filter, most: usize, mixed: bool) -> Later<'_, Filter> {
        Box::pin(async move {
            Ok(match filter {
                Filter::All(filters) => Filter::All(self.each(filters, most, mixed).await?),
                Filter::Any(filters) => Filter::Any(self.each(filters, most, mixed).await?),
                Filter::Not(filter) => Filter::Not(Box::new(self.inside_out(*filter, most, mixed).await?)),
                Filter::Linked(link) => match self.inner(link.to, &link.filter, most, Want::Name).await? {
                    Some(found) => Filter::Any(referring(&link, &found)),
                    None => Filter::Linked(link),
                },
                Filter::Referenced(link) => match self.inner(link.from, &link.filter, most, Want::Keys).await? {
                    Some(found) => {
                        let ids = Filter::Id(referred(&link, &found)?);
                        // An id says nothing of the type.
                        if mixed { Filter::All(vec![Filter::Post(link.to.post), ids]) } else { ids }
                    }
                    None => Filter::Referenced(link),
                },
                other => other,
            })
        })
    }

    async fn each(&self, filters: Vec<Filter>, most: usize, mixed: bool) -> Result<Vec<Filter>, Fault> {
        let mut inside = Vec::with_capacity(filters.len());
        for filter in filters {
            inside.push(self.inside_out(filter, most, mixed).await?);
        }
        Ok(inside)
    }

    /// What meets the inner condition, if it is not too much.
    async fn inner(&self, of: Searched, filter: &Filter, most: usize, want: Want) -> Result<Option<Vec<Line>>, Fault> {
        let plan = Plan { of: vec![of], filter: filter.clone(), sort: Vec::new(), after: None, limit: most, total: false };
        let (found, more) = self.find(&plan, want).await?;
        Ok((!more).then_some(found))
    }
}

/// Whether a match was read as far as wanted.
fn has(found: &Found, want: Want) -> bool {
    found.line.as_ref().is_some_and(|line| matches!(want, Want::Name | Want::Keys) || line.has_text())
}

/// The posts of references to these resources.
fn referring(link: &Link, found: &[Line]) -> Vec<Filter> {
    let post = |line: &Line| Filter::Post(key::reference(link.parameter, &line.version.key.to_string()));
    found.iter().map(post).collect()
}

/// The ids to which these resources refer.
fn referred(link: &Link, found: &[Line]) -> Result<Vec<Id>, Fault> {
    let mut ids = std::collections::BTreeSet::new();
    for line in found {
        let links = line.candidate()?.rows;
        let targets = links.links().filter(|(parameter, _)| *parameter == link.parameter);
        ids.extend(targets.filter_map(|(_, target)| target_id(link, target.as_ref()).and_then(Id::new)));
    }
    Ok(ids.into_iter().collect())
}
