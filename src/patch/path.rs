//! FHIRPath Patch: the operations that a Parameters resource tells, on the elements that FHIRPath finds.
//!
//! Each operation sees what the ones before have left. In between the resource may break rules, for example lack an element that the
//! next operation adds; at the end it may not. How open points of the specification are read stands in `docs/patch.md`.
//!
//! Source: <https://hl7.org/fhir/R4/fhirpatch.html>.

use super::element;
use super::pointer::Pointer;
use super::value::{self, Content};
use super::{Fault, FaultKind, MOST_OPERATIONS, failed};
use crate::base::budget::Limits;
use crate::fhirpath::Expression;
use crate::model::codec::read_json_parts;
use crate::model::json::{self, Json};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::{ElementFacts, Schema, TypeId};
use crate::model::tree::{Node, Shape};

/// Longest path in bytes.
const LONGEST: usize = 1000;

/// A FHIRPath Patch.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    operations: Vec<Operation>,
}

#[derive(Debug, Clone)]
struct Operation {
    path: Expression,
    /// `replace Patient.birthDate`, for messages.
    name: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Add { name: String, value: Content },
    Insert { index: usize, value: Content },
    Delete,
    Replace(Content),
    Move { source: usize, destination: usize },
}

impl Patch {
    /// Reads the operations of a Parameters resource.
    pub(super) fn read(parameters: &Resource) -> Result<Self, Fault> {
        let schema = parameters.tree().schema();
        let told: Vec<Node<'_>> = parameters.root().all("parameter").collect();
        if told.len() > MOST_OPERATIONS {
            return Err(Fault::too_large(format!("A patch has {MOST_OPERATIONS} operations at most; this one has {}.", told.len())));
        }
        let malformed = |i, reason: String| Fault::new(FaultKind::Malformed, IssueType::Structure, &place(i), failed(i, "", &reason));
        let read = |(i, node)| Operation::read(node, schema).map_err(|reason| malformed(i, reason));
        told.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(|operations| Self { operations })
    }

    /// The resource with all operations done; `None` if they change nothing.
    pub(super) fn apply(&self, resource: &Resource, limits: &Limits) -> Result<Option<Resource>, Fault> {
        let schema = resource.tree().schema();
        let mut patched: Option<Resource> = None;
        let mut broken: Vec<Issue> = Vec::new();
        for (i, operation) in self.operations.iter().enumerate() {
            let unfit = |reason: String| Fault::unfit(&place(i), failed(i, &operation.name, &reason));
            let current = patched.as_ref().unwrap_or(resource);
            let mut document = json::read(&String::from_utf8_lossy(current.text())).map_err(|fault| unfit(fault.message))?;
            if operation.run(current.root(), schema, &mut document).map_err(unfit)? {
                let told = |issues: Vec<Issue>| issues.into_iter().next().map(|issue| issue.diagnostics).unwrap_or_default();
                let (next, issues) = read_json_parts(document.write().as_bytes(), schema, limits).map_err(|issues| unfit(told(issues)))?;
                (patched, broken) = (Some(next), issues);
            }
        }
        if broken.is_empty() { Ok(patched) } else { Err(Fault { kind: FaultKind::Unfit, issues: broken }) }
    }
}

/// Where an operation stands.
fn place(number: usize) -> String {
    format!("Parameters.parameter[{number}]")
}

