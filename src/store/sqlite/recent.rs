//! The index rows of the newest resources, in memory.
//!
//! A resource has dozens of index rows, and nearly each belongs to another page. Writing them commit by commit would make every
//! page of the index pass through the log again and again. So a commit writes the resource with its packed rows, and the rows
//! stay here until there are thousands, which then go into the tables in order, each page once (see [`super::merge`]).
//! Searches look into the tables for rows up to a mark and in here for those beyond it.
//!
//! Readers see snapshots: what is here carries the sequence number of the change that wrote it, and a reader passes over what
//! is newer than its own snapshot of the database. Nothing here needs to be durable: after a crash the rows beyond the mark
//! are read back from the resources.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::clock::Instant;
use crate::model::primitive::Id;
use crate::search::plan::{Filter, Place, Plan, Rows};
use crate::store::evaluate::{Candidate, Nowhere, compare};

/// The rows of the newest resources.
#[derive(Debug)]
pub(super) struct Recent(RwLock<Generations>);

/// Generations in order of age; the last one takes in what is new, the one before is on its way into the tables.
#[derive(Debug)]
struct Generations(VecDeque<Generation>);

#[derive(Debug)]
struct Generation {
    /// The row id of the first entry; the others follow without gaps.
    first_row: i64,
    entries: Vec<Entry>,
    /// Each sorted; a later one is at most half as long as the one before. They may name more than the entries hold (now).
    segments: Vec<Arc<Vec<(u64, i64)>>>,
    weight: usize,
}

/// A new resource.
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
    /// The change that wrote it.
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
    /// All matches, newest first, if they are to be kept; then there are no places yet.
    pub(super) kept: Vec<Kept>,
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
    /// Nothing yet; the next new resource gets the row id `next_row`.
    pub(super) fn new(next_row: i64) -> Self {
        Self(RwLock::new(Generations(VecDeque::from([Generation::new(next_row)]))))
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
        let rows = entries.iter().filter_map(|entry| Some((entry.row, entry.state.rows.as_deref()?)));
        let mut posts: Vec<_> = rows.flat_map(|(row, rows)| rows.posts.iter().map(move |post| (*post, row))).collect();
        posts.sort_unstable();
        let segments = self.read().0.back().map(|newest| newest.with_segment(posts)).unwrap_or_default();
        if let Some(newest) = self.write().0.back_mut() {
            newest.entries.extend(entries);
            newest.segments = segments;
            newest.weight += weight;
        }
    }

    /// Gives a resource in here its next version.
    pub(super) fn change(&self, row: i64, state: State) {
        let mut posts: Vec<_> = state.rows.iter().flat_map(|rows| &rows.posts).map(|post| (*post, row)).collect();
        posts.sort_unstable();
        let mut generations = self.write();
        if let Some(generation) = generations.0.iter_mut().rfind(|generation| generation.first_row <= row) {
            generation.segments = generation.with_segment(posts);
            generation.weight += state.weight();
            if let Some(entry) = generation.entry_mut(row) {
                entry.before.push(std::mem::replace(&mut entry.state, state));
            }
        }
    }

    /// Takes back what came after the change `sequence`: its transaction failed.
    pub(super) fn forget_after(&self, sequence: i64) {
        for generation in &mut self.write().0 {
            generation.entries.retain_mut(|entry| {
                while entry.state.sequence > sequence {
                    match entry.before.pop() {
                        Some(before) => entry.state = before,
                        None => return false,
                    }
                }
                true
            });
        }
    }

    /// Whether a generation is full, and no other one is on its way into the tables.
    pub(super) fn is_full(&self) -> bool {
        let generations = &self.read().0;
        generations.len() == 1 && generations.back().is_some_and(|newest| newest.weight >= FULL)
    }

    /// Whether all rows are in the tables.
    pub(super) fn is_empty(&self) -> bool {
        let generations = &self.read().0;
        generations.len() == 1 && generations.back().is_some_and(|newest| newest.entries.is_empty())
    }

    /// Closes the newest generation and begins another; gives the rows of the closed one, with their row ids, and its last row id.
    pub(super) fn freeze(&self) -> Option<(Vec<(i64, State)>, i64)> {
        let mut generations = self.write();
        let newest = generations.0.back()?;
        if generations.0.len() > 1 || newest.entries.is_empty() {
            return None;
        }
        let rows = newest.entries.iter().map(|entry| (entry.row, entry.state.clone())).collect();
        let last_row = newest.entries.last()?.row;
        generations.0.push_back(Generation::new(last_row + 1));
        Some((rows, last_row))
    }

    /// Drops the generation that is in the tables now.
    pub(super) fn drop_oldest(&self) {
        let oldest = self.write().0.pop_front();
        // Freed here, after the lock.
        drop(oldest);
    }

    /// Looks for matches of a plan beyond the snapshot's mark; `None` if they are no longer here, because the mark has moved
    /// since the snapshot was taken.
    pub(super) fn find(&self, question: Question<'_>) -> Option<Found> {
        let generations = self.read();
        if generations.0.front().is_none_or(|oldest| oldest.first_row > question.snapshot.indexed + 1) {
            return None;
        }
        let mut found = Found::default();
        for generation in generations.0.iter().rev() {
            generation.find(question, &mut found);
        }
        found.keep_first(question);
        Some(found)
    }
}

