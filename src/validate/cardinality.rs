//! How often an element, or a slice of it, may stand: `1..1`, `0..*`, and `0..0` for what a profile prohibits.
//!
//! Source: <https://hl7.org/fhir/R4/conformance-rules.html#cardinality>.

use super::checker::Checker;
use super::element::{Element, location};
use super::plan::Rule;
use crate::model::outcome::IssueType;

impl<'c> Checker<'c> {
    /// Counts what was `found` of an element in `parent`; `perhaps` more cannot be told apart.
    /// `hint` says how an occurrence of a slice looks.
    pub(super) fn count(
        &mut self,
        rule: &'c Rule,
        parent: Element<'c>,
        mut found: impl Iterator<Item = Element<'c>> + Clone,
        perhaps: usize,
        hint: impl Fn() -> String,
    ) {
        let (min, number) = (rule.min as usize, found.clone().count());
        if number + perhaps < min {
            self.error(parent.node, IssueType::Required, || match (rule.slice, number) {
                (None, 0) => format!("{} is required here: add it.", rule.key),
                (None, _) => format!("{} must stand here {min} times or more, not {number}: add what is missing.", rule.key),
                (Some(slice), 0) => format!("{} needs its slice {slice}: add one{}.", rule.key, hint()),
                (Some(slice), _) => format!("{} needs its slice {slice} {min} times or more, not {number}: add one{}.", rule.key, hint()),
            });
        }
        let Some(max) = rule.max.map(|max| max as usize) else { return };
        // The first that is too much.
        if let Some(surplus) = found.nth(max) {
            let what = rule.slice.map_or_else(|| rule.key.to_owned(), |slice| format!("{} of the slice {slice}", rule.key));
            let place = location(surplus.node);
            self.error(parent.node, IssueType::Structure, || match max {
                0 => format!("{what} is prohibited here: remove {place}."),
                1 => format!("{what} must stand here only once, not {number} times: remove what is too much, from {place} on."),
                _ => format!("{what} must stand here {max} times at most, not {number}: remove what is too much, from {place} on."),
            });
        }
    }
}