impl Operation {
    fn read(parameter: Node<'_>, schema: &Schema) -> Result<Self, String> {
        if parameter.get_text("name").as_deref() != Some("operation") {
            return Err("the name of each parameter is \"operation\"".to_owned());
        }
        let mut parts: Vec<(String, Node<'_>)> = Vec::new();
        for part in parameter.all("part") {
            let name = part.get_text("name").unwrap_or_default().into_owned();
            if !matches!(name.as_str(), "type" | "path" | "name" | "value" | "index" | "source" | "destination") {
                return Err("its parts are type, path, name, value, index, source and destination".to_owned());
            }
            if parts.iter().any(|(other, _)| *other == name) {
                return Err(format!("its part \"{name}\" stands there twice"));
            }
            parts.push((name, part));
        }
        let part = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, part)| *part);
        let needed = |name: &str| part(name).ok_or_else(|| format!("it needs the part \"{name}\""));
        let text = |name: &str| {
            let told = needed(name)?.get_text("value").ok_or_else(|| format!("the part \"{name}\" needs a value"))?;
            Ok::<String, String>(told.into_owned())
        };
        let number = |name: &str| text(name)?.parse::<usize>().map_err(|_| format!("the part \"{name}\" is a number from 0"));
        let value = || Content::read(needed("value")?).map_err(|reason| format!("the part \"value\": {reason}"));
        let (verb, path) = (text("type")?, text("path")?);
        let action = match verb.as_str() {
            "add" => Action::Add { name: text("name")?, value: value()? },
            "insert" => Action::Insert { index: number("index")?, value: value()? },
            "delete" => Action::Delete,
            "replace" => Action::Replace(value()?),
            "move" => Action::Move { source: number("source")?, destination: number("destination")? },
            _ => return Err("its type is one of add, insert, delete, replace and move".to_owned()),
        };
        if path.len() > LONGEST {
            return Err(format!("its path has more than {LONGEST} bytes"));
        }
        let compiled = Expression::compile(&path, schema).map_err(|invalid| format!("its path cannot be read: {invalid}"))?;
        if !compiled.goes_down() {
            return Err("a path goes down from the resource: %resource, resolve() and | are not possible in it".to_owned());
        }
        let told: String = path.chars().filter(|c| !c.is_control()).take(120).collect();
        Ok(Self { path: compiled, name: format!("{verb} {told}"), action })
    }

    /// Does it in the document, which is the JSON of `root`; tells whether anything is changed.
    fn run(&self, root: Node<'_>, schema: &Schema, document: &mut Json) -> Result<bool, String> {
        match &self.action {
            Action::Add { name, value } => {
                let owner = Owner::of(one(&self.path, root)?.ok_or("there is nothing at this path")?);
                let facts = value::find(owner.ty, name, schema)?;
                let (key, element) = value.fit(owner.ty, facts, schema)?;
                value::add(owner.open(document)?, owner.ty, facts, key, element, schema)?;
            }
            Action::Insert { index, value } => {
                let (owner, facts) = self.list(root, schema)?;
                let (key, element) = value.fit(owner.ty, facts, schema)?;
                let object = owner.open(document)?;
                let count = element::count(object, key);
                if *index > count {
                    return Err(format!("the list has {count} items, so nothing can be inserted at {index}"));
                }
                element::insert(object, key, *index, element);
            }
            Action::Delete => {
                // "Path of the element to delete (if found)": what is not there stays so.
                let Some(node) = one(&self.path, root)? else { return Ok(false) };
                let place = Place::of(node).ok_or("the resource itself cannot be deleted by a patch")?;
                let object = place.owner.find_mut(document)?;
                match place.item {
                    Some(item) => drop(element::take(object, &place.key, item)),
                    None => element::set(object, &place.key, element::Element::default()),
                }
                element::prune(document, place.owner);
            }
            Action::Replace(value) => {
                let node = one(&self.path, root)?.ok_or("there is nothing at this path")?;
                let unfit = "the resource itself cannot be replaced by a patch: use an update";
                let (place, parent) = Place::of(node).zip(node.parent()).ok_or(unfit)?;
                let facts = value::find(parent.ty(), node.key(), schema)?;
                let (key, element) = value.fit(parent.ty(), facts, schema)?;
                let object = place.owner.find_mut(document)?;
                match place.item {
                    Some(item) => {
                        element::take(object, &place.key, item);
                        element::insert(object, key, item, element);
                    }
                    None => element::replace(object, &place.key, key, element),
                }
            }
            Action::Move { source, destination } => {
                let (owner, facts) = self.list(root, schema)?;
                let key = schema.name(facts.name);
                let object = owner.open(document)?;
                let count = element::count(object, key);
                if *source >= count || *destination >= count {
                    return Err(format!("the list has {count} items, so {source} cannot be moved to {destination}"));
                }
                let moved = element::take(object, key, *source);
                element::insert(object, key, *destination, moved);
            }
        }
        Ok(true)
    }

    /// The element that repeats at the end of the path, which need not have items yet, and what it is an element of.
    fn list<'s>(&self, root: Node<'_>, schema: &'s Schema) -> Result<(Owner, &'s ElementFacts), String> {
        let (path, name) = self.path.parent().ok_or("the path must end with the name of an element that repeats")?;
        let owner = Owner::of(one(&path, root)?.ok_or("there is nothing at this path")?);
        let facts = value::find(owner.ty, schema.name(name), schema)?;
        if facts.many() { Ok((owner, facts)) } else { Err("the element does not repeat".to_owned()) }
    }
}

