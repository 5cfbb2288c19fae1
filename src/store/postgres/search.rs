//! Running a plan: the way is chosen (`driver`), SQL finds (`select`), what SQL cannot tell is looked at again (`recheck`).

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use super::Shared;
use super::connect::Connection;
use super::driver::{self, Driver, Way, choose, least, living};
use super::fault::Fault;
use super::recheck::{Around, CHUNK};
use super::select::{Line, Question, after_row};
use super::sql::is_told;
use crate::model::primitive::Id;
use crate::search::key;
use crate::search::plan::{Filter, Link, Place, Plan, Searched, SortBy};
use crate::store::evaluate::{Carried as _, compare, is_alone, target_id};
use crate::store::normal::conjuncts;
use crate::store::port::{Explanation, Hit, Page, Role, Use};

/// The inner condition of a chain is answered first if at most so many resources meet it.
const INNER: usize = if cfg!(test) { 3 } else { 1024 };
/// Answering it for one resource from outside costs as much as finding so many from inside.
const OUTSIDE: usize = if cfg!(test) { 1 } else { 4 };

/// A connection to search on, and what else that takes.
pub(super) struct Searcher<'s> {
    pub(super) connection: &'s Connection,
    pub(super) shared: &'s Shared,
}

/// The answer to an inner search.
type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

impl<'s> Searcher<'s> {
    pub(super) fn new(connection: &'s Connection, shared: &'s Shared) -> Self {
        Self { connection, shared }
    }

