//! A store as simple as can be, in memory: what the others are compared with. Every search looks at everything.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

use super::*;
use crate::base::clock::Clock;
use crate::store::port::Stored as Defined;

/// The simplest store.
#[derive(Debug)]
pub(crate) struct Naive {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of creation; the index plus one is the row id.
    resources: Vec<Stored>,
    changes: Vec<Change>,
    requests: HashMap<[u8; 32], ([u8; 32], Vec<Written>)>,
    last: Option<Instant>,
    secret: Option<[u8; 32]>,
    parameters: Parameters,
    closed: bool,
}

#[derive(Debug)]
struct Stored {
    /// Oldest first.
    versions: Vec<Arc<Version>>,
    rows: Rows,
}

impl Stored {
    fn current(&self) -> &Arc<Version> {
        self.versions.last().unwrap()
    }

    fn alive(&self) -> bool {
        self.current().body.is_some()
    }
}

impl Naive {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    fn answer<T: Send + 'static>(&self, ask: impl FnOnce(&mut State) -> Result<T, StoreError>) -> Answer<'static, T> {
        let mut state = self.state.lock().unwrap();
        let result = if state.closed { Err(StoreError::Closed) } else { ask(&mut state) };
        Box::pin(ready(result))
    }
}

impl State {
    fn find(&self, key: &Key) -> Option<usize> {
        self.resources.iter().position(|stored| stored.current().key == *key)
    }

    fn check(&self, commit: &Commit) -> Result<(), Unmet> {
        for (number, write) in commit.writes.iter().enumerate() {
            let (Write::Put { key, expect, .. } | Write::Delete { key, expect }) = write else { continue };
            let stored = self.find(key).map(|i| &self.resources[i]);
            let current = stored.map(|stored| stored.current().version);
            let holds = match expect {
                Expect::Anything => true,
                Expect::Absent => current.is_none(),
                Expect::Version(version) | Expect::Current(Some(version)) => current == Some(*version),
                Expect::Current(None) => !stored.is_some_and(Stored::alive),
            };
            if !holds {
                return Err(Unmet::Version { write: number, current });
            }
        }
        for (number, expected) in commit.matches.iter().enumerate() {
            let found = self.search(&Plan { limit: usize::MAX, ..expected.plan.clone() });
            let same = found.hits.len() == expected.found.len();
            if !same || !found.hits.iter().all(|hit| expected.found.contains(&hit.version.key)) {
                return Err(Unmet::Match(number));
            }
        }
        Ok(())
    }

    fn write(&mut self, write: Write, now: Instant) -> Written {
        let (key, content) = match write {
            Write::Put { key, method, body, rows, .. } => (key, Some((method, body, rows))),
            Write::Delete { key, .. } => (key, None),
            Write::Index { key, version, rows } => {
                let found = self.find(&key);
                let current = found.map(|i| Arc::clone(self.resources[i].current()));
                let same = current.as_ref().is_some_and(|current| current.version == version && current.body.is_some());
                if let Some(i) = found.filter(|_| same) {
                    self.resources[i].rows = *rows;
                }
                return Written { version: current, created: false, changed: false };
            }
        };
        let found = self.find(&key);
        let current = found.map(|i| Arc::clone(self.resources[i].current()));
        let alive = current.as_ref().is_some_and(|current| current.body.is_some());
        let unchanged = match &content {
            None => !alive,
            Some((method, body, _)) => {
                let stored = current.as_ref().and_then(|current| current.body.as_ref());
                *method == Method::Update && stored.is_some_and(|stored| body.same_content(stored))
            }
        };
        if unchanged {
            return Written { version: current, created: false, changed: false };
        }
        let created = content.is_some() && !alive;
        let number = current.map_or(0, |current| current.version) + 1;
        let (method, body, rows) = match content {
            Some((method, body, rows)) => (method, Some(body.finish(number, now)), *rows),
            None => (Method::Delete, None, Rows::default()),
        };
        let version = Arc::new(Version { key: key.clone(), version: number, updated: now, method, body });
        let sequence = self.changes.len() as i64 + 1;
        self.changes.push(Change { sequence, key, version: number, method, updated: now });
        match found {
            Some(i) => {
                self.resources[i].versions.push(Arc::clone(&version));
                self.resources[i].rows = rows;
            }
            None => self.resources.push(Stored { versions: vec![Arc::clone(&version)], rows }),
        }
        Written { version: Some(version), created, changed: true }
    }

