//! `value-sets.tsv`: the value sets of required bindings, expanded into codes as far as the packages have them.
//!
//! Where codes cannot be listed (a filter over SNOMED CT, all media types) the table says so instead of guessing.
//! Source: <https://hl7.org/fhir/R4/valueset.html#compositions>, <https://hl7.org/fhir/R4/codesystem.html#filters>.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::catalogue::{Catalogue, pick};
use super::elements::binding_value_sets;
use super::json::{list, text, texts};
use crate::definitions::ValueSet;
use crate::definitions::table::Writer;

/// Codes of one system.
#[derive(Debug, Clone)]
enum Codes<'a> {
    /// These.
    Listed(BTreeSet<&'a str>),
    /// Some that cannot be listed.
    Unlisted,
}

/// Codes by system.
type Expansion<'a> = BTreeMap<&'a str, Codes<'a>>;

/// Value sets by URL and package: version and content.
type Rows<'a> = BTreeMap<(&'a str, usize), (&'a str, Option<Expansion<'a>>)>;

/// How deep value sets may include each other.
const DEPTH: usize = 16;

/// The table of value sets, sorted by URL.
pub(super) fn table(all: &Catalogue) -> String {
    let mut rows = Rows::new();
    for canonical in binding_value_sets(all) {
        match pick(&all.value_sets, canonical, None) {
            Some((package, set)) => rows.insert((text(set, "url"), package), (text(set, "version"), expand(all, package, set, DEPTH))),
            None => rows.insert((canonical.split('|').next().unwrap_or(canonical), 0), ("", None)),
        };
    }
    written(rows)
}

/// The table of all value sets at hand, sorted by URL.
pub(super) fn all(all: &Catalogue) -> String {
    let sets = all.value_sets.values().flatten();
    written(sets.map(|(package, set)| ((text(set, "url"), *package), (text(set, "version"), expand(all, *package, set, DEPTH)))).collect())
}

fn written(rows: Rows<'_>) -> String {
    let mut out = Writer::default();
    for ((url, _), (version, expansion)) in rows {
        out.outer(&[url, version]);
        for (system, codes) in expansion.unwrap_or_else(|| BTreeMap::from([("?", Codes::Unlisted)])) {
            match codes {
                Codes::Listed(codes) if codes.is_empty() => {}
                Codes::Listed(codes) => out.inner(&[system].into_iter().chain(codes).collect::<Vec<_>>()),
                Codes::Unlisted => out.inner(&[system, "*"]),
            }
        }
    }
    out.finish()
}

/// What a value set holds; nothing when that cannot be told at all.
fn expand<'a>(all: &'a Catalogue, package: usize, set: &'a Value, depth: usize) -> Option<Expansion<'a>> {
    let compose = set.get("compose")?;
    let mut whole = Expansion::new();
    for include in list(compose, "include") {
        for (system, codes) in part(all, package, include, depth)? {
            let joined = match (whole.remove(system), codes) {
                (Some(Codes::Listed(mut known)), Codes::Listed(more)) => {
                    known.extend(more);
                    Codes::Listed(known)
                }
                (None, codes) => codes,
                _ => Codes::Unlisted,
            };
            whole.insert(system, joined);
        }
    }
    for exclude in list(compose, "exclude") {
        for (system, codes) in part(all, package, exclude, depth)? {
            let left = match (whole.remove(system), codes) {
                (None, _) => continue,
                (Some(Codes::Listed(known)), Codes::Listed(out)) => Codes::Listed(&known - &out),
                _ => Codes::Unlisted,
            };
            whole.insert(system, left);
        }
    }
    Some(whole)
}

/// What one `include` or `exclude` names: codes of a system that are in all of its value sets.
fn part<'a>(all: &'a Catalogue, package: usize, include: &'a Value, depth: usize) -> Option<Expansion<'a>> {
    let mut found = match text(include, "system") {
        "" => None,
        system => Some(Expansion::from([(system, of_system(all, package, include, system))])),
    };
    for canonical in texts(include, "valueSet") {
        let other = match pick(&all.value_sets, canonical, Some(package)) {
            Some((package, set)) => expand(all, package, set, depth.checked_sub(1)?)?,
            None => built_in(all.base?.value_set(canonical)?),
        };
        found = Some(match found {
            None => other,
            Some(known) => known.into_iter().filter_map(|(system, codes)| Some((system, common(codes, other.get(system)?)))).collect(),
        });
    }
    found
}

fn common<'a>(one: Codes<'a>, other: &Codes<'a>) -> Codes<'a> {
    match (one, other) {
        (Codes::Listed(one), Codes::Listed(other)) => Codes::Listed(&one & other),
        _ => Codes::Unlisted,
    }
}

