//! Sorted items in a few segments: quick to look into, to add to, and to share with whoever reads meanwhile.

use std::sync::Arc;

/// Items in order, in segments of which each is at most half as long as the one before.
#[derive(Debug, Clone)]
pub(super) struct Sorted<T>(Vec<Arc<Vec<T>>>);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord + Copy> Sorted<T> {
    /// These items and further ones, which are sorted. Small segments are joined, so that there are never many.
    pub(super) fn with(&self, mut items: Vec<T>) -> Self {
        let mut segments = self.0.clone();
        while let Some(last) = segments.pop_if(|last| last.len() < 2 * items.len()) {
            items.extend_from_slice(&last);
            // Two sorted runs: linear.
            items.sort();
        }
        if !items.is_empty() {
            segments.push(Arc::new(items));
        }
        Self(segments)
    }

    pub(super) fn has(&self, item: &T) -> bool {
        self.0.iter().any(|segment| segment.binary_search(item).is_ok())
    }

    /// All items, sorted only within their segments.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|segment| segment.iter())
    }

    /// The items from one to another, both inside; sorted only within their segments.
    pub(super) fn between(&self, from: T, to: T) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(move |segment| part(segment, from, to))
    }

    pub(super) fn count_between(&self, from: T, to: T) -> usize {
        self.0.iter().map(|segment| part(segment, from, to).len()).sum()
    }
}

fn part<T: Ord + Copy>(segment: &[T], from: T, to: T) -> &[T] {
    let rest = segment.get(segment.partition_point(|item| *item < from)..).unwrap_or(&[]);
    rest.get(..rest.partition_point(|item| *item <= to)).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_in_few_segments(groups in prop::collection::vec(prop::collection::btree_set(0_u16..500, 0..9), 0..60), from in 0_u16..500, to in 0_u16..500) {
            let (mut sorted, mut set) = (Sorted::default(), BTreeSet::new());
            for group in groups {
                sorted = sorted.with(group.iter().copied().collect());
                set.extend(group);
            }
            prop_assert!(sorted.0.len() <= 12);
            prop_assert_eq!(sorted.all().copied().collect::<BTreeSet<_>>(), set.clone());
            prop_assert!((0..500).all(|item| sorted.has(&item) == set.contains(&item)));
            let found: BTreeSet<u16> = sorted.between(from, to).copied().collect();
            prop_assert!(found.iter().eq(set.iter().filter(|item| (from..=to).contains(*item))));
            prop_assert_eq!(sorted.count_between(from, to), sorted.between(from, to).count());
        }
    }
}
