//! Profiles and extension definitions: how a StructureDefinition narrows a type of R4.
//!
//! Reads `profiles.tsv`: `url  version  type  base  abstract  context…`, and below it one line per element that says more than the type itself:
//! `id  min..max  flags  types  binding  slicing  constraints  value…`. The rows come from the snapshot, so a profile stands alone
//! beside its R4 type; profiles that it derives from need not be read.
//! Source: <https://hl7.org/fhir/R4/profiling.html>, <https://hl7.org/fhir/R4/elementdefinition.html#slicing>.

use std::collections::HashMap;

use super::rules::{Constraints, ElementRules, named, parse_binding, short, type_rules, value_rule};
use super::table::{BrokenTable, Line, lines};

/// A profile, or the definition of an extension (then `ty` is `Extension`).
#[derive(Debug)]
pub struct Profile {
    /// Canonical URL, [`short`].
    pub url: &'static str,
    /// Business version.
    pub version: &'static str,
    /// The type it narrows: `Observation`.
    pub ty: &'static str,
    /// The definition it derives from, [`short`].
    pub base: &'static str,
    /// Whether it is only there to derive from.
    pub is_abstract: bool,
    /// Where an extension may stand; empty for profiles.
    pub contexts: Vec<Context>,
    /// Its elements in the order of the snapshot; those that are as in the type are left out.
    pub elements: Vec<ProfileElement>,
}

/// Where an extension may stand, or an invariant about its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// `element`, `extension`, `fhirpath`, or `invariant`.
    pub kind: &'static str,
    /// A path (`Observation.component`), the URL of an extension, or FHIRPath.
    pub expression: &'static str,
}

/// What a profile says of an element.
#[derive(Debug, Clone)]
pub struct ProfileElement {
    /// The id in the snapshot: `Observation.component:gene-studied.value[x]`.
    pub id: &'static str,
    /// Fewest occurrences; for a slice, of that slice.
    pub min: u32,
    /// Most occurrences; `None` for `*`.
    pub max: Option<u32>,
    /// Whether it is a modifier.
    pub modifier: bool,
    /// How its repetitions are sorted into slices, when it has slices.
    pub slicing: Option<Slicing>,
    /// The rest of what is demanded.
    pub rules: ElementRules,
}

impl ProfileElement {
    /// The steps of its id from the type down: name and, for a slice, the slice's name.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        self.id.split('.').map(|step| step.split_once(':').map_or((step, None), |(name, slice)| (name, Some(slice))))
    }

    /// The name of the slice, when the element is one.
    #[must_use]
    pub fn slice(&self) -> Option<&'static str> {
        self.steps().last().and_then(|(_, slice)| slice)
    }

    /// The path of the element without slice names: `Observation.component.value[x]`.
    #[must_use]
    pub fn path(&self) -> String {
        self.steps().map(|(name, _)| name).collect::<Vec<_>>().join(".")
    }
}

/// How repetitions are sorted into slices.
#[derive(Debug, Clone)]
pub struct Slicing {
    /// Whether there may be repetitions that are in no slice.
    pub open: bool,
    /// Whether those stand at the end.
    pub open_at_end: bool,
    /// Whether slices keep their order.
    pub ordered: bool,
    /// What tells one slice from another: `value`, `exists`, `pattern`, `type` or `profile`, and the path to look at.
    pub discriminators: Vec<(&'static str, &'static str)>,
}

/// All profiles by [`short`] URL.
pub(super) type Profiles = HashMap<&'static str, Profile>;

/// Reads the table.
pub(super) fn load(text: &'static str, constraints: &Constraints) -> Result<Profiles, BrokenTable> {
    let mut all = Profiles::new();
    let mut current: Option<Profile> = None;
    for line in lines("profiles", text) {
        if line.inner {
            let Some(owner) = &mut current else { return Err(line.broken("an element stands before the first profile")) };
            owner.elements.push(element(line, constraints)?);
        } else {
            let ([url, version, ty, base, is_abstract], contexts) = line.cells_and_rest()?;
            let contexts =
                contexts.map(|cell| cell.split_once(' ').map(|(kind, expression)| Context { kind, expression })).collect::<Option<_>>();
            let contexts = contexts.ok_or_else(|| line.broken("a context has no kind"))?;
            let next = Profile { url, version, ty, base, is_abstract: !is_abstract.is_empty(), contexts, elements: Vec::new() };
            all.extend(current.replace(next).map(|done| (done.url, done)));
        }
    }
    all.extend(current.map(|done| (done.url, done)));
    Ok(all)
}

/// The profile of that canonical URL.
pub(super) fn find<'a>(all: &'a Profiles, url: &str) -> Option<&'a Profile> {
    all.get(short(url))
}

fn element(line: Line, constraints: &Constraints) -> Result<ProfileElement, BrokenTable> {
    let ([id, cardinality, flags, types, binding, slicing, keys], values) = line.cells_and_rest()?;
    let (min, max) = line.cardinality(cardinality)?;
    Ok(ProfileElement {
        id,
        min,
        max,
        modifier: flags.contains('m'),
        slicing: (!slicing.is_empty()).then(|| parse_slicing(slicing)),
        rules: ElementRules {
            types: type_rules(types),
            binding: parse_binding(binding, line)?,
            constraints: named(keys, constraints, line)?,
            values: values.map(|cell| value_rule(cell, line)).collect::<Result<_, _>>()?,
        },
    })
}

/// Reads `open ordered value:url type:$this`.
fn parse_slicing(cell: &'static str) -> Slicing {
    let has = |word| cell.split(' ').any(|found| found == word);
    Slicing {
        open: !has("closed"),
        open_at_end: has("openAtEnd"),
        ordered: has("ordered"),
        discriminators: cell.split(' ').filter_map(|word| word.split_once(':')).collect(),
    }
}

#[cfg(test)]
mod tests;