/// The only element that a path finds, if it finds one.
fn one<'t>(path: &'t Expression, root: Node<'t>) -> Result<Option<Node<'t>>, String> {
    let found = path.evaluate(root);
    match found.as_slice() {
        [] => Ok(None),
        [one] => one.node().map(Some).ok_or_else(|| "the path finds a value that is no element of the resource".to_owned()),
        many => Err(format!("the path finds {} elements, and must find one: name its place, as in name[0]", many.len())),
    }
}

/// Where an element stands in JSON.
struct Place {
    /// The object.
    owner: Pointer,
    /// Its property there.
    key: String,
    /// Its number in the array, if the element repeats.
    item: Option<usize>,
}

impl Place {
    /// The place of an element; the resource itself has none.
    fn of(node: Node<'_>) -> Option<Self> {
        let mut steps = address(node);
        let repeats = is_item(node);
        let item = if repeats { steps.pop()?.parse().ok() } else { None };
        let key = steps.pop()?;
        Some(Self { owner: Pointer(steps), key, item })
    }
}

/// An element as the one that others are elements of.
struct Owner {
    ty: TypeId,
    at: Pointer,
    /// The place of a primitive, whose elements stand beside it.
    primitive: Option<Place>,
}

impl Owner {
    fn of(node: Node<'_>) -> Self {
        if node.is_primitive() {
            return Self { ty: element_type(node.tree().schema()), at: Pointer::default(), primitive: Place::of(node) };
        }
        Self { ty: node.ty(), at: Pointer(address(node)), primitive: None }
    }

    /// Its object in the document; for a primitive one that is made if it is not there.
    fn open<'j>(&self, document: &'j mut Json) -> Result<&'j mut Json, String> {
        match &self.primitive {
            None => self.at.find_mut(document),
            Some(place) => {
                let object = place.owner.find_mut(document)?;
                element::beside(object, &place.key, place.item).ok_or_else(|| "there is nothing at this path".to_owned())
            }
        }
    }
}

/// The type of what stands beside a primitive.
fn element_type(schema: &Schema) -> TypeId {
    schema.type_named("Element").unwrap_or(TypeId::NONE)
}

/// Whether an element is an item of an array: it has no property of its own.
fn is_item(node: Node<'_>) -> bool {
    node.property().is_empty() && node.parent().is_some()
}

/// The steps in JSON from the resource to an element.
fn address(node: Node<'_>) -> Vec<String> {
    let mut steps = Vec::new();
    let mut at = node.tree().root();
    while at != node {
        let Some((i, next)) = at.members().take_while(|member| member.index() <= node.index()).enumerate().last() else { break };
        steps.push(if at.shape() == Shape::Array { i.to_string() } else { next.property().to_owned() });
        at = next;
    }
    steps
}
