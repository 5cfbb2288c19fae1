//! The search parameters of every type with their expressions compiled: what extraction and resolution work with.
//!
//! Parameters of kind composite and special are known here and not yet served; asking for one is an error, never ignored.

use super::key;
use super::plan::{ParameterNumber, Searched};
use crate::base::table::Table;
use crate::definitions::{Definitions, Parameter, ParameterKind};
use crate::fhirpath::{Expression, Invalid};
use crate::model::schema::{ResourceType, Schema, TypeId};

/// A parameter ready for use.
#[derive(Debug)]
pub struct Compiled {
    /// What the definitions say of it.
    pub parameter: &'static Parameter,
    /// Its expression; `None` if the parameter is told by the server itself (`_lastUpdated`, `_id`) or is not served.
    pub expression: Option<Expression>,
}

/// All parameters of one type.
#[derive(Debug)]
pub struct TypeCatalog {
    /// The type.
    pub kind: ResourceType,
    /// The post that every resource of the type has.
    pub type_post: u64,
    /// Number of `_lastUpdated` of this type.
    pub last_updated: ParameterNumber,
    parameters: Vec<Compiled>,
    schema: &'static Schema,
}

impl TypeCatalog {
    /// The type as plans name it.
    #[must_use]
    pub fn searched(&self) -> Searched {
        Searched { kind: self.kind, post: self.type_post }
    }

    /// The schema of all types.
    #[must_use]
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// The parameter of that code, if it is served.
    #[must_use]
    pub fn parameter(&self, code: &str) -> Option<&Compiled> {
        self.parameters.binary_search_by(|compiled| compiled.parameter.code.cmp(code)).ok().and_then(|i| self.parameters.get(i))
    }

    /// All served parameters, sorted by code.
    #[must_use]
    pub fn parameters(&self) -> &[Compiled] {
        &self.parameters
    }
}

/// The parameters of all types.
#[derive(Debug)]
pub struct Catalog {
    definitions: &'static Definitions,
    types: Table<TypeId, TypeCatalog>,
}

/// An expression in the tables that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("search parameter {kind}.{code}: {invalid}")]
pub struct BadExpression {
    kind: ResourceType,
    code: &'static str,
    invalid: Invalid,
}

impl Catalog {
    /// Compiles the expressions of all types.
    ///
    /// # Errors
    /// When an expression of the tables is not understood; the tests hold that none is.
    pub fn new(definitions: &'static Definitions) -> Result<Self, BadExpression> {
        let mut types = Table::default();
        for kind in definitions.schema.resource_types() {
            let mut parameters = Vec::new();
            for parameter in definitions.parameters(kind) {
                if matches!(parameter.kind, ParameterKind::Composite | ParameterKind::Special) {
                    continue;
                }
                let own = matches!(parameter.code, "_id" | "_lastUpdated") || parameter.expression.is_empty();
                let compile = || Expression::compile(parameter.expression, &definitions.schema);
                let expression =
                    if own { None } else { Some(compile().map_err(|invalid| BadExpression { kind, code: parameter.code, invalid })?) };
                if expression.is_some() || matches!(parameter.code, "_id" | "_lastUpdated") {
                    parameters.push(Compiled { parameter, expression });
                }
            }
            let last_updated = definitions.parameter(kind, "_lastUpdated").map_or(0, |parameter| parameter.number);
            types.insert(
                kind.id(),
                TypeCatalog { kind, type_post: key::of_type(kind), last_updated, parameters, schema: &definitions.schema },
            );
        }
        Ok(Self { definitions, types })
    }

    /// The parameters of a type.
    ///
    /// # Panics
    /// Never: every type that the schema gives has its catalog.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "filled for every resource type of the schema, and a ResourceType comes from nowhere else")]
    pub fn of(&self, kind: ResourceType) -> &TypeCatalog {
        &self.types[&kind.id()]
    }

    /// The definitions behind it.
    #[must_use]
    pub fn definitions(&self) -> &'static Definitions {
        self.definitions
    }

    /// The schema behind it.
    #[must_use]
    pub fn schema(&self) -> &'static Schema {
        &self.definitions.schema
    }
}
