//! What comes along by `_include` and `_revinclude`.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#revinclude>.

use std::collections::BTreeSet;

use super::parameters::{self, Kind, TYPES};
use super::request::Include;
use super::world::{World, type_of};

/// The places of what comes along with these matches, without the matches themselves.
#[must_use]
pub(super) fn included(world: &World, includes: &[Include], matches: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut found: BTreeSet<usize> = includes.iter().flat_map(|include| step(world, include, matches)).collect();
    let iterating: Vec<&Include> = includes.iter().filter(|include| include.iterate).collect();
    loop {
        let more: BTreeSet<usize> = iterating.iter().flat_map(|include| step(world, include, &found)).collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            break;
        }
    }
    found.difference(matches).copied().collect()
}

/// What one include brings to these resources.
fn step(world: &World, include: &Include, from: &BTreeSet<usize>) -> BTreeSet<usize> {
    let sources: Vec<&str> = TYPES.into_iter().filter(|kind| include.source.as_deref().is_none_or(|source| source == *kind)).collect();
    let fits = |place: &usize| include.target.as_deref().is_none_or(|target| type_of(world.at(*place)) == target);
    let mut found = BTreeSet::new();
    for kind in sources {
        let wanted = |code: &str| include.code.as_deref().is_none_or(|own| own == code);
        let all: Vec<_> = parameters::of(kind).filter(|own| own.kind == Kind::Reference && wanted(own.code)).collect();
        for place in world.of(kind) {
            let targets: BTreeSet<usize> = all.iter().flat_map(|parameter| world.targets(place, parameter)).filter(fits).collect();
            match include.reverse {
                false if from.contains(&place) => found.extend(targets),
                true if !targets.is_disjoint(from) => found.extend([place]),
                _ => {}
            }
        }
    }
    found
}
