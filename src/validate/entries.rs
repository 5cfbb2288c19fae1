//! What a Bundle says of its entries: identities, search modes, links, and the references of a document.
//!
//! Source: <https://hl7.org/fhir/R4/bundle.html>, <https://hl7.org/fhir/R4/documents.html#content>.

use std::collections::BTreeSet;

use super::checker::Checker;
use crate::model::outcome::IssueType;
use crate::model::reference::local;
use crate::model::tree::Node;

impl<'c> Checker<'c> {
    /// Checks the entries of a Bundle; of other resources nothing.
    pub(super) fn entries(&mut self, bundle: Node<'c>) {
        if bundle.type_name() != "Bundle" {
            return;
        }
        let kind = bundle.get_text("type").unwrap_or_default();
        self.links(bundle);
        for entry in bundle.all("entry") {
            self.identity(entry);
            if kind == "searchset" {
                self.mode(entry);
            }
        }
        if kind == "document"
            && let Some(first) = bundle.get("entry")
        {
            self.document(bundle, first);
            self.reached(bundle);
        }
    }

    /// A relation names one link.
    fn links(&mut self, bundle: Node<'c>) {
        let mut seen = BTreeSet::new();
        for link in bundle.all("link") {
            let relation = link.get_text("relation").unwrap_or_default().into_owned();
            if !seen.insert(relation.clone()) {
                self.error(link, IssueType::Invalid, || format!("There is another link \"{relation}\": take one of them away."));
            }
        }
    }

    /// A fullUrl on a server ends with the type and id of the resource.
    fn identity(&mut self, entry: Node<'c>) {
        let (Some(url), Some(resource)) = (entry.get_text("fullUrl"), entry.get("resource")) else { return };
        if !url.contains(':') {
            self.closely(entry, IssueType::Invalid, || {
                format!("A fullUrl is absolute, and \"{url}\" is not: give it whole, or as urn:uuid:.")
            });
        }
        let Some(id) = resource.get_text("id") else { return };
        let tail = format!("{}/{id}", resource.type_name());
        // Only a URL that looks like that of a resource on a server is taken at its word.
        let typed = url.rsplit('/').nth(1).is_some_and(|kind| resource.tree().schema().resource_type(kind).is_some());
        let canonical = resource.get_text("url").is_some_and(|own| own == url);
        if url.starts_with("http") && typed && !url.ends_with(&format!("/{tail}")) && !canonical {
            self.error(entry, IssueType::Invalid, || format!("The fullUrl {url} is not one of this resource: let it end with {tail}."));
        }
    }

    /// What a search found has an id, and outcomes are outcomes.
    fn mode(&mut self, entry: Node<'c>) {
        let Some(resource) = entry.get("resource") else { return };
        let mode = entry.get("search").and_then(|search| search.get_text("mode")).unwrap_or_default();
        let outcome = resource.type_name() == "OperationOutcome";
        if mode == "outcome" && !outcome || matches!(&*mode, "match" | "include") && outcome {
            let kind = resource.type_name();
            self.error(resource, IssueType::Invalid, || {
                format!("A {kind} is not found with the mode \"{mode}\": outcome is for OperationOutcomes only.")
            });
        }
        if mode != "outcome" && !outcome && resource.get("id").is_none() {
            self.error(resource, IssueType::Invalid, || "What a search finds has an id: add it.".to_owned());
        }
    }

    /// What the Composition of a document refers to is in the document.
    fn document(&mut self, bundle: Node<'c>, first: Node<'c>) {
        let Some(composition) = first.get("resource").filter(|resource| resource.type_name() == "Composition") else {
            return self
                .error(first, IssueType::Invalid, || "The first resource of a document is its Composition: put it here.".to_owned());
        };
        let urls: BTreeSet<String> =
            bundle.all("entry").filter_map(|entry| entry.get_text("fullUrl")).map(std::borrow::Cow::into_owned).collect();
        let own = first.get_text("fullUrl").unwrap_or_default();
        let base = composition.get_text("id").and_then(|id| own.strip_suffix(&format!("/Composition/{id}")).map(str::to_owned));
        let mut told = Vec::new();
        references(composition, &mut told);
        let schema = composition.tree().schema();
        for reference in told {
            let unversioned = reference.split("/_history/").next().unwrap_or(&reference).to_owned();
            let found = match (local(&unversioned, schema), &base) {
                (Some(_), Some(base)) => urls.contains(&format!("{base}/{unversioned}")),
                (Some(_), None) => false,
                (None, _) => !unversioned.starts_with("urn:") || urls.contains(&unversioned),
            };
            if !found {
                self.error(first, IssueType::Invalid, || {
                    format!("The Composition refers to {reference}, which no entry of the document has as its fullUrl: add it, or correct the reference.")
                });
            }
        }
    }
}

/// The references of a Composition that are not to contained resources.
fn references(node: Node<'_>, found: &mut Vec<String>) {
    if let Some(reference) = node.get_text("reference").filter(|reference| node.type_name() == "Reference" && !reference.starts_with('#')) {
        found.push(reference.into_owned());
    }
    node.children().filter(|child| child.resource_type().is_none()).for_each(|child| references(child, found));
}