    /// Every version with its place in the scope, newest first.
    fn history(&self, plan: &HistoryPlan) -> History {
        let all: Vec<(i64, &Change)> = match &plan.scope {
            HistoryScope::Instance(key) => {
                self.changes.iter().filter(|change| change.key == *key).map(|change| (change.version as i64, change)).collect()
            }
            HistoryScope::Type(kind) => {
                self.changes.iter().filter(|change| change.key.kind == *kind).map(|change| (change.sequence, change)).collect()
            }
            HistoryScope::System => self.changes.iter().map(|change| (change.sequence, change)).collect(),
        };
        let never = all.is_empty() && matches!(plan.scope, HistoryScope::Instance(_));
        let total = (never || plan.since.is_none() && plan.at.is_none()).then_some(all.len() as u64);
        let mut found = Vec::new();
        for (place, change) in all.iter().rev().filter(|(place, _)| plan.after.is_none_or(|after| *place < after)) {
            let versions = &self.resources[self.find(&change.key).unwrap()].versions;
            let next = versions.iter().find(|one| one.version == change.version + 1).map(|next| next.updated);
            if plan.wants(change.updated, change.method, next) {
                found.push((*place, Arc::clone(versions.iter().find(|one| one.version == change.version).unwrap())));
            }
        }
        let next = (plan.count > 0 && found.len() > plan.count).then(|| found[plan.count - 1].0);
        History { versions: found.into_iter().take(plan.count).map(|(_, version)| version).collect(), next, total }
    }

    fn search(&self, plan: &Plan) -> Page {
        let mut hits: Vec<Hit> = Vec::new();
        for (stored, row) in self.resources.iter().zip(1..) {
            let of_type = plan.of.iter().any(|of| stored.rows.posts.contains(&of.post) && stored.current().key.kind == of.kind);
            if stored.alive() && of_type && self.holds(stored, &plan.filter) {
                let values = plan.sort.iter().map(|sort| value(stored, sort)).collect();
                hits.push(Hit { version: Arc::clone(stored.current()), place: Place { values, row } });
            }
        }
        hits.sort_by(|a, b| compare(&plan.sort, &a.place, &b.place));
        let total = plan.total.then_some(hits.len() as u64);
        if let Some(after) = &plan.after {
            hits.retain(|hit| compare(&plan.sort, &hit.place, after).is_gt());
        }
        let more = plan.limit > 0 && hits.len() > plan.limit;
        hits.truncate(plan.limit);
        Page { hits, more, total }
    }
}

fn numbers(stored: &Stored) -> Vec<NumberRow> {
    let updated = stored.current().updated.0;
    let own = NumberRow { parameter: stored.rows.last_updated, low: updated, high: updated, unit: 0 };
    stored.rows.numbers.iter().copied().chain([own]).collect()
}

fn plainly(rows: &Rows, numbers: &[NumberRow], filter: &Filter) -> bool {
    let all = |filter: &Filter| plainly(rows, numbers, filter);
    match filter {
        Filter::All(filters) => filters.iter().all(all),
        Filter::Any(filters) => filters.iter().any(all),
        Filter::Not(filter) => !all(filter),
        Filter::Post(post) => rows.posts.contains(post),
        Filter::Number(parameter, test, unit) => {
            numbers.iter().any(|row| row.parameter == *parameter && test.passes(row.low, row.high) && unit.passes(row.unit))
        }
        Filter::TextStart(parameter, text) => rows.texts.iter().any(|row| row.parameter == *parameter && row.text.starts_with(text)),
        Filter::TextPart(parameter, text) => rows.texts.iter().any(|row| row.parameter == *parameter && row.text.contains(text)),
        other => unreachable!("{other:?}"),
    }
}

impl State {
    fn holds(&self, stored: &Stored, filter: &Filter) -> bool {
        let own = &stored.current().key;
        let living = |kind| self.resources.iter().filter(move |other| other.alive() && other.current().key.kind == kind);
        match filter {
            Filter::All(filters) => filters.iter().all(|filter| self.holds(stored, filter)),
            Filter::Any(filters) => filters.iter().any(|filter| self.holds(stored, filter)),
            Filter::Not(filter) => !self.holds(stored, filter),
            Filter::Id(ids) => ids.contains(&own.id),
            Filter::Linked(link) => living(link.to.kind).any(|target| {
                let row = LinkRow { parameter: link.parameter, target: target.current().key.to_string() };
                stored.rows.links.contains(&row) && self.holds(target, &link.filter)
            }),
            Filter::Referenced(link) => living(link.from.kind).any(|source| {
                let row = LinkRow { parameter: link.parameter, target: own.to_string() };
                link.to.kind == own.kind && source.rows.links.contains(&row) && self.holds(source, &link.filter)
            }),
            Filter::Group(parameter, filters) => stored
                .rows
                .groups
                .iter()
                .filter(|group| group.parameter == *parameter)
                .any(|group| group.parts.iter().zip(filters).all(|(part, filter)| plainly(part, &part.numbers, filter))),
            Filter::Probe(probe) => (probe.ask)(stored.current().body.as_ref().unwrap()) == Found::Holds(true),
            plain => plainly(&stored.rows, &numbers(stored), plain),
        }
    }
}

