//! Steps from an element to others: children, descendants, and how a primitive and its extensions are one element.
//!
//! JSON tells a primitive in two members, `birthDate` and `_birthDate`; FHIRPath sees one element, with a value or without.

use super::ast::Field;
use super::environment::{Mode, Run};
use super::eval::{Found, Step, Stop};
use super::quantity::Quantity;
use super::value::Value;
use crate::model::schema::{Kind, Name};
use crate::model::tree::{Node, Shape};

/// The children of a value of that name.
pub(super) fn child<'t>(run: &Run<'_, 't>, value: &Value<'t>, field: &Field, found: &mut Found<'_, 't>) -> Step {
    match value {
        Value::Node(node) => {
            if run.checked && !has(*node, field) {
                return Err(Stop::unknown(format!("{} has no element \"{}\"", value.type_name().1, field.text)));
            }
            named(run, *node, field.name, found)
        }
        Value::Type(namespace, name) => match &*field.text {
            "namespace" => found(Value::String((*namespace).into())),
            "name" => found(Value::String((*name).into())),
            _ => Ok(()),
        },
        Value::Quantity(quantity) => of_quantity(quantity, &field.text, found),
        _ if run.checked && !matches!(value, Value::Resolved(_)) => {
            Err(Stop::unknown(format!("a {} has no elements", value.type_name().1)))
        }
        _ => Ok(()),
    }
}

fn of_quantity<'t>(quantity: &Quantity<'t>, field: &str, found: &mut Found<'_, 't>) -> Step {
    match field {
        "value" => found(Value::Decimal(quantity.number)),
        "unit" | "code" => found(Value::text_of(quantity.code().to_owned())),
        _ => Ok(()),
    }
}

/// Whether the type of an element has such a child.
fn has(node: Node<'_>, field: &Field) -> bool {
    let schema = node.tree().schema();
    match node.kind() {
        // A primitive has an id and extensions, as any element.
        Kind::Primitive(_) => matches!(&*field.text, "id" | "extension"),
        _ => schema.elements(node.ty()).iter().any(|element| element.name == field.name),
    }
}

fn named<'t>(run: &Run<'_, 't>, node: Node<'t>, name: Name, found: &mut Found<'_, 't>) -> Step {
    if name == Name::NONE {
        return Ok(());
    }
    if node.shape() != Shape::Object {
        return match shadow(run, node)? {
            Some(shadow) => named(run, shadow, name, found),
            None => Ok(()),
        };
    }
    for member in node.members() {
        run.spend(1)?;
        if member.name() == name {
            open(run, node, member, found)?;
        }
    }
    Ok(())
}

/// The child elements that a member of an object tells. A primitive with a value is told by its value, one without by its extensions.
fn open<'t>(run: &Run<'_, 't>, owner: Node<'t>, member: Node<'t>, found: &mut Found<'_, 't>) -> Step {
    if run.mode() == Mode::Search {
        return if member.is_shadow() { Ok(()) } else { member.opened().try_for_each(|item| found(Value::Node(item))) };
    }
    if member.is_shadow() {
        // With a value member beside it, that one tells both.
        if beside(owner, member).is_some() {
            return Ok(());
        }
        return member.opened().try_for_each(|item| found(Value::Node(item)));
    }
    if member.shape() != Shape::Array {
        return found(Value::Node(member));
    }
    let mut shadows = None;
    for (i, item) in member.members().enumerate() {
        run.spend(1)?;
        if item.shape() != Shape::Null {
            found(Value::Node(item))?;
            continue;
        }
        let shadows = shadows.get_or_insert_with(|| beside(owner, member).map(|shadows| shadows.members().collect::<Vec<_>>()));
        if let Some(shadow) = shadows.as_ref().and_then(|shadows| shadows.get(i)).filter(|shadow| shadow.shape() == Shape::Object) {
            found(Value::Node(*shadow))?;
        }
    }
    Ok(())
}

/// The other of the two members that tell a primitive.
fn beside<'t>(owner: Node<'t>, member: Node<'t>) -> Option<Node<'t>> {
    owner.members().find(|other| other.name() == member.name() && other.is_shadow() != member.is_shadow())
}

/// The id and extensions of a primitive that has a value.
fn shadow<'t>(run: &Run<'_, 't>, node: Node<'t>) -> Result<Option<Node<'t>>, Stop> {
    let Some(owner) = node.parent().filter(|_| run.mode() != Mode::Search) else { return Ok(None) };
    run.spend(1 + u64::from(node.index() - owner.index()) / 8)?;
    let Some(member) = owner.members().find(|member| member.name() == node.name() && !member.is_shadow()) else { return Ok(None) };
    let Some(shadow) = beside(owner, member) else { return Ok(None) };
    if member.shape() != Shape::Array {
        return Ok(Some(shadow));
    }
    let place = member.members().position(|item| item == node);
    Ok(place.and_then(|place| shadow.members().nth(place)).filter(|shadow| shadow.shape() == Shape::Object))
}

/// `children()`
pub(super) fn children<'t>(run: &Run<'_, 't>, value: &Value<'t>, found: &mut Found<'_, 't>) -> Step {
    let Some(node) = value.node() else { return Ok(()) };
    if node.shape() != Shape::Object {
        return match shadow(run, node)? {
            Some(shadow) => children(run, &Value::Node(shadow), found),
            None => Ok(()),
        };
    }
    // The type of a resource is told by a member that is no element.
    node.members().filter(|member| member.name() != Name::NONE).try_for_each(|member| {
        run.spend(1)?;
        open(run, node, member, found)
    })
}

/// `descendants()`
pub(super) fn descendants<'t>(run: &Run<'_, 't>, value: &Value<'t>, found: &mut Found<'_, 't>) -> Step {
    let Some(node) = value.node() else { return Ok(()) };
    if node.shape() == Shape::Object {
        return below(run, node, found);
    }
    match shadow(run, node)? {
        Some(shadow) => below(run, shadow, found),
        None => Ok(()),
    }
}

fn below<'t>(run: &Run<'_, 't>, node: Node<'t>, found: &mut Found<'_, 't>) -> Step {
    for member in node.members().filter(|member| member.name() != Name::NONE) {
        let values = if member.is_shadow() { beside(node, member) } else { None };
        let many = member.shape() == Shape::Array;
        let mut valued = values.filter(|_| many).map(Node::members);
        for item in if many { member.members().collect() } else { vec![member] } {
            run.spend(1)?;
            let value = if many { valued.as_mut().and_then(Iterator::next) } else { values };
            if item.shape() == Shape::Null {
                continue;
            }
            // What a primitive's value has told is not told again by its extensions.
            if value.is_none_or(|value| value.shape() == Shape::Null) {
                found(Value::Node(item))?;
            }
            if item.shape() == Shape::Object {
                below(run, item, found)?;
            }
        }
    }
    Ok(())
}
