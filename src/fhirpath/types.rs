//! Which types an expression can find, told before there is any resource: so that a slip in it is found when it comes.

use std::collections::BTreeSet;

use super::ast::{Ast, Function, Literal, Operator};
use super::eval::type_is;
use crate::model::schema::{Kind, Name, ResourceType, Schema, TypeId};

/// Types of elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Types(BTreeSet<TypeId>);

impl Types {
    /// A resource of that type.
    #[must_use]
    pub fn resource(kind: ResourceType) -> Self {
        Self(BTreeSet::from([kind.id()]))
    }

    /// Whether there are none: nothing is ever found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names.
    #[must_use]
    pub fn names(&self, schema: &Schema) -> Vec<&'static str> {
        self.0.iter().map(|ty| schema.type_name(*ty)).collect()
    }

    fn named(name: &str, schema: &Schema) -> Self {
        Self(schema.type_named(name).into_iter().collect())
    }

    /// An abstract resource stands for all resources.
    fn add(&mut self, ty: TypeId, schema: &Schema) {
        if schema.kind(ty) == Kind::AnyResource {
            self.0.extend(schema.resource_types().map(ResourceType::id));
        } else {
            self.0.insert(ty);
        }
    }

    fn only(&self, wanted: &str, schema: &Schema) -> Result<Self, String> {
        const OWN: [&str; 9] = ["Resource", "DomainResource", "String", "Boolean", "Integer", "Decimal", "Date", "DateTime", "Time"];
        if schema.type_named(wanted).is_none() && !OWN.contains(&wanted) {
            return Err(format!("R4 has no type \"{wanted}\""));
        }
        Ok(Self(self.0.iter().copied().filter(|ty| type_is(schema.type_name(*ty), wanted)).collect()))
    }

    fn children(&self, name: Name, schema: &Schema) -> Result<Self, String> {
        let mut found = Self::default();
        for ty in &self.0 {
            for element in schema.elements(*ty).iter().filter(|element| element.name == name) {
                element.types.iter().for_each(|ty| found.add(*ty, schema));
            }
        }
        if found.is_empty() && !self.is_empty() {
            let mut names = self.names(schema);
            names.truncate(3);
            let told = schema.name(name);
            // A choice goes by its name: valueCode is written value.ofType(code).
            let choice = self.0.iter().flat_map(|ty| schema.elements(*ty)).map(|element| schema.name(element.name));
            let choice = choice.filter(|other| told.len() > other.len() && told.starts_with(*other)).max_by_key(|other| other.len());
            let hint = choice.map(|choice| format!(": write {choice}, not {told}")).unwrap_or_default();
            return Err(format!("{} has no element \"{told}\"{hint}", names.join(" or ")));
        }
        Ok(found)
    }
}

/// The types of what an expression finds.
pub(super) fn of(ast: &Ast, this: &Types, resource: &Types, schema: &Schema) -> Result<Types, String> {
    let inner = |ast: &Ast| of(ast, this, resource, schema);
    let boolean = || Types::named("boolean", schema);
    Ok(match ast {
        Ast::This => this.clone(),
        Ast::Resource => resource.clone(),
        Ast::Root(ty) => this.only(ty, schema)?,
        Ast::Literal(Literal::String(_)) => Types::named("string", schema),
        Ast::Literal(Literal::Boolean(_)) => boolean(),
        Ast::Literal(Literal::Number(_)) => Types::named("decimal", schema),
        Ast::Child(input, _) if leads_away(input) => {
            return Err(
                "resolve() can only be asked for its type (where(resolve() is Patient)): what it leads to is searched by a chain".into()
            );
        }
        Ast::Child(input, name) => inner(input)?.children(*name, schema)?,
        Ast::Item(input, _) | Ast::Call(input, Function::First) => inner(input)?,
        Ast::Call(input, Function::Where(criteria)) => {
            let input = inner(input)?;
            of(criteria, &input, resource, schema)?;
            input
        }
        Ast::Call(input, Function::Exists(criteria)) => {
            let input = inner(input)?;
            criteria.as_ref().map(|criteria| of(criteria, &input, resource, schema)).transpose()?;
            boolean()
        }
        Ast::Call(input, Function::Empty | Function::Not) => {
            inner(input)?;
            boolean()
        }
        Ast::Call(input, Function::Extension(_)) => {
            let extension = Types::named("Extension", schema);
            if inner(input)?.is_empty() { Types::default() } else { extension }
        }
        Ast::Call(input, Function::Resolve) => {
            let mut all = Types::default();
            if !inner(input)?.is_empty() {
                all.0.extend(schema.resource_types().map(ResourceType::id));
            }
            all
        }
        Ast::Is(input, ty) => {
            inner(input)?.only(ty, schema)?;
            boolean()
        }
        Ast::As(input, ty) => inner(input)?.only(ty, schema)?,
        Ast::Binary(Operator::Union, left, right) => {
            let (mut left, right) = (inner(left)?, inner(right)?);
            left.0.extend(right.0);
            left
        }
        Ast::Binary(_, left, right) => {
            inner(left)?;
            inner(right)?;
            boolean()
        }
    })
}

/// Whether the values of an expression are what references lead to, of which only the types are known.
pub(super) fn leads_away(ast: &Ast) -> bool {
    match ast {
        Ast::Call(_, Function::Resolve) => true,
        Ast::Child(input, _)
        | Ast::Item(input, _)
        | Ast::As(input, _)
        | Ast::Call(input, Function::First | Function::Where(_) | Function::Extension(_)) => leads_away(input),
        Ast::Binary(Operator::Union, left, right) => leads_away(left) || leads_away(right),
        _ => false,
    }
}
