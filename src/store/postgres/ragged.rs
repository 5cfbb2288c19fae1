//! Where a gateway has added lines, and so where joining them is worth while (`merge`).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::entries;
use super::index::Lines;
use super::spans::fresh;

/// What lines are joined, and the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// Those of a post.
    Post(i64, i16),
    /// Those of a post that name what is gone.
    Gone(i64, i16),
    /// The fresh ones of a series.
    Fresh(i32, i16),
    /// Those at a place of a series.
    Settled(i32, i64, i16),
}

impl Place {
    /// Where a line of the table `place` is counted.
    pub(super) fn of(shard: i16, line: &entries::Line) -> Self {
        if line.is_fresh() { Self::Fresh(fresh(line.s), shard) } else { Self::Settled(line.s, line.k, shard) }
    }
}

/// Places, each with the name from which its lines are joined.
pub(super) type Work = Vec<(Place, i64)>;

/// Small lines of one place.
#[derive(Debug, Clone, Copy)]
struct Small {
    lines: u32,
    /// The least name among them.
    from: i64,
}

/// Where lines were added.
#[derive(Debug, Default)]
pub(super) struct Ragged {
    counts: Mutex<Counts>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    small: HashMap<Place, Small>,
    /// Series with fresh lines come first: all their searches read these.
    fresh: VecDeque<(Place, i64)>,
    ready: VecDeque<(Place, i64)>,
    /// Posts of which much is gone.
    thinned: VecDeque<(Place, i64)>,
}

/// So many small lines are joined; at a place of a series fewer, since there are many places.
const ENOUGH: u32 = if cfg!(test) { 3 } else { 16 };
const FEW: u32 = if cfg!(test) { 3 } else { 8 };
/// When so many row ids are gone of a post, its lines are written anew.
const MISSED: u32 = if cfg!(test) { 3 } else { 1024 };
/// Places that are counted; beyond, those with few lines are forgotten.
const PLACES: usize = if cfg!(test) { 50 } else { 400_000 };
/// Places and series joined in one transaction.
const TOGETHER: usize = if cfg!(test) { 4 } else { 256 };
const SERIES: usize = if cfg!(test) { 2 } else { 16 };

impl Ragged {
    /// Hears of lines that are written, and of what is gone: shards, posts and row ids.
    pub(super) fn note(&self, posts: &Lines<i64>, places: &[(i16, entries::Line)], gone: &[(i16, i64, i64)]) {
        let mut counts = self.counts();
        for (shard, post, line) in posts {
            counts.note(Place::Post(*post, *shard), line.last);
        }
        for (shard, line) in places {
            counts.note(Place::of(*shard, line), line.name);
        }
        for (shard, post, row) in gone {
            counts.note(Place::Gone(*post, *shard), *row);
        }
        self.wake(&counts);
    }

    /// Hears of lines with room: those that were joined, which is no reason to join them again, and those that fresh ones brought
    /// to their places.
    pub(super) fn left(&self, joined: Work, brought: Work) {
        let mut counts = self.counts();
        joined.into_iter().for_each(|(place, name)| counts.left(place, name));
        brought.into_iter().for_each(|(place, name)| counts.note(place, name));
        self.wake(&counts);
    }

    /// Waits until there is something to be joined.
    pub(super) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Some places that are to be tidied up.
    pub(super) fn take(&self) -> Work {
        let mut counts = self.counts();
        let series = counts.fresh.len().min(SERIES);
        let mut work: Work = counts.fresh.drain(..series).collect();
        let places = counts.ready.len().min(if work.is_empty() { TOGETHER } else { TOGETHER / 4 });
        work.extend(counts.ready.drain(..places));
        if work.is_empty() {
            // Never with others: lines of `gone` are taken away post by post, in the order in which writers do.
            let posts = counts.thinned.len().min(SERIES);
            work.extend(counts.thinned.drain(..posts));
        }
        work
    }

    fn wake(&self, counts: &Counts) {
        if !(counts.ready.is_empty() && counts.fresh.is_empty() && counts.thinned.is_empty()) {
            self.ready.notify_one();
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Losing a count does no harm.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn note(&mut self, place: Place, name: i64) {
        if self.small.len() >= PLACES {
            self.small.retain(|_, small| {
                small.lines /= 2;
                small.lines > 0
            });
        }
        let small = self.small.entry(place).or_insert(Small { lines: 0, from: i64::MAX });
        *small = Small { lines: small.lines + 1, from: small.from.min(name) };
        let enough = match place {
            Place::Post(..) | Place::Fresh(..) => ENOUGH,
            Place::Settled(..) => FEW,
            Place::Gone(..) => MISSED,
        };
        if small.lines >= enough {
            let from = small.from;
            self.small.remove(&place);
            let queue = match place {
                Place::Fresh(..) => &mut self.fresh,
                Place::Gone(..) => &mut self.thinned,
                Place::Post(..) | Place::Settled(..) => &mut self.ready,
            };
            queue.push_back((place, from));
        }
    }

    fn left(&mut self, place: Place, name: i64) {
        let small = self.small.entry(place).or_insert(Small { lines: 0, from: i64::MAX });
        small.from = small.from.min(name);
    }
}
