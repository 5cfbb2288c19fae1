//! The rows of a resource as bytes, kept on the resource itself.
//!
//! An update or a deletion must take away the index rows of the version before. Reading them back from the index would need
//! an index by resource; instead they travel, packed, with the resource: eight bytes per post, and a few per interval and text.

use std::cmp::Ordering;

use super::evaluate::Carried;
use crate::search::plan::{GroupRow, LinkRow, NumberRow, ParameterNumber, Rows, TextRow};

/// Packs rows. They must be tidy.
pub(crate) fn pack(rows: &Rows) -> Vec<u8> {
    let texts: usize = rows.texts.iter().map(|row| row.text.len() + 4).chain(rows.links.iter().map(|row| row.target.len() + 4)).sum();
    let mut out = Vec::with_capacity(16 + rows.posts.len() * 8 + rows.numbers.len() * 14 + texts + rows.groups.len() * 16);
    put(&mut out, u64::from(rows.last_updated));
    put(&mut out, rows.posts.len() as u64);
    for post in &rows.posts {
        out.extend_from_slice(&post.to_le_bytes());
    }
    section(&mut out, &rows.numbers, put_number);
    section(&mut out, &rows.texts, |out, row| put_text(out, row.parameter, &row.text));
    section(&mut out, &rows.links, |out, row| put_text(out, row.parameter, &row.target));
    section(&mut out, &rows.groups, |out, group| put_group(out, group, rows));
    out
}

/// Writes a number of rows, their bytes and the rows: whoever wants one kind of row need not read the others.
fn section<T>(out: &mut Vec<u8>, rows: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    let mut bytes = Vec::with_capacity(rows.len() * 24);
    rows.iter().for_each(|row| write(&mut bytes, row));
    put(out, rows.len() as u64);
    put(out, bytes.len() as u64);
    out.append(&mut bytes);
}

fn put_number(out: &mut Vec<u8>, row: &NumberRow) {
    put(out, u64::from(row.parameter));
    out.extend_from_slice(&row.low.to_le_bytes());
    // Most intervals are short (a day, a second, one number), so the width takes few bytes.
    put(out, row.high.wrapping_sub(row.low).cast_unsigned());
    put(out, row.unit);
}

fn put_text(out: &mut Vec<u8>, parameter: ParameterNumber, text: &str) {
    put(out, u64::from(parameter));
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// The rows of a group stand among those of the resource, so their places there tell them.
fn put_group(out: &mut Vec<u8>, group: &GroupRow, all: &Rows) {
    fn places<T: Ord>(out: &mut Vec<u8>, part: &[T], all: &[T], whole: impl Fn(&mut Vec<u8>, &T)) {
        put(out, part.len() as u64);
        for row in part {
            match all.binary_search(row) {
                Ok(place) => put(out, place as u64 + 1),
                Err(_) => {
                    put(out, 0);
                    whole(out, row);
                }
            }
        }
    }
    put(out, u64::from(group.parameter));
    put(out, group.parts.len() as u64);
    for part in &group.parts {
        places(out, &part.posts, &all.posts, |out, post| out.extend_from_slice(&post.to_le_bytes()));
        places(out, &part.numbers, &all.numbers, put_number);
        places(out, &part.texts, &all.texts, |out, row| put_text(out, row.parameter, &row.text));
    }
}

/// Unpacks rows; `None` if the bytes are damaged.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Rows> {
    let packed = Packed::of(bytes)?;
    let (posts, _) = packed.posts.as_chunks::<8>();
    let mut rows = Rows {
        posts: posts.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect(),
        numbers: packed.numbers.all(Reader::number)?,
        texts: packed.texts.all(|bytes| bytes.text().map(|(parameter, text)| TextRow { parameter, text: text.to_owned() }))?,
        links: packed.links.all(|bytes| bytes.text().map(|(parameter, target)| LinkRow { parameter, target: target.to_owned() }))?,
        groups: Vec::new(),
        last_updated: packed.last_updated,
    };
    rows.groups = packed.groups.all(|bytes| bytes.group(&rows))?;
    Some(rows)
}

/// Packed rows, read where they lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<'a> {
    last_updated: ParameterNumber,
    /// Eight bytes each, sorted.
    posts: &'a [u8],
    numbers: Section<'a>,
    texts: Section<'a>,
    links: Section<'a>,
    groups: Section<'a>,
}

