//! Exact numbers: what a decimal says, and the range that its precision implies.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#number>. Nothing is rounded: a number is a fraction of two integers.

use std::cmp::Ordering;

use super::natural::Natural;

/// The largest exponent that is read, up or down.
const LARGEST: u32 = 2000;

/// A fraction, not always in lowest terms. What is below is not 0.
#[derive(Debug, Clone)]
pub(super) struct Exact {
    negative: bool,
    above: Natural,
    below: Natural,
}

impl Exact {
    /// `above` by `below`; nothing if that is no number.
    #[must_use]
    pub(super) fn fraction(above: u64, below: u64) -> Option<Self> {
        let natural = |number: u64| Natural::parse(&number.to_string());
        let (above, below) = (natural(above)?, natural(below)?);
        (!below.is_zero()).then_some(Self { negative: false, above, below })
    }

    /// The sum.
    #[must_use]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let (one, two) = (self.above.times(&other.below), other.above.times(&self.below));
        let below = self.below.times(&other.below);
        let (negative, above) = match (self.negative == other.negative, one >= two) {
            (true, _) => (self.negative, one.plus(&two)),
            (false, true) => (self.negative, one.less(&two)),
            (false, false) => (other.negative, two.less(&one)),
        };
        Self { negative, above, below }
    }

    /// The product.
    #[must_use]
    pub(super) fn times(&self, other: &Self) -> Self {
        let negative = self.negative != other.negative;
        Self { negative, above: self.above.times(&other.above), below: self.below.times(&other.below) }
    }

    /// The number with the other sign.
    #[must_use]
    pub(super) fn negative(&self) -> Self {
        Self { negative: !self.negative, ..self.clone() }
    }

    /// The number of so many digits next to it; of two that are equally near the larger in size.
    #[must_use]
    pub(super) fn rounded(&self, digits: usize) -> Self {
        if self.above.is_zero() {
            return self.clone();
        }
        let shifted = |number: &Natural, power: i64| match usize::try_from(power) {
            Ok(power) => number.times(&Natural::ten_to(power)),
            Err(_) => number.clone(),
        };
        let length = |number: &Natural| i64::try_from(number.length()).unwrap_or(i64::MAX);
        let most = i64::try_from(digits).unwrap_or(i64::MAX);
        // The first digit of the quotient has this place, or the one before.
        let mut last = length(&self.above) - length(&self.below) - most;
        let scaled = |last: i64| (shifted(&self.above, -last), shifted(&self.below, last));
        let (above, below) = scaled(last);
        if above >= below.times(&Natural::ten_to(digits)) {
            last += 1;
        }
        let (mut rest, below) = scaled(last);
        let mut quotient = Natural::default();
        for place in (0..=digits).rev() {
            let step = Natural::ten_to(place);
            let part = below.times(&step);
            while rest >= part {
                (rest, quotient) = (rest.less(&part), quotient.plus(&step));
            }
        }
        if rest.plus(&rest) >= below {
            quotient = quotient.plus(&Natural::ten_to(0));
        }
        let one = Natural::ten_to(0);
        Self { negative: self.negative, above: shifted(&quotient, last), below: shifted(&one, -last) }
    }

    /// The number without its sign.
    #[must_use]
    pub(super) fn size(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |own: &Self| if own.above.is_zero() { 0 } else { 1 - 2 * i32::from(own.negative) };
        sign(self).cmp(&sign(other)).then_with(|| {
            let sizes = self.above.times(&other.below).cmp(&other.above.times(&self.below));
            if sign(self) < 0 { sizes.reverse() } else { sizes }
        })
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

/// A decimal as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    /// Its value.
    pub(super) value: Exact,
    /// Half of one unit of its last digit.
    pub(super) half: Exact,
}

impl Decimal {
    /// Reads `5.40`, `-3`, `1e2`; nothing if it is no number, or beyond the exponents that are read.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match digits.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, digits.strip_prefix('+').unwrap_or(digits)),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() {
            return None;
        }
        let unit = ten_to(exponent.checked_sub(i32::try_from(part.len()).ok()?)?)?;
        let whole = Exact { negative, above: Natural::parse(&format!("{whole}{part}"))?, below: Natural::ten_to(0) };
        Some(Self { value: whole.times(&unit), half: unit.times(&Exact::fraction(1, 2)?) })
    }

    /// The range `[low, high)` that its precision implies: `100` is 99.5 to 100.5, `100.00` is 99.995 to 100.005.
    #[must_use]
    pub(super) fn range(&self) -> (Exact, Exact) {
        (self.value.plus(&self.half.negative()), self.value.plus(&self.half))
    }

    /// The same in another unit, of which one of the old has `factor`.
    #[must_use]
    pub(super) fn in_units_of(&self, factor: &Exact) -> Self {
        Self { value: self.value.times(factor), half: self.half.times(factor) }
    }
}

/// A power of ten.
fn ten_to(exponent: i32) -> Option<Exact> {
    let power = usize::try_from(exponent.unsigned_abs()).ok().filter(|_| exponent.unsigned_abs() <= LARGEST)?;
    let (one, many) = (Natural::ten_to(0), Natural::ten_to(power));
    let (above, below) = if exponent < 0 { (one, many) } else { (many, one) };
    Some(Exact { negative: false, above, below })
}

/// What a stored number may be: itself, or with a comparator all above or below it. An open side is nothing.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// The least.
    pub(super) low: Option<Exact>,
    /// The most.
    pub(super) high: Option<Exact>,
}

impl Reach {
    /// What a number with a comparator may be, or with another or none, itself.
    #[must_use]
    pub(super) fn of(number: Exact, comparator: &str) -> Self {
        match comparator {
            "<" | "<=" => Self { low: None, high: Some(number) },
            ">" | ">=" => Self { low: Some(number), high: None },
            _ => Self { low: Some(number.clone()), high: Some(number) },
        }
    }

