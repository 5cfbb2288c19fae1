//! `terminology.bin`: the value sets, code systems and concept maps of all packages, without their prose.
//!
//! What stays is what an expansion, a check of a code, a look-up or a translation can tell.
//! Source: <https://hl7.org/fhir/R4/terminology-module.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::CompileError;
use super::json::text;
use crate::definitions::archive::{self, Kind, Told};

/// What stays of a resource.
const FACTS: [&str; 21] = [
    "url",
    "version",
    "name",
    "title",
    "status",
    "caseSensitive",
    "valueSet",
    "hierarchyMeaning",
    "content",
    "supplements",
    "property",
    "concept",
    "compose",
    "expansion",
    "sourceUri",
    "sourceCanonical",
    "targetUri",
    "targetCanonical",
    "group",
    "compositional",
    "versionNeeded",
];

/// What goes, at any depth.
const PROSE: [&str; 7] = ["extension", "definition", "comment", "id", "description", "_display", "_code"];

/// What is kept, by kind, URL and number of the package.
pub(super) type Kept = BTreeMap<(Kind, String, usize), Told>;

/// Keeps the facts of a resource.
pub(super) fn keep(kept: &mut Kept, kind: Kind, package: usize, resource: &Value) {
    let Some(members) = resource.as_object() else { return };
    let mut facts: serde_json::Map<String, Value> =
        members.iter().filter(|(key, _)| FACTS.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect();
    facts.values_mut().for_each(strip);
    let text = |key| text(resource, key).to_owned();
    let told = Told { version: text("version"), supplements: text("supplements"), text: Value::Object(facts).to_string() };
    kept.insert((kind, text("url"), package), told);
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, _| !PROSE.contains(&key.as_str()));
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The archive.
pub(super) fn archive(kept: Kept) -> Result<Vec<u8>, CompileError> {
    archive::write(kept).map_err(CompileError::Archive)
}
