//! Every row of the tables becomes a rule that can be applied.

use crate::definitions::{Definitions, Library};
use crate::validate::Validator;
use crate::validate::plan::Rule;

/// Slicings that the rows do not tell enough about to sort by, with the number of slices in them.
fn undecidable(url: &str, rule: &Rule, out: &mut Vec<String>) {
    for discriminator in &rule.sorting.discriminators {
        if discriminator.path.is_none() {
            out.push(format!("{url} {} {}", rule.key, discriminator.told));
        }
    }
    for below in rule.children.iter().chain(&rule.slices) {
        undecidable(url, below, out);
    }
}

fn demands(rule: &Rule) -> usize {
    rule.demands.len() + rule.children.iter().chain(&rule.slices).map(demands).sum::<usize>()
}

#[test]
fn every_profile_becomes_a_plan() {
    let definitions = Definitions::embedded();
    let validator = Validator::new(Library::embedded());
    let mut unreadable = Vec::new();
    for profile in definitions.profiles() {
        let plan = validator.plan(profile.url).unwrap();
        undecidable(plan.url, &plan.root, &mut unreadable);
        let told: usize = profile.elements.iter().map(|element| element.rules.values.len()).sum();
        assert_eq!(demands(&plan.root), told, "{}: every demand on a value is kept", profile.url);
    }
    assert!(unreadable.is_empty(), "discriminators that cannot be read: {unreadable:?}");
}