/// So many rows, in these bytes.
#[derive(Debug, Clone, Copy)]
struct Section<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Section<'a> {
    fn each<T>(self, read: impl Fn(&mut Reader<'a>) -> Option<T>) -> impl Iterator<Item = T> {
        let mut bytes = Reader(self.bytes);
        (0..self.count).map_while(move |_| read(&mut bytes))
    }

    /// All rows; `None` if they are not all there, or something else is.
    fn all<T>(self, read: impl Fn(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
        let mut bytes = Reader(self.bytes);
        let rows = (0..self.count).map(|_| read(&mut bytes)).collect::<Option<Vec<_>>>()?;
        bytes.0.is_empty().then_some(rows)
    }
}

impl<'a> Packed<'a> {
    /// Finds the sections; `None` if the bytes are damaged.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut bytes = Reader(bytes);
        let last_updated = bytes.parameter()?;
        let posts = bytes.count(8)?;
        let posts = bytes.take(posts * 8)?;
        let (numbers, texts, links, groups) = (bytes.section(11)?, bytes.section(2)?, bytes.section(2)?, bytes.section(2)?);
        bytes.0.is_empty().then_some(Self { last_updated, posts, numbers, texts, links, groups })
    }
}

impl Carried for Packed<'_> {
    fn has(self, post: u64) -> bool {
        let (posts, _) = self.posts.as_chunks::<8>();
        posts.binary_search_by_key(&post, |bytes| u64::from_le_bytes(*bytes)).is_ok()
    }

    fn numbers(self) -> impl Iterator<Item = NumberRow> {
        self.numbers.each(Reader::number)
    }

    fn texts(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)> {
        self.texts.each(Reader::text)
    }

    fn links(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)> {
        self.links.each(Reader::text)
    }

    fn groups(self) -> impl Iterator<Item = impl AsRef<GroupRow>> {
        let (posts, _) = self.posts.as_chunks::<8>();
        let all = match self.groups.count {
            0 => Rows::default(),
            _ => Rows {
                posts: posts.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect(),
                numbers: self.numbers().collect(),
                texts: self
                    .texts
                    .each(|bytes| bytes.text().map(|(parameter, text)| TextRow { parameter, text: text.to_owned() }))
                    .collect(),
                ..Rows::default()
            },
        };
        self.groups.each(move |bytes| bytes.group(&all))
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

    fn group(&mut self, all: &Rows) -> Option<GroupRow> {
        let parameter = self.parameter()?;
        let parts = self.count(3)?;
        let parts = (0..parts).map(|_| self.part(all)).collect::<Option<_>>()?;
        Some(GroupRow { parameter, parts })
    }

    fn part(&mut self, all: &Rows) -> Option<Rows> {
        let text = |bytes: &mut Self| bytes.text().map(|(parameter, text)| TextRow { parameter, text: text.to_owned() });
        Some(Rows {
            posts: self.places(&all.posts, Self::word)?,
            numbers: self.places(&all.numbers, Self::number)?,
            texts: self.places(&all.texts, text)?,
            ..Rows::default()
        })
    }

    fn places<T: Clone>(&mut self, all: &[T], whole: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count(1)?;
        let one = |bytes: &mut Self| match usize::try_from(bytes.varint()?).ok()?.checked_sub(1) {
            Some(place) => all.get(place).cloned(),
            None => whole(bytes),
        };
        (0..count).map(|_| one(self)).collect()
    }

    /// A section whose rows take at least `size` bytes each.
    fn section(&mut self, size: usize) -> Option<Section<'a>> {
        let (count, length) = (self.count(size)?, self.count(1)?);
        Some(Section { count, bytes: self.take(length)? })
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
        let link = (any::<u32>(), ".{0,12}").prop_map(|(parameter, target)| LinkRow { parameter, target });
        let lists = (
            prop::collection::vec(any::<u64>(), 0..40),
            prop::collection::vec(number, 0..6),
            prop::collection::vec(text, 0..6),
            prop::collection::vec(link, 0..6),
            any::<u32>(),
            prop::collection::vec((any::<u32>(), prop::collection::vec((0..9_usize, any::<bool>()), 0..4)), 0..4),
        );
        lists.prop_map(|(posts, numbers, texts, links, last_updated, groups)| {
            let mut rows = Rows { posts, numbers, texts, links, groups: Vec::new(), last_updated };
            rows.tidy();
            // Parts with rows of the resource, and some with rows that it lacks.
            let part = |(some, foreign): &(usize, bool)| Rows {
                posts: rows.posts.iter().take(*some).copied().chain(foreign.then_some(u64::MAX)).collect(),
                numbers: rows.numbers.iter().take(*some).copied().collect(),
                texts: rows.texts.iter().rev().take(*some).rev().cloned().collect(),
                ..Rows::default()
            };
            rows.groups = groups
                .iter()
                .map(|(parameter, parts)| GroupRow { parameter: *parameter, parts: parts.iter().map(part).collect() })
                .collect();
            rows.tidy();
            rows
        })
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
            let links = packed.links().map(|(parameter, target)| LinkRow { parameter, target: target.as_ref().to_owned() });
            prop_assert_eq!(links.collect::<Vec<_>>(), rows.links);
            prop_assert_eq!(packed.groups().map(|group| group.as_ref().clone()).collect::<Vec<_>>(), rows.groups);
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
