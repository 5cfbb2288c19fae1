//! The cells of an element that types and profiles share: types, binding, constraints, values.
//!
//! Source: <https://hl7.org/fhir/R4/elementdefinition.html>. How the cells read: [`crate::definitions::rules`].

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalogue::Catalogue;
use super::json::{flag, list, tail, text, texts};
use crate::definitions::rules::short;
use crate::definitions::table::Writer;
use crate::model::primitive::Primitive;

/// Invariants that hold for every element and every extension; the tables tell them once, at these types.
const EVERYWHERE: [(&str, &str); 2] = [("ele-1", "Element"), ("ext-1", "Extension")];

/// Cardinality: `0..1`.
pub(super) fn cardinality(element: &Value) -> String {
    format!("{}..{}", element.get("min").map(Value::to_string).unwrap_or_default(), text(element, "max"))
}

/// Whether an element defines its own elements below it.
pub(super) fn is_group(element: &Value) -> bool {
    matches!(list(element, "type"), [only] if matches!(text(only, "code"), "BackboneElement" | "Element"))
}

/// The types of an element as the tables tell them.
pub(super) fn types(element: &Value) -> Vec<String> {
    if let Some(path) = text(element, "contentReference").rsplit('#').next().filter(|path| !path.is_empty()) {
        // A profile may refer to a slice; as a type, that is the element that is sliced.
        return vec![path.split('.').map(|step| step.split(':').next().unwrap_or(step)).collect::<Vec<_>>().join(".")];
    }
    if is_group(element) {
        return vec![text(element, "path").to_owned()];
    }
    let origin = element.get("base").map_or("", |base| text(base, "path"));
    list(element, "type").iter().map(|ty| one_type(origin, ty)).collect()
}