    /// The same in another unit, of which one of the old has `factor`.
    #[must_use]
    pub(super) fn in_units_of(&self, factor: &Exact) -> Self {
        let convert = |number: &Exact| number.times(factor);
        Self { low: self.low.as_ref().map(convert), high: self.high.as_ref().map(convert) }
    }
}

/// Whether a stored number is what was asked for by `prefix` and `asked`.
#[must_use]
pub(super) fn compares(stored: &Reach, prefix: &str, asked: &Decimal) -> bool {
    // An open side lies beyond every number.
    let from = |least: &Exact| stored.low.as_ref().is_some_and(|low| low >= least);
    let above = |number: &Exact| stored.high.as_ref().is_none_or(|high| high > number);
    let below = |number: &Exact| stored.low.as_ref().is_none_or(|low| low < number);
    let (low, high) = asked.range();
    let equal = from(&low) && stored.high.as_ref().is_some_and(|own| *own < high);
    let same = !above(&asked.value) && !below(&asked.value);
    match prefix {
        "ne" => !equal,
        "gt" => above(&asked.value),
        "lt" => below(&asked.value),
        "ge" => above(&asked.value) || same,
        "le" => below(&asked.value) || same,
        "sa" => stored.low.as_ref().is_some_and(|low| *low > asked.value),
        "eb" => stored.high.as_ref().is_some_and(|high| *high < asked.value),
        "ap" => {
            let Some(tenth) = Exact::fraction(1, 10).map(|tenth| asked.value.size().times(&tenth)) else { return false };
            let (least, most) = (asked.value.plus(&tenth.negative()), asked.value.plus(&tenth));
            stored.low.as_ref().is_none_or(|low| *low <= most) && stored.high.as_ref().is_none_or(|high| *high >= least)
        }
        _ => equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Exact {
        Decimal::parse(text).unwrap().value
    }

    #[test]
    fn precision_implies_a_range() {
        // The table of the specification, section "number"; `1e2` by its general rule (see the readings).
        let check = |asked: &str, low: &str, high: &str| {
            assert_eq!(Decimal::parse(asked).unwrap().range(), (number(low), number(high)), "{asked}");
        };
        check("100", "99.5", "100.5");
        check("100.00", "99.995", "100.005");
        check("1e2", "50", "150");
        check("1.0e2", "95", "105");
        check("-5.4", "-5.45", "-5.35");
        check("0", "-0.5", "0.5");
    }

    #[test]
    fn prefixes_compare() {
        let check = |prefix: &str, asked: &str, expected: &str| {
            let found = ["-100", "99", "99.5", "100", "100.4", "100.5", "110", "110.1"]
                .into_iter()
                .filter(|stored| compares(&Reach::of(number(stored), ""), prefix, &Decimal::parse(asked).unwrap()))
                .collect::<Vec<_>>();
            assert_eq!(found.join(" "), expected, "{prefix}{asked}");
        };
        check("eq", "100", "99.5 100 100.4");
        check("ne", "100", "-100 99 100.5 110 110.1");
        check("gt", "100", "100.4 100.5 110 110.1");
        check("ge", "100", "100 100.4 100.5 110 110.1");
        check("lt", "100", "-100 99 99.5");
        check("le", "100", "-100 99 99.5 100");
        check("sa", "100.4", "100.5 110 110.1");
        check("eb", "99.5", "-100 99");
        check("ap", "100", "99 99.5 100 100.4 100.5 110");
    }

    #[test]
    fn comparators_reach_without_end() {
        let check = |comparator: &str, expected: &str| {
            let stored = Reach::of(number("5"), comparator);
            let asked = ["5", "ne5", "gt5", "ge5", "sa5", "lt5", "le5", "eb5", "gt9", "sa4", "lt1", "eb6", "ap99", "ap-99"];
            let found = asked.into_iter().filter(|asked| {
                let (prefix, number) = asked.split_at(asked.find(|letter: char| !letter.is_ascii_lowercase()).unwrap());
                compares(&stored, prefix, &Decimal::parse(number).unwrap())
            });
            assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{comparator}");
        };
        check("", "5 ge5 le5 sa4 eb6");
        check("<", "ne5 lt5 le5 lt1 eb6 ap-99");
        check(">=", "ne5 gt5 ge5 gt9 sa4 ap99");
    }

    #[test]
    fn exponents_and_digits_have_no_end() {
        let found =
            |stored: &str, prefix: &str, asked: &str| compares(&Reach::of(number(stored), ""), prefix, &Decimal::parse(asked).unwrap());
        assert!(found("1E400", "", "1E400") && !found("1E399", "", "1E400") && found("1e-400", "gt", "0"));
        assert!(found("123456789012345678", "", "123456789012345678") && !found("123456789012345679", "", "123456789012345678"));
        assert!(found("-1e-9", "lt", "-1e-10") && found("-0.0", "", "0"));
    }

    #[test]
    fn numbers_are_rounded() {
        let check = |text: &str, expected: &str| assert_eq!(number(text).rounded(4), number(expected), "{text}");
        check("0", "0");
        check("5.4", "5.4");
        check("-5.43251", "-5.433");
        check("123450", "123500");
        check("99995", "1e5");
        check("0.000123449", "0.0001234");
        check("-1e400", "-1e400");
        let third = Exact::fraction(1, 3).unwrap();
        assert_eq!([third.rounded(3), third.plus(&third).rounded(3)], [number("0.333"), number("0.667")]);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".5", "1e", "1e2x", "0x1", "--1", "1.2.3", "é"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
