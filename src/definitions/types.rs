//! Reads `types.tsv` into the schema that the codec, FHIRPath and the validator walk.
//!
//! `name  kind  parent  constraints`, and below it one line per element: `name  min..max  flags  types  binding  constraints  value…`.
//! Flags are `s` (summary) and `m` (modifier). The cells from the targets of a type on are read by [`super::rules`], when first needed.
//! Source: <https://hl7.org/fhir/R4/elementdefinition.html>.

use std::collections::HashMap;

use super::table::{BrokenTable, Line, lines};
use crate::model::primitive::Primitive;
use crate::model::schema::{ElementDraft, Kind, Schema, TypeDraft};

/// The schema, and the parent of each type.
pub(super) fn load(text: &'static str) -> Result<(Schema, HashMap<&'static str, &'static str>), BrokenTable> {
    let mut drafts: Vec<TypeDraft> = Vec::new();
    let mut parents = HashMap::new();
    let mut last = None;
    for line in lines("types", text) {
        if line.inner {
            let Some(draft) = drafts.last_mut() else { return Err(line.broken("an element stands before the first type")) };
            draft.elements.push(element(line)?);
        } else {
            let [name, kind, parent] = line.cells()?;
            drafts.push(TypeDraft {
                name,
                kind: kind_of(name, kind).ok_or_else(|| line.broken("the kind of type is unknown"))?,
                elements: Vec::new(),
            });
            parents.extend((!parent.is_empty()).then_some((name, parent)));
        }
        last = Some(line);
    }
    let mut keys = HashMap::new();
    let schema = Schema::build(&drafts, |name, ty| keys.entry((name, ty)).or_insert_with(|| camel(name, ty)));
    match (schema, last) {
        (Ok(schema), Some(_)) => Ok((schema, parents)),
        (_, Some(line)) => Err(line.broken("an element above has a type that the table does not define")),
        (_, None) => Err(BrokenTable::empty("types")),
    }
}

/// The property name of one choice: `value` and `dateTime` give `valueDateTime`.
/// The few hundred names live as long as the embedded tables do, hence leaked.
fn camel(name: &str, ty: &str) -> &'static str {
    let mut letters = ty.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    let key: String = name.chars().chain(first).chain(letters).collect();
    Box::leak(key.into_boxed_str())
}

fn kind_of(name: &str, kind: &str) -> Option<Kind> {
    Some(match kind {
        "resource" => Kind::Resource,
        "any" => Kind::AnyResource,
        "complex" => Kind::Complex,
        "backbone" => Kind::Backbone,
        "primitive" => Kind::Primitive(Primitive::named(name)?),
        _ => return None,
    })
}

fn element(line: Line) -> Result<ElementDraft, BrokenTable> {
    let [name, cardinality, flags, types] = line.cells()?;
    let (min, max) = line.cardinality(cardinality)?;
    let base = |ty: &'static str| ty.split(['^', '>']).next().unwrap_or(ty);
    Ok(ElementDraft {
        name: name.strip_suffix("[x]").unwrap_or(name),
        min,
        max,
        choice: name.ends_with("[x]"),
        types: types.split(' ').map(base).collect(),
        summary: flags.contains('s'),
        modifier: flags.contains('m'),
    })
}