fn one_type(origin: &str, ty: &Value) -> String {
    let mut told = code(origin, ty).to_owned();
    for (mark, key) in [('^', "profile"), ('>', "targetProfile")] {
        for url in texts(ty, key) {
            told.push(mark);
            told.push_str(short(url));
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
        _ if origin == "Resource.id" => "id",
        "" => "string",
        told => told,
    }
}

/// Strength and value set of an element's binding; empty when there is none to a value set.
pub(super) fn binding(element: &Value) -> String {
    let Some(binding) = element.get("binding") else { return String::new() };
    let value_set = text(binding, "valueSet");
    if value_set.is_empty() {
        return String::new();
    }
    let told = format!("{} {value_set}", text(binding, "strength"));
    match widest(binding) {
        "" => told,
        widest => format!("{told} {widest}"),
    }
}

/// The binding that an extension demands in all uses, beside a weaker one.
///
/// Source: <http://hl7.org/fhir/StructureDefinition/additional-binding>, in R5 a part of the binding.
pub(super) fn additional(element: &Value) -> Option<String> {
    let binding = element.get("binding").filter(|binding| text(binding, "strength") != "required")?;
    list(binding, "extension").iter().find_map(|extension| {
        let name = tail(text(extension, "url"));
        let parts = list(extension, "extension");
        let part = |name: &str| parts.iter().find(|part| text(part, "url") == name);
        let known = matches!(name, "additional-binding" | "extension-ElementDefinition.binding.additional");
        let required = part("purpose").is_some_and(|purpose| text(purpose, "valueCode") == "required");
        let set = part("valueSet").map(|set| text(set, "valueCanonical")).filter(|set| !set.is_empty())?;
        (known && required && part("usage").is_none() && part("any").is_none()).then(|| format!("required {set}"))
    })
}

/// The value set that a weaker binding must not leave.
fn widest(binding: &Value) -> &str {
    let extension = list(binding, "extension").iter().find(|extension| text(extension, "url").ends_with("/elementdefinition-maxValueSet"));
    extension.map_or("", |extension| text(extension, "valueCanonical"))
}

/// Demands on the value: `pattern CodeableConcept {…}`.
pub(super) fn values(element: &Value) -> Vec<String> {
    let mut cells = Vec::new();
    for (key, value) in element.as_object().into_iter().flatten() {
        let stem = ["fixed", "pattern", "minValue", "maxValue"].into_iter().find_map(|stem| key.strip_prefix(stem).map(|ty| (stem, ty)));
        if let Some((demand, ty)) = stem {
            let lower: String = ty.chars().take(1).map(|c| c.to_ascii_lowercase()).chain(ty.chars().skip(1)).collect();
            let ty = if Primitive::named(&lower).is_some() { lower.as_str() } else { ty };
            cells.push(format!("{demand} {ty} {value}"));
        } else if key == "maxLength" {
            cells.push(format!("maxLength integer {value}"));
        }
    }
    cells.sort();
    cells
}

/// The names under which constraints stand in their table.
#[derive(Debug)]
pub(super) struct ConstraintNames(BTreeMap<String, Vec<Content>>);

/// Severity and expression of a constraint, and what it says in words.
type Content = ((String, String), String);

impl ConstraintNames {
    /// Names every constraint by its key, and numbers those that share a key.
    pub(super) fn of(all: &Catalogue) -> Self {
        let mut found: BTreeMap<String, BTreeMap<(String, String), String>> = BTreeMap::new();
        for constraint in all.elements().flat_map(|element| list(element, "constraint")) {
            let of_key = found.entry(text(constraint, "key").to_owned()).or_default();
            of_key.entry(content(constraint)).or_insert_with(|| text(constraint, "human").to_owned());
        }
        Self(found.into_iter().map(|(key, contents)| (key, contents.into_iter().collect())).collect())
    }

    /// `constraints.tsv`: facts only.
    pub(super) fn table(&self) -> String {
        self.written(false)
    }

    /// The same, and each constraint in its author's words.
    pub(super) fn table_in_words(&self) -> String {
        self.written(true)
    }

    fn written(&self, in_words: bool) -> String {
        let mut out = Writer::default();
        for (key, contents) in &self.0 {
            for (i, ((severity, expression), words)) in contents.iter().enumerate() {
                let name = name(key, i);
                let cells = [name.as_str(), severity.as_str(), expression.as_str(), words.as_str()];
                out.outer(cells.get(..if in_words { 4 } else { 3 }).unwrap_or_default());
            }
        }
        out.finish()
    }

    /// The names of an element's constraints, sorted; `ty` is the type that the element defines, or nothing.
    pub(super) fn list(&self, element: &Value, ty: &str) -> Vec<String> {
        self.list_where(element, |constraint| {
            !EVERYWHERE.iter().any(|(everywhere, at)| *everywhere == text(constraint, "key") && *at != ty)
        })
    }

    /// The names of those of an element's constraints that are wanted, sorted.
    pub(super) fn list_where(&self, element: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let mut names = Vec::new();
        for constraint in list(element, "constraint").iter().filter(|constraint| wanted(constraint)) {
            let key = text(constraint, "key");
            let content = content(constraint);
            let number = self.0.get(key).and_then(|contents| contents.iter().position(|(known, _)| *known == content));
            names.extend(number.map(|i| name(key, i)));
        }
        names.sort();
        names
    }
}

fn name(key: &str, number: usize) -> String {
    if number == 0 { key.to_owned() } else { format!("{key}~{}", number + 1) }
}

/// Severity and expression of a constraint.
pub(super) fn content(constraint: &Value) -> (String, String) {
    // R4 knows no third severity; what is told otherwise is taken seriously.
    let severity = if text(constraint, "severity") == "warning" { "warning" } else { "error" };
    (severity.to_owned(), text(constraint, "expression").to_owned())
}

/// `s` for elements of the summary, `m` for modifiers.
pub(super) fn flags(element: &Value) -> String {
    [('s', "isSummary"), ('m', "isModifier")].iter().filter(|(_, key)| flag(element, key)).map(|(c, _)| c).collect()
}
