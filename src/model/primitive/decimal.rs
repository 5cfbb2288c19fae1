//! Decimals as written: their digits, their precision, and numbers that sort as they do.
//!
//! FHIR decimals keep their precision (`1.0` is not `1.00`), and any exponent is legal.
//! Source: <https://hl7.org/fhir/R4/datatypes.html#decimal>, <https://hl7.org/fhir/R4/search.html#number>.

use std::cmp::Ordering;

/// Numbers of so many digits have doubles of their own.
const KEYED: usize = 15;

/// A decimal number: sign, significant digits, and the power of ten of the last digit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decimal {
    negative: bool,
    /// Digits 0..=9, without leading zeros (empty for zero).
    digits: Vec<u8>,
    /// Power of ten of the last digit: 5.40 is digits 540 at exponent -2.
    exponent: i64,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { negative: false, digits: Vec::new(), exponent: 0 };

    /// Reads a number in JSON's or FHIR search's notation (`100`, `-0.50`, `1E-245`).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i64>().ok().filter(|e| e.abs() < 1 << 40)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() || (unsigned.contains('.') && fraction.is_empty()) {
            return None;
        }
        let mut digits = Vec::with_capacity(unsigned.len());
        for b in whole.bytes().chain(fraction.bytes()) {
            let digit = b.is_ascii_digit().then(|| b - b'0')?;
            if digit != 0 || !digits.is_empty() {
                digits.push(digit);
            }
        }
        Some(Self { negative, digits, exponent: exponent - i64::try_from(fraction.len()).ok()? })
    }

    /// The bounds `[low, high)` of what the written precision stands for: half a unit of the last digit to either side.
    #[must_use]
    pub fn implied_range(&self) -> (Self, Self) {
        // In units of a tenth of the last digit, half a unit is 5.
        let mut scaled = self.digits.clone();
        scaled.push(0);
        let half = |up: bool| {
            let outwards = up != self.negative;
            let (negative, digits) = if outwards {
                (self.negative, add(&scaled, 5))
            } else if let Some(less) = subtract(&scaled, 5) {
                (self.negative, less)
            } else {
                (!self.negative, vec![5])
            };
            let leading = digits.iter().take_while(|d| **d == 0).count();
            Self { negative, digits: digits.get(leading..).unwrap_or(&[]).to_vec(), exponent: self.exponent - 1 }
        };
        (half(false), half(true))
    }

    /// The bounds 10 % to either side, which the prefix `ap` asks for.
    #[must_use]
    pub fn around(&self) -> (Self, Self) {
        let times = |factor: u8| {
            let (mut carry, mut digits) = (0_u16, Vec::with_capacity(self.digits.len() + 2));
            for d in self.digits.iter().rev() {
                let value = u16::from(*d) * u16::from(factor) + carry;
                digits.push(u8::try_from(value % 10).unwrap_or(0));
                carry = value / 10;
            }
            while carry > 0 {
                digits.push(u8::try_from(carry % 10).unwrap_or(0));
                carry /= 10;
            }
            digits.reverse();
            Self { negative: self.negative, digits, exponent: self.exponent - 1 }
        };
        if self.negative { (times(11), times(9)) } else { (times(9), times(11)) }
    }

    /// The number times a whole number and a power of ten.
    #[must_use]
    pub fn times(&self, factor: u64, power: i64) -> Self {
        let (mut carry, mut digits) = (0_u128, Vec::with_capacity(self.digits.len() + 20));
        for digit in self.digits.iter().rev() {
            let value = u128::from(*digit) * u128::from(factor) + carry;
            digits.push(u8::try_from(value % 10).unwrap_or(0));
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or(0));
            carry /= 10;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        digits.reverse();
        Self { negative: self.negative, digits, exponent: self.exponent.saturating_add(power) }
    }

    /// The number of at most so many digits next to a part of it; of two that are equally near, the larger in size.
    #[must_use]
    pub fn divided(&self, divisor: u64, most: usize) -> Self {
        let (mut rest, mut digits, mut taken) = (0_u128, Vec::with_capacity(most + 2), 0_usize);
        let divisor = u128::from(divisor.max(1));
        while digits.len() <= most && (rest > 0 || taken < self.digits.len()) {
            rest = rest * 10 + u128::from(self.digits.get(taken).copied().unwrap_or(0));
            taken += 1;
            let digit = u8::try_from(rest / divisor).unwrap_or(9);
            rest %= divisor;
            if digit != 0 || !digits.is_empty() {
                digits.push(digit);
            }
        }
        let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut exponent = self.exponent.saturating_add(places(self.digits.len())).saturating_sub(places(taken));
        if digits.len() > most {
            let up = digits.pop().is_some_and(|digit| digit >= 5);
            digits = add(&digits, u8::from(up));
            exponent = exponent.saturating_add(1);
        }
        Self { negative: self.negative, digits, exponent }
    }

    /// An integer that sorts as the number does, if it has few digits. Sizes from 1E300 on are alike, and so are those below 1E-300.
    #[must_use]
    pub fn bounded_key(&self) -> i64 {
        let (zero, magnitude) = (sort_key(0.0), self.magnitude());
        match (self.digits.is_empty(), self.negative) {
            (true, _) => zero,
            (false, false) if magnitude > 300 => sort_key(f64::INFINITY),
            (false, true) if magnitude > 300 => sort_key(f64::NEG_INFINITY),
            (false, false) if magnitude <= -300 => zero + 1,
            (false, true) if magnitude <= -300 => zero - 1,
            _ => sort_key(self.nearest()),
        }
    }

    /// An integer that sorts as the number does: the bits of the nearest double, made monotone.
    ///
    /// Numbers of up to 15 digits and of an everyday size ([`Self::is_keyed_exactly`]) have keys of their own, and the keys of others
    /// lie strictly on the right side of these. Two numbers that are both longer may share a key.
    #[must_use]
    pub fn sort_key(&self) -> i64 {
        let nearest = sort_key(self.nearest());
        if self.is_keyed_exactly() {
            return nearest;
        }
        let zero = sort_key(0.0);
        let beside = match self.cut() {
            // Too small for a double, yet not zero.
            None if self.negative => return nearest.min(zero - 1),
            None => return nearest.max(zero + 1),
            Some(beside) => beside,
        };
        let [inner, outer] = beside.map(|number| sort_key(number.nearest()));
        let (low, high) = if self.negative { (outer, inner) } else { (inner, outer) };
        // Between two neighbours of 15 digits there is room for several doubles; outside of what doubles hold there is none.
        if high.saturating_sub(low) < 2 { nearest } else { nearest.clamp(low + 1, high - 1) }
    }

    /// Whether no other number has the same key, and all that are smaller or larger have a smaller or larger one.
    #[must_use]
    pub fn is_keyed_exactly(&self) -> bool {
        self.is_short(KEYED)
    }

    /// Whether it has at most so many digits (without zeros at its end), and an everyday size.
    #[must_use]
    pub fn is_short(&self, most: usize) -> bool {
        let zeros = self.digits.iter().rev().take_while(|digit| **digit == 0).count();
        self.digits.is_empty() || (self.digits.len() - zeros <= most && (-290..=290).contains(&self.magnitude()))
    }

    /// The numbers of 15 digits next to a longer one, the smaller in size first; `None` if its size is out of the range of doubles.
    fn cut(&self) -> Option<[Self; 2]> {
        if !(-290..=290).contains(&self.magnitude()) {
            return None;
        }
        let kept = self.digits.get(..KEYED)?;
        let exponent = self.exponent.checked_add(i64::try_from(self.digits.len() - KEYED).ok()?)?;
        let number = |digits: Vec<u8>| Self { negative: self.negative, digits, exponent };
        Some([number(kept.to_vec()), number(add(kept, 1))])
    }

    /// The nearest double.
    #[must_use]
    pub fn nearest(&self) -> f64 {
        let mut text = String::with_capacity(self.digits.len() + 24);
        if self.negative {
            text.push('-');
        }
        text.push('0');
        text.extend(self.digits.iter().map(|d| char::from(b'0' + d)));
        text.push('e');
        text.push_str(&self.exponent.to_string());
        text.parse().unwrap_or(0.0)
    }

    fn magnitude(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_add(self.exponent)
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        self.magnitude().cmp(&other.magnitude()).then_with(|| {
            let length = self.digits.len().max(other.digits.len());
            let padded = |d: &[u8], i: usize| d.get(i).copied().unwrap_or(0);
            (0..length).map(|i| padded(&self.digits, i).cmp(&padded(&other.digits, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        })
    }

    /// Compares the values, not the notation: `1.0` equals `1.00`.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let negative = |d: &Self| d.negative && !d.digits.is_empty();
        match (negative(self), negative(other)) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }
}

/// An integer that sorts as the double does.
#[must_use]
pub fn sort_key(value: f64) -> i64 {
    let value = if value == 0.0 { 0.0 } else { value };
    let bits = value.to_bits().cast_signed();
    // Negative doubles sort backwards by their bits; flipping all but the sign turns them round.
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn add(digits: &[u8], amount: u8) -> Vec<u8> {
    let mut out = digits.to_vec();
    let mut carry = amount;
    for d in out.iter_mut().rev() {
        let sum = *d + carry;
        *d = sum % 10;
        carry = sum / 10;
        if carry == 0 {
            return out;
        }
    }
    if carry > 0 {
        out.insert(0, carry);
    }
    out
}

fn subtract(digits: &[u8], amount: u8) -> Option<Vec<u8>> {
    let mut out = digits.to_vec();
    let mut borrow = amount;
    for d in out.iter_mut().rev() {
        if *d >= borrow {
            *d -= borrow;
            return Some(out);
        }
        *d = *d + 10 - borrow;
        borrow = 1;
    }
    None
}