fn of_system<'a>(all: &'a Catalogue, package: usize, include: &'a Value, system: &str) -> Codes<'a> {
    let listed = list(include, "concept");
    if !listed.is_empty() {
        return Codes::Listed(listed.iter().map(|concept| text(concept, "code")).collect());
    }
    let version = text(include, "version");
    let canonical = if version.is_empty() { system.to_owned() } else { format!("{system}|{version}") };
    let known =
        pick(&all.code_systems, &canonical, Some(package)).map(|(_, found)| found).filter(|found| text(found, "content") == "complete");
    let Some(known) = known else { return of_built_in(all, include, system) };
    let concepts = concepts(known);
    let mut codes: BTreeSet<&str> = concepts.keys().copied().collect();
    for filter in list(include, "filter") {
        let Some(kept) = filtered(&concepts, filter) else { return Codes::Unlisted };
        codes.retain(|code| kept.contains(code));
    }
    Codes::Listed(codes)
}

/// The content of a built-in value set.
fn built_in(set: &'static ValueSet) -> Expansion<'static> {
    let listed = |codes: Option<&[&'static str]>| codes.map_or(Codes::Unlisted, |codes| Codes::Listed(codes.iter().copied().collect()));
    set.systems().map(|(system, codes)| (system, listed(codes))).collect()
}

/// The codes of a built-in code system; of filters, those that ask for the hierarchy.
fn of_built_in<'a>(all: &'a Catalogue, include: &'a Value, system: &str) -> Codes<'a> {
    let Some(known) = all.base.and_then(|base| base.code_system(system)) else { return Codes::Unlisted };
    let mut codes: BTreeSet<&str> = known.concepts().flat_map(|(_, codes)| codes).copied().collect();
    for filter in list(include, "filter") {
        let value = text(filter, "value");
        let mut kept: BTreeSet<&str> = known.below(value).into_iter().collect();
        match (text(filter, "op"), text(filter, "property")) {
            ("descendent-of", "concept") => {}
            ("is-a", "concept") => kept.extend(codes.get(value)),
            _ => return Codes::Unlisted,
        }
        codes.retain(|code| kept.contains(code));
    }
    Codes::Listed(codes)
}

/// A code with those directly above it.
#[derive(Debug)]
pub(super) struct Concept<'a> {
    pub(super) parents: Vec<&'a str>,
    told: &'a Value,
}

/// All codes of a system.
pub(super) fn concepts(system: &Value) -> BTreeMap<&str, Concept<'_>> {
    fn walk<'a>(told: &'a [Value], parent: Option<&'a str>, into: &mut BTreeMap<&'a str, Concept<'a>>) {
        for concept in told {
            let code = text(concept, "code");
            // Outside the nesting, systems of HL7 terminology tell their hierarchy by properties.
            let told_parents = properties(concept, "subsumedBy").chain(properties(concept, "parent")).filter_map(Value::as_str);
            let entry = into.entry(code).or_insert(Concept { parents: Vec::new(), told: concept });
            entry.parents.extend(parent.into_iter().chain(told_parents));
            walk(list(concept, "concept"), Some(code), into);
        }
    }
    let mut all = BTreeMap::new();
    walk(list(system, "concept"), None, &mut all);
    all
}

/// The values of a property of a concept.
fn properties<'a>(concept: &'a Value, code: &'a str) -> impl Iterator<Item = &'a Value> {
    let own = list(concept, "property").iter().filter(move |property| text(property, "code") == code);
    own.flat_map(|property| property.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with("value")).map(|(_, value)| value))
}

/// The codes that pass a filter; nothing when the filter is of a kind that is not evaluated here.
fn filtered<'a>(concepts: &BTreeMap<&'a str, Concept<'a>>, filter: &'a Value) -> Option<HashSet<&'a str>> {
    let (property, value) = (text(filter, "property"), text(filter, "value"));
    let matches = |concept: &Concept<'a>, wanted: &dyn Fn(&str) -> bool| {
        properties(concept.told, property).any(|found| wanted(&found.as_str().map_or_else(|| found.to_string(), str::to_owned)))
    };
    let among = |found: &str| value.split(',').any(|one| one.trim() == found);
    let keep = |test: &dyn Fn(&str, &Concept<'a>) -> bool| {
        concepts.iter().filter(|(code, concept)| test(code, concept)).map(|(code, _)| *code).collect()
    };
    Some(match (text(filter, "op"), property) {
        ("is-a", "concept") => keep(&|code, _| code == value || below(concepts, code, value)),
        ("descendent-of", "concept") => keep(&|code, _| below(concepts, code, value)),
        ("is-not-a", "concept") => keep(&|code, _| code != value && !below(concepts, code, value)),
        ("in", "concept" | "code") => keep(&|code, _| among(code)),
        ("not-in", "concept" | "code") => keep(&|code, _| !among(code)),
        ("=", _) => keep(&|_, concept| matches(concept, &|found| found == value)),
        ("in", _) => keep(&|_, concept| matches(concept, &among)),
        ("not-in", _) => keep(&|_, concept| !matches(concept, &among)),
        _ => return None,
    })
}

/// Whether `code` stands anywhere below `above`.
fn below(concepts: &BTreeMap<&str, Concept<'_>>, code: &str, above: &str) -> bool {
    let (mut seen, mut open) = (HashSet::new(), vec![code]);
    while let Some(next) = open.pop() {
        for parent in concepts.get(next).into_iter().flat_map(|concept| &concept.parents) {
            if *parent == above {
                return true;
            }
            if seen.insert(*parent) {
                open.push(parent);
            }
        }
    }
    false
}
