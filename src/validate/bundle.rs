//! A Bundle: every entry against R4 and the profiles that it claims, with references resolved among the entries.
//!
//! Source: <https://hl7.org/fhir/R4/bundle.html#references>: a reference leads to the entry with that fullUrl; a relative one is
//! completed with the base of the fullUrl of the entry in which it stands. Beyond that, `Type/id` finds the only entry of that type
//! and id, so that Bundles whose fullUrls are URNs are checked as well.

use std::collections::HashMap;

use super::Validator;
use super::checker::Checker;
use super::element::Element;
use super::reference::Context;
use crate::definitions::Library;
use crate::model::outcome::Issue;
use crate::model::reference::local;
use crate::model::resource::Resource;
use crate::model::tree::Node;

/// What is wrong with a Bundle and its entries by R4 and by the profiles that they claim, in document order.
///
/// Any other resource is checked in the same way, but without others in sight.
#[must_use]
pub fn check(bundle: &Resource, library: &Library) -> Vec<Issue> {
    Validator::new(library).claimed(bundle, &Entries::of(bundle))
}

impl Validator<'_> {
    /// What is wrong with a resource, and those in it, by R4 and by the profiles that they claim, in document order.
    #[must_use]
    pub fn claimed(&self, resource: &Resource, context: &dyn Context) -> Vec<Issue> {
        self.asked(resource, &[], context)
    }

    /// The same, if there is an error; else nothing. What is right is told faster, since nothing is worked out for warnings.
    #[must_use]
    pub fn refused(&self, resource: &Resource, context: &dyn Context) -> Vec<Issue> {
        if self.walk(Checker::of_errors(self, context), resource, &[]).is_empty() { Vec::new() } else { self.claimed(resource, context) }
    }

    /// The same, and what is wrong by these profiles, told by their URLs.
    #[must_use]
    pub fn asked(&self, resource: &Resource, profiles: &[&str], context: &dyn Context) -> Vec<Issue> {
        self.walk(Checker::new(self, context), resource, profiles)
    }

    fn walk<'c>(&'c self, mut checker: Checker<'c>, resource: &'c Resource, profiles: &[&str]) -> Vec<Issue> {
        let root = Element::resource(resource.root());
        checker.base(root);
        checker.claims(root);
        profiles.iter().for_each(|profile| checker.against(root, profile, true));
        checker.finish()
    }
}

/// The entries of a Bundle, as targets of references.
#[derive(Debug)]
pub struct Entries<'b> {
    by_url: HashMap<String, Node<'b>>,
    /// By `Type/id`; `None` where several entries have the same.
    by_key: HashMap<String, Option<Node<'b>>>,
    /// The base of an entry's fullUrl, by the number of its resource's node.
    bases: HashMap<u32, String>,
}

impl<'b> Entries<'b> {
    /// The entries of a Bundle; of other resources, none.
    #[must_use]
    pub fn of(bundle: &'b Resource) -> Self {
        let mut entries = Self { by_url: HashMap::new(), by_key: HashMap::new(), bases: HashMap::new() };
        for entry in bundle.root().all("entry") {
            let Some(resource) = entry.get("resource") else { continue };
            if let Some(id) = resource.get_text("id") {
                entries.key(format!("{}/{id}", resource.type_name()), resource);
            }
            if let Some(url) = entry.get_text("fullUrl") {
                entries.url(&url, resource);
            }
        }
        entries
    }

    fn url(&mut self, url: &str, resource: Node<'b>) {
        self.by_url.insert(url.to_owned(), resource);
        let mut parts = url.rsplitn(3, '/');
        if let (Some(id), Some(kind), Some(base)) = (parts.next(), parts.next(), parts.next())
            && kind == resource.type_name()
        {
            self.bases.insert(resource.index(), base.to_owned());
            self.key(format!("{kind}/{id}"), resource);
        }
    }

    fn key(&mut self, key: String, resource: Node<'b>) {
        self.by_key.entry(key).and_modify(|known| *known = known.filter(|known| *known == resource)).or_insert(Some(resource));
    }
}

impl Context for Entries<'_> {
    fn resolve(&self, reference: &str, from: Node<'_>) -> Option<Node<'_>> {
        if self.by_url.is_empty() && self.by_key.is_empty() {
            return None;
        }
        if let Some(found) = self.by_url.get(reference) {
            return Some(*found);
        }
        let unversioned = reference.split_once("/_history/").map_or(reference, |(before, _)| before);
        if local(unversioned, from.tree().schema()).is_none() {
            return self.by_url.get(unversioned).copied();
        }
        let base = self.bases.get(&from.index());
        let complete = base.and_then(|base| self.by_url.get(&format!("{base}/{unversioned}")));
        complete.copied().or_else(|| self.by_key.get(unversioned).copied().flatten())
    }
}
