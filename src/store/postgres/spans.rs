//! Where intervals and texts stand in the table `span`, and where conditions on them look.
//!
//! A line of the table is about one parameter (`s`) and one place (`k`), and names the resources that have a value there. Values
//! near each other share a place, so that a line serves many resources and an index row of its own is spared; what is found at a
//! place is therefore more than what is wanted, and each resource is looked at again. What a resource no longer has stays named.
//!
//! A narrow interval stands at its high end: exactly, if it is a time, so that a sort by the newest date walks the table; with a
//! sixteenth of itself as precision, if it is a number. What has a unit stands once more, apart from other units. Wide intervals
//! all stand at one place of their own. A text stands at its first eight bytes.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::search::plan::{Filter, NumberRow, ParameterNumber, SortBy, SortValue, Test, Unit, WIDE};

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    pub(super) s: i32,
    pub(super) k: i64,
}

/// What lines are about, beside the parameter.
#[derive(Debug, Clone, Copy)]
enum About {
    Narrow = 1,
    Wide = 2,
    Text = 3,
}

/// Stored lines hold it, so it never changes. Two parameters that share a number find too much, which does no harm.
fn series(parameter: ParameterNumber, about: About) -> i32 {
    series_of_unit(parameter, 0, about)
}

fn series_of_unit(parameter: ParameterNumber, unit: u64, about: About) -> i32 {
    let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x7370_616e);
    hasher.write_u32(parameter);
    hasher.write_u64(unit);
    hasher.write_u8(about as u8);
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// Beyond this size an interval's ends are no microseconds of our age but sort keys of decimals.
const TIMES: i64 = if cfg!(test) { 4 } else { 1 << 56 };
/// Numbers that share all but so many low bits share a place.
const COARSE: i64 = if cfg!(test) { 3 } else { (1 << 48) - 1 };

/// The place of an end: the end itself for a time, rounded down for a number.
fn floor(end: i64) -> i64 {
    if end.unsigned_abs() < TIMES.unsigned_abs() { end } else { end & !COARSE }
}

/// The largest end at a place.
fn ceiling(place: i64) -> i64 {
    if place.unsigned_abs() < TIMES.unsigned_abs() { place } else { place | COARSE }
}

/// Where an interval stands.
pub(super) fn of_number(row: &NumberRow) -> impl Iterator<Item = Spot> + use<> {
    let (parameter, unit) = (row.parameter, row.unit);
    let spot = |s, k| Some(Spot { s, k });
    let both = match row.high.checked_sub(row.low) {
        Some(width) if width <= WIDE => {
            let k = floor(row.high);
            let apart = (unit != 0).then(|| Spot { s: series_of_unit(parameter, unit, About::Narrow), k });
            [spot(series(parameter, About::Narrow), k), apart]
        }
        _ => [spot(series(parameter, About::Wide), 0), None],
    };
    both.into_iter().flatten()
}

/// Where a moment stands.
pub(super) fn of_moment(parameter: ParameterNumber, at: i64) -> Spot {
    Spot { s: series(parameter, About::Narrow), k: floor(at) }
}

/// Where a text stands.
pub(super) fn of_text(parameter: ParameterNumber, text: &str) -> Spot {
    Spot { s: series(parameter, About::Text), k: start(text, 0) }
}

/// The first eight bytes as a number that sorts as they do; what is missing is filled up.
fn start(text: &str, fill: u8) -> i64 {
    let mut bytes = [fill; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(byte, own)| *byte = own);
    (u64::from_be_bytes(bytes) ^ 1 << 63).cast_signed()
}

