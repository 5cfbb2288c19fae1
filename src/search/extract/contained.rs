//! Resources inside of a resource: that they are there, and under which rows each of them is found.
//!
//! Their values never count for their container. Source: <https://hl7.org/fhir/R4/references.html#contained>,
//! <https://hl7.org/fhir/R4/search.html#contained>.

use super::{key, rows};
use crate::fhirpath::Value;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::model::tree::{Node, Shape};
use crate::search::catalog::Catalog;
use crate::search::plan::{LinkRow, Rows};

/// Adds a post for the type of each contained resource.
pub(super) fn mark(resource: &Resource, rows: &mut Rows) {
    let kinds = resource.root().all("contained").filter_map(Node::resource_type);
    rows.posts.extend(kinds.map(key::contains));
}

/// A resource with what it contains: `#` is the resource itself, `#x` what it contains under the id x.
#[derive(Debug)]
pub struct Inner<'r> {
    container: &'r Resource,
    contained: Vec<Resource>,
}

impl<'r> Inner<'r> {
    /// Takes out what a resource contains.
    #[must_use]
    pub fn of(container: &'r Resource) -> Self {
        let contained = container.root().all("contained").filter_map(Resource::extract).collect();
        Self { container, contained }
    }

    /// How many resources it contains.
    #[must_use]
    pub fn count(&self) -> usize {
        self.contained.len()
    }

    /// A contained resource by its number, in their order; the resource itself comes after them.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Resource> {
        self.contained.get(number).or_else(|| (number == self.count()).then_some(self.container))
    }

    /// The number of the resource that a reference `#id` means, if it is of that type.
    #[must_use]
    pub fn local(&self, kind: ResourceType, reference: &str) -> Option<usize> {
        let number = match reference.strip_prefix('#')? {
            "" => self.count(),
            id => self.contained.iter().position(|resource| resource.id().is_some_and(|own| own.as_str() == id))?,
        };
        self.get(number).filter(|resource| resource.kind() == kind).map(|_| number)
    }

    /// The rows of one of them, by its number. References to each other are links, too: to `Type/#id`.
    #[must_use]
    pub fn rows(&self, number: usize, catalog: &Catalog, base: &str) -> Rows {
        let Some(resource) = self.get(number) else { return Rows::default() };
        let mut rows = rows(resource, catalog, base);
        // Where it stands, `resolve()` knows its neighbours.
        let root = self.container.root();
        let place = root.all("contained").filter(|node| node.resource_type().is_some()).nth(number).unwrap_or(root);
        for compiled in catalog.of(resource.kind()).parameters() {
            let Some(expression) = &compiled.expression else { continue };
            expression.each(place, |value| {
                if let Some(target) = value_of(&value).and_then(|text| self.target(&text)) {
                    let parameter = compiled.parameter.number;
                    rows.links.push(LinkRow { parameter, target });
                    rows.posts.push(key::present(parameter));
                }
            });
        }
        rows.links.sort_unstable();
        rows.links.dedup();
        rows.posts.sort_unstable();
        rows.posts.dedup();
        rows
    }

    /// `Type/#id` for a reference `#id`.
    fn target(&self, reference: &str) -> Option<String> {
        let id = reference.strip_prefix('#')?;
        if id.is_empty() {
            return Some(format!("{}/#", self.container.kind()));
        }
        let found = self.contained.iter().find(|resource| resource.id().is_some_and(|own| own.as_str() == id))?;
        Some(format!("{}/#{id}", found.kind()))
    }
}

fn value_of(value: &Value<'_>) -> Option<String> {
    let node = value.node()?;
    let text = if node.shape() == Shape::Object { node.get_text("reference")? } else { node.text() };
    text.starts_with('#').then(|| text.into_owned())
}
