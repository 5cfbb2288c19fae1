//! The search parameters of every type with their expressions compiled: what extraction and resolution work with.
//!
//! Special parameters without values of their own (`_filter`, `_text` …) are the business of `resolve`.

use super::key::{self, Aside};
use super::plan::{ParameterNumber, Searched};
use crate::base::table::Table;
use crate::definitions::{Component, Definitions, Parameter};
use crate::fhirpath::{Expression, Invalid};
use crate::model::schema::{ResourceType, Schema, TypeId};

/// A parameter ready for use.
#[derive(Debug)]
pub struct Compiled {
    /// What the definitions say of it.
    pub parameter: &'static Parameter,
    /// Its expression; `None` if the parameter is told by the server itself (`_lastUpdated`, `_id`).
    pub expression: Option<Expression>,
    /// The parts of a composite, in the order of its components.
    pub parts: Vec<Part>,
    /// What it finds beside the values of its elements.
    pub reading: Reading,
}

impl Compiled {
    /// The number under which a composite finds the values of this parameter.
    #[must_use]
    pub fn number_in_composites(&self) -> ParameterNumber {
        match self.reading {
            Reading::FirstPosition | Reading::LastPosition => key::aside(self.parameter.number, Aside::Position),
            Reading::Plain | Reading::Chromosome => self.parameter.number,
        }
    }
}

/// A part of a composite parameter.
#[derive(Debug)]
pub struct Part {
    /// From an element of the composite to the values of this part.
    pub expression: Expression,
    /// Code of the parameter, of the same type, that says how values are compared.
    pub code: &'static str,
}

/// What a parameter finds beside the values that are written in its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Nothing.
    Plain,
    /// In composites, the first position of a region of a sequence is counted from 1, whatever the resource counts from.
    FirstPosition,
    /// In composites, the last position of a region of a sequence is counted from 1 and inside, whatever the resource does.
    LastPosition,
    /// The chromosome that the accession of a sequence tells.
    Chromosome,
}

impl Reading {
    /// The reading that the definition of a parameter demands: <https://hl7.org/fhir/R4/molecularsequence.html#search>.
    fn of(url: &str) -> Self {
        match url.strip_prefix("http://hl7.org/fhir/SearchParameter/MolecularSequence-") {
            Some("variant-start" | "window-start") => Self::FirstPosition,
            Some("variant-end" | "window-end") => Self::LastPosition,
            Some("chromosome") => Self::Chromosome,
            _ => Self::Plain,
        }
    }
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
                let own = matches!(parameter.code, "_id" | "_lastUpdated");
                if parameter.expression.is_empty() && !own {
                    continue;
                }
                let compile = |text: &str| {
                    Expression::compile(text, &definitions.schema).map_err(|invalid| BadExpression { kind, code: parameter.code, invalid })
                };
                let expression = if own { None } else { Some(compile(parameter.expression)?) };
                let part = |part: &Component| Ok(Part { expression: compile(part.expression)?, code: part.code });
                let parts = parameter.components.iter().map(part).collect::<Result<_, _>>()?;
                parameters.push(Compiled { parameter, expression, parts, reading: Reading::of(parameter.url) });
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
