//! `code-systems.tsv`: the code systems that the packages have whole, with their hierarchies.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem.html#hierarchy>.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Catalogue;
use super::json::text;
use super::value_sets::concepts;
use crate::definitions::table::Writer;

/// The table of code systems, sorted by URL; of several versions the one that supersedes the others.
pub(super) fn table(all: &Catalogue) -> String {
    let mut out = Writer::default();
    for (url, versions) in &all.code_systems {
        let Some((_, system)) = versions.last().filter(|(_, system)| text(system, "content") == "complete") else { continue };
        let concepts = concepts(system);
        // Other hierarchies do not say that one concept is a kind of another.
        let kinds = matches!(text(system, "hierarchyMeaning"), "" | "is-a");
        let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (code, concept) in &concepts {
            let known = concept.parents.iter().filter(|parent| kinds && concepts.contains_key(*parent));
            let mut rooted = true;
            for parent in known {
                rooted = false;
                below.entry(parent).or_default().insert(code);
            }
            if rooted {
                below.entry("").or_default().insert(code);
            }
        }
        if below.is_empty() {
            continue;
        }
        out.outer(&[url, text(system, "version")]);
        for (parent, codes) in below {
            out.inner(&[parent].into_iter().chain(codes).collect::<Vec<_>>());
        }
    }
    out.finish()
}
