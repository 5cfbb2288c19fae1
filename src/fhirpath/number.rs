//! Decimals and integers of FHIRPath: exact, with the digits as they are written.
//!
//! Up to 38 digits fit; what does not fit is no number here, and arithmetic that leaves this range gives nothing, as the
//! specification says of an overflow. Source: <http://hl7.org/fhirpath/N1/#decimal>, <http://hl7.org/fhirpath/N1/#math-2>.

use std::cmp::Ordering;
use std::fmt;

/// Most digits behind the point: so many are kept of a quotient at most.
const QUOTIENT: u32 = 16;
/// Most digits behind the point of any number.
const FINEST: u32 = 37;

/// A number: so many units of ten to the power of minus `scale`.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    units: i128,
    scale: u32,
}

/// Which way a number is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    /// To the smaller number.
    Floor,
    /// To the larger number.
    Ceiling,
    /// Towards zero.
    Truncate,
    /// To the nearest, halves away from zero.
    Round,
}

impl Number {
    /// A whole number.
    #[must_use]
    pub fn whole(value: i64) -> Self {
        Self { units: i128::from(value), scale: 0 }
    }

    /// Reads a number as JSON or FHIRPath writes it; `None` if it has too many digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (mut units, mut fraction, mut digits) = (0_i128, None, 0);
        for byte in unsigned.bytes() {
            match byte {
                b'0'..=b'9' => {
                    units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                    fraction = fraction.map(|count: i64| count + 1);
                    digits += 1;
                }
                b'.' if fraction.is_none() && digits > 0 => fraction = Some(0),
                _ => return None,
            }
        }
        if digits == 0 || fraction == Some(0) {
            return None;
        }
        let scale = fraction.unwrap_or(0).checked_sub(exponent)?;
        let units = if mantissa.starts_with('-') { -units } else { units };
        match u32::try_from(scale) {
            Ok(scale) if scale <= FINEST => Some(Self { units, scale }),
            Ok(_) => None,
            Err(_) => Some(Self { units: units.checked_mul(ten(u32::try_from(-scale).ok()?)?)?, scale: 0 }),
        }
    }

    /// The number that is nearest to a double, to 15 digits.
    pub(super) fn near(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        Self::read(&format!("{value:.14e}")).or_else(|| Self::read(&format!("{value:.30}"))).map(Self::short)
    }

    /// The nearest double.
    pub(super) fn double(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Digits behind the point.
    pub(super) fn scale(self) -> u32 {
        self.scale
    }

    /// Whether it is below zero.
    pub(super) fn is_negative(self) -> bool {
        self.units < 0
    }

    /// The whole number that it is, if it is one.
    pub(super) fn to_whole(self) -> Option<i64> {
        let whole = self.cut(Cut::Truncate, 0)?;
        (whole.compare(self) == Ordering::Equal).then(|| i64::try_from(whole.units).ok()).flatten()
    }

    /// Without zeros at its end behind the point.
    #[must_use]
    pub(super) fn short(mut self) -> Self {
        while self.scale > 0 && self.units % 10 == 0 {
            self.units /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Units and scale of its shortest form: the same for equal numbers.
    pub(super) fn key(self) -> (i128, u32) {
        let short = self.short();
        (short.units, short.scale)
    }

    /// With so many digits behind the point.
    pub(super) fn cut(self, how: Cut, scale: u32) -> Option<Self> {
        if scale >= self.scale {
            return Some(Self { units: self.units.checked_mul(ten(scale - self.scale)?)?, scale });
        }
        let divisor = ten(self.scale - scale)?;
        let (quotient, rest) = (self.units / divisor, self.units % divisor);
        let away = match how {
            Cut::Truncate => false,
            Cut::Floor => rest < 0,
            Cut::Ceiling => rest > 0,
            Cut::Round => rest.unsigned_abs() * 2 >= divisor.unsigned_abs(),
        };
        let units = if away { quotient + self.units.signum() } else { quotient };
        Some(Self { units, scale })
    }

    /// Compares the values: `1.0` is as large as `1`.
    #[must_use]
    pub fn compare(self, other: Self) -> Ordering {
        if self.scale == other.scale {
            return self.units.cmp(&other.units);
        }
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            // One has so many more digits before the point that the whole parts tell.
            None => {
                let whole = |number: Self| ten(number.scale).map_or(0, |unit| number.units / unit);
                whole(self).cmp(&whole(other))
            }
        }
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let a = self.units.checked_mul(ten(scale - self.scale)?)?;
        Some((a, other.units.checked_mul(ten(scale - other.scale)?)?, scale))
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self { units: a.checked_add(b)?, scale })
    }

    pub(super) fn negated(self) -> Self {
        Self { units: -self.units, scale: self.scale }
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        let product = |a: Self, b: Self| {
            let units = a.units.checked_mul(b.units)?;
            Some(Self { units, scale: a.scale + b.scale }).filter(|product| product.scale <= FINEST)
        };
        product(self, other).or_else(|| product(self.short(), other.short()))
    }

    /// The quotient to 16 digits behind the point; `None` for a division by zero.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        if other.units == 0 {
            return None;
        }
        // Two more digits are worked out, so that the last one can be rounded.
        let quotient = |digits: u32| {
            let up = ten(digits + other.scale)?;
            let (dividend, divisor) = (self.units.checked_mul(up)?, other.units.checked_mul(ten(self.scale)?)?);
            Some(Self { units: dividend / divisor, scale: digits })
        };
        let found = (2..=QUOTIENT + 2).rev().step_by(2).find_map(quotient)?;
        Some(found.cut(Cut::Round, found.scale - 2)?.short())
    }

    /// The quotient without its fraction, and what remains.
    pub(super) fn divided(self, other: Self) -> Option<(Self, Self)> {
        let (a, b, scale) = self.aligned(other)?;
        Some((Self { units: a.checked_div(b)?, scale: 0 }, Self { units: a.checked_rem(b)?, scale }))
    }

    pub(super) fn absolute(self) -> Self {
        Self { units: self.units.saturating_abs(), scale: self.scale }
    }

    /// The end of what it stands for by its digits, half a unit of the last one away, told with so many digits.
    pub(super) fn boundary(self, up: bool, scale: u32) -> Option<Self> {
        let outwards = up != self.is_negative();
        let half = if up { 5 } else { -5 };
        let exact = Self { units: self.units.checked_mul(10)?.checked_add(half)?, scale: self.scale + 1 };
        exact.cut(if outwards { Cut::Round } else { Cut::Truncate }, scale)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = self.units.unsigned_abs();
        match ten(self.scale).filter(|_| self.scale > 0) {
            None => write!(f, "{sign}{digits}"),
            Some(unit) => {
                let unit = unit.unsigned_abs();
                write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit, width = self.scale as usize)
            }
        }
    }
}

fn ten(power: u32) -> Option<i128> {
    10_i128.checked_pow(power)
}
