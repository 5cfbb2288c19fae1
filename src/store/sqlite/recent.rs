//! The index rows of the newest versions, in memory.
//!
//! A resource has dozens of index rows, and nearly each belongs to another page. Writing them commit by commit would make every
//! page of the index pass through the log again and again. So a commit writes the resource with its packed rows, and the rows
//! stay here until there are thousands, which then go into the tables in order, each page once (see [`super::merge`]).
//! Searches look into the tables for rows up to a mark and in here for those beyond it. Older resources with a new version
//! are here, too: what the tables say of these is passed over ([`Found::masked`]).
//!
//! Readers see snapshots: what is here carries the sequence number of the change that wrote it, and a reader passes over what
//! is newer than its own snapshot of the database. Nothing here needs to be durable: after a crash the rows beyond the mark
//! are read back from the resources, and the table `stale` names the others (see [`super::recover`]).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::sorted::Sorted;
use crate::base::clock::Instant;
use crate::model::primitive::Id;
use crate::search::plan::{Filter, Place, Plan, Rows};
use crate::store::evaluate::{Candidate, Nowhere, compare};

/// The rows of the newest versions.
#[derive(Debug)]
pub(super) struct Recent(RwLock<Generations>);

/// Generations in order of age; the last one takes in what is new, the one before is on its way into the tables.
#[derive(Debug)]
struct Generations {
    all: VecDeque<Generation>,
    /// The rows of the newest generation that the transaction under way gave a version, one entry for each; to take back.
    undo: Vec<i64>,
}

#[derive(Debug)]
struct Generation {
    /// How many generations went into the tables before it, ever.
    number: i64,
    /// The row id of the first entry; the others follow without gaps.
    first_row: i64,
    /// The new resources.
    entries: Vec<Entry>,
    /// Older resources that got a new version. The first state of each is the one before, that of the tables.
    changed: HashMap<i64, Entry>,
    /// The row ids of these.
    masked: Sorted<i64>,
    /// Which rows have a post. They may name more than the entries hold (now).
    posts: Sorted<(u64, i64)>,
    weight: usize,
}

/// A resource.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) row: i64,
    /// The code of its type.
    pub(super) kind: i64,
    pub(super) id: Id,
    /// The newest.
    pub(super) state: State,
    /// Superseded ones, oldest first, kept for readers of older snapshots.
    pub(super) before: Vec<State>,
}

impl Entry {
    /// What a reader sees whose snapshot ends with the change `sequence`.
    fn seen_at(&self, sequence: i64) -> Option<&State> {
        if self.state.sequence <= sequence { Some(&self.state) } else { self.before.iter().rfind(|state| state.sequence <= sequence) }
    }
}

/// The rows of one version of a resource.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The change that wrote it; 0 for what the tables held before.
    pub(super) sequence: i64,
    pub(super) updated: Instant,
    /// `None` for a deletion.
    pub(super) rows: Option<Arc<Rows>>,
}

impl State {
    /// Roughly its bytes.
    fn weight(&self) -> usize {
        let rows = self.rows.as_deref();
        100 + rows.map_or(0, |rows| {
            let texts: usize = rows.texts.iter().map(|row| row.text.len() + 32).sum();
            24 * rows.posts.len() + 32 * rows.numbers.len() + texts
        })
    }

    fn posts(&self, row: i64) -> impl Iterator<Item = (u64, i64)> {
        self.rows.iter().flat_map(|rows| &rows.posts).map(move |post| (*post, row))
    }
}

/// The rows of a generation on their way into the tables.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) number: i64,
    /// The new resources.
    pub(super) new: Vec<(i64, State)>,
    /// The older ones: what the tables hold, and what they are to hold.
    pub(super) changed: Vec<(i64, State, State)>,
    /// The last row id of the new ones, or that before them.
    pub(super) last_row: i64,
}

/// A generation that takes this many bytes is written to the tables.
const FULL: usize = if cfg!(test) { 2 << 10 } else { 6 << 20 };

/// What a reader's snapshot of the database covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Snapshot {
    /// The last change.
    pub(super) sequence: i64,
    /// The mark: the tables hold the rows of all resources up to this row id.
    pub(super) indexed: i64,
    /// How many generations are in the tables.
    pub(super) generation: i64,
}

