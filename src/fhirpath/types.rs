//! Which types an expression can find, told before there is any resource: so that a slip in it is found when it comes.

use std::collections::BTreeSet;

use super::ast::{Ast, Call, Field, How, Literal, Operator, Variable};
use super::functions::Function;
use super::type_name::TypeName;
use crate::model::schema::{Kind, ResourceType, Schema, TypeId};

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

    fn only(&self, wanted: &TypeName, schema: &Schema) -> Result<Self, String> {
        if !wanted.known {
            return Err(format!("R4 has no type \"{}\"", wanted.name));
        }
        Ok(Self(self.0.iter().copied().filter(|ty| wanted.holds(schema.type_name(*ty), schema.kind(*ty), false, true)).collect()))
    }

    fn children(&self, Field { name, text: told }: &Field, schema: &Schema) -> Result<Self, String> {
        let mut found = Self::default();
        for ty in &self.0 {
            for element in schema.elements(*ty).iter().filter(|element| element.name == *name) {
                element.types.iter().for_each(|ty| found.add(*ty, schema));
            }
        }
        if found.is_empty() && !self.is_empty() {
            let mut names = self.names(schema);
            names.truncate(3);
            // A choice goes by its name: valueCode is written value.ofType(code).
            let choice = self.0.iter().flat_map(|ty| schema.elements(*ty)).map(|element| schema.name(element.name));
            let choice = choice.filter(|other| told.len() > other.len() && told.starts_with(*other)).max_by_key(|other| other.len());
            let hint = choice.map(|choice| format!(": write {choice}, not {told}")).unwrap_or_default();
            return Err(format!("{} has no element \"{told}\"{hint}", names.join(" or ")));
        }
        Ok(found)
    }
}

/// The types of what an expression finds. Only what expressions of clients may hold is known.
pub(super) fn of(ast: &Ast, this: &Types, resource: &Types, schema: &Schema) -> Result<Types, String> {
    let inner = |ast: &Ast| of(ast, this, resource, schema);
    let boolean = || Types::named("boolean", schema);
    Ok(match ast {
        Ast::This => this.clone(),
        Ast::Empty => Types::default(),
        Ast::Variable(Variable::Resource | Variable::RootResource | Variable::Context) => resource.clone(),
        Ast::Variable(_) | Ast::Literal(Literal::String(_)) => Types::named("string", schema),
        Ast::Root(ty) => this.only(ty, schema)?,
        Ast::Literal(Literal::Boolean(_)) => boolean(),
        Ast::Literal(Literal::Moment(_)) => Types::named("dateTime", schema),
        Ast::Literal(Literal::Quantity(..) | Literal::Duration(..)) => Types::named("Quantity", schema),
        Ast::Literal(_) | Ast::Negative(_) | Ast::Index | Ast::Total => Types::named("decimal", schema),
        Ast::Child(input, _) if leads_away(input) => {
            return Err(
                "resolve() can only be asked for its type (where(resolve() is Patient)): what it leads to is searched by a chain".into()
            );
        }
        Ast::Child(input, field) => inner(input)?.children(field, schema)?,
        Ast::Item(parts) => inner(&parts.0)?,
        Ast::Call(call) => of_call(call, &inner(&call.input)?, resource, schema)?,
        Ast::Typed(How::Is, input, ty) => {
            inner(input)?.only(ty, schema)?;
            boolean()
        }
        Ast::Typed(_, input, ty) => inner(input)?.only(ty, schema)?,
        Ast::Union(parts) => {
            let mut all = Types::default();
            for part in parts {
                all.0.extend(inner(part)?.0);
            }
            all
        }
        Ast::Binary(operator, sides) => {
            inner(&sides.0)?;
            inner(&sides.1)?;
            match operator {
                Operator::Concatenate => Types::named("string", schema),
                operator if operator.answers() => boolean(),
                _ => Types::named("decimal", schema),
            }
        }
    })
}

fn of_call(call: &Call, input: &Types, resource: &Types, schema: &Schema) -> Result<Types, String> {
    let boolean = || Types::named("boolean", schema);
    Ok(match call.function {
        Function::First => input.clone(),
        Function::Where | Function::Exists => {
            for criteria in &call.arguments {
                of(criteria, input, resource, schema)?;
            }
            if call.function == Function::Where { input.clone() } else { boolean() }
        }
        Function::Empty | Function::Not | Function::HasExtension => boolean(),
        Function::Extension => {
            if input.is_empty() {
                Types::default()
            } else {
                Types::named("Extension", schema)
            }
        }
        Function::Resolve => {
            let mut all = Types::default();
            if !input.is_empty() {
                all.0.extend(schema.resource_types().map(ResourceType::id));
            }
            all
        }
        other => return Err(format!("the function {}() is not served", other.name())),
    })
}

/// Whether the values of an expression are what references lead to, of which only the types are known.
pub(super) fn leads_away(ast: &Ast) -> bool {
    match ast {
        Ast::Call(call) => match call.function {
            Function::Resolve => true,
            Function::First | Function::Where | Function::Extension => leads_away(&call.input),
            _ => false,
        },
        Ast::Child(input, _) | Ast::Typed(How::As | How::OfType, input, _) => leads_away(input),
        Ast::Item(parts) => leads_away(&parts.0),
        Ast::Union(parts) => parts.iter().any(leads_away),
        _ => false,
    }
}
