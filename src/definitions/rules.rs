//! What R4 and its profiles demand of an element beyond its place and name: types with their targets, bindings, invariants, fixed values.
//!
//! The cells are the same in `types.tsv` and `profiles.tsv`: types `Reference>Patient>Group Quantity^SimpleQuantity`,
//! a binding `required URL` (and the widest value set allowed, if one is told), names of rows in `constraints.tsv`,
//! and values `pattern CodeableConcept {…}`.
//! Source: <https://hl7.org/fhir/R4/elementdefinition.html>, <https://hl7.org/fhir/R4/terminologies.html#strength>.

use std::collections::HashMap;

use super::table::{BrokenTable, Line, lines};
use crate::model::outcome::Severity;

/// Where HL7's own definitions live; the tables leave it out, so that `Patient` stands for the definition of Patient.
pub const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// A definition's URL as the tables tell it: without its version, and without [`CORE`].
#[must_use]
pub fn short(url: &str) -> &str {
    let unversioned = url.split('|').next().unwrap_or(url);
    unversioned.strip_prefix(CORE).unwrap_or(unversioned)
}

/// The canonical URL of a definition that the tables tell short.
#[must_use]
pub fn canonical(told: &str) -> String {
    if told.contains(':') { told.to_owned() } else { format!("{CORE}{told}") }
}

/// A type that an element may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeRule {
    /// Name of the type, or path of the backbone.
    pub code: &'static str,
    /// The value conforms to one of these profiles; [`short`] URLs.
    pub profiles: Vec<&'static str>,
    /// A reference leads to one of these types or profiles; [`short`] URLs; empty for no limit.
    pub targets: Vec<&'static str>,
}

/// How much a binding binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strength {
    /// Only codes of the value set.
    Required,
    /// Codes of the value set, others when none fits.
    Extensible,
    /// Recommended codes.
    Preferred,
    /// Codes that show what is meant.
    Example,
}

/// Which codes an element may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// How much it binds.
    pub strength: Strength,
    /// Canonical URL of the value set, with its version if one is told.
    pub value_set: &'static str,
    /// The widest value set that a weaker binding allows, if one is told.
    pub widest: Option<&'static str>,
}

/// An invariant: FHIRPath that must be true where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constraint {
    /// Its key: `obs-7`. A few keys of R4 have several meanings.
    pub key: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The FHIRPath expression.
    pub expression: &'static str,
    /// What it says, for people; empty for those of HL7, whose prose is not in the tables.
    pub words: &'static str,
}

/// What a [`ValueRule`] demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// Exactly this value.
    Fixed,
    /// At least what stands in this value.
    Pattern,
    /// No less than this value.
    MinValue,
    /// No more than this value.
    MaxValue,
    /// No more characters than this number.
    MaxLength,
}

/// A demand on the value of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRule {
    /// What is demanded.
    pub demand: Demand,
    /// Type of the value told.
    pub ty: &'static str,
    /// The value told, as minified JSON with its decimals as written.
    pub json: &'static str,
}

/// What is demanded of an element.
#[derive(Debug, Default, Clone)]
pub struct ElementRules {
    /// The types it may have; in a profile, empty when they are those of the base type.
    pub types: Vec<TypeRule>,
    /// The codes it may take; in a profile, `None` when that is as in the base type.
    pub binding: Option<Binding>,
    /// Its invariants; in a profile, those that the base type does not have.
    /// `ele-1` and `ext-1` hold everywhere and stand only at the types `Element` and `Extension`.
    pub constraints: Vec<Constraint>,
    /// Demands on its value.
    pub values: Vec<ValueRule>,
}

/// All constraints by the name that the other tables use.
pub(super) type Constraints = HashMap<&'static str, Constraint>;