/// What a search wants to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) plan: &'q Plan,
    /// The codes of the types.
    pub(super) kinds: &'q [i64],
    /// The conditions that the rows of a resource answer.
    pub(super) conditions: &'q [&'q Filter],
    pub(super) snapshot: Snapshot,
    /// Most places.
    pub(super) wanted: usize,
    /// Whether all matches must be counted.
    pub(super) count: bool,
    /// Whether whoever asks must look at each match again, since more is wanted than rows can tell.
    pub(super) keep: bool,
}

/// What a search finds in here.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the plan's order, after its place, as many as wanted.
    pub(super) places: Vec<Place>,
    /// The number of all matches, if they are counted.
    pub(super) total: u64,
    /// All matches, if they are to be kept; then there are no places yet.
    pub(super) kept: Vec<Kept>,
    /// Of these row ids the tables may say what is not so (any more), or not yet.
    pub(super) masked: Masked,
}

/// Row ids that are passed over in the tables.
#[derive(Debug, Default)]
pub(super) struct Masked(Vec<Sorted<i64>>);

impl Masked {
    pub(super) fn has(&self, row: i64) -> bool {
        self.0.iter().any(|rows| rows.has(&row))
    }

    /// All of them, largest first and once each.
    pub(super) fn rows(&self) -> Vec<i64> {
        let mut rows: Vec<i64> = self.0.iter().flat_map(Sorted::all).copied().collect();
        rows.sort_unstable_by(|a, b| b.cmp(a));
        rows.dedup();
        rows
    }
}

/// A match, to be looked at again.
#[derive(Debug)]
pub(super) struct Kept {
    row: i64,
    id: Id,
    rows: Arc<Rows>,
    updated: Instant,
}

impl Kept {
    pub(super) fn candidate(&self) -> Candidate<'_, &Rows> {
        Candidate { row: self.row, id: self.id.as_str(), rows: &self.rows, updated: self.updated }
    }
}

impl Recent {
    /// Nothing yet; the next new resource gets the row id `next_row`, and so many generations are in the tables.
    pub(super) fn new(next_row: i64, generation: i64) -> Self {
        Self(RwLock::new(Generations { all: VecDeque::from([Generation::new(generation, next_row)]), undo: Vec::new() }))
    }

    fn read(&self) -> RwLockReadGuard<'_, Generations> {
        // Changes are single pushes and pops, so a panic leaves nothing half done.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Generations> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in new resources, in order of their row ids. Only the writer calls it, before its transaction ends.
    pub(super) fn add(&self, entries: Vec<Entry>) {
        let weight: usize = entries.iter().map(|entry| entry.state.weight()).sum();
        let mut own: Vec<_> = entries.iter().flat_map(|entry| entry.state.posts(entry.row)).collect();
        own.sort_unstable();
        let posts = self.read().all.back().map(|newest| newest.posts.with(own)).unwrap_or_default();
        let mut generations = self.write();
        generations.undo.extend(entries.iter().map(|entry| entry.row));
        if let Some(newest) = generations.all.back_mut() {
            newest.entries.extend(entries);
            newest.posts = posts;
            newest.weight += weight;
        }
    }

    /// The newest state of a resource, if it is here; and whether the tables hold, or get, nothing but what the newest
    /// generation knows of.
    pub(super) fn newest(&self, row: i64) -> (Option<State>, bool) {
        let generations = self.read();
        let state = generations.all.iter().rev().find_map(|generation| generation.entry(row)).map(|entry| entry.state.clone());
        (state, generations.all.back().is_some_and(|newest| newest.entry(row).is_some()))
    }

