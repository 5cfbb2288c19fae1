//! Lines of the table `place`: which resources have a value, and the value.
//!
//! A line is *fresh*, with values from all over its series, or stands at a place and tells only how its values differ from that.
//! A line is named by a row id that belongs to no resource, so that none is like another, whatever stands in them.
//!
//! Bytes of a line: what it is; the gateway that made the row ids; the first of them and the differences from each to the next
//! smaller one, in groups of seven bits, lowest first; then the values, each in as many bytes as the line tells.

use tokio_postgres::Row;

use super::fault::Fault;
use super::rows::{gateway, of_tick, tick};
use super::spans::{FINE_BITS, Form, Spot, fresh, is_time, place};
use crate::store::port::StoreError;

/// A line as the table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) s: i32,
    pub(super) k: i64,
    pub(super) name: i64,
    pub(super) count: i16,
    pub(super) bytes: Vec<u8>,
}

impl Line {
    /// Whether it is yet to be spread over the places of its series.
    pub(super) fn is_fresh(&self) -> bool {
        self.bytes.first().and_then(|code| Kind::read(*code)).is_some_and(|kind| matches!(kind, Kind::Fresh(_)))
    }
}

/// What a line is about, by the first of its bytes, which never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fresh(Form),
    Exact,
    Time,
    Moment,
    Number,
}

impl Kind {
    const ALL: [(u8, Self); 7] = [
        (0, Self::Fresh(Form::Exact)),
        (1, Self::Fresh(Form::Interval)),
        (2, Self::Fresh(Form::Moment)),
        (3, Self::Exact),
        (4, Self::Time),
        (5, Self::Moment),
        (6, Self::Number),
    ];

    fn of(spot: Spot) -> Self {
        match spot.form {
            Form::Exact => Self::Exact,
            _ if !is_time(spot.at) => Self::Number,
            Form::Interval => Self::Time,
            Form::Moment => Self::Moment,
        }
    }

    fn read(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|(own, _)| *own == code).map(|(_, kind)| *kind)
    }

    fn code(self) -> u8 {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or(0, |(code, _)| *code)
    }

    fn form(self) -> Form {
        match self {
            Self::Fresh(form) => form,
            Self::Exact => Form::Exact,
            Self::Time | Self::Number => Form::Interval,
            Self::Moment => Form::Moment,
        }
    }

    /// Bytes of a value.
    fn width(self) -> usize {
        match self {
            Self::Fresh(_) => 9,
            Self::Exact => 0,
            Self::Time => 5,
            Self::Moment | Self::Number => 3,
        }
    }

    fn put(self, bytes: &mut Vec<u8>, place: i64, spot: Spot) {
        let above = spot.at.wrapping_sub(place);
        match self {
            Self::Fresh(_) => {
                bytes.extend_from_slice(&spot.at.to_le_bytes());
                bytes.push(spot.unit);
            }
            Self::Exact => {}
            Self::Time | Self::Moment => bytes.extend(above.to_le_bytes().into_iter().take(self.width())),
            Self::Number => {
                bytes.extend((above >> FINE_BITS).to_le_bytes().into_iter().take(2));
                bytes.push(spot.unit);
            }
        }
    }

    fn take(self, own: &[u8], place: i64) -> Option<(i64, u8)> {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
        match (self, own) {
            (Self::Fresh(_), [at @ .., unit]) => Some((i64::from_le_bytes(at.try_into().ok()?), *unit)),
            (Self::Exact, []) => Some((place, 0)),
            (Self::Time | Self::Moment, own) => Some((place.wrapping_add(number(own)), 0)),
            (Self::Number, [own @ .., unit]) => Some((place.wrapping_add(number(own) << FINE_BITS), *unit)),
            _ => None,
        }
    }
}

/// Values of resources, with their row ids.
pub(super) type Standing = Vec<(Spot, i64)>;

/// A fresh line holds at most so many values, a line at a place so many more: no line is moved out of its table's pages.
const FRESH: usize = if cfg!(test) { 4 } else { 150 };
const SETTLED: usize = if cfg!(test) { 3 } else { 250 };
/// A line at a place with fewer values has room for more.
pub(super) const ROOM: i16 = if cfg!(test) { 2 } else { 150 };

/// Fresh lines of what stands in one series.
pub(super) fn fresh_lines(mut standing: Standing, name: impl FnMut(i64) -> i64) -> Vec<Line> {
    standing.sort_unstable_by_key(|(spot, row)| (spot.s, spot.form, gateway(*row), std::cmp::Reverse(*row), spot.at, spot.unit));
    standing.dedup();
    let key = |(spot, row): &(Spot, i64)| (spot.s, spot.form, gateway(*row));
    let place = |spot: &Spot| (fresh(spot.s), 0, Kind::Fresh(spot.form));
    pack(&standing, key, place, FRESH, name)
}

/// Lines at places.
pub(super) fn settled_lines(mut standing: Standing, name: impl FnMut(i64) -> i64) -> Vec<Line> {
    let key = |(spot, row): &(Spot, i64)| (spot.s, place(spot.form, spot.at), Kind::of(*spot).code(), gateway(*row));
    standing.sort_unstable_by_key(|one| (key(one), std::cmp::Reverse(one.1), one.0.at, one.0.unit));
    standing.dedup();
    pack(&standing, key, |spot| (spot.s, place(spot.form, spot.at), Kind::of(*spot)), SETTLED, name)
}

