//! The search parameters of every type with their expressions compiled: what extraction and resolution work with.
//!
//! Those of R4 are always there. Parameters of this server's own ([`super::custom`]) join them under a generation: a number that
//! grows whenever one comes, changes or goes, so that rows extracted with an older catalog are known as such. One whose rows are
//! not complete yet is extracted, but cannot be asked for.
//!
//! Special parameters without values of their own (`_filter`, `_text` …) are the business of `resolve`.

use std::sync::Arc;

use super::custom::{self, Custom, Refused};
use super::extract::version;
use super::key::{self, Aside};
use super::plan::{ParameterNumber, Searched};
use crate::base::table::Table;
use crate::definitions::{Component, Definitions, Parameter, ParameterKind};
use crate::fhirpath::{Expression, Invalid};
use crate::model::schema::{ResourceType, Schema, TypeId};

/// A parameter ready for use.
#[derive(Debug)]
pub struct Compiled {
    /// What the definitions say of it.
    pub parameter: Arc<Parameter>,
    /// Its expression; `None` if the parameter is told by the server itself (`_lastUpdated`, `_id`).
    pub expression: Option<Expression>,
    /// The parts of a composite, in the order of its components.
    pub parts: Vec<Part>,
    /// What it finds beside the values of its elements.
    pub reading: Reading,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// R4 defines it.
    BuiltIn,
    /// A SearchParameter of this server defines it, and all stored resources have its rows.
    Own,
    /// A SearchParameter of this server defines it; why it cannot be asked for yet, in words.
    Unready(Arc<str>),
}

impl Compiled {
    /// Whether searches may ask for it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        !matches!(self.origin, Origin::Unready(_))
    }
}

/// A part of a composite parameter.
#[derive(Debug)]
pub struct Part {
    /// From an element of the composite to the values of this part.
    pub expression: Expression,
    /// Code of the parameter, of the same type, that says how values are compared.
    pub code: Box<str>,
    /// The number under which the values of this part stand: that of its parameter, which R4's composites share with it.
    pub number: ParameterNumber,
    /// Whether the number is the part's own: then its rows stand among those of the resource by themselves.
    pub own: bool,
}

impl Part {
    /// The number under which the composite finds the values of this part, given the parameter of its code.
    #[must_use]
    pub fn number_in_composites(&self, of: &Compiled) -> ParameterNumber {
        match of.reading {
            Reading::FirstPosition | Reading::LastPosition => key::aside(self.number, Aside::Position),
            Reading::Plain | Reading::Chromosome => self.number,
        }
    }
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
#[derive(Debug, Clone)]
pub struct TypeCatalog {
    /// The type.
    pub kind: ResourceType,
    /// The post that every resource of the type has.
    pub type_post: u64,
    /// Number of `_lastUpdated` of this type.
    pub last_updated: ParameterNumber,
    /// Sorted by code.
    parameters: Vec<Arc<Compiled>>,
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
        self.known(code).map(Arc::as_ref).filter(|compiled| compiled.is_served())
    }

    /// The parameter of that code, served or not.
    #[must_use]
    pub fn known(&self, code: &str) -> Option<&Arc<Compiled>> {
        self.parameters.binary_search_by(|compiled| (*compiled.parameter.code).cmp(code)).ok().and_then(|i| self.parameters.get(i))
    }

    /// All served parameters, sorted by code.
    pub fn parameters(&self) -> impl Iterator<Item = &Compiled> {
        self.all().filter(|compiled| compiled.is_served())
    }

    /// All parameters under which resources have rows, also those that cannot be asked for yet.
    pub fn all(&self) -> impl Iterator<Item = &Compiled> {
        self.parameters.iter().map(Arc::as_ref)
    }
}

/// The parameters of all types.
#[derive(Debug, Clone)]
pub struct Catalog {
    definitions: &'static Definitions,
    types: Table<TypeId, Arc<TypeCatalog>>,
    /// The numbers that the parameters of R4 take, those beside them included.
    taken: Arc<std::collections::HashSet<ParameterNumber>>,
    generation: u64,
    own: Vec<Defined>,
    /// The version of the stored rows and why they are not the present ones, if they are not.
    older: Option<(u64, Arc<str>)>,
}

/// A parameter of this server's own in a catalog.
#[derive(Debug, Clone)]
pub struct Defined {
    /// What it was made from.
    pub entry: Entry,
    /// Its numbers, type by type: others if anything of its definition is another.
    pub numbers: Vec<ParameterNumber>,
}

/// An expression in the tables that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("search parameter {kind}.{code}: {invalid}")]
pub struct BadExpression {
    kind: ResourceType,
    code: String,
    invalid: Invalid,
}

