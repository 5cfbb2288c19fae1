//! `types.tsv` out of the StructureDefinitions of R4: every type and backbone with its elements in the order of the snapshot.
//!
//! Source: <https://hl7.org/fhir/R4/structuredefinition.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalogue::{Catalogue, snapshot};
use super::elements::{ConstraintNames, binding, cardinality, flags, is_group, types, values};
use super::json::{flag, list, tail, text};
use crate::definitions::rules::CORE;
use crate::definitions::table::Writer;

/// The table of types: primitives, data types, abstract resources, resources, each sorted by name.
pub(super) fn table(all: &Catalogue, names: &ConstraintNames) -> String {
    let mut out = Writer::default();
    for (rank, kind) in ["primitive", "complex", "any", "resource"].into_iter().enumerate() {
        for structure in base_types(all).values().filter(|structure| rank_of(structure) == Some(rank)) {
            one(structure, kind, names, &mut out);
        }
    }
    out.finish()
}

/// The definitions that make types, by name of the type; profiles, extensions and logical models make none.
pub(super) fn base_types(all: &Catalogue) -> BTreeMap<&str, &Value> {
    all.structures.values().filter(|structure| rank_of(structure).is_some()).map(|structure| (text(structure, "type"), structure)).collect()
}

fn rank_of(structure: &Value) -> Option<usize> {
    let own = text(structure, "url").strip_prefix(CORE) == Some(text(structure, "type"));
    if !own || text(structure, "derivation") == "constraint" {
        return None;
    }
    match (text(structure, "kind"), flag(structure, "abstract")) {
        ("primitive-type", _) => Some(0),
        ("complex-type", _) => Some(1),
        ("resource", true) => Some(2),
        ("resource", false) => Some(3),
        _ => None,
    }
}

fn one(structure: &Value, kind: &str, names: &ConstraintNames, out: &mut Writer) {
    let ty = text(structure, "type");
    let elements = snapshot(structure);
    for element in elements {
        let path = text(element, "path");
        let (kind, parent) = if path == ty {
            (kind, tail(text(structure, "baseDefinition")))
        } else if is_group(element) {
            ("backbone", text(list(element, "type").first().unwrap_or(&Value::Null), "code"))
        } else {
            continue;
        };
        // The invariants of a backbone stand with it and not with its element: they hold for references to its content too.
        out.outer(&[path, kind, parent, &names.list(element, path).join(" ")]);
        children(path, elements, kind == "primitive", names, out);
    }
}

fn children(parent: &str, elements: &[Value], primitive: bool, names: &ConstraintNames, out: &mut Writer) {
    for element in elements {
        let Some((above, name)) = text(element, "path").rsplit_once('.') else { continue };
        // A primitive's value is the JSON value itself; what is prohibited (extensions of xhtml) does not exist.
        if above != parent || (primitive && name == "value") || text(element, "max") == "0" {
            continue;
        }
        let keys = if is_group(element) { String::new() } else { names.list(element, "").join(" ") };
        let values = values(element);
        let facts = [name, &cardinality(element), &flags(element), &types(element).join(" "), &binding(element), &keys];
        out.inner(&facts.into_iter().chain(values.iter().map(String::as_str)).collect::<Vec<_>>());
    }
}
