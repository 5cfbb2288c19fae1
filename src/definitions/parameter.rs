//! Search parameters: which values of a resource a search can ask for.
//!
//! Reads `search-parameters.tsv`: `type  code  kind  expression  url  targets`, and below a composite one line per component:
//! `code  expression  url`. Rows of `Resource` and `DomainResource` hold for every type that descends from them.
//! Source: <https://hl7.org/fhir/R4/searchparameter.html>, <https://hl7.org/fhir/R4/search.html>.

use std::borrow::Cow;
use std::collections::HashMap;

use super::table::{BrokenTable, lines};
use crate::model::schema::{ResourceType, Schema, TypeId};

/// How the values of a parameter are compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum ParameterKind {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    /// Has rules of its own: `_text`, `_content`, `_filter`, `_query`, `near`.
    Special,
}

impl ParameterKind {
    /// Its code in the value set search-param-type.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::String => "string",
            Self::Token => "token",
            Self::Reference => "reference",
            Self::Composite => "composite",
            Self::Quantity => "quantity",
            Self::Uri => "uri",
            Self::Special => "special",
        }
    }

    /// The kind of that code.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        use ParameterKind::{Composite, Date, Number, Quantity, Reference, Special, String, Token, Uri};
        [Number, Date, String, Token, Reference, Composite, Quantity, Uri, Special].into_iter().find(|kind| kind.code() == code)
    }

    /// The types of elements that it reads: <https://hl7.org/fhir/R4/search.html#table>, and what R4's own parameters read beside.
    #[must_use]
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Number => &["integer", "positiveInt", "unsignedInt", "decimal", "Range"],
            Self::Date => &["date", "dateTime", "instant", "Period", "Timing"],
            Self::String => &[
                "string",
                "markdown",
                "code",
                "id",
                "HumanName",
                "Address",
                "CodeableConcept",
                "Coding",
                "Identifier",
                "ContactPoint",
                "Annotation",
            ],
            Self::Token => &[
                "Coding",
                "CodeableConcept",
                "Identifier",
                "ContactPoint",
                "code",
                "boolean",
                "string",
                "id",
                "uri",
                "url",
                "canonical",
                "oid",
                "uuid",
                "integer",
                "positiveInt",
                "unsignedInt",
            ],
            Self::Reference => &["Reference", "canonical", "uri", "url", "oid", "uuid"],
            Self::Quantity => &["Quantity", "Age", "Count", "Distance", "Duration", "Money", "Range"],
            Self::Uri => &["uri", "url", "canonical", "oid", "uuid"],
            Self::Composite | Self::Special => &[],
        }
    }

    /// Whether it reads elements of that type.
    #[must_use]
    pub fn reads(self, ty: &str) -> bool {
        self.types().contains(&ty)
    }
}

/// A search parameter of one resource type.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name in a query: `birthdate`.
    pub code: Cow<'static, str>,
    /// How its values are compared.
    pub kind: ParameterKind,
    /// FHIRPath from the resource to the values, only the branches that concern this type; empty for some special ones.
    pub expression: Cow<'static, str>,
    /// Canonical URL of the SearchParameter.
    pub url: Cow<'static, str>,
    /// The types that a reference may lead to; empty for other kinds, and where R4 tells none.
    pub targets: Vec<ResourceType>,
    /// The parts of a composite, in the order in which a query tells them.
    pub components: Vec<Component>,
    /// Number of this type and code, the same in every version of the gateway: indexes may store it.
    pub number: u32,
}

/// A part of a composite parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Code of the parameter, of the same resource type, that says how values are compared.
    pub code: Cow<'static, str>,
    /// FHIRPath from a value of the composite to the values of this part.
    pub expression: Cow<'static, str>,
    /// Canonical URL of that parameter.
    pub url: Cow<'static, str>,
}

/// Number of a parameter: FNV-1a (32 bit) over `Type.code`. The tests prove it unique over all rows.
#[must_use]
pub fn number(ty: &str, code: &str) -> u32 {
    let bytes = ty.bytes().chain([b'.']).chain(code.bytes());
    bytes.fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The parameters of each resource type, sorted by code.
pub(super) fn load(text: &'static str, schema: &Schema) -> Result<HashMap<TypeId, Vec<Parameter>>, BrokenTable> {
    let mut rows: Vec<(&'static str, Parameter)> = Vec::new();
    for line in lines("search parameters", text) {
        if line.inner {
            let [code, expression, url] = line.cells()?;
            let Some((_, owner)) = rows.last_mut() else { return Err(line.broken("a component stands before the first parameter")) };
            owner.components.push(Component { code: code.into(), expression: expression.into(), url: url.into() });
        } else {
            let [ty, code, kind, expression, url, targets] = line.cells()?;
            let kind = ParameterKind::named(kind).ok_or_else(|| line.broken("the kind of parameter is unknown"))?;
            let targets = match targets {
                "*" => schema.resource_types().collect(),
                names => {
                    let known: Option<_> = names.split_ascii_whitespace().map(|name| schema.resource_type(name)).collect();
                    known.ok_or_else(|| line.broken("a target is not a resource type"))?
                }
            };
            let number = number(ty, code);
            let (code, expression, url) = (code.into(), expression.into(), url.into());
            rows.push((ty, Parameter { code, kind, expression, url, targets, components: Vec::new(), number }));
        }
    }
    let mut all: HashMap<TypeId, Vec<Parameter>> = HashMap::new();
    for (ty, parameter) in rows {
        for heir in heirs(ty, schema) {
            let own = Parameter { number: number(heir.name(), &parameter.code), ..parameter.clone() };
            all.entry(heir.id()).or_default().push(own);
        }
    }
    for parameters in all.values_mut() {
        parameters.sort_unstable_by(|a, b| a.code.cmp(&b.code));
    }
    Ok(all)
}

/// The resource types that a type stands for.
pub(super) fn heirs(ty: &str, schema: &Schema) -> Vec<ResourceType> {
    match schema.resource_type(ty) {
        Some(own) => vec![own],
        None => schema.resource_types().filter(|heir| descends(*heir, ty, schema)).collect(),
    }
}

/// Every resource is a `Resource`; those that have a narrative are `DomainResource`s.
fn descends(ty: ResourceType, from: &str, schema: &Schema) -> bool {
    from == "Resource" || (from == "DomainResource" && schema.slot(ty.id(), "text").is_some())
}
