//! `compartments.tsv` out of the CompartmentDefinitions of R4.
//!
//! Source: <https://hl7.org/fhir/R4/compartmentdefinition.html>.

use std::collections::BTreeMap;

use super::json::{list, tail, text, texts};
use super::{CompileError, Package};
use crate::definitions::table::Writer;

/// The table of compartments: the five of the specification; their URLs end in the name of the type, which the example's does not.
pub(super) fn table(r4: &Package) -> Result<String, CompileError> {
    let mut all = BTreeMap::new();
    r4.resources("CompartmentDefinition", |compartment| {
        let name = text(&compartment, "code").to_owned();
        if tail(text(&compartment, "url")).eq_ignore_ascii_case(&name) {
            all.insert(name, compartment);
        }
    })?;
    let mut out = Writer::default();
    for (name, compartment) in &all {
        out.outer(&[name, text(compartment, "url")]);
        let members: BTreeMap<&str, Vec<&str>> =
            list(compartment, "resource").iter().map(|member| (text(member, "code"), texts(member, "param"))).collect();
        for (ty, parameters) in members.into_iter().filter(|(_, parameters)| !parameters.is_empty()) {
            out.inner(&[ty, &parameters.join(" ")]);
        }
    }
    Ok(out.finish())
}