/// Places of one series, both bounds inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) s: i32,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Where everything stands that may meet a condition; `None` if the condition confines nothing.
pub(super) fn stretches(filter: &Filter) -> Option<Vec<Stretch>> {
    match filter {
        Filter::Number(parameter, test, unit) => {
            let (from, to) = high_end(*test)?;
            let all = narrow(*parameter, from, to);
            let own = match unit {
                Unit::Exactly(unit) => Stretch { s: series_of_unit(*parameter, *unit, About::Narrow), ..all },
                Unit::Any | Unit::Code(_) => all,
            };
            Some(vec![own, wide(*parameter)])
        }
        Filter::TextStart(parameter, text) if !text.is_empty() => {
            Some(vec![Stretch { s: series(*parameter, About::Text), from: start(text, 0), to: start(text, u8::MAX) }])
        }
        Filter::Any(filters) => {
            let all: Option<Vec<_>> = filters.iter().map(stretches).collect();
            let mut all: Vec<Stretch> = all?.concat();
            all.sort_unstable_by_key(|stretch| (stretch.s, stretch.from));
            // Alternatives of one parameter mostly meet: then one walk does.
            let mut joined: Vec<Stretch> = Vec::new();
            for stretch in all {
                match joined.last_mut().filter(|last| last.s == stretch.s && last.to.saturating_add(1) >= stretch.from) {
                    Some(last) => last.to = last.to.max(stretch.to),
                    None => joined.push(stretch),
                }
            }
            (joined.len() <= MOST_STRETCHES).then_some(joined)
        }
        _ => None,
    }
}

/// More alternatives than this are not looked for one by one.
const MOST_STRETCHES: usize = 8;

fn narrow(parameter: ParameterNumber, from: i64, to: i64) -> Stretch {
    Stretch { s: series(parameter, About::Narrow), from: floor(from), to }
}

fn wide(parameter: ParameterNumber) -> Stretch {
    Stretch { s: series(parameter, About::Wide), from: 0, to: 0 }
}

/// Where the high end of a narrow interval may lie that passes.
fn high_end(test: Test) -> Option<(i64, i64)> {
    Some(match test {
        Test::Within(from, to) => (from, to),
        Test::Overlaps(from, to) => (from, to.saturating_add(WIDE)),
        Test::StartsAfter(at) | Test::EndsAfter(at) => (at, i64::MAX),
        Test::StartsBefore(at) => (i64::MIN, at.saturating_add(WIDE)),
        Test::EndsBefore(at) => (i64::MIN, at),
        Test::NotWithin(..) => return None,
    })
}

/// The parameter that a condition is about, and where the high end of a narrow interval that meets it may lie.
pub(super) fn reach(filter: &Filter) -> Option<(ParameterNumber, i64, i64)> {
    match filter {
        Filter::Number(parameter, test, _) => high_end(*test).map(|(from, to)| (*parameter, from, to)),
        Filter::Any(filters) => {
            let mut all = filters.iter().map(reach);
            let first = all.next()??;
            all.try_fold(first, |(parameter, low, high), next| {
                next.filter(|(other, ..)| *other == parameter).map(|(_, from, to)| (parameter, low.min(from), high.max(to)))
            })
        }
        _ => None,
    }
}

/// Where the only, narrow interval of a resource stands that meets all conditions on a parameter, if these confine it from both
/// sides. Resources with several intervals or a wide one must be looked for elsewhere.
pub(super) fn between(parameter: ParameterNumber, filters: &[&Filter]) -> Option<Stretch> {
    let own = filters.iter().filter_map(|filter| reach(filter)).filter(|(other, ..)| *other == parameter);
    let (from, to) = own.fold((i64::MIN, i64::MAX), |(low, high), (_, from, to)| (low.max(from), high.min(to)));
    (from > i64::MIN && to < i64::MAX).then(|| narrow(parameter, from, to))
}

/// The order of a sort key, as far as places tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// Of intervals, or of texts.
    parameter: ParameterNumber,
    text: bool,
    pub(super) descending: bool,
}

impl Course {
    /// The course of a sort key that has places.
    pub(super) fn of(by: &SortBy, descending: bool) -> Option<Self> {
        match by {
            SortBy::Number(parameter) => Some(Self { parameter: *parameter, text: false, descending }),
            SortBy::Text(parameter) => Some(Self { parameter: *parameter, text: true, descending }),
            SortBy::Id | SortBy::Updated | SortBy::Probe(_) => None,
        }
    }