    /// Gives a resource its next state; `before` is the one that it has. Only the writer calls it, before its transaction ends.
    pub(super) fn change(&self, (row, kind, id): (i64, i64, &Id), before: &State, state: State) {
        let (mut own, known): (Vec<_>, bool) = (state.posts(row).collect(), self.newest(row).1);
        if !known {
            own.extend(before.posts(row));
        }
        own.sort_unstable();
        own.dedup();
        let (posts, masked) = {
            let generations = self.read();
            let Some(newest) = generations.all.back() else { return };
            (newest.posts.with(own), if known { newest.masked.clone() } else { newest.masked.with(vec![row]) })
        };
        let mut generations = self.write();
        generations.undo.push(row);
        let Some(newest) = generations.all.back_mut() else { return };
        newest.weight += state.weight();
        (newest.posts, newest.masked) = (posts, masked);
        match newest.entry_mut(row) {
            Some(entry) => entry.before.push(std::mem::replace(&mut entry.state, state)),
            None => {
                newest.weight += before.weight();
                newest.changed.insert(row, Entry { row, kind, id: id.clone(), state, before: vec![before.clone()] });
            }
        }
    }

    /// The transaction succeeded: what it brought stays.
    pub(super) fn keep(&self) {
        self.write().undo.clear();
    }

    /// The transaction failed: what it brought is taken back.
    pub(super) fn take_back(&self) {
        let mut generations = self.write();
        let undo = std::mem::take(&mut generations.undo);
        let Some(newest) = generations.all.back_mut() else { return };
        for row in undo.into_iter().rev() {
            let new = row >= newest.first_row;
            let Some(entry) = newest.entry_mut(row) else { continue };
            match entry.before.pop() {
                Some(before) => entry.state = before,
                None => drop(newest.entries.pop()),
            }
            if !new && newest.changed.get(&row).is_some_and(|entry| entry.before.is_empty()) {
                newest.changed.remove(&row);
            }
        }
        // Rows that are not here must not be passed over in the tables.
        let mut rows: Vec<i64> = newest.changed.keys().copied().collect();
        rows.sort_unstable();
        newest.masked = Sorted::default().with(rows);
    }

    /// Whether a generation is full, and no other one is on its way into the tables.
    pub(super) fn is_full(&self) -> bool {
        let generations = &self.read().all;
        generations.len() == 1 && generations.back().is_some_and(|newest| newest.weight >= FULL)
    }

    /// Whether all rows are in the tables.
    pub(super) fn is_empty(&self) -> bool {
        let generations = &self.read().all;
        generations.len() == 1 && generations.back().is_some_and(Generation::is_empty)
    }

    /// Closes the newest generation and begins another; gives the rows of the closed one.
    pub(super) fn freeze(&self) -> Option<Frozen> {
        let mut generations = self.write();
        let newest = generations.all.back()?;
        if generations.all.len() > 1 || newest.is_empty() {
            return None;
        }
        let new: Vec<_> = newest.entries.iter().map(|entry| (entry.row, entry.state.clone())).collect();
        let changed = newest.changed.values().filter_map(|entry| Some((entry.row, entry.before.first()?.clone(), entry.state.clone())));
        let (number, changed) = (newest.number, changed.collect());
        let last_row = newest.entries.last().map_or(newest.first_row - 1, |entry| entry.row);
        generations.all.push_back(Generation::new(number + 1, last_row + 1));
        Some(Frozen { number, new, changed, last_row })
    }

    /// Drops the generation that is in the tables now.
    pub(super) fn drop_oldest(&self) {
        let oldest = self.write().all.pop_front();
        // Freed here, after the lock.
        drop(oldest);
    }

    /// Looks for matches of a plan in what the tables of the snapshot do not have; `None` if that is no longer here, because it
    /// has gone into the tables since the snapshot was taken.
    pub(super) fn find(&self, question: Question<'_>) -> Option<Found> {
        let generations = self.read();
        if generations.all.front().is_none_or(|oldest| oldest.number > question.snapshot.generation) {
            return None;
        }
        let mut found = Found::default();
        let mut newer: Option<&Generation> = None;
        for generation in generations.all.iter().rev().filter(|generation| generation.number >= question.snapshot.generation) {
            found.masked.0.push(generation.masked.clone());
            generation.find(question, newer, &mut found);
            newer = Some(generation);
        }
        found.keep_first(question);
        Some(found)
    }
}

