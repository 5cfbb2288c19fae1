//! The rows of a resource as bytes, kept on the resource itself.
//!
//! An update or a deletion must take away the index rows of the version before. Reading them back from the index would need
//! an index by resource; instead they travel, packed, with the resource: eight bytes per post, and a few per interval and text.

use std::cmp::Ordering;

use crate::search::plan::{NumberRow, Rows, TextRow};

/// Packs rows.
pub(crate) fn pack(rows: &Rows) -> Vec<u8> {
    let texts: usize = rows.texts.iter().map(|row| row.text.len() + 4).sum();
    let mut out = Vec::with_capacity(8 + rows.posts.len() * 8 + rows.numbers.len() * 14 + texts);
    put(&mut out, u64::from(rows.last_updated));
    put(&mut out, rows.posts.len() as u64);
    for post in &rows.posts {
        out.extend_from_slice(&post.to_le_bytes());
    }
    put(&mut out, rows.numbers.len() as u64);
    for row in &rows.numbers {
        put(&mut out, u64::from(row.parameter));
        out.extend_from_slice(&row.low.to_le_bytes());
        // Most intervals are short (a day, a second, one number), so the width takes few bytes.
        put(&mut out, row.high.wrapping_sub(row.low).cast_unsigned());
        put(&mut out, row.unit);
    }
    put(&mut out, rows.texts.len() as u64);
    for row in &rows.texts {
        put(&mut out, u64::from(row.parameter));
        put(&mut out, row.text.len() as u64);
        out.extend_from_slice(row.text.as_bytes());
    }
    out
}

/// Unpacks rows; `None` if the bytes are damaged.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Rows> {
    let mut bytes = Reader(bytes);
    let last_updated = bytes.parameter()?;
    let count = bytes.count(8)?;
    let posts = (0..count).map(|_| bytes.word()).collect::<Option<Vec<_>>>()?;
    let count = bytes.count(11)?;
    let numbers = (0..count)
        .map(|_| {
            let parameter = bytes.parameter()?;
            let low = bytes.word()?.cast_signed();
            let high = low.wrapping_add(bytes.varint()?.cast_signed());
            Some(NumberRow { parameter, low, high, unit: bytes.varint()? })
        })
        .collect::<Option<Vec<_>>>()?;
    let count = bytes.count(2)?;
    let texts = (0..count)
        .map(|_| {
            let parameter = bytes.parameter()?;
            let length = bytes.count(1)?;
            let text = std::str::from_utf8(bytes.take(length)?).ok()?;
            Some(TextRow { parameter, text: text.to_owned() })
        })
        .collect::<Option<Vec<_>>>()?;
    bytes.0.is_empty().then_some(Rows { posts, numbers, texts, last_updated })
}

/// Walks two sorted lists side by side: `change` hears of what only `new` has (`true`) and of what only `old` has (`false`).
pub(crate) fn differ<T: Ord>(old: &[T], new: &[T], mut change: impl FnMut(&T, bool)) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    while let Some(order) = match (old.peek(), new.peek()) {
        (Some(a), Some(b)) => Some(a.cmp(b)),
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (None, None) => None,
    } {
        if order.is_le() {
            old.next().filter(|_| order.is_lt()).into_iter().for_each(|row| change(row, false));
        }
        if order.is_ge() {
            new.next().filter(|_| order.is_gt()).into_iter().for_each(|row| change(row, true));
        }
    }
}

/// Appends a number in groups of seven bits, lowest first.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn parameter(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// A count of items that take at least `size` bytes each: more than fit into the rest is damage, not a reason to allocate.
    fn count(&mut self, size: usize) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count <= self.0.len() / size).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Rows> {
        let number = (any::<u32>(), any::<i64>(), any::<i64>(), any::<u64>()).prop_map(|(parameter, low, high, unit)| NumberRow {
            parameter,
            low,
            high,
            unit,
        });
        let text = (any::<u32>(), ".{0,12}").prop_map(|(parameter, text)| TextRow { parameter, text });
        let lists = (
            prop::collection::vec(any::<u64>(), 0..40),
            prop::collection::vec(number, 0..6),
            prop::collection::vec(text, 0..6),
            any::<u32>(),
        );
        lists.prop_map(|(posts, numbers, texts, last_updated)| Rows { posts, numbers, texts, last_updated })
    }

    proptest! {
        #[test]
        fn unpacking_undoes_packing(rows in rows()) {
            prop_assert_eq!(unpack(&pack(&rows)), Some(rows));
        }

        #[test]
        fn damage_is_told_and_never_panics(rows in rows(), cut in 1_usize..200) {
            let packed = pack(&rows);
            let kept = packed.len().saturating_sub(cut);
            prop_assert_eq!(unpack(&packed[..kept]), None);
        }

        #[test]
        fn differences_lead_from_old_to_new(mut old in rows(), mut new in rows()) {
            old.tidy();
            new.tidy();
            let mut posts: std::collections::BTreeSet<u64> = old.posts.iter().copied().collect();
            differ(&old.posts, &new.posts, |post, add| assert!(if add { posts.insert(*post) } else { posts.remove(post) }));
            prop_assert_eq!(posts.into_iter().collect::<Vec<_>>(), new.posts);
        }
    }
}
