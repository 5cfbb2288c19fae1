//! Evaluation over nodes: every expression gives a collection of values.

use std::borrow::Cow;

use super::ast::{Ast, Function, Literal, Operator};
use crate::model::primitive::decimal::Decimal;
use crate::model::reference;
use crate::model::tree::{Node, Shape};

/// One item of a collection.
#[derive(Debug, Clone)]
pub enum Value<'t> {
    /// An element of the resource.
    Node(Node<'t>),
    /// What a reference points at, known only by its type.
    Resolved(&'static str),
    /// `true` or `false`.
    Boolean(bool),
    /// A string.
    String(Cow<'t, str>),
    /// A number as written.
    Number(Cow<'t, str>),
}

impl<'t> Value<'t> {
    /// The element, if it is one.
    #[must_use]
    pub fn node(&self) -> Option<Node<'t>> {
        match self {
            Self::Node(node) => Some(*node),
            _ => None,
        }
    }

    fn is_a(&self, ty: &str) -> bool {
        match self {
            Self::Node(node) => type_is(node.type_name(), ty),
            Self::Resolved(name) => type_is(name, ty),
            Self::Boolean(_) => matches!(ty, "Boolean" | "boolean"),
            Self::String(_) => matches!(ty, "String" | "string"),
            Self::Number(_) => matches!(ty, "Decimal" | "decimal" | "Integer" | "integer"),
        }
    }

    /// Two values are equal when their primitive contents are; objects are compared by their text.
    fn equals(&self, other: &Self) -> bool {
        match (self.plain(), other.plain()) {
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => match (Decimal::new(&a), Decimal::new(&b)) {
                (Some(a), Some(b)) => a.compare(&b).is_eq(),
                _ => false,
            },
            (Value::Node(a), Value::Node(b)) => a.json() == b.json(),
            _ => false,
        }
    }

    fn plain(&self) -> Value<'t> {
        match self {
            Self::Node(node) => match node.shape() {
                Shape::String | Shape::Escaped => Value::String(node.text()),
                Shape::Number => Value::Number(Cow::Borrowed(node.raw())),
                Shape::Boolean => Value::Boolean(node.raw() == "true"),
                _ => self.clone(),
            },
            _ => self.clone(),
        }
    }
}

/// Whether a type is `wanted` or derived from it, in R4's hierarchy.
pub(super) fn type_is(name: &str, wanted: &str) -> bool {
    name == wanted
        || match wanted {
            "Resource" => name.starts_with(|c: char| c.is_ascii_uppercase()),
            "DomainResource" => !matches!(name, "Bundle" | "Binary" | "Parameters"),
            "Quantity" => matches!(name, "Age" | "Count" | "Distance" | "Duration"),
            "string" => matches!(name, "code" | "id" | "markdown"),
            "uri" => matches!(name, "url" | "canonical" | "oid" | "uuid"),
            // The definitions of R4 also name FHIRPath's own types.
            "DateTime" => matches!(name, "dateTime" | "instant"),
            "Date" => name == "date",
            "Time" => name == "time",
            "integer" => matches!(name, "positiveInt" | "unsignedInt"),
            _ => false,
        }
}

/// Hands each value of an expression to `found`, in order, without gathering them.
pub(super) fn each<'t>(ast: &'t Ast, this: &Value<'t>, resource: Node<'t>, found: &mut dyn FnMut(Value<'t>)) {
    match ast {
        Ast::This => found(this.clone()),
        Ast::Resource => found(Value::Node(resource)),
        Ast::Root(ty) => {
            if this.is_a(ty) {
                found(this.clone());
            }
        }
        Ast::Literal(literal) => found(match literal {
            Literal::String(text) => Value::String(Cow::Borrowed(text)),
            Literal::Boolean(value) => Value::Boolean(*value),
            Literal::Number(text) => Value::Number(Cow::Borrowed(text)),
        }),
        Ast::Child(input, name) => each(input, this, resource, &mut |value| {
            value.node().into_iter().flat_map(|node| node.named(*name)).for_each(|child| found(Value::Node(child)));
        }),
        Ast::Item(input, number) => all(input, this, resource).into_iter().nth(*number).into_iter().for_each(found),
        Ast::Call(input, function) => call(function, input, this, resource, found),
        Ast::Is(input, ty) => {
            if let [one] = all(input, this, resource).as_slice() {
                found(Value::Boolean(one.is_a(ty)));
            }
        }
        Ast::As(input, ty) => each(input, this, resource, &mut |value| {
            if value.is_a(ty) {
                found(value);
            }
        }),
        Ast::Binary(Operator::Union, left, right) => {
            each(left, this, resource, found);
            each(right, this, resource, found);
        }
        Ast::Binary(operator, left, right) => {
            let (left, right) = (all(left, this, resource), all(right, this, resource));
            binary(*operator, &left, &right).map(Value::Boolean).into_iter().for_each(found);
        }
    }
}

/// All values of an expression.
pub(super) fn all<'t>(ast: &'t Ast, this: &Value<'t>, resource: Node<'t>) -> Vec<Value<'t>> {
    let mut values = Vec::new();
    each(ast, this, resource, &mut |value| values.push(value));
    values
}

