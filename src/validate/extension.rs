//! Extensions: their definition is found by their URL, wherever they stand.
//!
//! So the rules of an extension that a profile slices by its URL are met by following the URL, once, and the slice only counts.
//! The URL of an extension inside another is relative; such extensions are slices of the outer one's definition.
//! Source: <https://hl7.org/fhir/R4/extensibility.html#Extension>.

use super::Validator;
use super::element::Element;
use super::plan::Plan;

/// The rules of the extension that an element is, if it is one whose definition is known.
pub(super) fn definition<'v>(element: Element<'_>, validator: &'v Validator<'_>) -> Option<&'v Plan> {
    if element.node.type_name() != "Extension" {
        return None;
    }
    let url = element.node.get_text("url")?;
    // The names inside of complex extensions (`description`) must not be taken for short names of definitions.
    validator.plan(&url).filter(|plan| plan.ty == "Extension" && url.contains(':'))
}