    /// Runs a plan in a snapshot of its own.
    pub(super) async fn page(&self, plan: &Plan) -> Result<Page, Fault> {
        // One statement is one snapshot.
        if is_alone(&plan.filter) && plan.sort.is_empty() && !(plan.total && plan.limit > 0) {
            return self.run(plan).await;
        }
        let (begun, page) = tokio::join!(self.connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), self.run(plan));
        begun?;
        let page = page?;
        self.connection.run("COMMIT").await?;
        Ok(page)
    }

    /// Runs a plan and tells how.
    pub(super) async fn explain(&self, plan: &Plan) -> Result<Explanation, Fault> {
        let page = self.page(plan).await?;
        let mut uses = Vec::new();
        if let Some(conditions) = self.conditions(plan).await? {
            let enough = plan.sort.is_empty().then_some(plan.limit.saturating_add(1));
            let way = choose(self.connection, self.shared, &conditions, &plan.of, enough).await?;
            let is_tested = |filter: &Filter| way.tests.iter().any(|test| std::ptr::eq(*test, filter));
            for filter in &conditions {
                let role = if is_tested(filter) { Role::Test } else { Role::Source };
                let rows = (role == Role::Source).then_some(way.least.cast_unsigned());
                uses.push(Use { filter: filter.clone(), role, rows });
            }
            if uses.iter().all(|used| used.role == Role::Test) {
                // Everything of the types, or what two tests leave of a parameter between them.
                let all = living(self.connection, self.shared, &plan.of).await?;
                let rows = Some(way.least.min(all).cast_unsigned());
                uses.insert(0, Use { filter: Filter::All(Vec::new()), role: Role::Source, rows });
            }
        }
        Ok(Explanation { page, uses, tested: None })
    }

    /// Runs a plan in the snapshot at hand.
    pub(super) async fn run(&self, plan: &Plan) -> Result<Page, Fault> {
        let Some(conditions) = self.conditions(plan).await? else {
            return Ok(Page { total: plan.total.then_some(0), ..Page::default() });
        };
        let (lines, more) = if plan.limit == 0 { (Vec::new(), false) } else { self.lines(plan, &conditions, false).await? };
        let total = match plan.total {
            false => None,
            true if conditions.is_empty() => Some(living(self.connection, self.shared, &plan.of).await?.cast_unsigned()),
            // The first page is the only one: that was all.
            true if plan.after.is_none() && plan.limit > 0 && !more => Some(lines.len() as u64),
            true => Some(self.total(plan, &conditions).await?),
        };
        let hits = lines.into_iter().map(|line| Hit { version: Arc::new(line.version), place: line.place }).collect();
        Ok(Page { hits, more, total })
    }

    /// What a plan finds, for a search within a search.
    pub(super) fn find<'a>(&'a self, plan: &'a Plan, keys: bool) -> Later<'a, (Vec<Line>, bool)> {
        Box::pin(async move {
            let Some(conditions) = self.conditions(plan).await? else { return Ok((Vec::new(), false)) };
            self.lines(plan, &conditions, keys).await
        })
    }

    /// The conditions of a plan, those replaced that are better answered from inside; `None` if they cannot all hold.
    async fn conditions(&self, plan: &Plan) -> Result<Option<Vec<Filter>>, Fault> {
        let Some(conditions) = conjuncts(&plan.filter) else { return Ok(None) };
        if conditions.iter().all(is_alone) {
            return Ok(Some(conditions));
        }
        // If few resources are left by the other conditions, each is better asked from outside.
        let least = least(self.connection, self.shared, &conditions, &plan.of).await?;
        let most = INNER.min(usize::try_from(least).unwrap_or(usize::MAX).saturating_mul(OUTSIDE)).max(OUTSIDE);
        let mut inside = Vec::new();
        for filter in conditions {
            inside.push(self.inside_out(filter, most, plan.of.len() > 1).await?);
        }
        Ok(conjuncts(&Filter::All(inside)))
    }

    fn inside_out(&self, filter: Filter, most: usize, mixed: bool) -> Later<'_, Filter> {
        Box::pin(async move {
            Ok(match filter {
                Filter::All(filters) => Filter::All(self.each(filters, most, mixed).await?),
                Filter::Any(filters) => Filter::Any(self.each(filters, most, mixed).await?),
                Filter::Not(filter) => Filter::Not(Box::new(self.inside_out(*filter, most, mixed).await?)),
                Filter::Linked(link) => match self.inner(link.to, &link.filter, most).await? {
                    Some(found) => Filter::Any(referring(&link, &found)),
                    None => Filter::Linked(link),
                },
                Filter::Referenced(link) => match self.inner(link.from, &link.filter, most).await? {
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
    async fn inner(&self, of: Searched, filter: &Filter, most: usize) -> Result<Option<Vec<Line>>, Fault> {
        let plan = Plan { of: vec![of], filter: filter.clone(), sort: Vec::new(), after: None, limit: most, total: false };
        let (found, more) = self.find(&plan, true).await?;
        Ok((!more).then_some(found))
    }

    /// The lines of a page, and whether more follow.
    async fn lines(&self, plan: &Plan, conditions: &[Filter], keys: bool) -> Result<(Vec<Line>, bool), Fault> {
        let open: Vec<&Filter> = conditions.iter().filter(|filter| !is_told(filter)).collect();
        let wanted = plan.limit.saturating_add(1);
        let probed = plan.sort.iter().any(|sort| matches!(sort.by, SortBy::Probe(_)));
        let mut lines = if probed {
            self.sorted_by_text(plan, conditions, &open, wanted).await?
        } else {
            self.found(plan, conditions, &open, wanted, keys).await?
        };
        let more = lines.len() > plan.limit;
        lines.truncate(plan.limit);
        Ok((lines, more))
    }

    /// At most `wanted` lines in an order that SQL knows.
    async fn found(&self, plan: &Plan, conditions: &[Filter], open: &[&Filter], wanted: usize, keys: bool) -> Result<Vec<Line>, Fault> {
        let enough = plan.sort.is_empty().then_some(wanted);
        let Way { driver, tests, least } = choose(self.connection, self.shared, conditions, &plan.of, enough).await?;
        let limit = if open.is_empty() { wanted } else { wanted.max(CHUNK) };
        let mut question =
            Question { of: &plan.of, driver, tests, sort: &plan.sort, after: plan.after.as_ref(), limit, keys: keys || !open.is_empty() };
        if open.is_empty() {
            let many = least > driver::MOST || matches!(question.driver, Driver::Types);
            if many && plan.of.len() == 1 && self.shared.shards == 1 {
                let all = std::mem::replace(&mut question.tests, conditions.iter().collect());
                if let Some(lines) = question.walk(self.connection, self.shared).await? {
                    return Ok(lines);
                }
                question.tests = all;
            }
            return question.lines(self.connection, self.shared).await;
        }
        let mut lines: Vec<Line> = Vec::new();
        let mut last: Option<Place> = None;
        loop {
            let Question { of, ref driver, ref tests, sort, limit, keys, .. } = question;
            let after = last.as_ref().or(plan.after.as_ref());
            let next = Question { of, driver: driver.clone(), tests: tests.clone(), sort, after, limit, keys };
            let chunk = next.lines(self.connection, self.shared).await?;
            let exhausted = chunk.len() < limit;
            last = chunk.last().map(|line| line.place.clone());
            lines.extend(self.recheck(chunk, open).await?.0);
            if exhausted || lines.len() >= wanted {
                lines.truncate(wanted);
                return Ok(lines);
            }
        }
    }

    /// At most `wanted` lines in an order that only the texts tell: every match is looked at.
    async fn sorted_by_text(&self, plan: &Plan, conditions: &[Filter], open: &[&Filter], wanted: usize) -> Result<Vec<Line>, Fault> {
        let mut best: Vec<Line> = Vec::new();
        let mut chunks = self.chunks(plan, conditions, open).await?;
        while let Some((lines, around)) = self.next_chunk(&mut chunks).await? {
            for mut line in lines {
                line.place = line.candidate()?.place(&plan.sort, &around)?;
                if plan.after.as_ref().is_none_or(|after| compare(&plan.sort, &line.place, after).is_gt()) {
                    best.push(line);
                }
            }
            best.sort_unstable_by(|a, b| compare(&plan.sort, &a.place, &b.place));
            best.truncate(wanted);
        }
        Ok(best)
    }

    /// The number of all matches.
    async fn total(&self, plan: &Plan, conditions: &[Filter]) -> Result<u64, Fault> {
        let open: Vec<&Filter> = conditions.iter().filter(|filter| !is_told(filter)).collect();
        if open.is_empty() {
            let way = match driver::only(conditions) {
                Some(way) => way,
                None => choose(self.connection, self.shared, conditions, &plan.of, None).await?,
            };
            let Way { driver, tests, .. } = way;
            let question = Question { of: &plan.of, driver, tests, sort: &[], after: None, limit: 0, keys: false };
            return question.count(self.connection, self.shared).await;
        }
        let (mut total, mut chunks) = (0, self.chunks(plan, conditions, &open).await?);
        while let Some((lines, _)) = self.next_chunk(&mut chunks).await? {
            total += lines.len() as u64;
        }
        Ok(total)
    }

    /// Prepares to go through all matches.
    async fn chunks<'f>(&self, plan: &'f Plan, conditions: &'f [Filter], open: &[&'f Filter]) -> Result<Chunks<'f>, Fault> {
        let Way { driver, tests, .. } = choose(self.connection, self.shared, conditions, &plan.of, None).await?;
        Ok(Chunks { of: &plan.of, driver, tests, open: open.to_vec(), last: None, exhausted: false })
    }

    /// The next matches, newest first, and what is known around them.
    async fn next_chunk<'f>(&self, chunks: &mut Chunks<'f>) -> Result<Option<(Vec<Line>, Around<'f>)>, Fault> {
        if chunks.exhausted {
            return Ok(None);
        }
        let (driver, tests) = (chunks.driver.clone(), chunks.tests.clone());
        let question = Question { of: chunks.of, driver, tests, sort: &[], after: chunks.last.as_ref(), limit: CHUNK, keys: true };
        let lines = question.lines(self.connection, self.shared).await?;
        chunks.exhausted = lines.len() < CHUNK;
        chunks.last = lines.last().map(|line| after_row(line.place.row));
        Ok(Some(self.recheck(lines, &chunks.open).await?))
    }
}

/// All matches of a plan, a chunk at a time.
struct Chunks<'f> {
    of: &'f [Searched],
    driver: Driver<'f>,
    tests: Vec<&'f Filter>,
    open: Vec<&'f Filter>,
    last: Option<Place>,
    exhausted: bool,
}

/// The posts of references to these resources.
fn referring(link: &Link, found: &[Line]) -> Vec<Filter> {
    let post = |line: &Line| Filter::Post(key::reference(link.parameter, &line.version.key.to_string()));
    found.iter().map(post).collect()
}

/// The ids to which these resources refer.
fn referred(link: &Link, found: &[Line]) -> Result<Vec<Id>, Fault> {
    let mut ids = BTreeSet::new();
    for line in found {
        let links = line.candidate()?.rows;
        let targets = links.links().filter(|(parameter, _)| *parameter == link.parameter);
        ids.extend(targets.filter_map(|(_, target)| target_id(link, target.as_ref()).and_then(Id::new)));
    }
    Ok(ids.into_iter().collect())
}
