//! How a search goes: which conditions become row sources, and what they leave to be tested.
//!
//! The first lines of all posts are read at once. If one of them has few resources, these are tested; otherwise sources are
//! intersected, of common posts only where the rare ones are, and conditions on intervals and texts become sources where few enough
//! resources stand near what they want.

use super::fault::Fault;
use super::search::Searcher;
use super::source::{Source, gather, read_more, with_ids};
use super::spans::{Stretch, between, reach, stretches};
use crate::search::key;
use crate::search::plan::{Filter, Searched, WIDE};
use crate::store::normal::posts;

/// Rows that are gathered at most to turn a condition into a source. Tests use a small number, to get past it.
pub(super) const MOST: usize = if cfg!(test) { 9 } else { 65_536 };
/// Testing a resource costs as much as gathering so many rows.
const TEST: i64 = if cfg!(test) { 1 } else { 10 };
/// When so few resources meet a condition, testing them is quicker than gathering the rows of another.
pub(super) const FEW: usize = if cfg!(test) { 2 } else { 32 };

/// Asking once more costs as much as testing so many resources.
const TRIP: i64 = if cfg!(test) { 1 } else { 16 };

/// Sources to intersect, and what they leave to be tested.
pub(super) struct Way<'o> {
    pub(super) sources: Vec<Source>,
    pub(super) rest: Vec<&'o Filter>,
    /// How many resources the rarest source has; `None` if there are more than were read.
    pub(super) least: Option<usize>,
}

impl Searcher<'_> {
    /// The way to the first `wanted` matches, or to all. So many resources of each condition are worth being read to learn
    /// which is the rarest; 0 if that does not matter.
    pub(super) async fn way<'o>(
        &self,
        of: &[Searched],
        conditions: &'o [Filter],
        wanted: Option<usize>,
        worth_reading: usize,
    ) -> Result<Way<'o>, Fault> {
        let (mut sources, mut rest): (Vec<(Source, &Filter)>, Vec<&Filter>) = Default::default();
        for filter in conditions {
            match (posts(filter), filter) {
                (Some(posts), _) => sources.push((Source::new(posts, Vec::new()), filter)),
                (None, Filter::Id(ids)) => {
                    let kinds = of.iter().map(|of| self.shared.kinds.code(of.kind)).collect::<Result<Vec<_>, _>>()?;
                    sources.push((Source::new(Vec::new(), with_ids(self.connection, &kinds, ids).await?), filter));
                }
                (None, filter) => rest.push(filter),
            }
        }
        let read = !sources.is_empty() && worth_reading > 0;
        let least = if read { self.read(&mut sources, worth_reading).await? } else { None };
        let mut way = Way { sources: Vec::new(), rest, least };
        let few = least.is_some_and(|least| least <= FEW);
        let (whole, open): (Vec<_>, Vec<_>) = sources.into_iter().partition(|(source, _)| source.size().is_some());
        way.sources.extend(whole.into_iter().map(|(source, _)| source));
        if !few && way.rest.iter().any(|filter| stretches(filter).is_some()) {
            let worth = match wanted {
                Some(wanted) => self.worth(of, wanted).await?,
                None => MOST,
            };
            self.gather(worth.min(MOST), &mut way).await?;
        }
        // What all of these have in common lies within a range, and only there the lines of a common key are read.
        let reaches = way.sources.iter().filter_map(Source::reach);
        let range = reaches.reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))).unwrap_or((i64::MIN, i64::MAX));
        // Among few, testing is quicker than reading lines.
        let least = i64::try_from(way.least.unwrap_or(usize::MAX)).unwrap_or(i64::MAX);
        let all = if open.is_empty() { 0 } else { self.about(of).await? };
        for (mut source, filter) in open {
            if least < source.ahead(range, all).saturating_add(TRIP) {
                way.rest.push(filter);
            } else {
                source.confine(range);
                way.sources.push(source);
            }
        }
        if way.sources.is_empty() {
            way.sources.push(Source::new(of.iter().map(|of| of.post.cast_signed()).collect(), Vec::new()));
        }
        Ok(way)
    }

    /// Reads until the rarest source is known or all have many.
    async fn read(&self, sources: &mut [(Source, &Filter)], worth_reading: usize) -> Result<Option<usize>, Fault> {
        read_more(self.connection, sources.iter_mut().map(|(source, _)| source).collect()).await?;
        loop {
            let least = sources.iter().filter_map(|(source, _)| source.size()).min();
            let unread = |source: &Source| source.size().is_none() && source.seen() < worth_reading;
            let open: Vec<&mut Source> = sources.iter_mut().map(|(source, _)| source).filter(|source| unread(source)).collect();
            if least.is_some() || open.is_empty() {
                return Ok(least);
            }
            read_more(self.connection, open).await?;
        }
    }

    /// Turns conditions on intervals and texts into sources; what is found must still be tested.
    async fn gather(&self, worth: usize, way: &mut Way<'_>) -> Result<(), Fault> {
        let reach = |filter: &Filter| reach(filter, WIDE);
        let confined = |filter: &Filter| reach(filter).is_some_and(|(parameter, ..)| between(parameter, &way.rest).is_some());
        // A parameter that is confined from both sides has few rows between them, and many beyond either: see below.
        let (both, one): (Vec<&Filter>, Vec<&Filter>) = way.rest.iter().copied().partition(|filter| confined(filter));
        for filter in one {
            if way.least.is_some_and(|least| least <= FEW) {
                return Ok(());
            }
            if let Some(own) = stretches(filter) {
                self.list(&own, worth, Vec::new(), way).await?;
            }
        }
        let parameters = both.iter().filter_map(|filter| reach(filter)).map(|(parameter, ..)| parameter);
        for parameter in parameters.take(1) {
            // One interval alone, if it confines both sides itself, needs only the wide ones beside it.
            let own: Vec<&&Filter> = both.iter().filter(|filter| reach(filter).is_some_and(|(other, ..)| other == parameter)).collect();
            match own.as_slice() {
                [filter] if stretches(filter).is_some() => {
                    self.list(&stretches(filter).unwrap_or_default(), worth, Vec::new(), way).await?;
                }
                _ => {
                    let Some(stretches) = between(parameter, &both) else { continue };
                    let wide = vec![key::wide(parameter).cast_signed()];
                    self.list(&stretches, worth, wide, way).await?;
                }
            }
        }
        Ok(())
    }

    async fn list(&self, stretches: &[Stretch], worth: usize, beside: Vec<i64>, way: &mut Way<'_>) -> Result<(), Fault> {
        let bound = way.least.map_or(worth, |least| worth.min(least));
        let mut source = Source::new(beside, Vec::new());
        let (rows, read) = tokio::join!(gather(self.connection, stretches, bound), read_more(self.connection, vec![&mut source]));
        read?;
        if let Some(rows) = rows? {
            source.list(rows);
            way.least = [way.least, source.size()].into_iter().flatten().min();
            way.sources.push(source);
        }
        Ok(())
    }

    /// Up to how many rows gathering all of them is cheaper than walking everything of the type until `wanted` are found: with
    /// `m` matches among `n` of the type, walking tests about `wanted * n / m` resources, and a test costs as much as many rows.
    pub(super) async fn worth(&self, of: &[Searched], wanted: usize) -> Result<usize, Fault> {
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        let worth = wanted.saturating_mul(self.about(of).await?).saturating_mul(TEST).isqrt() + 1;
        Ok(usize::try_from(worth).unwrap_or(usize::MAX))
    }
}
