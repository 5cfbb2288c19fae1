//! Code systems: the concepts that one has, and which are kinds of which.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem.html#hierarchy>, <https://hl7.org/fhir/R4/codesystem.html#defined-props>.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::resource::Resource;
use crate::model::tree::Node;
use crate::terminology::CodeSystem;

/// The concepts of a code system, each with those directly above it.
#[derive(Debug, Default)]
pub(super) struct Concepts(BTreeMap<String, BTreeSet<String>>);

impl Concepts {
    /// Those of a built-in code system.
    pub(super) fn defined(system: &CodeSystem) -> Self {
        let parents = |concept| system.parents(concept).map(|parent| parent.code.to_string()).collect();
        Self(system.concepts().map(|concept| (concept.code.to_string(), parents(concept))).collect())
    }

    /// Those of a CodeSystem resource, or why they are not known.
    pub(super) fn stored(system: &Resource) -> Result<Self, String> {
        let root = system.root();
        let content = root.get_text("content").unwrap_or_default();
        if content != "complete" {
            return Err(format!("the CodeSystem that is stored here is not complete (content is {content})"));
        }
        // Other hierarchies do not say that one concept is a kind of another.
        let kinds = root.get_text("hierarchyMeaning").is_none_or(|meaning| meaning == "is-a");
        let mut all = Self::default();
        root.all("concept").for_each(|concept| all.add(concept, None, kinds));
        Ok(all)
    }

    fn add(&mut self, concept: Node<'_>, parent: Option<&str>, kinds: bool) {
        let Some(code) = concept.get_text("code") else { return };
        let parents = self.0.entry(code.clone().into_owned()).or_default();
        parents.extend(parent.filter(|_| kinds).map(str::to_owned));
        for property in concept.all("property") {
            let Some(value) = property.get_text("value") else { continue };
            match property.get_text("code").as_deref() {
                Some("parent" | "subsumedBy") => self.link(&code, &value),
                Some("child") => self.link(&value, &code),
                _ => {}
            }
        }
        concept.all("concept").for_each(|inner| self.add(inner, Some(&code), kinds));
    }

    fn link(&mut self, code: &str, parent: &str) {
        self.0.entry(code.to_owned()).or_default().insert(parent.to_owned());
    }

    pub(super) fn has(&self, code: &str) -> bool {
        self.0.contains_key(code)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A concept and all that it is a kind of.
    pub(super) fn above(&self, code: &str) -> BTreeSet<&str> {
        let (mut found, mut open) = (BTreeSet::new(), vec![code]);
        while let Some(next) = open.pop() {
            let Some((code, parents)) = self.0.get_key_value(next) else { continue };
            if found.insert(code.as_str()) {
                open.extend(parents.iter().map(String::as_str));
            }
        }
        found
    }

    /// A concept and all that are kinds of it.
    pub(super) fn below(&self, code: &str) -> BTreeSet<&str> {
        let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (child, parents) in &self.0 {
            parents.iter().for_each(|parent| children.entry(parent).or_default().push(child));
        }
        let (mut found, mut open) = (BTreeSet::new(), vec![code]);
        while let Some(next) = open.pop() {
            let Some((code, _)) = self.0.get_key_value(next) else { continue };
            if found.insert(code.as_str()) {
                open.extend(children.get(next).into_iter().flatten());
            }
        }
        found
    }
}
