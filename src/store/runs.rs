//! Posting runs: the row ids that have one post, many in one small block of bytes.
//!
//! Most posts are common (a status, a code, a type), so their row ids lie close together: a run holds up to a few hundred of
//! them, told by their differences, in little more than a byte each. The runs of a post do not overlap, and each is named by
//! its largest row id, so the one that covers a row id is the first whose name is not smaller.
//!
//! Bytes of a run: the differences from each row id to the next smaller one, beginning at the name, in groups of seven bits,
//! lowest first.

/// A run of so many bytes takes no more: with the largest difference, of nine bytes, it still stands inside an index page of 4096
/// bytes, without a page of its own. Tests use a small number, so that few resources make many runs.
const FULL: usize = if cfg!(test) { 3 } else { 891 };

/// A run as a table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// The largest row id, by which it is named.
    pub(crate) last: i64,
    /// How many row ids it has.
    pub(crate) count: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Packs row ids, largest first and without repetition, into as few runs as will hold them; newest first.
pub(crate) fn pack(rows: &[i64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut before = 0;
    for row in rows {
        match runs.last_mut().filter(|run| run.bytes.len() < FULL) {
            Some(run) => {
                put(&mut run.bytes, before - row);
                run.count += 1;
            }
            None => runs.push(Run { last: *row, count: 1, bytes: Vec::new() }),
        }
        before = *row;
    }
    runs
}

/// The row ids of a run, largest first; `None` if the bytes are damaged.
pub(crate) fn unpack(last: i64, count: u32, bytes: &[u8]) -> Option<Vec<i64>> {
    // Each difference takes a byte at least: more than fit are damage, not a reason to allocate.
    let count = usize::try_from(count).ok()?;
    let mut rows = Vec::with_capacity(count.min(bytes.len() + 1));
    let (mut row, mut difference, mut shift) = (last, 0_i64, 0);
    rows.push(last);
    for byte in bytes {
        difference |= i64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            row = row.checked_sub(difference).filter(|_| difference > 0)?;
            rows.push(row);
            (difference, shift) = (0, 0);
        } else {
            shift += 7;
        }
    }
    (shift == 0 && rows.len() == count).then_some(rows)
}

/// Whether more row ids should go into a run of so many bytes rather than into a new one.
pub(crate) fn has_room(bytes: usize) -> bool {
    bytes < FULL / 2
}

/// Adds (`true`) and takes away (`false`) row ids; both lists are largest first and without repetition.
pub(crate) fn change(rows: &[i64], changes: &[(i64, bool)]) -> Vec<i64> {
    let mut changed = Vec::with_capacity(rows.len() + changes.len());
    let (mut old, mut new) = (rows.iter().copied().peekable(), changes.iter().copied().peekable());
    loop {
        match (old.peek().copied(), new.peek().copied()) {
            (Some(row), next) if next.is_none_or(|(other, _)| row > other) => {
                changed.push(row);
                old.next();
            }
            (row, Some((other, add))) => {
                changed.extend(add.then_some(other));
                old.next_if(|_| row == Some(other));
                new.next();
            }
            _ => return changed,
        }
    }
}

fn put(bytes: &mut Vec<u8>, difference: i64) {
    let mut rest = difference.cast_unsigned();
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Vec<i64>> {
        let near = prop::collection::btree_set(1_i64..4000, 0..2500);
        let far = prop::collection::btree_set(0_i64..i64::MAX, 0..300);
        prop_oneof![near, far].prop_map(|set: BTreeSet<i64>| set.into_iter().rev().collect())
    }

    proptest! {
        #[test]
        fn unpacking_undoes_packing(rows in rows()) {
            let runs = pack(&rows);
            prop_assert!(runs.iter().all(|run| run.bytes.len() < FULL + 9));
            let unpacked: Vec<i64> = runs.iter().flat_map(|run| unpack(run.last, run.count, &run.bytes).unwrap()).collect();
            prop_assert_eq!(unpacked, rows);
        }

        #[test]
        fn damage_is_told_and_never_panics(rows in rows(), cut in 1_usize..9, noise in prop::collection::vec(any::<u8>(), 0..30)) {
            for run in pack(&rows).into_iter().filter(|run| run.count > 1) {
                let kept = run.bytes.len().saturating_sub(cut);
                prop_assert_eq!(unpack(run.last, run.count, &run.bytes[..kept]), None);
            }
            let _ = unpack(7, 12, &noise);
        }

        #[test]
        fn changes_are_those_of_a_set(rows in rows(), changes in prop::collection::btree_map(1_i64..4000, any::<bool>(), 0..50)) {
            let mut set: BTreeSet<i64> = rows.iter().copied().collect();
            for (row, add) in &changes {
                if *add { set.insert(*row) } else { set.remove(row) };
            }
            let changes: Vec<(i64, bool)> = changes.into_iter().rev().collect();
            prop_assert_eq!(change(&rows, &changes), set.into_iter().rev().collect::<Vec<_>>());
        }
    }
}