    /// All places, or those where the resources from a value on stand.
    pub(super) fn stretch(self, from: Option<&SortValue>) -> Stretch {
        let about = if self.text { About::Text } else { About::Narrow };
        let mut all = Stretch { s: series(self.parameter, about), from: i64::MIN, to: i64::MAX };
        let place = match from {
            Some(SortValue::Number(value)) => floor(*value),
            Some(SortValue::Text(text)) => start(text, 0),
            None => return all,
        };
        if self.descending {
            all.to = place
        } else {
            all.from = place
        }
        all
    }

    /// Whether wide intervals stand elsewhere.
    pub(super) fn wide(self) -> Option<Stretch> {
        (!self.text).then(|| wide(self.parameter))
    }

    /// Whether a resource with this value comes before all whose place is the given one or beyond it, those at the place itself
    /// being older than `row`.
    pub(super) fn is_before(self, (value, own): (&SortValue, i64), place: i64, row: i64) -> bool {
        match (value, self.descending) {
            (SortValue::Number(value), true) => *value > ceiling(place) || (*value == place && ceiling(place) == place && own >= row),
            // What ends at the place may have begun before it.
            (SortValue::Number(value), false) => *value < place.saturating_sub(WIDE),
            (SortValue::Text(text), true) => start(text, 0) > place,
            (SortValue::Text(text), false) => start(text, 0) < place,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    fn test() -> impl Strategy<Value = Test> {
        (0..6_u8, -20..20_i64, -20..20_i64).prop_map(|(which, a, b)| match which {
            0 => Test::Within(a, b),
            1 => Test::Overlaps(a, b),
            2 => Test::StartsBefore(a),
            3 => Test::StartsAfter(a),
            4 => Test::EndsBefore(a),
            _ => Test::EndsAfter(a),
        })
    }

    fn stands(spots: impl IntoIterator<Item = Spot>, stretches: &[Stretch]) -> bool {
        spots.into_iter().any(|spot| stretches.iter().any(|stretch| stretch.s == spot.s && (stretch.from..=stretch.to).contains(&spot.k)))
    }

    proptest! {
        #[test]
        fn what_passes_stands_where_it_is_looked_for(low in -25..25_i64, width in 0..9_i64, unit in 0..3_u64, test in test(), other in test()) {
            let row = NumberRow { parameter: 7, low, high: low + width, unit };
            let filter = |test| Filter::Number(7, test, Unit::Any);
            if test.passes(row.low, row.high) {
                prop_assert!(stands(of_number(&row), &stretches(&Filter::Number(7, test, Unit::Exactly(unit))).unwrap()));
                prop_assert!(stands(of_number(&row), &stretches(&filter(test)).unwrap()));
                prop_assert!(stands(of_number(&row), &stretches(&Filter::Any(vec![filter(other), filter(test)])).unwrap()));
                if other.passes(row.low, row.high) && width <= WIDE
                    && let Some(stretch) = between(7, &[&filter(test), &filter(other)]) {
                    prop_assert!(stands(of_number(&row), &[stretch]));
                }
            }
        }

        #[test]
        fn places_are_in_the_order_of_their_ends(a in any::<i64>(), b in any::<i64>()) {
            prop_assert!(a > b || floor(a) <= floor(b));
            prop_assert!(floor(a) <= a && ceiling(floor(a)) >= a && (a > b || ceiling(floor(a)) <= ceiling(floor(b))));
        }

        #[test]
        fn texts_stand_in_their_order(a in "[a-bä\u{10FFFF}]{0,10}", b in "[a-bä\u{10FFFF}]{0,10}") {
            let (one, other) = (of_text(3, &a), of_text(3, &b));
            prop_assert!(a > b || one.k <= other.k);
            let begins = Filter::TextStart(3, b.clone());
            prop_assert!(b.is_empty() || !a.starts_with(&b) || stands([one], &stretches(&begins).unwrap()));
        }
    }
}