/// Reads `constraints.tsv`: `name  severity  expression`, and the words of those that were added. The name is the key, with `~2` and so on where a key is used twice.
pub(super) fn load_constraints(text: &'static str) -> Result<Constraints, BrokenTable> {
    let mut all = Constraints::new();
    for line in lines("constraints", text) {
        let ([name, severity, expression], mut rest) = line.cells_and_rest()?;
        let words = rest.next().filter(|words| *words != "-").unwrap_or_default();
        let severity = match severity {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => return Err(line.broken("the severity is neither error nor warning")),
        };
        all.insert(name, Constraint { key: name.split('~').next().unwrap_or(name), severity, expression, words });
    }
    Ok(all)
}

/// What the base types demand: by element number, and of each type as a whole by its name.
#[derive(Debug, Default)]
pub(super) struct BaseRules {
    pub(super) elements: Vec<ElementRules>,
    pub(super) types: HashMap<&'static str, Vec<Constraint>>,
}

/// Reads the right-hand cells of `types.tsv`; elements stand in the order of their numbers in the schema.
pub(super) fn load_base(text: &'static str, constraints: &Constraints) -> Result<BaseRules, BrokenTable> {
    let mut rules = BaseRules::default();
    for line in lines("types", text) {
        if line.inner {
            let ([_, _, _, types, binding, keys], values) = line.cells_and_rest()?;
            rules.elements.push(ElementRules {
                types: type_rules(types),
                binding: parse_binding(binding, line)?,
                constraints: named(keys, constraints, line)?,
                values: values.map(|cell| value_rule(cell, line)).collect::<Result<_, _>>()?,
            });
        } else {
            let [name, _, _, keys] = line.cells()?;
            rules.types.insert(name, named(keys, constraints, line)?);
        }
    }
    Ok(rules)
}

/// Reads a cell of types.
pub(super) fn type_rules(cell: &'static str) -> Vec<TypeRule> {
    cell.split_ascii_whitespace()
        .map(|told| {
            let mut targets = told.split('>');
            let mut profiles = targets.next().unwrap_or(told).split('^');
            TypeRule { code: profiles.next().unwrap_or(told), profiles: profiles.collect(), targets: targets.collect() }
        })
        .collect()
}

/// Reads a binding cell.
pub(super) fn parse_binding(cell: &'static str, line: Line) -> Result<Option<Binding>, BrokenTable> {
    let mut words = cell.split_ascii_whitespace();
    let Some(strength) = words.next() else { return Ok(None) };
    let strength = match strength {
        "required" => Strength::Required,
        "extensible" => Strength::Extensible,
        "preferred" => Strength::Preferred,
        "example" => Strength::Example,
        _ => return Err(line.broken("the strength of a binding is unknown")),
    };
    let value_set = words.next().ok_or_else(|| line.broken("a binding has no value set"))?;
    Ok(Some(Binding { strength, value_set, widest: words.next() }))
}

/// Finds the constraints that a cell names.
pub(super) fn named(cell: &'static str, constraints: &Constraints, line: Line) -> Result<Vec<Constraint>, BrokenTable> {
    let find = |name| constraints.get(name).copied().ok_or_else(|| line.broken("a constraint is not in the table of constraints"));
    cell.split_ascii_whitespace().map(find).collect()
}

/// Reads a cell such as `pattern CodeableConcept {…}`.
pub(super) fn value_rule(cell: &'static str, line: Line) -> Result<ValueRule, BrokenTable> {
    let mut parts = cell.splitn(3, ' ');
    let demand = match parts.next() {
        Some("fixed") => Demand::Fixed,
        Some("pattern") => Demand::Pattern,
        Some("minValue") => Demand::MinValue,
        Some("maxValue") => Demand::MaxValue,
        Some("maxLength") => Demand::MaxLength,
        _ => return Err(line.broken("a demand on a value is unknown")),
    };
    let (Some(ty), Some(json)) = (parts.next(), parts.next()) else { return Err(line.broken("a demand has no type or no value")) };
    Ok(ValueRule { demand, ty, json })
}

#[cfg(test)]
mod tests;