fn value(stored: &Stored, sort: &Sort) -> Option<SortValue> {
    match &sort.by {
        SortBy::Id => Some(SortValue::Text(stored.current().key.id.to_string())),
        SortBy::Number(parameter) => {
            let own = numbers(stored).into_iter().filter(|row| row.parameter == *parameter);
            let value = if sort.descending { own.map(|row| row.high).max() } else { own.map(|row| row.low).min() };
            value.map(SortValue::Number)
        }
        SortBy::Text(parameter) => {
            let own = stored.rows.texts.iter().filter(|row| row.parameter == *parameter).map(|row| row.text.clone());
            let value = if sort.descending { own.max() } else { own.min() };
            value.map(SortValue::Text)
        }
        SortBy::Updated => Some(SortValue::Number(stored.current().updated.0)),
        SortBy::Probe(probe) => match (probe.ask)(stored.current().body.as_ref().unwrap()) {
            Found::Values(values) if sort.descending => values.into_iter().max(),
            Found::Values(values) => values.into_iter().min(),
            Found::Holds(_) | Found::TooMuch => None,
        },
    }
}

fn compare(sorts: &[Sort], a: &Place, b: &Place) -> Ordering {
    for (sort, (a, b)) in sorts.iter().zip(a.values.iter().zip(&b.values)) {
        let order = match (a, b) {
            (Some(a), Some(b)) if sort.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        if order.is_ne() {
            return order;
        }
    }
    b.row.cmp(&a.row)
}

impl Store for Naive {
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Version>>> {
        self.answer(|state| Ok(state.find(key).map(|i| Arc::clone(state.resources[i].current()))))
    }

    fn read_version<'a>(&'a self, key: &'a Key, version: u64) -> Answer<'a, Option<Arc<Version>>> {
        self.answer(|state| {
            let versions = state.find(key).map(|i| &state.resources[i].versions);
            Ok(versions.and_then(|versions| versions.iter().find(|one| one.version == version).cloned()))
        })
    }

    fn history<'a>(&'a self, plan: &'a HistoryPlan) -> Answer<'a, History> {
        self.answer(|state| Ok(state.history(plan)))
    }

    fn search<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Page> {
        self.answer(|state| Ok(state.search(plan)))
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Vec<Written>> {
        let now = self.clock.now().to_milliseconds();
        self.answer(|state| {
            if let Some(idempotency) = &commit.idempotency
                && let Some((request, written)) = state.requests.get(&idempotency.key)
            {
                return if *request == idempotency.request { Ok(written.clone()) } else { Err(StoreError::Unmet(Unmet::Idempotency)) };
            }
            if commit.generation != state.parameters.generation {
                return Err(StoreError::Unmet(Unmet::Catalog));
            }
            state.check(&commit).map_err(StoreError::Unmet)?;
            state.parameters.generation += u64::from(!commit.definitions.is_empty());
            let since = state.parameters.generation;
            for Definition { id, text } in &commit.definitions {
                state.parameters.stored.retain(|stored| stored.progress.id != *id);
                let progress = Progress { id: id.clone(), since, text: Bytes::new() };
                state.parameters.stored.extend(text.clone().map(|text| Defined { text, progress }));
            }
            state.parameters.stored.sort_by(|a, b| (a.progress.since, &a.progress.id).cmp(&(b.progress.since, &b.progress.id)));
            for progress in commit.progress {
                let same = |stored: &&mut Defined| stored.progress.id == progress.id && stored.progress.since == progress.since;
                if let Some(stored) = state.parameters.stored.iter_mut().find(same) {
                    stored.progress = progress;
                }
            }
            let now = state.last.map_or(now, |last| last.max(now));
            let written: Vec<Written> = commit.writes.into_iter().map(|write| state.write(write, now)).collect();
            if written.iter().any(|written| written.changed) {
                state.last = Some(now);
            }
            if let Some(idempotency) = commit.idempotency {
                state.requests.insert(idempotency.key, (idempotency.request, written.clone()));
            }
            Ok(written)
        })
    }

    fn changes(&self, after: i64, count: usize) -> Answer<'_, Vec<Change>> {
        self.answer(|state| Ok(state.changes.iter().filter(|change| change.sequence > after).take(count).cloned().collect()))
    }

    fn secret(&self, proposal: [u8; 32]) -> Answer<'_, [u8; 32]> {
        self.answer(|state| Ok(*state.secret.get_or_insert(proposal)))
    }

    fn parameters(&self) -> Answer<'_, Parameters> {
        self.answer(|state| Ok(state.parameters.clone()))
    }

    fn lease<'a>(&'a self, _: &'a str, _: &'a str, _: i64) -> Answer<'a, bool> {
        self.answer(|_| Ok(true))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.answer(|state| {
            state.closed = true;
            Ok(())
        })
    }
}