impl Found {
    /// Takes in a match.
    /// Tells whether it lies after the plan's place.
    pub(super) fn add(&mut self, place: Place, question: Question<'_>) -> bool {
        self.total += 1;
        let counts = question.plan.after.as_ref().is_none_or(|after| compare(&question.plan.sort, &place, after).is_gt());
        if counts {
            self.places.push(place);
            // Now and then, so that sorting costs little however many there are.
            if self.places.len() > question.wanted.saturating_mul(2).saturating_add(100) {
                self.keep_first(question);
            }
        }
        counts
    }

    pub(super) fn keep_first(&mut self, question: Question<'_>) {
        self.places.sort_unstable_by(|a, b| compare(&question.plan.sort, a, b));
        self.places.truncate(question.wanted);
    }
}

impl Generation {
    fn new(number: i64, first_row: i64) -> Self {
        let (changed, masked, posts) = (HashMap::new(), Sorted::default(), Sorted::default());
        Self { number, first_row, entries: Vec::new(), changed, masked, posts, weight: 0 }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.changed.is_empty()
    }

    fn entry(&self, row: i64) -> Option<&Entry> {
        match usize::try_from(row - self.first_row) {
            Ok(place) => self.entries.get(place),
            Err(_) => self.changed.get(&row),
        }
    }

    fn entry_mut(&mut self, row: i64) -> Option<&mut Entry> {
        match usize::try_from(row - self.first_row) {
            Ok(place) => self.entries.get_mut(place),
            Err(_) => self.changed.get_mut(&row),
        }
    }

    /// Adds the matches that no newer generation knows better, the new resources newest first and only until there are enough.
    fn find(&self, question: Question<'_>, newer: Option<&Self>, found: &mut Found) {
        let mut rows: Vec<i64> =
            match question.conditions.iter().filter_map(|filter| self.rarest(filter)).min_by_key(|post| self.holders(*post)) {
                Some(post) => self.with_post(post).collect(),
                None => self.changed.keys().copied().chain((self.first_row..).take(self.entries.len())).collect(),
            };
        rows.sort_unstable();
        rows.dedup();
        let (mut new, all) = (0, question.keep || question.count || !question.plan.sort.is_empty());
        for row in rows.into_iter().rev() {
            if !all && new >= question.wanted && row >= self.first_row {
                continue;
            }
            let seen = |generation: &Self| generation.entry(row).and_then(|entry| entry.seen_at(question.snapshot.sequence)).is_some();
            if newer.is_some_and(seen) {
                continue;
            }
            if self.entry(row).is_some_and(|entry| entry.look(question, found)) {
                new += 1;
            }
        }
    }

    fn with_post(&self, post: u64) -> impl Iterator<Item = i64> {
        self.posts.between((post, i64::MIN), (post, i64::MAX)).map(|(_, row)| *row)
    }

    /// How many resources have a post, or had it.
    fn holders(&self, post: u64) -> usize {
        self.posts.count_between((post, i64::MIN), (post, i64::MAX))
    }

    /// Among the posts that every match must have, the one that fewest have.
    fn rarest(&self, filter: &Filter) -> Option<u64> {
        match filter {
            Filter::Post(post) => Some(*post),
            Filter::All(filters) => filters.iter().filter_map(|filter| self.rarest(filter)).min_by_key(|post| self.holders(*post)),
            _ => None,
        }
    }
}

impl Entry {
    /// Takes it in if it is a match; tells whether its place counts.
    fn look(&self, question: Question<'_>, found: &mut Found) -> bool {
        let Question { plan, kinds, conditions, snapshot, .. } = question;
        let Some(state) = self.seen_at(snapshot.sequence).filter(|_| kinds.contains(&self.kind)) else { return false };
        let Some(rows) = &state.rows else { return false };
        let candidate = Candidate { row: self.row, id: self.id.as_str(), rows: &**rows, updated: state.updated };
        // Nothing here asks for more than rows, so nothing can fail.
        if !conditions.iter().all(|filter| candidate.holds(filter, &Nowhere).unwrap_or(false)) {
            return false;
        }
        if question.keep {
            found.kept.push(Kept { row: self.row, id: self.id.clone(), rows: Arc::clone(rows), updated: state.updated });
        } else if let Ok(place) = candidate.place(&plan.sort, &Nowhere) {
            return found.add(place, question);
        }
        false
    }
}
