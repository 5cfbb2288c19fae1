//! XML Patch: operations on the nodes of an XML document, all done or none.
//!
//! Each operation names one node by a [`Selector`]. The root of the patch is `patch` or `diff` in any namespace, with the operations
//! in the same one; RFC 7351 has one namespace, and the official cases of FHIR another.
//!
//! Source: RFC 5261, section 4; RFC 7351.

mod selector;

use std::sync::Arc;

use selector::{Selector, Target, is_name};

use super::{Fault, MOST_OPERATIONS, failed};
use crate::model::codec::xml::document::{self, Attribute, DEPTH, Element, Name, Node, Scope};

/// An XML Patch.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    operations: Vec<Operation>,
}

#[derive(Debug, Clone)]
struct Operation {
    selector: Selector,
    /// `replace f:Patient/f:birthDate/@value`, for messages.
    name: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Add(Position, Vec<Node>),
    AddAttribute(Attribute),
    Declare(String, Arc<str>),
    Replace(Vec<Node>),
    /// With white space before, and after.
    Remove(bool, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Last,
    First,
    Before,
    After,
}

impl Patch {
    /// Reads a patch document.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let nodes = document::read(bytes).map_err(|issue| Fault::malformed(issue.diagnostics))?;
        let root = nodes.iter().find_map(Node::element).filter(|root| matches!(root.name.local.as_str(), "patch" | "diff"));
        let root = root.ok_or_else(|| Fault::malformed("The outermost element of an XML Patch is <patch> or <diff>."))?;
        if root.children.iter().any(|node| matches!(node, Node::Text(_)) && !node.is_blank()) {
            return Err(Fault::malformed("An XML Patch holds operations only, and no text between them."));
        }
        let told: Vec<&Element> = root.children.iter().filter_map(Node::element).collect();
        if told.is_empty() {
            return Err(Fault::malformed("The patch has no operations: add, replace or remove."));
        }
        if told.len() > MOST_OPERATIONS {
            return Err(Fault::too_large(format!("A patch has {MOST_OPERATIONS} operations at most; this one has {}.", told.len())));
        }
        let mut scope = Scope::outside();
        scope.enter(root);
        let read = |(i, element): (usize, &Element)| {
            let known = element.name.namespace == root.name.namespace;
            let read = if known { Operation::read(element, &scope) } else { Err("it is not in the namespace of the patch".to_owned()) };
            read.map_err(|reason| Fault::malformed(failed(i, "", &reason)))
        };
        told.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(|operations| Self { operations })
    }

    /// The document with all operations done; `None` if they change nothing.
    pub(super) fn apply(&self, text: &[u8]) -> Result<Option<String>, Fault> {
        let mut nodes = document::read(text).map_err(|issue| Fault::unfit("", issue.diagnostics))?;
        let before = document::write(&nodes);
        for (i, operation) in self.operations.iter().enumerate() {
            operation.run(&mut nodes).map_err(|reason| Fault::unfit("", failed(i, &operation.name, &reason)))?;
        }
        Ok(Some(document::write(&nodes)).filter(|after| *after != before))
    }
}

impl Operation {
    fn read(element: &Element, outer: &Scope) -> Result<Self, String> {
        let mut scope = outer.clone();
        scope.enter(element);
        let told = |name: &str| {
            let mut attributes = element.attributes.iter();
            attributes.find(|known| known.name.local == name && known.name.namespace.is_none()).map(|known| known.value.as_str())
        };
        let sel = told("sel").ok_or("it needs the attribute sel")?;
        let selector = Selector::read(sel, &scope)?;
        let content = || element.children.clone();
        let verb = element.name.local.as_str();
        let action = match (verb, told("type")) {
            ("add", None) => Action::Add(position(told("pos"))?, content()),
            ("add", Some(_)) if told("pos").is_some() => return Err("it has pos or type, not both".to_owned()),
            ("add", Some(kind)) => added(kind, plain(&element.children)?, &scope)?,
            ("replace", _) => Action::Replace(content()),
            ("remove", _) => {
                let ws = told("ws");
                if !matches!(ws, None | Some("before" | "after" | "both")) {
                    return Err("ws is one of before, after and both".to_owned());
                }
                Action::Remove(matches!(ws, Some("before" | "both")), matches!(ws, Some("after" | "both")))
            }
            _ => return Err("it is one of add, replace and remove".to_owned()),
        };
        let told: String = sel.chars().filter(|c| !c.is_control()).take(120).collect();
        Ok(Self { selector, name: format!("{verb} {told}"), action })
    }

