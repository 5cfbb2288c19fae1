//! Slices: the occurrences of an element are sorted by their discriminators, counted, and checked by the rules of their slice.
//!
//! Source: <https://hl7.org/fhir/R4/profiling.html#slicing>.

use smallvec::SmallVec;

use super::checker::{Checker, Fit};
use super::element::{Element, Occurrences};
use super::plan::Rule;
use crate::model::outcome::IssueType;

/// What was sorted into a slice.
struct Bin<'c> {
    slice: &'c Rule,
    items: SmallVec<[Element<'c>; 2]>,
    /// How many more may belong to it.
    perhaps: usize,
}

impl<'c> Checker<'c> {
    /// Checks the slices of an element whose occurrences in `parent` were `found`.
    pub(super) fn slices(&mut self, rule: &'c Rule, parent: Element<'c>, found: Occurrences<'c>) {
        let mut bins: Vec<Bin<'c>> = rule.slices.iter().map(|slice| Bin { slice, items: SmallVec::new(), perhaps: 0 }).collect();
        // The number of the last slice met, and whether something in no slice was met.
        let (mut last, mut outside) = (0, false);
        for element in found {
            match self.sort(rule, &mut bins, element) {
                Sorted::Slice(number) => {
                    if rule.sorting.ordered && number < last {
                        self.error(element.node, IssueType::Structure, || {
                            "The slices are out of order here: put them into the order of the profile.".to_owned()
                        });
                    }
                    if rule.sorting.open_at_end && outside {
                        self.error(element.node, IssueType::Structure, || {
                            "What is in no slice must stand at the end: move it there.".to_owned()
                        });
                    }
                    last = number;
                }
                Sorted::Outside if rule.sorting.open => outside = true,
                Sorted::Outside => self.error(element.node, IssueType::Structure, || {
                    let slices = rule.slices.iter().filter_map(|slice| slice.slice).collect::<Vec<_>>().join(", ");
                    format!("This fits none of the slices {slices}, and nothing else is allowed here: remove or correct it.")
                }),
                Sorted::Unsure => {}
            }
        }
        for bin in bins {
            let validator = self.validator;
            self.count(bin.slice, parent, bin.items.iter().copied(), bin.perhaps, || {
                super::discriminator::hint(rule, bin.slice, validator)
            });
            for item in bin.items {
                self.element(bin.slice, item);
            }
        }
    }

    fn sort(&mut self, rule: &'c Rule, bins: &mut [Bin<'c>], element: Element<'c>) -> Sorted {
        let mut unsure = SmallVec::<[usize; 4]>::new();
        for (number, bin) in bins.iter_mut().enumerate() {
            match self.discriminate(&rule.sorting, bin.slice, element) {
                Fit::Yes => {
                    bin.items.push(element);
                    return Sorted::Slice(number);
                }
                Fit::Unknown => unsure.push(number),
                Fit::No => {}
            }
        }
        for number in &unsure {
            bins.get_mut(*number).into_iter().for_each(|bin| bin.perhaps += 1);
        }
        if unsure.is_empty() { Sorted::Outside } else { Sorted::Unsure }
    }
}

/// Where an occurrence belongs.
enum Sorted {
    /// To the slice of that number, counted from 0.
    Slice(usize),
    /// To no slice.
    Outside,
    /// That cannot be known.
    Unsure,
}
