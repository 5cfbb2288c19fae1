//! Where intervals and texts stand in the table `place`, and where conditions on them look.
//!
//! A line of the table is about one parameter (`s`) and one place (`k`), and names the resources that have a value there, each with
//! the value (see `entries`). Values near each other share a place, so that a line serves many resources and an index row of its
//! own is spared, and few lines are read for what lies between two values. The value is told less exactly than it is, and what a
//! resource no longer has stays named: so each resource that is found is looked at again.
//!
//! A narrow interval stands at its high end, brief ones (a second, one number) apart from those of up to a day, because nobody
//! who looks for a second wants to read a day. Times share a place for five hours or so, the times of updates for some seconds, numbers with the
//! first five bits of their mantissa. Wide intervals all stand at one place of their own. A text stands at its first eight bytes.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::search::plan::{Filter, NumberRow, ParameterNumber, SortBy, SortValue, Test, Unit, WIDE};

/// How values share places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    /// Each value is a place.
    Exact,
    Interval,
    /// Times of updates: a bulk load makes many within a second.
    Moment,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    pub(super) s: i32,
    pub(super) form: Form,
    /// The value as a number, rounded down to what lines tell.
    pub(super) at: i64,
    /// A few bits of the unit; 0 where lines do not tell it.
    pub(super) unit: u8,
}

/// What lines are about, beside the parameter.
#[derive(Debug, Clone, Copy)]
enum About {
    Wide = 2,
    Text = 3,
    Brief = 4,
    Day = 5,
}

/// Stored lines hold it, so it never changes. Two parameters that share a number find too much, which does no harm.
fn series(parameter: ParameterNumber, about: About) -> i32 {
    let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x7370_616e);
    hasher.write_u32(parameter);
    hasher.write_u8(about as u8);
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// Where lines stand that were not yet spread over the places of a series; an involution.
pub(super) fn fresh(s: i32) -> i32 {
    !s
}

/// An interval of at most so many microseconds is brief.
const BRIEF: i64 = if cfg!(test) { 1 } else { 1_000_000 };
/// Beyond this size an interval's ends are no microseconds of our age but sort keys of decimals.
const TIMES: i64 = if cfg!(test) { 8 } else { 1 << 56 };
/// Values that share all but so many low bits share a place.
const TIME_BITS: u32 = if cfg!(test) { 2 } else { 34 };
const MOMENT_BITS: u32 = if cfg!(test) { 1 } else { 22 };
const NUMBER_BITS: u32 = if cfg!(test) { 3 } else { 47 };
/// Lines tell numbers without so many low bits.
pub(super) const FINE_BITS: u32 = if cfg!(test) { 1 } else { 31 };

/// Whether a value is a time.
pub(super) fn is_time(at: i64) -> bool {
    at.unsigned_abs() < TIMES.unsigned_abs()
}

fn low_bits(bits: u32) -> i64 {
    (1 << bits) - 1
}

/// What lines tell of an end: a time as it is, a number rounded down.
fn floor(end: i64) -> i64 {
    if is_time(end) { end } else { end & !low_bits(FINE_BITS) }
}

/// The largest end that is told so.
fn ceiling(at: i64) -> i64 {
    if is_time(at) { at } else { at | low_bits(FINE_BITS) }
}

/// How many low bits the values of a place differ in.
fn bits(form: Form, at: i64) -> u32 {
    match form {
        Form::Exact => 0,
        _ if !is_time(at) => NUMBER_BITS,
        Form::Interval => TIME_BITS,
        Form::Moment => MOMENT_BITS,
    }
}

/// The place of a value, never above it; larger values have no smaller places.
pub(super) fn place(form: Form, at: i64) -> i64 {
    at & !low_bits(bits(form, at))
}

/// The largest value at a place.
pub(super) fn end(form: Form, place: i64) -> i64 {
    place | low_bits(bits(form, place))
}

/// Where an interval stands.
pub(super) fn of_number(row: &NumberRow) -> Spot {
    let (at, form) = (floor(row.high), Form::Interval);
    let [unit, ..] = row.unit.to_le_bytes();
    let unit = if is_time(at) { 0 } else { unit };
    match row.high.checked_sub(row.low) {
        Some(width) if width <= BRIEF => Spot { s: series(row.parameter, About::Brief), form, at, unit },
        Some(width) if width <= WIDE => Spot { s: series(row.parameter, About::Day), form, at, unit },
        _ => Spot { s: series(row.parameter, About::Wide), form: Form::Exact, at: 0, unit: 0 },
    }
}

/// Where a moment stands.
pub(super) fn of_moment(parameter: ParameterNumber, at: i64) -> Spot {
    let form = if is_time(at) { Form::Moment } else { Form::Interval };
    Spot { s: series(parameter, About::Brief), form, at: floor(at), unit: 0 }
}

/// Where a text stands.
pub(super) fn of_text(parameter: ParameterNumber, text: &str) -> Spot {
    Spot { s: series(parameter, About::Text), form: Form::Exact, at: start(text, 0), unit: 0 }
}