    fn run(&self, nodes: &mut Vec<Node>) -> Result<(), String> {
        let mut found = self.selector.select(nodes);
        let (Some(target), true) = (found.pop(), found.is_empty()) else {
            let count = if found.is_empty() { 0 } else { found.len() + 1 };
            return Err(format!("the selector finds {count} nodes, and must find one"));
        };
        if let Some(number) = target.attribute {
            let attributes = &mut element(nodes, &target)?.attributes;
            match &self.action {
                Action::Replace(content) => {
                    let value = plain(content)?;
                    attributes.get_mut(number).into_iter().for_each(|attribute| attribute.value.clone_from(&value));
                }
                Action::Remove(false, false) if number < attributes.len() => drop(attributes.remove(number)),
                _ => return Err("this is not possible with an attribute".to_owned()),
            }
            return Ok(());
        }
        match &self.action {
            Action::Add(position, content) => add(nodes, &target, *position, content),
            Action::AddAttribute(attribute) => {
                let element = element(nodes, &target)?;
                if element.attributes.iter().any(|known| known.name == attribute.name) {
                    return Err(format!("the attribute \"{}\" is there already: use replace", attribute.name.local));
                }
                element.attributes.push(attribute.clone());
                Ok(())
            }
            Action::Declare(prefix, namespace) => {
                let element = element(nodes, &target)?;
                let taken = element.declared.iter().any(|(known, _)| known == prefix)
                    || (element.name.prefix == *prefix && element.name.namespace.as_ref() != Some(namespace));
                if taken {
                    return Err(format!("the prefix \"{prefix}\" is declared there already"));
                }
                element.declared.push((prefix.clone(), namespace.clone()));
                Ok(())
            }
            Action::Replace(content) => replace(nodes, &target, content),
            Action::Remove(before, after) => remove(nodes, &target, *before, *after),
        }
    }
}

fn position(pos: Option<&str>) -> Result<Position, String> {
    Ok(match pos {
        None => Position::Last,
        Some("prepend") => Position::First,
        Some("before") => Position::Before,
        Some("after") => Position::After,
        Some(_) => return Err("pos is one of prepend, before and after".to_owned()),
    })
}

/// What `type` says is added: `@name` or `namespace::prefix`.
fn added(kind: &str, value: String, scope: &Scope) -> Result<Action, String> {
    let fit = |name: &str| !name.is_empty() && name.chars().all(is_name);
    if let Some(prefix) = kind.strip_prefix("namespace::").filter(|prefix| fit(prefix)) {
        return Ok(Action::Declare(prefix.to_owned(), value.into()));
    }
    let name = kind.strip_prefix('@').ok_or("type is @ and the name of an attribute, or namespace:: and a prefix")?;
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    if !fit(local) || local == "xmlns" || prefix == "xmlns" {
        return Err("type does not name an attribute".to_owned());
    }
    let unknown = || format!("the prefix \"{prefix}\" is not declared in the patch");
    let namespace = if prefix.is_empty() { None } else { scope.namespace(prefix).ok_or_else(unknown)? };
    Ok(Action::AddAttribute(Attribute { name: Name { prefix: prefix.to_owned(), local: local.to_owned(), namespace }, value }))
}

/// The content of an operation, if it is text only.
fn plain(content: &[Node]) -> Result<String, String> {
    match content {
        [] => Ok(String::new()),
        [Node::Text(text)] => Ok(text.clone()),
        _ => Err("its content is to be text".to_owned()),
    }
}