/// The operators of three-valued logic; `None` is the empty collection.
fn binary(operator: Operator, left: &[Value<'_>], right: &[Value<'_>]) -> Option<bool> {
    let same = || -> Option<bool> {
        if left.is_empty() || right.is_empty() {
            return None;
        }
        Some(left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a.equals(b)))
    };
    match operator {
        Operator::Equal => same(),
        Operator::NotEqual => same().map(|equal| !equal),
        Operator::And => match (truth(left), truth(right)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Operator::Or => match (truth(left), truth(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Operator::Union => None,
    }
}

fn truth(values: &[Value<'_>]) -> Option<bool> {
    match values {
        [one] => match one.plain() {
            Value::Boolean(value) => Some(value),
            // A single item that is no boolean counts as true (singleton evaluation).
            _ => Some(true),
        },
        _ => None,
    }
}

fn call<'t>(function: &'t Function, input: &'t Ast, this: &Value<'t>, resource: Node<'t>, found: &mut dyn FnMut(Value<'t>)) {
    let passes = |criteria: &'t Ast, value: &Value<'t>| truth(&all(criteria, value, resource)) == Some(true);
    match function {
        Function::Where(criteria) => each(input, this, resource, &mut |value| {
            if passes(criteria, &value) {
                found(value);
            }
        }),
        Function::Exists(criteria) => {
            let mut exists = false;
            each(input, this, resource, &mut |value| {
                exists = exists || criteria.as_deref().is_none_or(|criteria| passes(criteria, &value));
            });
            found(Value::Boolean(exists));
        }
        Function::Empty => found(Value::Boolean(all(input, this, resource).is_empty())),
        Function::Not => truth(&all(input, this, resource)).map(|value| Value::Boolean(!value)).into_iter().for_each(found),
        Function::First => all(input, this, resource).into_iter().take(1).for_each(found),
        Function::Resolve => each(input, this, resource, &mut |value| {
            value.node().and_then(|node| resolve(node, resource)).into_iter().for_each(&mut *found);
        }),
        Function::Extension(url) => each(input, this, resource, &mut |value| {
            let extensions = value.node().into_iter().flat_map(|node| node.all("extension"));
            extensions.filter(|ext| ext.get_text("url").is_some_and(|u| u == **url)).for_each(|ext| found(Value::Node(ext)));
        }),
    }
}

/// What a reference points at: a contained resource, or the type that the reference itself tells.
fn resolve<'t>(node: Node<'t>, resource: Node<'t>) -> Option<Value<'t>> {
    let schema = node.tree().schema();
    let text = if node.shape() == Shape::Object { node.get_text("reference") } else { Some(node.text()) };
    if let Some(id) = text.as_deref().and_then(|text| text.strip_prefix('#')) {
        return resource.all("contained").find(|contained| contained.get_text("id").is_some_and(|c| c == id)).map(Value::Node);
    }
    let by_text = text.as_deref().and_then(|text| reference::tail(text, schema)).map(|key| key.kind);
    let by_type = || node.get_text("type").and_then(|ty| schema.resource_type(&ty));
    by_text.or_else(by_type).map(|kind| Value::Resolved(kind.name()))
}
