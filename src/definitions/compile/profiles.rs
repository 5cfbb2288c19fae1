//! `profiles.tsv` out of the profiles and extension definitions of all packages: of each snapshot, what says more than the R4 type does.
//!
//! Source: <https://hl7.org/fhir/R4/profiling.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalogue::{Catalogue, snapshot};
use super::elements::{ConstraintNames, binding, cardinality, flags, is_group, types, values};
use super::json::{flag, list, text, texts};
use super::types::base_types;
use crate::definitions::rules::short;
use crate::definitions::table::Writer;

/// The table of profiles, sorted by URL.
pub(super) fn table(all: &Catalogue, names: &ConstraintNames) -> String {
    let base: BTreeMap<&str, &Value> =
        base_types(all).into_values().flat_map(snapshot).map(|element| (text(element, "path"), element)).collect();
    let mut out = Writer::default();
    for profile in all.profiles() {
        let contexts = contexts(profile);
        let is_abstract = if flag(profile, "abstract") { "abstract" } else { "" };
        let url = short(text(profile, "url"));
        let head = [url, text(profile, "version"), text(profile, "type"), short(text(profile, "baseDefinition")), is_abstract];
        out.outer(&head.into_iter().chain(contexts.iter().map(String::as_str)).collect::<Vec<_>>());
        for element in snapshot(profile) {
            // An element deep inside a data type is compared with the element of that data type.
            let origin = element.get("base").map_or("", |base| text(base, "path"));
            let of_type = base.get(text(element, "path")).or_else(|| base.get(origin)).copied();
            let row = row(element, of_type.unwrap_or(&Value::Null), names);
            out_if_new(row, &mut out);
        }
    }
    out.finish()
}

/// Where an extension may stand, a cell for each place.
pub(super) fn contexts(profile: &Value) -> Vec<String> {
    let mut cells: Vec<String> =
        list(profile, "context").iter().map(|context| format!("{} {}", text(context, "type"), text(context, "expression"))).collect();
    cells.extend(texts(profile, "contextInvariant").into_iter().map(|expression| format!("invariant {expression}")));
    cells
}

/// The cells of an element, and whether they say more than its type does.
fn row(element: &Value, of_type: &Value, names: &ConstraintNames) -> (bool, Vec<String>) {
    let sorted = |element: &Value| {
        let mut told = types(element);
        told.sort();
        told
    };
    let keys = {
        let known = names.list(of_type, "");
        names.list(element, "").into_iter().filter(|name| !known.contains(name)).collect::<Vec<_>>().join(" ")
    };
    let modifier = if flag(element, "isModifier") { "m" } else { "" };
    let was_modifier = flags(of_type).contains('m');
    let types = if is_group(element) || sorted(element) == sorted(of_type) { String::new() } else { types(element).join(" ") };
    let binding = Some(binding(element)).filter(|told| *told != binding(of_type) && !told.starts_with("example")).unwrap_or_default();
    // Slices of extensions by their URL are how R4 defines extensions, so saying so again says nothing.
    let slicing = Some(slicing(element))
        .filter(|told| told != "open value:url" || text(element, "path") == "Extension.extension")
        .unwrap_or_default();
    let values = values(element);
    let id = text(element, "id");
    let is_slice = id.rsplit('.').next().is_some_and(|step| step.contains(':'));
    let news = is_slice
        || cardinality(element) != cardinality(of_type)
        || modifier.is_empty() == was_modifier
        || [&types, &binding, &slicing, &keys].iter().any(|cell| !cell.is_empty())
        || !values.is_empty();
    let facts = [id.to_owned(), cardinality(element), modifier.to_owned(), types, binding, slicing, keys];
    (news, facts.into_iter().chain(values).collect())
}

fn out_if_new((news, cells): (bool, Vec<String>), out: &mut Writer) {
    if news {
        out.inner(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// How an element is sliced: `open ordered value:url type:$this`.
pub(super) fn slicing(element: &Value) -> String {
    let Some(slicing) = element.get("slicing") else { return String::new() };
    let mut told = text(slicing, "rules").to_owned();
    if flag(slicing, "ordered") {
        told.push_str(" ordered");
    }
    for discriminator in list(slicing, "discriminator") {
        told.push_str(&format!(" {}:{}", text(discriminator, "type"), text(discriminator, "path")));
    }
    told
}
