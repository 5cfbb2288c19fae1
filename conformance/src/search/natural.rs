//! Natural numbers of any size: as much of them as exact decimals need.

use std::cmp::Ordering;

/// What one digit counts to.
const BASE: u64 = 1_000_000_000;

/// A natural number: its digits to the base of a milliard, the lowest first, no zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Natural(Vec<u32>);

impl Natural {
    /// The number that these digits from 0 to 9 write; nothing if something else stands among them.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let parts = text.as_bytes().rchunks(9).map(|part| std::str::from_utf8(part).ok()?.parse().ok());
        Some(Self(parts.collect::<Option<_>>()?).trimmed())
    }

    /// Ten to a power.
    #[must_use]
    pub(super) fn ten_to(power: usize) -> Self {
        let mut digits = vec![0; power / 9];
        digits.push((0..power % 9).fold(1, |number, _| number * 10));
        Self(digits)
    }

    /// Whether it is 0.
    #[must_use]
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum.
    #[must_use]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut carry = 0;
        let mut digits = Vec::new();
        for index in 0..=self.0.len().max(other.0.len()) {
            let sum = self.digit(index) + other.digit(index) + carry;
            digits.push(low(sum));
            carry = sum / BASE;
        }
        Self(digits).trimmed()
    }

    /// What is left of it when `other`, which is not larger, is taken away.
    #[must_use]
    pub(super) fn less(&self, other: &Self) -> Self {
        let mut borrowed = 0;
        let mut digits = Vec::new();
        for index in 0..self.0.len() {
            let taken = other.digit(index) + borrowed;
            borrowed = u64::from(self.digit(index) < taken);
            digits.push(low(self.digit(index) + borrowed * BASE - taken));
        }
        Self(digits).trimmed()
    }

    /// The product.
    #[must_use]
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut product = Self::default();
        for (index, digit) in self.0.iter().enumerate() {
            let mut digits = vec![0; index];
            let mut carry = 0;
            for own in &other.0 {
                let sum = u64::from(*digit) * u64::from(*own) + carry;
                digits.push(low(sum));
                carry = sum / BASE;
            }
            digits.push(low(carry));
            product = product.plus(&Self(digits));
        }
        product
    }

    /// How many decimal digits it is written with; none if it is 0.
    #[must_use]
    pub(super) fn length(&self) -> usize {
        self.0.last().map_or(0, |highest| (self.0.len() - 1) * 9 + highest.to_string().len())
    }

    fn digit(&self, index: usize) -> u64 {
        self.0.get(index).copied().map_or(0, u64::from)
    }

    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}

/// The lowest digit of a number.
fn low(number: u64) -> u32 {
    u32::try_from(number % BASE).unwrap_or(0)
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Natural {
        Natural::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_counted_like_on_paper() {
        let samples: [u64; 9] = [0, 1, 9, 999_999_999, 1_000_000_000, 1_000_000_001, 4_294_967_296, 123_456_789_012, 999_999_999_999];
        for one in samples {
            for other in samples {
                let (a, b) = (number(&one.to_string()), number(&other.to_string()));
                let (one, other) = (u128::from(one), u128::from(other));
                assert_eq!(a.plus(&b), number(&(one + other).to_string()));
                assert_eq!(a.times(&b), number(&(one * other).to_string()));
                assert_eq!(a.cmp(&b), one.cmp(&other));
                if one >= other {
                    assert_eq!(a.less(&b), number(&(one - other).to_string()));
                }
            }
        }
        assert_eq!(number("000120"), number("120"));
        assert_eq!(Natural::parse("1x"), None);
    }

    #[test]
    fn powers_of_ten() {
        for power in [0, 1, 8, 9, 10, 18, 400] {
            assert_eq!(Natural::ten_to(power), number(&format!("1{}", "0".repeat(power))), "{power}");
            assert_eq!(Natural::ten_to(power).length(), power + 1);
        }
    }
}
