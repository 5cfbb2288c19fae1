//! Composite values: for each element of the parameter, the rows of its parts, which belong together.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#combining>.

use super::number::Written;
use super::{Sink, element, quantity, reads, sequence};
use crate::definitions::Definitions;
use crate::fhirpath::Names;
use crate::model::resource::Resource;
use crate::model::tree::Node;
use crate::search::catalog::{Compiled, Part, Reading, TypeCatalog};
use crate::search::plan::{GroupRow, Rows};

/// Finds the elements on which every part has a value.
pub(super) fn extract(
    compiled: &Compiled,
    own: &TypeCatalog,
    resource: &Resource,
    around: (&str, &'static Definitions, &quantity::Seen),
    rows: &mut Rows,
) {
    elements(compiled, own, resource, around, |_, parts| {
        for (_, found) in compiled.parts.iter().zip(&parts).filter(|(part, _)| part.own) {
            rows.posts.extend(&found.posts);
            rows.numbers.extend(&found.numbers);
            rows.texts.extend(found.texts.iter().cloned());
        }
        rows.groups.push(GroupRow { parameter: compiled.parameter.number, parts });
    });
}

/// Tells each element on which every part has a value, with the rows of the parts.
pub(in crate::search) fn elements(
    compiled: &Compiled,
    own: &TypeCatalog,
    resource: &Resource,
    around: (&str, &'static Definitions, &quantity::Seen),
    mut found: impl FnMut(Node<'_>, Vec<Rows>),
) {
    let Some(expression) = &compiled.expression else { return };
    expression.each(resource.root(), |value| {
        let Some(node) = value.node() else { return };
        let there = Names::under(node);
        let derived = |part: &Part| own.known(&part.code).is_some_and(|compiled| compiled.reading == Reading::Chromosome);
        if compiled.parts.iter().any(|part| part.expression.is_empty_without(there) && !derived(part)) {
            return;
        }
        let parts: Option<Vec<Rows>> = compiled.parts.iter().map(|part| of_part(part, node, own, around)).collect();
        parts.into_iter().for_each(|parts| found(node, parts));
    });
}

/// The numbers of a part of an element, as they are written.
pub(in crate::search) fn numbers(part: &Part, node: Node<'_>) -> Vec<Written> {
    let mut numbers = Vec::new();
    part.expression.each(node, |value| numbers.extend(value.node().and_then(Written::of)));
    numbers
}

/// The rows of a part; `None` if it has no value.
fn of_part(
    part: &Part,
    node: Node<'_>,
    own: &TypeCatalog,
    (base, definitions, quantities): (&str, &'static Definitions, &quantity::Seen),
) -> Option<Rows> {
    let compiled = own.known(&part.code)?;
    let mut rows = Rows::default();
    let mut sink = Sink { rows: &mut rows, parameter: part.number, base, definitions, quantities };
    let mut found = false;
    part.expression.each(node, |value| {
        if !part.own || reads(compiled, &value) {
            found = true;
            element(compiled, value, &mut sink);
        }
    });
    if compiled.reading == Reading::Chromosome && !found {
        found = sequence::chromosome_of_accession(node.tree().root(), &mut sink);
    }
    rows.links.clear();
    rows.tidy();
    found.then_some(rows)
}
