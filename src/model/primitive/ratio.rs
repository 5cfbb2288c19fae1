//! Ratios between units as whole numbers, so that decimals are converted without loss.
//!
//! The arithmetic of units is done in doubles, which hold a 60th only nearly; the ratio that is meant is the simple one next to it.

use super::decimal::Decimal;

/// Digits in which the doubles of units are trusted.
const TRUSTED: usize = 14;
/// A decimal factor has at most so many digits: some of those that are trusted have to be zeros.
const SHORT: usize = 11;
/// The largest divisor that is looked for.
const LARGEST: u64 = 1_000_000;

/// A ratio of whole numbers, times a power of ten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ratio {
    above: u64,
    below: u64,
    power: i64,
}

impl Ratio {
    const ONE: Self = Self { above: 1, below: 1, power: 0 };

    /// The simple ratio next to a positive double; `None` if there is none (the 180th of π, a root).
    #[must_use]
    pub fn near(factor: f64) -> Option<Self> {
        #[expect(clippy::float_cmp, reason = "most units are their own base, to the bit")]
        if factor == 1.0 {
            return Some(Self::ONE);
        }
        if !factor.is_finite() || factor <= 0.0 {
            return None;
        }
        let text = format!("{factor:.*e}", TRUSTED - 1);
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent: i64 = exponent.parse().ok()?;
        let digits = mantissa.replace('.', "");
        let short = digits.trim_end_matches('0');
        if short.len() <= SHORT {
            let power = exponent + 1 - i64::try_from(short.len()).ok()?;
            return Some(Self { above: short.parse().ok()?, below: 1, power });
        }
        // From 1 to 10: its continued fraction is short if a ratio is.
        let wanted = factor / format!("1e{exponent}").parse::<f64>().ok()?;
        let (mut rest, mut last, mut now) = (wanted, (1, 0), (0, 1));
        loop {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a double becomes the nearest whole number there is"
            )]
            let whole = rest.floor() as u64;
            let next = (whole.checked_mul(last.0)?.checked_add(now.0)?, whole.checked_mul(last.1)?.checked_add(now.1)?);
            if next.1 > LARGEST {
                return None;
            }
            (now, last) = (last, next);
            #[expect(clippy::cast_precision_loss, reason = "both are far below what a double holds exactly")]
            let reached = last.0 as f64 / last.1 as f64;
            if (reached / wanted - 1.0).abs() < 4e-15 {
                return Some(Self { above: last.0, below: last.1, power: exponent });
            }
            rest = 1.0 / (rest - rest.floor());
        }
    }

    /// The number of so many digits next to a number times the ratio.
    #[must_use]
    pub fn apply(&self, number: &Decimal, digits: usize) -> Decimal {
        number.times(self.above, self.power).divided(self.below, digits)
    }

    /// By what two numbers have to be multiplied, so that they can be compared instead of the numbers times their ratios.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<[(u64, i64); 2]> {
        let own = self.above.checked_mul(other.below)?;
        let theirs = other.above.checked_mul(self.below)?;
        Some([(own, self.power), (theirs, other.power)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_found() {
        let check = |factor: f64, above, below, power| assert_eq!(Ratio::near(factor), Some(Ratio { above, below, power }), "{factor}");
        check(1.0, 1, 1, 0);
        check(0.001, 1, 1, -3);
        check(1e-9 / 0.1, 1, 1, -8);
        check(31_557_600.0, 315_576, 1, 2);
        check(453.592_37, 45_359_237, 1, -5);
        check(1.0 / 60.0, 5, 3, -2);
        check(1.0 / 604_800.0, 625, 378, -6);
        check(1.0 / 86_400.0 / 1e6, 125, 108, -11);
        assert_eq!([std::f64::consts::PI / 180.0, 2_f64.sqrt(), 0.0, f64::INFINITY, -1.0].map(Ratio::near), [None; 5]);
    }

    #[test]
    fn numbers_are_converted() {
        let check = |factor: f64, number: &str, expected: &str| {
            let converted = Ratio::near(factor).unwrap().apply(&Decimal::new(number).unwrap(), 14);
            assert!(converted.compare(&Decimal::new(expected).unwrap()).is_eq(), "{number}: {converted:?}");
        };
        check(0.001, "5.40", "0.0054");
        check(0.001, "12345678901234.5", "12345678901.235");
        check(1e-6, "12345678901234500", "12345678901.235");
        check(1.0 / 60.0, "-70", "-1.1666666666667");
        check(1.0 / 60.0, "72.0", "1.2");
        check(3600.0, "1e400", "3.6e403");
        check(60.0, "0", "0");
        check(0.001, "99999999999999.9", "100000000000");
    }
}