/// The first eight bytes as a number that sorts as they do; what is missing is filled up.
fn start(text: &str, fill: u8) -> i64 {
    let mut bytes = [fill; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(byte, own)| *byte = own);
    (u64::from_be_bytes(bytes) ^ 1 << 63).cast_signed()
}

/// Values of one series, both bounds inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) s: i32,
    /// Whether each value is a place.
    pub(super) exact: bool,
    pub(super) from: i64,
    pub(super) to: i64,
    /// What must be told of the unit, where something is told.
    unit: Option<u8>,
}

impl Stretch {
    /// Whether a value lies within.
    pub(super) fn has(&self, at: i64, unit: u8) -> bool {
        self.from <= at && at <= self.to && (is_time(at) || self.unit.is_none_or(|wanted| wanted == unit))
    }

    /// Where what lies within may stand: places by series, from the first to the last.
    pub(super) fn places(&self) -> Vec<(i32, i64, i64)> {
        let near = if self.exact { self.from } else { place(Form::Moment, self.from) };
        let far = if self.exact { self.from } else { place(Form::Interval, self.from) };
        let mut places = vec![(fresh(self.s), 0, 0), (self.s, near, self.to)];
        if far < near {
            places.push((self.s, far, far));
        }
        places
    }
}

/// Where everything stands that may meet a condition; `None` if the condition confines nothing.
pub(super) fn stretches(filter: &Filter) -> Option<Vec<Stretch>> {
    match filter {
        Filter::Number(parameter, test, unit) => {
            let mut all = both(*parameter, |width| high_end(*test, width))?;
            all.iter_mut().for_each(|stretch| stretch.unit = told(*unit));
            all.push(wide(*parameter));
            Some(all)
        }
        Filter::TextStart(parameter, text) if !text.is_empty() => {
            let (s, from, to) = (series(*parameter, About::Text), start(text, 0), start(text, u8::MAX));
            Some(vec![Stretch { s, exact: true, from, to, unit: None }])
        }
        Filter::Any(filters) => {
            let all: Option<Vec<_>> = filters.iter().map(stretches).collect();
            let mut all: Vec<Stretch> = all?.concat();
            all.sort_unstable_by_key(|stretch| (stretch.s, stretch.unit, stretch.from));
            // Alternatives of one parameter mostly meet: then one walk does.
            let mut joined: Vec<Stretch> = Vec::new();
            for stretch in all {
                let meets = |last: &Stretch| (last.s, last.unit) == (stretch.s, stretch.unit) && last.to.saturating_add(1) >= stretch.from;
                match joined.last_mut().filter(|last| meets(last)) {
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
const MOST_STRETCHES: usize = 16;

/// Brief intervals and those of up to a day whose high ends lie where `ends` tells for their width.
fn both(parameter: ParameterNumber, ends: impl Fn(i64) -> Option<(i64, i64)>) -> Option<Vec<Stretch>> {
    let of = |(about, width)| {
        let (from, to) = ends(width)?;
        Some(Stretch { s: series(parameter, about), exact: false, from: floor(from), to, unit: None })
    };
    [(About::Brief, BRIEF), (About::Day, WIDE)].into_iter().map(of).collect()
}

fn wide(parameter: ParameterNumber) -> Stretch {
    Stretch { s: series(parameter, About::Wide), exact: true, from: 0, to: 0, unit: None }
}

/// What lines tell of a unit.
fn told(unit: Unit) -> Option<u8> {
    let [byte, ..] = match unit {
        Unit::Any => return None,
        Unit::Exactly(unit) => unit.to_le_bytes(),
        Unit::Code(code) => u64::from(code).to_le_bytes(),
    };
    Some(byte)
}

/// Where the high end of an interval of at most this width may lie that passes.
fn high_end(test: Test, width: i64) -> Option<(i64, i64)> {
    Some(match test {
        Test::Within(from, to) => (from, to),
        Test::Overlaps(from, to) => (from, to.saturating_add(width)),
        Test::StartsAfter(at) | Test::EndsAfter(at) => (at, i64::MAX),
        Test::StartsBefore(at) => (i64::MIN, at.saturating_add(width)),
        Test::EndsBefore(at) => (i64::MIN, at),
        Test::NotWithin(..) => return None,
    })
}

/// The parameter that a condition is about, and where the high end of an interval of at most this width may lie that meets it.
pub(super) fn reach(filter: &Filter, width: i64) -> Option<(ParameterNumber, i64, i64)> {
    match filter {
        Filter::Number(parameter, test, _) => high_end(*test, width).map(|(from, to)| (*parameter, from, to)),
        Filter::Any(filters) => {
            let mut all = filters.iter().map(|filter| reach(filter, width));
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
pub(super) fn between(parameter: ParameterNumber, filters: &[&Filter]) -> Option<Vec<Stretch>> {
    let ends = |width| {
        let own = filters.iter().filter_map(|filter| reach(filter, width)).filter(|(other, ..)| *other == parameter);
        let (from, to) = own.fold((i64::MIN, i64::MAX), |(low, high), (_, from, to)| (low.max(from), high.min(to)));
        (from > i64::MIN && to < i64::MAX).then_some((from, to))
    };
    let unit = filters.iter().find_map(|filter| match filter {
        Filter::Number(own, _, unit) if *own == parameter => told(*unit),
        _ => None,
    });
    let mut all = both(parameter, ends)?;
    all.iter_mut().for_each(|stretch| stretch.unit = unit);
    Some(all)
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

    /// All values, or those from a value on.
    pub(super) fn stretches(self, from: Option<&SortValue>) -> Vec<Stretch> {
        let at = match from {
            Some(SortValue::Number(value)) => Some(floor(*value)),
            Some(SortValue::Text(text)) => Some(start(text, 0)),
            None => None,
        };
        let (low, high) = if self.descending { (None, at) } else { (at, None) };
        let (from, to) = (low.unwrap_or(i64::MIN), high.unwrap_or(i64::MAX));
        let abouts: &[About] = if self.text { &[About::Text] } else { &[About::Brief, About::Day] };
        abouts.iter().map(|about| Stretch { s: series(self.parameter, *about), exact: self.text, from, to, unit: None }).collect()
    }

    /// Whether wide intervals stand elsewhere.
    pub(super) fn wide(self) -> Option<Stretch> {
        (!self.text).then(|| wide(self.parameter))
    }

    /// Whether a resource with this value comes before all that are told the given one or one beyond it, those told just this
    /// being older than `row`.
    pub(super) fn is_before(self, (value, own): (&SortValue, i64), at: i64, row: i64) -> bool {
        match (value, self.descending) {
            (SortValue::Number(value), true) => *value > ceiling(at) || (*value == at && ceiling(at) == at && own >= row),
            // What ends there may have begun before it.
            (SortValue::Number(value), false) => *value < at.saturating_sub(WIDE),
            (SortValue::Text(text), true) => start(text, 0) > at,
            (SortValue::Text(text), false) => start(text, 0) < at,
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

    /// Whether a value is found in its line, wherever that is.
    fn stands(spot: Spot, stretches: &[Stretch]) -> bool {
        let own = (spot.s, place(spot.form, spot.at));
        stretches.iter().any(|stretch| {
            let is_read = |(s, k): (i32, i64)| stretch.places().iter().any(|(of, from, to)| *of == s && (*from..=*to).contains(&k));
            let found = stretch.s == spot.s && stretch.has(spot.at, spot.unit);
            assert!(!found || (is_read(own) && is_read((fresh(spot.s), 0))), "{spot:?} {stretch:?}");
            found
        })
    }

    proptest! {
        #[test]
        fn what_passes_stands_where_it_is_looked_for(low in -25..25_i64, width in 0..9_i64, unit in 0..3_u64, test in test(), other in test()) {
            let row = NumberRow { parameter: 7, low, high: low + width, unit };
            let filter = |test| Filter::Number(7, test, Unit::Any);
            let own = |test| Filter::Number(7, test, Unit::Exactly(unit));
            if test.passes(row.low, row.high) {
                prop_assert!(stands(of_number(&row), &stretches(&own(test)).unwrap()));
                prop_assert!(stands(of_number(&row), &stretches(&filter(test)).unwrap()));
                prop_assert!(stands(of_number(&row), &stretches(&Filter::Any(vec![filter(other), filter(test)])).unwrap()));
                for filters in [[&filter(test), &filter(other)], [&own(test), &filter(other)]] {
                    if other.passes(row.low, row.high) && width <= WIDE
                        && let Some(between) = between(7, &filters) {
                        prop_assert!(stands(of_number(&row), &between));
                    }
                }
            }
        }

        #[test]
        fn places_are_in_the_order_of_their_values(a in any::<i64>(), b in any::<i64>(), near in -40..40_i64, far in -40..40_i64) {
            for (a, b) in [(a, b), (near, far), (near, b)] {
                prop_assert!(a > b || floor(a) <= floor(b));
                prop_assert!(floor(a) <= a && ceiling(floor(a)) >= a && (a > b || ceiling(floor(a)) <= ceiling(floor(b))));
                for form in [Form::Exact, Form::Interval, Form::Moment] {
                    let (of_a, of_b) = (place(form, a), place(form, b));
                    prop_assert!(of_a <= a && end(form, of_a) >= a && (a > b || of_a <= of_b));
                }
                prop_assert!(place(Form::Interval, a) <= place(Form::Moment, a));
            }
        }

        #[test]
        fn texts_stand_in_their_order(a in "[a-bä\u{10FFFF}]{0,10}", b in "[a-bä\u{10FFFF}]{0,10}") {
            let (one, other) = (of_text(3, &a), of_text(3, &b));
            prop_assert!(a > b || one.at <= other.at);
            let begins = Filter::TextStart(3, b.clone());
            prop_assert!(b.is_empty() || !a.starts_with(&b) || stands(one, &stretches(&begins).unwrap()));
        }
    }
}
