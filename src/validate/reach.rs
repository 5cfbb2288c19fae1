//! A document: every resource in it is reached from its Composition, or leads to one that is.
//!
//! Source: <https://hl7.org/fhir/R4/documents.html#content>.

use std::collections::BTreeSet;

use super::checker::Checker;
use crate::model::outcome::IssueType;
use crate::model::tree::Node;

impl<'c> Checker<'c> {
    /// Checks that no entry of a document stands alone.
    pub(super) fn reached(&mut self, document: Node<'c>) {
        if !self.looks_closer() {
            return;
        }
        let entries: Vec<(Node<'c>, Node<'c>)> = document.all("entry").filter_map(|entry| Some((entry, entry.get("resource")?))).collect();
        let links: Vec<BTreeSet<u32>> = entries
            .iter()
            .map(|(_, resource)| {
                let mut told = Vec::new();
                references(*resource, &mut told);
                told.iter().filter_map(|reference| self.context.resolve(reference, *resource)).map(Node::index).collect()
            })
            .collect();
        let mut reached: BTreeSet<u32> = entries.first().map(|(_, resource)| resource.index()).into_iter().collect();
        // Each round reaches at least one more, or is the last.
        loop {
            let before = reached.len();
            for ((_, resource), links) in entries.iter().zip(&links) {
                if reached.contains(&resource.index()) {
                    reached.extend(links);
                } else if !links.is_disjoint(&reached) {
                    reached.insert(resource.index());
                }
            }
            if reached.len() == before {
                break;
            }
        }
        for (entry, _) in entries.iter().filter(|(_, resource)| !reached.contains(&resource.index())) {
            self.closely(*entry, IssueType::Invalid, || {
                "Nothing leads from the Composition to this entry, nor back: refer to it, or take it away.".to_owned()
            });
        }
    }
}

fn references(node: Node<'_>, found: &mut Vec<String>) {
    found.extend(node.get_text("reference").filter(|_| node.type_name() == "Reference").map(std::borrow::Cow::into_owned));
    node.children().for_each(|child| references(child, found));
}
