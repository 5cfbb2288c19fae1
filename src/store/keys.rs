//! The rows of a resource as bytes, kept on the resource itself.
//!
//! An update or a deletion must take away the index rows of the version before. Reading them back from the index would need
//! an index by resource; instead they travel, packed, with the resource: eight bytes per post, and a few per interval and text.

use std::cmp::Ordering;

use super::evaluate::Carried;
use crate::search::plan::{NumberRow, ParameterNumber, Rows, TextRow};

/// Packs rows.
pub(crate) fn pack(rows: &Rows) -> Vec<u8> {
    let texts: usize = rows.texts.iter().map(|row| row.text.len() + 4).sum();
    let mut out = Vec::with_capacity(8 + rows.posts.len() * 8 + rows.numbers.len() * 14 + texts);
    put(&mut out, u64::from(rows.last_updated));
    put(&mut out, rows.posts.len() as u64);
    for post in &rows.posts {
        out.extend_from_slice(&post.to_le_bytes());
    }
    let mut numbers = Vec::with_capacity(rows.numbers.len() * 24);
    for row in &rows.numbers {
        put(&mut numbers, u64::from(row.parameter));
        numbers.extend_from_slice(&row.low.to_le_bytes());
        // Most intervals are short (a day, a second, one number), so the width takes few bytes.
        put(&mut numbers, row.high.wrapping_sub(row.low).cast_unsigned());
        put(&mut numbers, row.unit);
    }
    put(&mut out, rows.numbers.len() as u64);
    // Whoever wants a text need not read the numbers.
    put(&mut out, numbers.len() as u64);
    out.append(&mut numbers);
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
    let (count, length) = (bytes.count(11)?, bytes.count(1)?);
    let mut section = Reader(bytes.take(length)?);
    let numbers = (0..count).map(|_| section.number()).collect::<Option<Vec<_>>>()?;
    let count = bytes.count(2)?;
    let texts = (0..count)
        .map(|_| bytes.text().map(|(parameter, text)| TextRow { parameter, text: text.to_owned() }))
        .collect::<Option<Vec<_>>>()?;
    (bytes.0.is_empty() && section.0.is_empty()).then_some(Rows { posts, numbers, texts, last_updated })
}

/// Packed rows, read where they lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<'a> {
    last_updated: ParameterNumber,
    /// Eight bytes each, sorted.
    posts: &'a [u8],
    numbers: Section<'a>,
    texts: Section<'a>,
}

/// So many rows, in these bytes (and perhaps more).
#[derive(Debug, Clone, Copy)]
struct Section<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Finds the sections; `None` if the bytes are damaged.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut bytes = Reader(bytes);
        let last_updated = bytes.parameter()?;
        let posts = bytes.count(8)?;
        let posts = bytes.take(posts * 8)?;
        let (count, length) = (bytes.count(11)?, bytes.count(1)?);
        let numbers = Section { count, bytes: bytes.take(length)? };
        let texts = Section { count: bytes.count(2)?, bytes: bytes.0 };
        Some(Self { last_updated, posts, numbers, texts })
    }
}

impl Carried for Packed<'_> {
    fn has(self, post: u64) -> bool {
        let (posts, _) = self.posts.as_chunks::<8>();
        posts.binary_search_by_key(&post, |bytes| u64::from_le_bytes(*bytes)).is_ok()
    }

    fn numbers(self) -> impl Iterator<Item = NumberRow> {
        let mut bytes = Reader(self.numbers.bytes);
        (0..self.numbers.count).map_while(move |_| bytes.number())
    }

    fn texts(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)> {
        let mut bytes = Reader(self.texts.bytes);
        (0..self.texts.count).map_while(move |_| bytes.text())
    }

    fn last_updated(self) -> ParameterNumber {
        self.last_updated
    }
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

    fn number(&mut self) -> Option<NumberRow> {
        let parameter = self.parameter()?;
        let low = self.word()?.cast_signed();
        let high = low.wrapping_add(self.varint()?.cast_signed());
        Some(NumberRow { parameter, low, high, unit: self.varint()? })
    }

    fn text(&mut self) -> Option<(ParameterNumber, &'a str)> {
        let parameter = self.parameter()?;
        let length = self.count(1)?;
        Some((parameter, std::str::from_utf8(self.take(length)?).ok()?))
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
        fn packed_rows_are_those_that_were_packed(mut rows in rows()) {
            rows.tidy();
            let bytes = pack(&rows);
            let packed = Packed::of(&bytes).unwrap();
            prop_assert!(packed.numbers().eq(rows.numbers.iter().copied()));
            let texts = packed.texts().map(|(parameter, text)| TextRow { parameter, text: text.as_ref().to_owned() });
            prop_assert_eq!(texts.collect::<Vec<_>>(), rows.texts);
            prop_assert!(rows.posts.iter().all(|post| packed.has(*post)));
            prop_assert!(!packed.has(7) || rows.posts.contains(&7));
            prop_assert_eq!(packed.last_updated(), rows.last_updated);
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