fn pack<K: PartialEq>(
    standing: &[(Spot, i64)],
    key: impl Fn(&(Spot, i64)) -> K,
    place: impl Fn(&Spot) -> (i32, i64, Kind),
    most: usize,
    mut name: impl FnMut(i64) -> i64,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for own in standing.chunk_by(|a, b| key(a) == key(b)).flat_map(|own| own.chunks(most)) {
        let Some((first, row)) = own.first() else { continue };
        let (s, k, kind) = place(first);
        let mut bytes = Vec::with_capacity(12 + own.len() * (2 + kind.width()));
        bytes.push(kind.code());
        put(&mut bytes, gateway(*row));
        let mut before = None;
        for (_, row) in own {
            let tick = tick(*row);
            put(&mut bytes, before.map_or(tick, |before: i64| before - tick));
            before = Some(tick);
        }
        own.iter().for_each(|(spot, _)| kind.put(&mut bytes, k, *spot));
        lines.push(Line { s, k, name: name(*row), count: i16::try_from(own.len()).unwrap_or(i16::MAX), bytes });
    }
    lines
}

/// What stands in a line; `None` if it is damaged.
pub(super) fn unpack(s: i32, k: i64, count: i16, bytes: &[u8]) -> Option<Standing> {
    let (code, mut rest) = bytes.split_first()?;
    let kind = Kind::read(*code)?;
    let count = usize::try_from(count).ok()?;
    let by = get(&mut rest)?;
    let mut rows: Vec<i64> = Vec::with_capacity(count.min(rest.len()));
    let mut before = None;
    for _ in 0..count {
        let own = get(&mut rest)?;
        let tick = before.map_or(Some(own), |before: i64| before.checked_sub(own))?;
        rows.push(of_tick(tick, by));
        before = Some(tick);
    }
    if rest.len() != count * kind.width() {
        return None;
    }
    let s = if matches!(kind, Kind::Fresh(_)) { fresh(s) } else { s };
    let form = kind.form();
    let mut standing = Vec::with_capacity(rows.len());
    for row in rows {
        let (own, others) = rest.split_at_checked(kind.width())?;
        rest = others;
        let (at, unit) = kind.take(own, k)?;
        standing.push((Spot { s, form, at, unit }, row));
    }
    Some(standing)
}

/// Takes a line from five columns from `at` on: s, k, name, n and rows.
pub(super) fn line(row: &Row, at: usize) -> Result<Standing, Fault> {
    let (s, k, name): (i32, i64, i64) = (row.try_get(at)?, row.try_get(at + 1)?, row.try_get(at + 2)?);
    let standing = unpack(s, k, row.try_get(at + 3)?, row.try_get(at + 4)?);
    Ok(standing.ok_or_else(|| StoreError::Failed(format!("the line {name} of places is damaged")))?)
}

/// Appends a number in groups of seven bits, lowest first.
fn put(out: &mut Vec<u8>, number: i64) {
    let mut rest = number.cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

fn get(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number.cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::spans::{of_moment, of_number, of_text};
    use super::*;
    use crate::search::plan::NumberRow;

    fn standing() -> impl Strategy<Value = Standing> {
        let at = prop_oneof![-30..30_i64, any::<i64>()];
        let spot = (0..4_u8, at, 0..4_i64, 0..3_u64).prop_map(|(which, low, width, unit)| match which {
            0 => of_moment(3, low),
            1 => of_text(4, &low.to_string()),
            _ => of_number(&NumberRow { parameter: 5, low, high: low.saturating_add(width), unit }),
        });
        let row = (0_i64..1 << 40, 0_i64..3).prop_map(|(tick, by)| of_tick(tick, by));
        prop::collection::vec((spot, row), 0..200)
    }

    fn sorted(mut standing: Standing) -> Standing {
        standing.sort_unstable();
        standing.dedup();
        standing
    }

    proptest! {
        #[test]
        fn unpacking_undoes_packing(standing in standing()) {
            for lines in [fresh_lines(standing.clone(), |row| row), settled_lines(standing.clone(), |row| row)] {
                let mut back = Vec::new();
                for line in lines {
                    let own = unpack(line.s, line.k, line.count, &line.bytes).unwrap();
                    prop_assert!(own.len() == usize::try_from(line.count).unwrap());
                    back.extend(own);
                }
                prop_assert_eq!(sorted(back), sorted(standing.clone()));
            }
        }

        #[test]
        fn damage_is_told_and_never_panics(standing in standing(), cut in 1_usize..9, noise in prop::collection::vec(any::<u8>(), 0..30)) {
            for line in settled_lines(standing, |row| row) {
                let kept = line.bytes.len().saturating_sub(cut);
                prop_assert_eq!(unpack(line.s, line.k, line.count, &line.bytes[..kept]), None);
            }
            let _ = unpack(1, 7, 12, &noise);
        }
    }
}
