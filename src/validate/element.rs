//! An element as FHIR counts it: a value, the id and extensions beside a primitive value, or these alone.
//!
//! JSON tells a primitive in two properties (`status` and `_status`); both together are one element, and either may be missing.
//! Source: <https://hl7.org/fhir/R4/json.html#primitive>.

use std::fmt::Write;

use smallvec::SmallVec;

use crate::model::schema::{Kind, Name};
use crate::model::tree::{Members, Node, Shape};

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
    pub(super) fn children(self, name: Name) -> Occurrences<'t> {
        let (mut value, mut beside) = (None, None);
        for member in self.holder().into_iter().flat_map(Node::members).filter(|member| member.name() == name && name != Name::NONE) {
            if member.is_shadow() { beside = beside.or(Some(member)) } else { value = value.or(Some(member)) }
        }
        Occurrences::of(self, value, beside)
    }

    fn below(self, value: Node<'t>, beside: Option<Node<'t>>) -> Option<Self> {
        let (node, beside) = if value.shape() == Shape::Null { (beside?, None) } else { (value, beside) };
        // A contained resource shares the home of its container; a resource in a Bundle or Parameters is a home of its own.
        if node.kind() != Kind::Resource {
            return Some(Self { node, beside, ..self });
        }
        Some(Self { node, beside, own: node, home: if node.key() == "contained" { self.home } else { node } })
    }
}

/// All that is below an element, gathered by name in one pass; names stand in the order in which they first appear.
pub(super) struct Below<'t> {
    /// What they are below.
    pub(super) parent: Element<'t>,
    groups: SmallVec<[Group<'t>; 12]>,
}

/// The members of one name: what holds the values, and what stands beside them.
#[derive(Clone, Copy)]
struct Group<'t> {
    name: Name,
    value: Option<Node<'t>>,
    beside: Option<Node<'t>>,
}

impl<'t> Below<'t> {
    pub(super) fn of(parent: Element<'t>) -> Self {
        let mut groups = SmallVec::<[Group<'t>; 12]>::new();
        for member in parent.holder().into_iter().flat_map(Node::members) {
            let name = member.name();
            let (value, beside) = if member.is_shadow() { (None, Some(member)) } else { (Some(member), None) };
            match groups.iter_mut().find(|group| group.name == name) {
                Some(known) => (known.value, known.beside) = (known.value.or(value), known.beside.or(beside)),
                None => groups.push(Group { name, value, beside }),
            }
        }
        Self { parent, groups }
    }

    /// The elements of that name.
    pub(super) fn named(&self, name: Name) -> Occurrences<'t> {
        match self.groups.iter().find(|group| group.name == name) {
            Some(group) => Occurrences::of(self.parent, group.value, group.beside),
            None => Occurrences::of(self.parent, None, None),
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Element<'t>> {
        self.groups.iter().flat_map(|group| Occurrences::of(self.parent, group.value, group.beside))
    }
}

/// The occurrences of one element below another.
#[derive(Clone)]
pub(super) struct Occurrences<'t> {
    parent: Element<'t>,
    /// What occurs once, with what stands beside it.
    one: Option<(Node<'t>, Option<Node<'t>>)>,
    many: Option<Members<'t>>,
    besides: Option<Members<'t>>,
}

impl<'t> Occurrences<'t> {
    fn of(parent: Element<'t>, value: Option<Node<'t>>, beside: Option<Node<'t>>) -> Self {
        let items = |node: Node<'t>| (node.shape() == Shape::Array).then(|| node.members());
        match (value, beside) {
            (Some(value), beside) if value.shape() == Shape::Array => {
                Self { parent, one: None, many: Some(value.members()), besides: beside.map(Node::members) }
            }
            (Some(value), beside) => Self { parent, one: Some((value, beside)), many: None, besides: None },
            // What stands beside no value at all counts as an element of its own.
            (None, Some(alone)) => {
                let many = items(alone);
                Self { parent, one: if many.is_none() { Some((alone, None)) } else { None }, many, besides: None }
            }
            (None, None) => Self { parent, one: None, many: None, besides: None },
        }
    }
}

impl<'t> Iterator for Occurrences<'t> {
    type Item = Element<'t>;

    fn next(&mut self) -> Option<Element<'t>> {
        if let Some((value, beside)) = self.one.take() {
            return self.parent.below(value, beside);
        }
        loop {
            let value = self.many.as_mut()?.next()?;
            let beside = self.besides.as_mut().and_then(Iterator::next).filter(|beside| beside.shape() != Shape::Null);
            if let Some(element) = self.parent.below(value, beside) {
                return Some(element);
            }
        }
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
