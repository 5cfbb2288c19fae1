//! `types.tsv` out of the StructureDefinitions of R4: every type and backbone with its elements in the order of the snapshot.
//!
//! Source: <https://hl7.org/fhir/R4/structuredefinition.html>, <https://hl7.org/fhir/R4/elementdefinition.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json::{flag, list, tail, text, texts};
use super::{CompileError, Package};
use crate::definitions::table::Writer;

/// Where core definitions live; told without it in the tables.
pub(super) const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The table of types.
pub(super) fn table(r4: &Package) -> Result<String, CompileError> {
    let mut all: BTreeMap<(u8, String), Value> = BTreeMap::new();
    r4.resources("StructureDefinition", |definition| {
        if let Some((rank, _)) = kind(&definition) {
            all.insert((rank, text(&definition, "type").to_owned()), definition);
        }
    })?;
    let mut out = Writer::default();
    for definition in all.values() {
        one(definition, &mut out)?;
    }
    Ok(out.finish())
}

/// Order and kind of a definition that makes a type; profiles, extensions and logical models make none.
fn kind(definition: &Value) -> Option<(u8, &'static str)> {
    let own = text(definition, "url").strip_prefix(CORE) == Some(text(definition, "type"));
    if !own || text(definition, "derivation") == "constraint" {
        return None;
    }
    match (text(definition, "kind"), flag(definition, "abstract")) {
        ("primitive-type", _) => Some((0, "primitive")),
        ("complex-type", _) => Some((1, "complex")),
        ("resource", true) => Some((2, "any")),
        ("resource", false) => Some((3, "resource")),
        _ => None,
    }
}

fn one(definition: &Value, out: &mut Writer) -> Result<(), CompileError> {
    let name = text(definition, "type");
    let Some((_, kind)) = kind(definition) else { return Ok(()) };
    let elements = definition.get("snapshot").map_or(&[][..], |snapshot| list(snapshot, "element"));
    if elements.is_empty() {
        return Err(CompileError::Definition(name.to_owned(), "it has no snapshot"));
    }
    out.outer(&[name, kind, tail(text(definition, "baseDefinition"))]);
    children(name, elements, kind == "primitive", out);
    for element in elements {
        let path = text(element, "path");
        if path != name && is_group(element) {
            out.outer(&[path, "backbone", text(list(element, "type").first().unwrap_or(&Value::Null), "code")]);
            children(path, elements, false, out);
        }
    }
    Ok(())
}

/// Whether an element defines its own elements below it.
fn is_group(element: &Value) -> bool {
    matches!(list(element, "type"), [only] if matches!(text(only, "code"), "BackboneElement" | "Element"))
}

fn children(parent: &str, elements: &[Value], primitive: bool, out: &mut Writer) {
    for element in elements {
        let Some((above, name)) = text(element, "path").rsplit_once('.') else { continue };
        // A primitive's value is the JSON value itself; what is prohibited (extensions of xhtml) does not exist.
        if above != parent || (primitive && name == "value") || text(element, "max") == "0" {
            continue;
        }
        let min = element.get("min").map(Value::to_string).unwrap_or_default();
        let cardinality = format!("{min}..{}", text(element, "max"));
        let flags: String =
            [('s', "isSummary"), ('m', "isModifier")].iter().filter(|(_, key)| flag(element, key)).map(|(c, _)| c).collect();
        out.inner(&[name, &cardinality, &flags, &types(element)]);
    }
}

/// The types of an element, separated by spaces.
fn types(element: &Value) -> String {
    if let Some(path) = text(element, "contentReference").strip_prefix('#') {
        return path.to_owned();
    }
    if is_group(element) {
        return text(element, "path").to_owned();
    }
    let origin = element.get("base").map_or("", |base| text(base, "path"));
    list(element, "type").iter().map(|ty| one_type(origin, ty)).collect::<Vec<_>>().join(" ")
}

fn one_type(origin: &str, ty: &Value) -> String {
    let mut told = code(origin, ty).to_owned();
    for (mark, key) in [('^', "profile"), ('>', "targetProfile")] {
        for url in texts(ty, key) {
            told.push(mark);
            told.push_str(url.strip_prefix(CORE).unwrap_or(url));
        }
    }
    told
}

/// The FHIR type. Ids and URLs of R4 name a type of the FHIRPath system and tell the FHIR type in an extension;
/// for the id of a resource that extension says `string`, though its type is `id` (<https://hl7.org/fhir/R4/resource.html#id>).
fn code<'a>(origin: &str, ty: &'a Value) -> &'a str {
    let code = text(ty, "code");
    if !code.starts_with("http://hl7.org/fhirpath/System.") {
        return code;
    }
    let fhir_type = list(ty, "extension").iter().find(|extension| text(extension, "url").ends_with("/structuredefinition-fhir-type"));
    match fhir_type.map_or("", |extension| text(extension, "valueUrl")) {
        "" => "string",
        told => {
            if origin == "Resource.id" {
                "id"
            } else {
                told
            }
        }
    }
}
