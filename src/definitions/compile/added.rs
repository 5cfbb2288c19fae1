//! Definitions that a site or a caller adds to those in the binary, compiled into the same tables.
//!
//! A profile with a snapshot stands alone, as the built-in ones do. One that has only a differential takes over the rows of the
//! profile that it derives from, which may be one of those added; where both speak of an element, the differential is right.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::catalogue::{Catalogue, snapshot};
use super::controls;
use super::differential::complete;
use super::elements::{ConstraintNames, additional, binding, cardinality, content, types, values};
use super::json::{flag, list, text};
use super::profiles::{contexts, slicing};
use crate::definitions::Definitions;
use crate::definitions::profile::{self, Profile, ProfileElement, Profiles};
use crate::definitions::rules::{self, Constraints, short};
use crate::definitions::table::{BrokenTable, Writer};

/// What was added.
#[derive(Debug, Default)]
pub(in crate::definitions) struct Added {
    pub(in crate::definitions) profiles: Profiles,
    /// URLs of profiles that cannot be read, and why.
    pub(in crate::definitions) broken: Vec<(String, BrokenTable)>,
}

/// How long a chain of profiles may be.
const DEPTH: usize = 32;

/// Compiles the StructureDefinitions among `resources`; others are passed over.
///
/// The tables live as long as the process, like those in the binary.
pub(in crate::definitions) fn added(resources: Vec<Value>, base: &'static Definitions) -> Result<Added, BrokenTable> {
    let mut all = Catalogue::default();
    resources.into_iter().for_each(|mut resource| {
        controls::spell_out(&mut resource);
        all.add(resource);
    });
    let names = ConstraintNames::of(&all);
    let constraints = rules::load_constraints(leak(names.table_in_words()))?;
    let mut profiles = Assembly {
        all: &all,
        base,
        names,
        constraints,
        of_types: of_types(base),
        done: Profiles::new(),
        broken: Vec::new(),
        open: HashSet::new(),
    };
    for structure in all.profiles().chain(all.misnamed()) {
        profiles.add(structure, DEPTH);
    }
    Ok(Added { profiles: profiles.done, broken: profiles.broken })
}

fn leak(table: String) -> &'static str {
    Box::leak(table.into_boxed_str())
}

/// The invariants of R4's types: snapshots repeat them, and they are checked by the types.
fn of_types(base: &Definitions) -> BTreeSet<(&'static str, &'static str)> {
    base.type_constraints().map(|constraint| (constraint.key, constraint.expression)).collect()
}

struct Assembly<'a> {
    all: &'a Catalogue,
    base: &'static Definitions,
    names: ConstraintNames,
    constraints: Constraints,
    of_types: BTreeSet<(&'static str, &'static str)>,
    done: Profiles,
    broken: Vec<(String, BrokenTable)>,
    /// Those begun, so that a circle ends.
    open: HashSet<String>,
}

impl Assembly<'_> {
    fn add(&mut self, structure: &Value, depth: usize) {
        let url = text(structure, "url");
        if depth == 0 || !self.open.insert(url.to_owned()) {
            return;
        }
        let parent = text(structure, "baseDefinition");
        if let Some(parent) = self.all.structures.get(parent.split('|').next().unwrap_or(parent)) {
            self.add(parent, depth - 1);
        }
        let base = self.done.get(short(parent)).or_else(|| self.base.profile(parent));
        let whole = snapshot(structure);
        let alone = !whole.is_empty();
        let elements = if alone { whole.to_vec() } else { complete(structure, base, &self.base.schema) };
        let mut loaded = match profile::load(leak(self.table(structure, &elements)), &self.constraints) {
            Ok(loaded) => loaded,
            Err(broken) => return self.broken.push((url.to_owned(), broken)),
        };
        for own in loaded.values_mut().filter(|_| !alone) {
            if let Some(base) = base {
                derive(own, base);
            }
        }
        self.done.extend(loaded);
    }

    fn table(&self, structure: &Value, elements: &[Value]) -> String {
        let mut out = Writer::default();
        let is_abstract = if flag(structure, "abstract") { "abstract" } else { "" };
        let head = [
            short(text(structure, "url")),
            text(structure, "version"),
            text(structure, "type"),
            short(text(structure, "baseDefinition")),
            is_abstract,
        ];
        let contexts = contexts(structure);
        out.outer(&head.into_iter().chain(contexts.iter().map(String::as_str)).collect::<Vec<_>>());
        for element in elements {
            let binding = Some(additional(element).unwrap_or_else(|| binding(element)))
                .filter(|told| ["required ", "extensible ", "preferred "].iter().any(|known| told.starts_with(known)))
                .unwrap_or_default();
            let keys: Vec<String> = self.names.list_where(element, |constraint| {
                let (_, expression) = content(constraint);
                !expression.is_empty() && !self.of_types.contains(&(text(constraint, "key"), expression.as_str()))
            });
            let modifier = if flag(element, "isModifier") { "m" } else { "" };
            let facts = [text(element, "id").to_owned(), cardinality(element), modifier.to_owned(), own_types(element), binding];
            let cells = facts.into_iter().chain([slicing(element), keys.join(" ")]).chain(values(element));
            out.inner(&cells.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
        }
        out.finish()
    }
}

/// The types that an element narrows to; a backbone stays what it is.
fn own_types(element: &Value) -> String {
    let group = list(element, "type").iter().any(|ty| matches!(text(ty, "code"), "BackboneElement" | "Element"));
    if group || !text(element, "path").contains('.') { String::new() } else { types(element).join(" ") }
}

/// Puts the rows of the profile that is derived from below those of the differential.
fn derive(own: &mut Profile, base: &Profile) {
    let mut elements: Vec<ProfileElement> = base.elements.clone();
    for row in std::mem::take(&mut own.elements) {
        match elements.iter_mut().find(|known| known.id == row.id) {
            Some(known) => overlay(known, row),
            None => elements.push(row),
        }
    }
    own.elements = elements;
    if own.contexts.is_empty() {
        own.contexts.clone_from(&base.contexts);
    }
}

fn overlay(known: &mut ProfileElement, row: ProfileElement) {
    (known.min, known.max) = (row.min, row.max);
    known.modifier |= row.modifier;
    known.slicing = row.slicing.or(known.slicing.take());
    if !row.rules.types.is_empty() {
        known.rules.types = row.rules.types;
    }
    known.rules.binding = row.rules.binding.or(known.rules.binding);
    known.rules.constraints.extend(row.rules.constraints);
    known.rules.values.extend(row.rules.values);
}
