//! Names of types, as `is`, `as` and `ofType` take them, and which types come under them.
//!
//! Source: <http://hl7.org/fhirpath/N1/#types>, <https://hl7.org/fhir/R4/fhirpath.html#types>.

use super::ast::Field;
use crate::model::schema::{Kind, Schema, TypeId};

/// The name of a type, looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeName {
    /// `FHIR` or `System`, if it is told.
    pub(super) namespace: Option<&'static str>,
    pub(super) name: Box<str>,
    /// Its number, if R4 has it.
    pub(super) id: Option<TypeId>,
    /// Whether there is such a type.
    pub(super) known: bool,
}

/// FHIRPath's own types.
const SYSTEM: [&str; 9] = ["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "Any"];
/// Types of R4 that no element has, only types that derive from them.
const ABSTRACT: [&str; 4] = ["Resource", "DomainResource", "Element", "BackboneElement"];
/// Data types that take modifier extensions.
const BACKBONES: [&str; 8] =
    ["ElementDefinition", "Timing", "Dosage", "Population", "ProdCharacteristic", "ProductShelfLife", "MarketingStatus", "SubstanceAmount"];

impl TypeName {
    pub(super) fn new(namespace: Option<&str>, name: &str, schema: &Schema) -> Self {
        let namespace = namespace.map(|told| if told == "FHIR" { "FHIR" } else { "System" });
        let id = if namespace == Some("System") { None } else { schema.type_named(name) };
        let own = namespace != Some("FHIR") && SYSTEM.contains(&name);
        let known = id.is_some() || own || (namespace != Some("System") && ABSTRACT.contains(&name)) || namespace == Some("System");
        Self { namespace, name: name.into(), id, known }
    }

    /// Whether elements of this type have such a child, as far as the type is known.
    pub(super) fn has(&self, field: &Field, schema: &Schema) -> bool {
        let simple = |ty| matches!(schema.kind(ty), Kind::Primitive(_));
        self.id.is_none_or(|ty| simple(ty) || schema.elements(ty).iter().any(|element| element.name == field.name))
    }

    /// Whether an element of a type is of this one. With `exact`, a primitive type does not count as the one it derives from.
    pub(super) fn holds(&self, name: &str, kind: Kind, exact: bool, lenient: bool) -> bool {
        if self.namespace == Some("System") {
            return lenient && own_name(name, &self.name);
        }
        name == &*self.name
            || (!(exact && matches!(kind, Kind::Primitive(_))) && type_is(name, kind, &self.name))
            || (lenient && self.namespace.is_none() && own_name(name, &self.name))
    }

    /// Whether a value of FHIRPath's own type is of this one.
    pub(super) fn holds_own(&self, name: &str) -> bool {
        self.namespace != Some("FHIR") && *self.name == *name
    }
}

/// Whether a type is derived from `wanted`, in R4's hierarchy.
pub(super) fn type_is(name: &str, kind: Kind, wanted: &str) -> bool {
    name == wanted
        || match wanted {
            "Resource" => matches!(kind, Kind::Resource | Kind::AnyResource),
            "DomainResource" => kind == Kind::Resource && !matches!(name, "Bundle" | "Binary" | "Parameters"),
            "Element" => !matches!(kind, Kind::Resource | Kind::AnyResource),
            "BackboneElement" => {
                (kind == Kind::Backbone && name.starts_with(|c: char| c.is_ascii_uppercase())) || BACKBONES.contains(&name)
            }
            "Quantity" => matches!(name, "Age" | "Count" | "Distance" | "Duration" | "MoneyQuantity" | "SimpleQuantity"),
            "string" => matches!(name, "code" | "id" | "markdown"),
            "uri" => matches!(name, "url" | "canonical" | "oid" | "uuid"),
            "integer" => matches!(name, "positiveInt" | "unsignedInt"),
            _ => false,
        }
}

/// The definitions of R4 also name FHIRPath's own types where they mean elements.
pub(super) fn own_name(name: &str, wanted: &str) -> bool {
    match wanted {
        "DateTime" => matches!(name, "dateTime" | "instant"),
        "Date" => name == "date",
        "Time" => name == "time",
        "Boolean" => name == "boolean",
        "Integer" => matches!(name, "integer" | "positiveInt" | "unsignedInt"),
        "Decimal" => name == "decimal",
        "String" => {
            matches!(name, "string" | "code" | "id" | "markdown" | "uri" | "url" | "canonical" | "oid" | "uuid" | "base64Binary")
        }
        _ => false,
    }
}
