//! An element as FHIR counts it: a value, the id and extensions beside a primitive value, or these alone.
//!
//! JSON tells a primitive in two properties (`status` and `_status`); both together are one element, and either may be missing.
//! Source: <https://hl7.org/fhir/R4/json.html#primitive>.

use std::fmt::Write;

use crate::model::schema::Name;
use crate::model::tree::{Node, Shape};

/// One occurrence of an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'t> {
    /// Its value, or what stands in place of one.
    pub(super) node: Node<'t>,
    /// The id and extensions beside a primitive value.
    beside: Option<Node<'t>>,
    /// The resource that it is in, a contained one if it is in that.
    pub(super) own: Node<'t>,
    /// The resource in which references of the form `#id` find their target: the outermost one that is no container of resources.
    pub(super) home: Node<'t>,
}

impl<'t> Element<'t> {
    /// A resource as a whole.
    pub(super) fn resource(node: Node<'t>) -> Self {
        Self { node, beside: None, own: node, home: node }
    }

    /// A resource that is contained in another.
    pub(super) fn contained(node: Node<'t>, home: Node<'t>) -> Self {
        Self { node, beside: None, own: node, home }
    }

    /// Its value, if it has one.
    pub(super) fn value(self) -> Option<Node<'t>> {
        (!self.node.is_shadow()).then_some(self.node)
    }

    /// The object that holds the elements below it.
    pub(super) fn holder(self) -> Option<Node<'t>> {
        if self.node.shape() == Shape::Object { Some(self.node) } else { self.beside }
    }

    /// The elements of that name below it.
    pub(super) fn children(self, name: Name) -> Vec<Self> {
        let Some(holder) = self.holder() else { return Vec::new() };
        if name == Name::NONE {
            return Vec::new();
        }
        let mut found = Vec::new();
        let shadow = holder.members().find(|member| member.name() == name && member.is_shadow());
        let value = holder.members().find(|member| member.name() == name && !member.is_shadow());
        match value {
            Some(array) if array.shape() == Shape::Array => {
                let mut shadows = shadow.into_iter().flat_map(Node::members);
                for item in array.members() {
                    let beside = shadows.next().filter(|beside| beside.shape() != Shape::Null);
                    found.extend(self.below(item, beside));
                }
            }
            Some(one) => found.extend(self.below(one, shadow)),
            None => found.extend(shadow.into_iter().flat_map(Node::opened).filter_map(|alone| self.below(alone, None))),
        }
        found
    }

    /// All elements below it, in the order in which their names first appear.
    pub(super) fn all_children(self) -> Vec<Self> {
        let mut names: Vec<Name> = Vec::new();
        for member in self.holder().into_iter().flat_map(Node::members) {
            if !names.contains(&member.name()) {
                names.push(member.name());
            }
        }
        names.into_iter().flat_map(|name| self.children(name)).collect()
    }

    fn below(self, value: Node<'t>, beside: Option<Node<'t>>) -> Option<Self> {
        let (node, beside) = if value.shape() == Shape::Null { (beside?, None) } else { (value, beside) };
        // A contained resource shares the home of its container; a resource in a Bundle or Parameters is a home of its own.
        let home = if node.key() != "contained" && node.resource_type().is_some() { node } else { self.home };
        let own = if node.resource_type().is_some() { node } else { self.own };
        Some(Self { node, beside, own, home })
    }
}

/// Where a node stands, as FHIRPath: `Observation.component[2].value`.
pub(super) fn location(node: Node<'_>) -> String {
    let mut at = node.tree().root();
    let mut path = at.type_name().to_owned();
    while at.index() < node.index() {
        // Nodes are numbered in document order, so the way leads through the last member that does not begin after it.
        let Some((number, next)) = at.members().enumerate().take_while(|(_, member)| member.index() <= node.index()).last() else { break };
        // Writing to a String cannot fail.
        let _ = if at.shape() == Shape::Array { write!(path, "[{number}]") } else { write!(path, ".{}", next.key()) };
        at = next;
    }
    path
}
