//! Conditions on the child elements of one element: `name[use eq official].family co "x"`.
//!
//! Texts are compared without regard to letter case and accents.

use super::super::super::catalog::{Compiled, TypeCatalog};
use super::super::super::key::fold;
use super::parse::{Expression, Operation, Path};
use crate::model::schema::{Kind, Schema, TypeId};
use crate::model::tree::{Node, Shape};

/// What must hold for an element.
#[derive(Debug)]
pub(super) enum Wanted {
    All(Vec<Wanted>),
    Any(Vec<Wanted>),
    Not(Box<Wanted>),
    /// A child element, by its names from the element on.
    Is(Vec<String>, Test),
}

#[derive(Debug)]
pub(super) enum Test {
    There,
    Equals(String),
    Contains(String),
    Starts(String),
    Ends(String),
}

/// Reads conditions on the elements of a parameter.
pub(super) fn read(
    compiled: &Compiled,
    inner: &Expression,
    (path, operation): (&Path, &Operation),
    own: &TypeCatalog,
) -> Result<Wanted, String> {
    let schema = own.schema();
    let code = &*compiled.parameter.code;
    let types = types_of(&compiled.parameter.expression, own)
        .ok_or_else(|| format!("A filter in brackets cannot follow \"{code}\": what its elements are is not told by a plain path."))?;
    let reader = Reader { code, types, schema };
    Ok(Wanted::All(vec![reader.wanted(inner)?, reader.child(path, operation)?]))
}

struct Reader<'a> {
    code: &'a str,
    types: Vec<TypeId>,
    schema: &'static Schema,
}

impl Reader<'_> {
    fn wanted(&self, expression: &Expression) -> Result<Wanted, String> {
        let each = |all: &[Expression]| all.iter().map(|one| self.wanted(one)).collect::<Result<Vec<_>, _>>();
        Ok(match expression {
            Expression::All(all) => Wanted::All(each(all)?),
            Expression::Any(any) => Wanted::Any(each(any)?),
            Expression::Not(inner) => Wanted::Not(Box::new(self.wanted(inner)?)),
            Expression::Is(path, operation) => self.child(path, operation)?,
        })
    }

    fn child(&self, path: &Path, operation: &Operation) -> Result<Wanted, String> {
        if path.then.is_some() {
            return Err(format!("Below the elements of \"{}\" there are no further filters in brackets.", self.code));
        }
        let names: Vec<&str> = path.name.split('.').collect();
        let told = || format!("The elements of \"{}\" have no element \"{}\" to compare.", self.code, path.name);
        let ends: Vec<TypeId> = self.types.iter().filter_map(|ty| walk(*ty, names.iter().copied(), self.schema)).collect();
        let value = fold(operation.value());
        let text =
            |test: Test| if ends.iter().any(|ty| matches!(self.schema.kind(*ty), Kind::Primitive(_))) { Ok(test) } else { Err(told()) };
        if ends.is_empty() {
            return Err(told());
        }
        let is = |test| Wanted::Is(names.iter().map(|name| (*name).to_owned()).collect(), test);
        Ok(match operation.operator.as_str() {
            "pr" if value == "true" => is(Test::There),
            "pr" => Wanted::Not(Box::new(is(Test::There))),
            "eq" => is(text(Test::Equals(value))?),
            "ne" => Wanted::Not(Box::new(is(text(Test::Equals(value))?))),
            "co" => is(text(Test::Contains(value))?),
            "sw" => is(text(Test::Starts(value))?),
            "ew" => is(text(Test::Ends(value))?),
            _ => return Err(operation.not_served("eq ne co sw ew pr")),
        })
    }
}

/// The types of the elements to which an expression leads, if it is made of plain paths.
fn types_of(expression: &str, own: &TypeCatalog) -> Option<Vec<TypeId>> {
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    let branch = |path: &str| {
        let mut names = path.trim().split('.').peekable();
        names.next_if(|name| *name == own.kind.name());
        let names: Vec<&str> = names.collect();
        if names.iter().all(|name| plain(name)) { walk(own.kind.id(), names.into_iter(), own.schema()) } else { None }
    };
    expression.split('|').map(branch).collect()
}

/// The type of the element to which names lead.
fn walk<'n>(from: TypeId, mut names: impl Iterator<Item = &'n str>, schema: &Schema) -> Option<TypeId> {
    names.try_fold(from, |ty, name| schema.slot(ty, name).map(|slot| slot.ty))
}

impl Wanted {
    pub(super) fn holds(&self, node: Node<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(node)),
            Self::Any(any) => any.iter().any(|one| one.holds(node)),
            Self::Not(inner) => !inner.holds(node),
            Self::Is(names, test) => test.holds(node, names),
        }
    }
}

impl Test {
    fn holds(&self, node: Node<'_>, names: &[String]) -> bool {
        if let Some((name, rest)) = names.split_first() {
            return node.all(name).any(|child| self.holds(child, rest));
        }
        let text = || if node.shape() == Shape::Object { None } else { Some(fold(&node.text())) };
        match self {
            Self::There => true,
            Self::Equals(value) => text().is_some_and(|text| text == *value),
            Self::Contains(value) => text().is_some_and(|text| text.contains(value)),
            Self::Starts(value) => text().is_some_and(|text| text.starts_with(value)),
            Self::Ends(value) => text().is_some_and(|text| text.ends_with(value)),
        }
    }
}