impl Found {
    /// Takes in a match. They come newest first.
    pub(super) fn add(&mut self, place: Place, question: Question<'_>) {
        self.total += 1;
        if question.plan.after.as_ref().is_none_or(|after| compare(&question.plan.sort, &place, after).is_gt()) {
            self.places.push(place);
            // Now and then, so that sorting costs little however many there are.
            if self.places.len() > question.wanted.saturating_mul(2).saturating_add(100) {
                self.keep_first(question);
            }
        }
    }

    pub(super) fn keep_first(&mut self, question: Question<'_>) {
        if !question.plan.sort.is_empty() {
            self.places.sort_unstable_by(|a, b| compare(&question.plan.sort, a, b));
        }
        self.places.truncate(question.wanted);
    }

    fn is_enough(&self, question: Question<'_>) -> bool {
        !question.keep && !question.count && question.plan.sort.is_empty() && self.places.len() >= question.wanted
    }
}

impl Generation {
    fn new(first_row: i64) -> Self {
        Self { first_row, entries: Vec::new(), segments: Vec::new(), weight: 0 }
    }

    fn entry(&self, row: i64) -> Option<&Entry> {
        self.entries.get(usize::try_from(row - self.first_row).ok()?)
    }

    fn entry_mut(&mut self, row: i64) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(row - self.first_row).ok()?)
    }

    /// The segments together with a new one. Small ones are joined, so that there are never many.
    fn with_segment(&self, mut posts: Vec<(u64, i64)>) -> Vec<Arc<Vec<(u64, i64)>>> {
        let mut segments = self.segments.clone();
        while let Some(last) = segments.pop_if(|last| last.len() < 2 * posts.len()) {
            posts.extend_from_slice(&last);
            // Two sorted runs: linear.
            posts.sort();
        }
        if !posts.is_empty() {
            segments.push(Arc::new(posts));
        }
        segments
    }

    /// Adds the matches, newest first, until there are enough.
    fn find(&self, question: Question<'_>, found: &mut Found) {
        let Question { plan, kinds, conditions, snapshot, .. } = question;
        let mut rows: Vec<i64> = match conditions.iter().filter_map(|filter| self.rarest(filter)).min_by_key(|post| self.holders(*post)) {
            Some(post) => self.segments.iter().flat_map(|segment| with_post(segment, post)).map(|(_, row)| *row).collect(),
            None => (self.first_row..).take(self.entries.len()).collect(),
        };
        rows.sort_unstable();
        rows.dedup();
        let mut entries = rows.into_iter().rev().filter(|row| *row > snapshot.indexed).filter_map(|row| self.entry(row));
        while !found.is_enough(question)
            && let Some(entry) = entries.next()
        {
            let Some(state) = entry.seen_at(snapshot.sequence).filter(|_| kinds.contains(&entry.kind)) else { continue };
            let Some(rows) = &state.rows else { continue };
            let candidate = Candidate { row: entry.row, id: entry.id.as_str(), rows: &**rows, updated: state.updated };
            // Nothing here asks for more than rows, so nothing can fail.
            if !conditions.iter().all(|filter| candidate.holds(filter, &Nowhere).unwrap_or(false)) {
                continue;
            }
            if question.keep {
                found.kept.push(Kept { row: entry.row, id: entry.id.clone(), rows: Arc::clone(rows), updated: state.updated });
            } else if let Ok(place) = candidate.place(&plan.sort, &Nowhere) {
                found.add(place, question);
            }
        }
    }

    /// How many resources have a post, or had it.
    fn holders(&self, post: u64) -> usize {
        self.segments.iter().map(|segment| with_post(segment, post).len()).sum()
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

/// The part of a sorted segment that has the post.
fn with_post(segment: &[(u64, i64)], post: u64) -> &[(u64, i64)] {
    let from = segment.partition_point(|(other, _)| *other < post);
    let rest = segment.get(from..).unwrap_or(&[]);
    rest.get(..rest.partition_point(|(other, _)| *other == post)).unwrap_or(&[])
}