/// A parameter of this server's own, as the catalog is to hold it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What defines it.
    pub custom: Arc<Custom>,
    /// Why it cannot be asked for yet; `None` if it can.
    pub unready: Option<Arc<str>>,
}

impl Catalog {
    /// Compiles the expressions of all types.
    ///
    /// # Errors
    /// When an expression of the tables is not understood; the tests hold that none is.
    pub fn new(definitions: &'static Definitions) -> Result<Self, BadExpression> {
        let mut types = Table::default();
        let mut taken = std::collections::HashSet::new();
        for kind in definitions.schema.resource_types() {
            let mut parameters = Vec::new();
            for parameter in definitions.parameters(kind) {
                let own = matches!(&*parameter.code, "_id" | "_lastUpdated");
                if parameter.expression.is_empty() && !own {
                    continue;
                }
                let compile = |text: &str| {
                    let bad = |invalid| BadExpression { kind, code: parameter.code.to_string(), invalid };
                    Expression::compile(text, &definitions.schema).map_err(bad)
                };
                let expression = if own { None } else { Some(compile(&parameter.expression)?) };
                let part = |part: &Component| {
                    let number = definitions.parameter(kind, &part.code).map_or(0, |parameter| parameter.number);
                    Ok(Part { expression: compile(&part.expression)?, code: (*part.code).into(), number, own: false })
                };
                let parts = parameter.components.iter().map(part).collect::<Result<_, _>>()?;
                let reading = Reading::of(&parameter.url);
                taken.extend(custom::numbers(parameter.number));
                let parameter = Arc::new(parameter.clone());
                parameters.push(Arc::new(Compiled { parameter, expression, parts, reading, origin: Origin::BuiltIn }));
            }
            let last_updated = definitions.parameter(kind, "_lastUpdated").map_or(0, |parameter| parameter.number);
            let (type_post, schema) = (key::of_type(kind), &definitions.schema);
            types.insert(kind.id(), Arc::new(TypeCatalog { kind, type_post, last_updated, parameters, schema }));
        }
        Ok(Self { definitions, types, taken: Arc::new(taken), generation: 0, own: Vec::new(), older: None })
    }

    /// The parameters of R4 with those of the server's own, as a store has them under that generation.
    ///
    /// To be asked of a catalog of R4's parameters alone.
    ///
    /// # Errors
    /// What is wrong with the first that does not go with the others: an expression, or a code that is taken.
    pub fn with(&self, entries: &[Entry], generation: u64) -> Result<Self, Refused> {
        let (types, taken) = (self.types.clone(), Arc::clone(&self.taken));
        let mut catalog = Self { definitions: self.definitions, types, taken, generation, own: Vec::new(), older: None };
        let mut taken = (*self.taken).clone();
        // Composites last: their parts may be other parameters of the server's own.
        let composite = |entry: &&Entry| entry.custom.kind == ParameterKind::Composite;
        for entry in entries.iter().filter(|entry| !composite(entry)).chain(entries.iter().filter(composite)) {
            let mut numbers = Vec::new();
            for (kind, compiled) in entry.custom.compile(&catalog, entry.unready.as_ref(), &mut taken)? {
                numbers.extend([compiled.parameter.number].into_iter().chain(compiled.parts.iter().map(|part| part.number)));
                if let Some(own) = catalog.types.get_mut(&kind.id()).map(Arc::make_mut) {
                    let at = own.parameters.partition_point(|other| other.parameter.code < compiled.parameter.code);
                    own.parameters.insert(at, Arc::new(compiled));
                }
            }
            catalog.own.push(Defined { entry: entry.clone(), numbers });
        }
        Ok(catalog)
    }

    /// The same over rows of an older version of extraction, which are being made anew: how far that is, in words.
    #[must_use]
    pub fn over_older(self, version: u64, why: Arc<str>) -> Self {
        Self { older: Some((version, why)), ..self }
    }

    /// Why parameters of a kind cannot be asked for: their rows were made by an older version, which made others.
    #[must_use]
    pub fn outdated(&self, kind: ParameterKind) -> Option<&Arc<str>> {
        self.older.as_ref().filter(|(version, _)| version::differs(kind, *version)).map(|(_, why)| why)
    }

    /// The same of one parameter: a composite rests on its parts.
    #[must_use]
    pub fn outdated_of(&self, own: &TypeCatalog, compiled: &Compiled) -> Option<&Arc<str>> {
        let parts = compiled.parts.iter().filter_map(|part| own.known(&part.code)).map(|part| part.parameter.kind);
        [compiled.parameter.kind].into_iter().chain(parts).find_map(|kind| self.outdated(kind))
    }

    /// Under which generation of the store's parameters it stands; 0 if there never were any but those of R4.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The parameters of this server's own.
    #[must_use]
    pub fn own(&self) -> &[Defined] {
        &self.own
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
