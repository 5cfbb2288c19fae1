//! Exact numbers: what a decimal says, and the range that its precision implies.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#number>. Nothing is rounded: a number is a fraction of two integers.

use std::cmp::Ordering;

/// A fraction in lowest terms, with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Exact {
    above: i128,
    below: i128,
}

impl Exact {
    /// `above` by `below`; nothing if that is no number, or too large to be held.
    #[must_use]
    pub(super) fn fraction(above: i128, below: i128) -> Option<Self> {
        let shared = divisor(above, below);
        let (above, below) = (above.checked_div(shared)?, below.checked_div(shared)?);
        match below.cmp(&0) {
            Ordering::Greater => Some(Self { above, below }),
            Ordering::Less => Some(Self { above: above.checked_neg()?, below: below.checked_neg()? }),
            Ordering::Equal => None,
        }
    }

    /// The sum.
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let above = self.above.checked_mul(other.below)?.checked_add(other.above.checked_mul(self.below)?)?;
        Self::fraction(above, self.below.checked_mul(other.below)?)
    }

    /// The product.
    #[must_use]
    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::fraction(self.above.checked_mul(other.above)?, self.below.checked_mul(other.below)?)
    }

    /// The number with the other sign.
    #[must_use]
    pub(super) fn negative(self) -> Self {
        Self { above: -self.above, below: self.below }
    }

    /// The number without its sign.
    #[must_use]
    pub(super) fn size(self) -> Self {
        Self { above: self.above.abs(), below: self.below }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        // The pools of this module stay far below what overflows here.
        self.above.saturating_mul(other.below).cmp(&other.above.saturating_mul(self.below))
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The greatest common divisor, 1 at least.
fn divisor(one: i128, other: i128) -> i128 {
    let (mut one, mut other) = (one.saturating_abs(), other.saturating_abs());
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

/// A decimal as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    /// Its value.
    pub(super) value: Exact,
    /// Half of one unit of its last digit.
    pub(super) half: Exact,
}

impl Decimal {
    /// Reads `5.40`, `-3`, `1e2`; nothing if it is no number or has more than about thirty digits.
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
        let all = format!("{whole}{part}");
        if whole.is_empty() || all.len() > 30 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let unit = ten_to(exponent.checked_sub(i32::try_from(part.len()).ok()?)?)?;
        let digits: i128 = all.parse().ok()?;
        let value = Exact::fraction(if negative { -digits } else { digits }, 1)?.times(unit)?;
        Some(Self { value, half: unit.times(Exact::fraction(1, 2)?)? })
    }

    /// The range `[low, high)` that its precision implies: `100` is 99.5 to 100.5, `100.00` is 99.995 to 100.005.
    #[must_use]
    pub(super) fn range(self) -> Option<(Exact, Exact)> {
        Some((self.value.plus(self.half.negative())?, self.value.plus(self.half)?))
    }

    /// The same in another unit, of which one of the old has `factor`.
    #[must_use]
    pub(super) fn in_units_of(self, factor: Exact) -> Option<Self> {
        Some(Self { value: self.value.times(factor)?, half: self.half.times(factor)? })
    }
}

/// A power of ten.
fn ten_to(exponent: i32) -> Option<Exact> {
    let power = 10i128.checked_pow(exponent.unsigned_abs())?;
    if exponent < 0 { Exact::fraction(1, power) } else { Exact::fraction(power, 1) }
}

/// Whether a stored number is what was asked for by `prefix` and `asked`.
#[must_use]
pub(super) fn compares(stored: Exact, prefix: &str, asked: Decimal) -> bool {
    let equal = || asked.range().is_some_and(|(low, high)| stored >= low && stored < high);
    match prefix {
        "ne" => !equal(),
        "gt" | "sa" => stored > asked.value,
        "lt" | "eb" => stored < asked.value,
        "ge" => stored >= asked.value,
        "le" => stored <= asked.value,
        "ap" => {
            let tenth = Exact::fraction(1, 10).and_then(|tenth| asked.value.size().times(tenth));
            let away = stored.plus(asked.value.negative()).map(Exact::size);
            matches!((tenth, away), (Some(tenth), Some(away)) if away <= tenth)
        }
        _ => equal(),
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
            assert_eq!(Decimal::parse(asked).unwrap().range().unwrap(), (number(low), number(high)), "{asked}");
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
                .filter(|stored| compares(number(stored), prefix, Decimal::parse(asked).unwrap()))
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
    fn what_is_no_number_is_refused() {
        for text in ["", ".5", "1e", "1e2x", "0x1", "--1", "1.2.3", "é"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
