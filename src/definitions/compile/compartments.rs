//! `compartments.tsv` out of the CompartmentDefinitions of R4.
//!
//! Source: <https://hl7.org/fhir/R4/compartmentdefinition.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalogue::Catalogue;
use super::json::{list, tail, text, texts};
use crate::definitions::table::Writer;

/// The table of compartments: the five of the specification; their URLs end in the name of the type, which the example's does not.
pub(super) fn table(all: &Catalogue) -> String {
    let named = all.compartments.iter().map(|compartment| (text(compartment, "code"), compartment));
    let specified: BTreeMap<&str, &Value> = named.filter(|(name, found)| tail(text(found, "url")).eq_ignore_ascii_case(name)).collect();
    let mut out = Writer::default();
    for (name, compartment) in specified {
        out.outer(&[name, text(compartment, "url")]);
        let members: BTreeMap<&str, Vec<&str>> =
            list(compartment, "resource").iter().map(|member| (text(member, "code"), texts(member, "param"))).collect();
        for (ty, parameters) in members.into_iter().filter(|(_, parameters)| !parameters.is_empty()) {
            out.inner(&[ty, &parameters.join(" ")]);
        }
    }
    out.finish()
}
