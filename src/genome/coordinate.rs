//! Places on a sequence, in the two ways of counting that the field uses.
//!
//! Source: <https://hl7.org/fhir/R4/molecularsequence.html#notes> (coordinateSystem 0 and 1), VCF 4.3 section 1.4.1.

/// A stretch between bases, counted from 0, half-open: `start..end`. Empty where something is inserted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Interbase {
    start: u64,
    end: u64,
}

/// A stretch of bases, counted from 1, both ends inside. Never empty.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    first: u64,
    last: u64,
}

impl Interbase {
    /// The stretch from `start` to `end`, if they are in order.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// First base inside, counted from 0.
    #[must_use]
    pub fn start(self) -> u64 {
        self.start
    }

    /// First base after, counted from 0.
    #[must_use]
    pub fn end(self) -> u64 {
        self.end
    }

    /// Number of bases.
    #[must_use]
    pub fn width(self) -> u64 {
        self.end - self.start
    }

    /// The same bases counted from 1; `None` if there are none.
    #[must_use]
    pub fn span(self) -> Option<Span> {
        (self.start < self.end).then(|| Span { first: self.start + 1, last: self.end })
    }
}

impl Span {
    /// The bases from `first` to `last`, if they are in order and counted from 1.
    #[must_use]
    pub fn new(first: u64, last: u64) -> Option<Self> {
        (first >= 1 && first <= last).then_some(Self { first, last })
    }

    /// First base, counted from 1.
    #[must_use]
    pub fn first(self) -> u64 {
        self.first
    }

    /// Last base, counted from 1.
    #[must_use]
    pub fn last(self) -> u64 {
        self.last
    }

    /// The same bases as a stretch counted from 0.
    #[must_use]
    pub fn interbase(self) -> Interbase {
        Interbase { start: self.first - 1, end: self.last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_two_countings_are_inverse(start in 0_u64..1 << 40, width in 0_u64..1 << 20) {
            let stretch = Interbase::new(start, start + width).unwrap();
            prop_assert_eq!(stretch.width(), width);
            match stretch.span() {
                Some(span) => {
                    prop_assert_eq!(span.interbase(), stretch);
                    prop_assert_eq!(Span::new(span.first(), span.last()), Some(span));
                }
                None => prop_assert_eq!(width, 0),
            }
        }
    }

    #[test]
    fn disorder_is_refused() {
        assert_eq!(Interbase::new(2, 1), None);
        assert_eq!(Span::new(0, 1), None);
        assert_eq!(Span::new(3, 2), None);
        assert_eq!(Span::new(5, 5).unwrap().interbase(), Interbase::new(4, 5).unwrap());
    }
}