/// The nodes among which a target is, and its number there.
fn siblings<'d>(nodes: &'d mut Vec<Node>, target: &Target) -> Result<(&'d mut Vec<Node>, usize), String> {
    let lost = || "the selected node is not an element".to_owned();
    let (last, outer) = target.path.split_last().ok_or_else(lost)?;
    let siblings = outer.iter().try_fold(nodes, |nodes, at| match nodes.get_mut(*at) {
        Some(Node::Element(element)) => Some(&mut element.children),
        _ => None,
    });
    siblings.filter(|siblings| *last < siblings.len()).map(|siblings| (siblings, *last)).ok_or_else(lost)
}

fn element<'d>(nodes: &'d mut Vec<Node>, target: &Target) -> Result<&'d mut Element, String> {
    let (siblings, at) = siblings(nodes, target)?;
    match siblings.get_mut(at) {
        Some(Node::Element(element)) => Ok(element),
        _ => Err("the selected node is not an element".to_owned()),
    }
}

/// Puts the parts of a text that an edit has brought together into one.
fn merge(nodes: &mut Vec<Node>) {
    for node in std::mem::take(nodes) {
        document::push(nodes, node);
    }
}

/// Refuses content that would make the document deeper than one that could be read.
fn bounded(outer: usize, content: &[Node]) -> Result<(), String> {
    let inner = content.iter().map(Node::depth).max().unwrap_or(0);
    if outer + inner > DEPTH { Err("elements are nested too deeply".to_owned()) } else { Ok(()) }
}

fn add(nodes: &mut Vec<Node>, target: &Target, position: Position, content: &[Node]) -> Result<(), String> {
    bounded(target.path.len(), content)?;
    let (children, at) = match position {
        Position::Last => {
            let children = &mut element(nodes, target)?.children;
            let end = children.len();
            (children, end)
        }
        Position::First => (&mut element(nodes, target)?.children, 0),
        Position::Before | Position::After => {
            let outermost = target.path.len() == 1;
            if outermost
                && content.iter().any(|node| matches!(node, Node::Element(_)) || (matches!(node, Node::Text(_)) && !node.is_blank()))
            {
                return Err("beside the outermost element only comments and processing instructions can stand".to_owned());
            }
            let (siblings, at) = siblings(nodes, target)?;
            (siblings, if position == Position::Before { at } else { at + 1 })
        }
    };
    children.splice(at..at, content.iter().cloned());
    merge(children);
    Ok(())
}

fn replace(nodes: &mut Vec<Node>, target: &Target, content: &[Node]) -> Result<(), String> {
    bounded(target.path.len() - 1, content)?;
    let (siblings, at) = siblings(nodes, target)?;
    let Some(old) = siblings.get_mut(at) else { return Ok(()) };
    // White space around a new node is the layout of the patch document.
    let solid: Vec<&Node> = content.iter().filter(|node| !node.is_blank()).collect();
    *old = match (&*old, solid.as_slice()) {
        (Node::Text(_), _) => Node::Text(plain(content)?),
        (Node::Element(_), [new @ Node::Element(_)])
        | (Node::Comment(_), [new @ Node::Comment(_)])
        | (Node::Instruction(_), [new @ Node::Instruction(_)]) => (*new).clone(),
        _ => return Err("its content is to be one node of the same kind as the selected one".to_owned()),
    };
    merge(siblings);
    Ok(())
}

fn remove(nodes: &mut Vec<Node>, target: &Target, before: bool, after: bool) -> Result<(), String> {
    let outermost = target.path.len() == 1;
    let (siblings, at) = siblings(nodes, target)?;
    if outermost && siblings.get(at).is_some_and(|node| node.element().is_some()) {
        return Err("the outermost element cannot be removed".to_owned());
    }
    let blank = |at: Option<usize>| at.and_then(|at| siblings.get(at)).is_some_and(Node::is_blank);
    if (before && !blank(at.checked_sub(1))) || (after && !blank(Some(at + 1))) {
        return Err("there is no white space beside it as ws says".to_owned());
    }
    let (from, to) = (at - usize::from(before), at + 1 + usize::from(after));
    siblings.drain(from..to);
    merge(siblings);
    Ok(())
}
