//! The resources that a search is over, in the order in which they were created.

use std::collections::HashMap;

use serde_json::Value;

use super::elements::select;
use super::links::Link;
use super::parameters::{Kind, Parameter};

/// All resources of a server.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    /// Base URL of the server.
    pub(super) base: String,
    resources: Vec<Value>,
    places: HashMap<String, usize>,
}

impl World {
    /// Resources, the first created first.
    #[must_use]
    pub(super) fn new(base: &str, resources: Vec<Value>) -> Self {
        let places = resources.iter().enumerate().map(|(place, resource)| (name(resource), place)).collect();
        Self { base: base.to_owned(), resources, places }
    }

    /// The same with names of their own, under which references find them.
    #[must_use]
    pub(super) fn with_names(base: &str, resources: Vec<(String, Value)>) -> Self {
        let (names, resources): (Vec<String>, Vec<Value>) = resources.into_iter().unzip();
        let places = names.into_iter().enumerate().map(|(place, name)| (name, place)).collect();
        Self { base: base.to_owned(), resources, places }
    }

    /// The resource at a place: 0 is the one that was created first.
    #[must_use]
    pub(super) fn at(&self, place: usize) -> &Value {
        self.resources.get(place).unwrap_or(&Value::Null)
    }

    /// Its `Type/id`.
    #[must_use]
    pub(super) fn name_at(&self, place: usize) -> String {
        name(self.at(place))
    }

    /// The place of `Type/id`.
    #[must_use]
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// All resources in the order of their creation.
    #[must_use]
    pub(super) fn all(&self) -> &[Value] {
        &self.resources
    }

    /// The places of all resources of a type.
    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = usize> + 'a {
        let typed = move |(place, resource): (usize, &Value)| (type_of(resource) == kind).then_some(place);
        self.resources.iter().enumerate().filter_map(typed)
    }

    /// The elements of a resource that a parameter looks at.
    #[must_use]
    pub(super) fn elements<'a>(&self, resource: &'a Value, parameter: &Parameter) -> Vec<&'a Value> {
        let mut found = select(resource, parameter.place);
        if parameter.only {
            found.retain(|element| self.named(resource, element).is_some_and(|kind| parameter.targets.contains(&kind)));
        }
        found
    }

    /// The type of what a reference leads to, be it here, elsewhere, or contained.
    fn named<'a>(&self, resource: &'a Value, element: &'a Value) -> Option<&'a str> {
        let text = element.get("reference")?.as_str()?;
        if let Some(id) = text.strip_prefix('#') {
            let inner = select(resource, "contained").into_iter();
            return inner.filter(|inner| inner.get("id").and_then(Value::as_str) == Some(id)).map(type_of).next();
        }
        let path = text.split("/_history/").next().unwrap_or(text);
        path.rsplit('/').nth(1)
    }

    /// The places of the resources here that a reference parameter of a resource leads to.
    #[must_use]
    pub(super) fn targets(&self, place: usize, parameter: &Parameter) -> Vec<usize> {
        if parameter.kind != Kind::Reference {
            return Vec::new();
        }
        let links = self.elements(self.at(place), parameter).into_iter().filter_map(|element| Link::of(&self.base, element));
        links.filter(|link| link.target().is_some()).filter_map(|link| self.place(&link.text())).collect()
    }
}

/// The type of a resource.
#[must_use]
pub(super) fn type_of(resource: &Value) -> &str {
    resource.get("resourceType").and_then(Value::as_str).unwrap_or_default()
}

/// `Type/id` of a resource.
#[must_use]
pub(super) fn name(resource: &Value) -> String {
    format!("{}/{}", type_of(resource), resource.get("id").and_then(Value::as_str).unwrap_or_default())
}
