//! Invariants: FHIRPath that must be true where it stands.
//!
//! Expressions are compiled with the rules they belong to. What an expression cannot find out here, because a reference leads out of
//! sight or a value set cannot be listed, is not held against the resource.
//! Source: <https://hl7.org/fhir/R4/conformance-rules.html#constraints>, <https://hl7.org/fhir/R4/fhirpath.html>.

use super::checker::Checker;
use super::element::Element;
use super::reference::Context;
use crate::definitions::rules::Constraint;
use crate::fhirpath::{Environment, Expression, Resolver};
use crate::model::outcome::{IssueType, Severity};
use crate::model::schema::Schema;
use crate::model::tree::Node;

/// What is seen to elsewhere: the reader takes no element without value and children (ele-1), `contained` looks after references inside
/// of a resource (dom-3, ref-1). That resources should have a narrative (dom-6) is advice for exchange between people.
const ELSEWHERE: [&str; 4] = ["ele-1", "dom-3", "ref-1", "dom-6"];

/// The more common rules of HL7 in words. Rules of others are told in their author's words, the rest by their expression.
const IN_WORDS: [(&str, &str); 22] = [
    ("att-1", "data needs a contentType"),
    ("bdl-1", "only a searchset or history has a total"),
    ("bdl-3", "an entry of a batch, transaction or history needs a request, others have none"),
    ("bdl-4", "an entry of a batch-response, transaction-response or history needs a response, others have none"),
    ("bdl-5", "an entry needs a resource, a request or a response"),
    ("bdl-7", "a fullUrl stands in one entry only, unless versions differ"),
    ("bdl-8", "a fullUrl names no version"),
    ("bdl-9", "a document needs an identifier with system and value"),
    ("bdl-10", "a document needs a timestamp"),
    ("cpt-2", "a contact point with a value needs a system"),
    ("dom-2", "a contained resource contains no others"),
    ("dom-4", "a contained resource has no meta.versionId and no meta.lastUpdated"),
    ("dom-5", "a contained resource has no security labels"),
    ("ext-1", "an extension has either a value or further extensions"),
    ("obs-6", "dataAbsentReason stands only where there is no value"),
    ("obs-7", "a component with the code of the Observation stands for its value, so there is no value beside it"),
    ("pat-1", "a contact needs a name, telecom, address or organization"),
    ("per-1", "a period does not end before it starts"),
    ("qty-3", "a unit's code needs its system"),
    ("rng-2", "the low end of a range is not above its high end"),
    ("txt-1", "a narrative has formatting, lists, tables, links and images of XHTML only"),
    ("txt-2", "a narrative has text or an image"),
];

/// A compiled invariant.
#[derive(Debug)]
pub(super) struct Invariant {
    pub(super) key: &'static str,
    severity: Severity,
    told: &'static str,
    words: &'static str,
    expression: Expression,
}

/// Compiles invariants; those that are no FHIRPath say nothing.
pub(super) fn compile(constraints: &[Constraint], schema: &Schema) -> Vec<Invariant> {
    let known = constraints.iter().filter(|constraint| !ELSEWHERE.contains(&constraint.key) && !constraint.expression.is_empty());
    known
        .filter_map(|constraint| {
            let expression = Expression::compile(constraint.expression, schema).ok()?;
            Some(Invariant {
                key: constraint.key,
                severity: constraint.severity,
                told: constraint.expression,
                words: constraint.words,
                expression,
            })
        })
        .collect()
}

impl<'c> Checker<'c> {
    /// Checks the invariants of an element.
    pub(super) fn invariants(&mut self, invariants: &'c [Invariant], element: Element<'c>) {
        // Some rules of R4 say the same in two sentences, and stand side by side (txt-1, txt-2).
        let mut last = None;
        for invariant in invariants {
            let warns = invariant.severity > Severity::Error;
            if warns && (self.validator.lenient || !self.warns()) {
                continue;
            }
            let known = last.take().filter(|(told, _)| *told == invariant.told).map(|(_, held)| held);
            let held = known.unwrap_or_else(|| self.evaluate(&invariant.expression, element));
            match &held {
                Ok(Some(false)) if warns => self.warning(element.node, IssueType::Invariant, || told(invariant)),
                Ok(Some(false)) => self.error(element.node, IssueType::Invariant, || told(invariant)),
                Ok(_) => {}
                Err(why) => self.warning(element.node, IssueType::Processing, || {
                    format!("The rule {} could not be evaluated ({why}), so it was not checked.", invariant.key)
                }),
            }
            last = Some((invariant.told, held));
        }
    }

    /// Whether an expression holds on an element; nothing if that is not known.
    pub(super) fn evaluate(&self, expression: &'c Expression, element: Element<'c>) -> Result<Option<bool>, crate::fhirpath::Error> {
        let resolver = InContext(self.context);
        let environment = Environment {
            root: element.home,
            resolver: &resolver,
            terminology: &self.validator.terminology,
            profiles: self.validator,
            // Of a contained resource as a whole, the resource that contains it is told.
            ..Environment::of(if element.node == element.own { element.home } else { element.own })
        };
        expression.holds(element.node, &environment)
    }
}

fn told(invariant: &Invariant) -> String {
    let known = IN_WORDS.iter().find(|(key, _)| *key == invariant.key).map(|(_, words)| *words);
    match known.or(Some(invariant.words).filter(|words| !words.is_empty())) {
        Some(words) => format!("The rule {} is broken: {}.", invariant.key, words.trim_end_matches('.')),
        None => format!("The rule {} is broken; this must hold: {}", invariant.key, invariant.told),
    }
}

/// Follows references as the validator does.
struct InContext<'c>(&'c dyn Context);

impl<'c> Resolver<'c> for InContext<'c> {
    fn resolve(&self, reference: &str, from: Node<'c>) -> Option<Node<'c>> {
        self.0.resolve(reference, from)
    }
}
