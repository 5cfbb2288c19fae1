//! Choosing the driver of a search by counting a little.
//!
//! Database planners misjudge hashed keys, so the choice is made here. With `m` rows in the smallest driver, going through all
//! of them costs `m`; walking an ordered source of `n` rows until `w` of at most `m` matches are found costs about `w * n / m`.
//! So going through all is better up to `m * m = w * n`. What is large is counted no further than that, and remembered.

use super::search::{Searcher, Sqlite, signed};
use crate::store::port::StoreError;
use crate::store::sql::driver::{Candidate, Driver, Outline};

/// Counting stops at these numbers of rows, one after the other. Tests use small ones, to get past them.
const STAGES: [i64; 3] = if cfg!(test) { [3, 6, MOST] } else { [64, 1024, MOST] };
const MOST: i64 = if cfg!(test) { 9 } else { 16_384 };

impl Searcher<'_> {
    /// The driver for finding `wanted` matches in the order of their row ids.
    pub(super) fn driver_by_row(&self, outline: &Outline, wanted: usize) -> Result<Candidate, StoreError> {
        if let [only] = outline.candidates().as_slice()
            && only.driver.is_ordered()
        {
            return Ok(only.clone());
        }
        match self.smallest(outline, self.worth(outline, wanted)?)? {
            Some(candidate) => Ok(candidate),
            None => self.rarest_ordered(outline),
        }
    }

    /// The driver with the fewest rows, if it has fewer than `bound` (and than the largest stage). Counting goes up in stages,
    /// so that it costs no more than a few times the rows of the rarest.
    pub(super) fn smallest(&self, outline: &Outline, bound: i64) -> Result<Option<Candidate>, StoreError> {
        let mut candidates = outline.candidates();
        for stage in STAGES {
            let mut best: Option<(Candidate, i64)> = None;
            let mut open = Vec::new();
            for candidate in candidates {
                let count = self.estimate(outline, &candidate.driver, stage)?;
                if count >= stage {
                    open.push(candidate);
                } else if best.as_ref().is_none_or(|(_, least)| count < *least) {
                    best = Some((candidate, count));
                }
            }
            if let Some((candidate, count)) = best {
                return Ok((count < bound).then_some(candidate));
            }
            if stage >= bound {
                break;
            }
            candidates = open;
        }
        Ok(None)
    }

    /// Up to how many rows going through all of them is cheaper than walking everything of the type until `wanted` are found.
    pub(super) fn worth(&self, outline: &Outline, wanted: usize) -> Result<i64, StoreError> {
        Ok(signed(wanted).saturating_mul(self.living(outline.kind)?).isqrt() + 1)
    }

    /// The rarest of the sources in row order.
    pub(super) fn rarest_ordered(&self, outline: &Outline) -> Result<Candidate, StoreError> {
        let mut best = (outline.by_type(), i64::MAX);
        for candidate in outline.candidates().into_iter().filter(|candidate| candidate.driver.is_ordered()) {
            let count = self.estimate(outline, &candidate.driver, MOST)?;
            if count < best.1 {
                best = (candidate, count);
            }
        }
        Ok(best.0)
    }

    /// Counts the rows of a driver up to `bound`, or remembers that there are as many.
    fn estimate(&self, outline: &Outline, driver: &Driver, bound: i64) -> Result<i64, StoreError> {
        let post = match driver {
            Driver::Ids(ids) => return Ok(signed(ids.len())),
            Driver::Posts(posts) => posts.first().copied().filter(|_| posts.len() == 1),
            Driver::Number(..) | Driver::TextStart(..) => None,
        };
        let frequencies = &self.shared.frequencies;
        if let Some(count) = post.and_then(|post| frequencies.at_least(post)).filter(|count| *count >= bound) {
            return Ok(count);
        }
        let count = self.number(&outline.bounded_count(driver, bound, &Sqlite))?;
        if let Some(post) = post {
            frequencies.learn(post, count);
        }
        Ok(count)
    }
}
