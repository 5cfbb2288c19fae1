//! A SearchParameter, and those that a CapabilityStatement names: they agree with the definitions that they point to.
//!
//! Source: <https://hl7.org/fhir/R4/searchparameter.html>.

use crate::definitions::parameter::ParameterKind;
use crate::fhirpath::Expression;
use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::validate::checker::Checker;

impl<'c> Checker<'c> {
    pub(super) fn search_parameter(&mut self, parameter: Node<'c>) {
        let kind = parameter.get_text("type").unwrap_or_default();
        let bases: Vec<_> = parameter.all("base").map(Node::text).collect();
        let derived = parameter.get_text("derivedFrom").and_then(|url| self.known_parameter(&url));
        if let Some((known, known_bases)) = derived {
            if known.code() != kind {
                self.closely(parameter, IssueType::BusinessRule, || {
                    format!("It has the type {kind}, but is derived from a parameter of type {}: both must agree.", known.code())
                });
            }
            // A parameter of all resources stands in the tables for each of them.
            let schema = self.validator.library.schema();
            if let Some(other) = bases.iter().find(|base| schema.resource_type(base).is_some() && !known_bases.contains(&&***base)) {
                self.closely(parameter, IssueType::BusinessRule, || {
                    format!("What it is derived from is no parameter of {other}, but of {}: take no other base.", known_bases.join(", "))
                });
            }
        }
        if kind == "composite" && parameter.get("component").is_none() {
            self.closely(parameter, IssueType::BusinessRule, || "A composite parameter needs its components: add them.".to_owned());
        }
        let Some(expression) = parameter.get("expression").filter(|expression| expression.is_primitive()) else { return };
        let schema = self.validator.library.schema();
        let text = expression.text();
        if let Err(why) = Expression::compile(&text, schema) {
            self.closely(expression, IssueType::Invalid, || format!("The expression cannot be read: {why}."));
        }
        let general = bases.iter().any(|base| matches!(&**base, "Resource" | "DomainResource"));
        let other = heads(&text).into_iter().find(|head| schema.resource_type(head).is_some() && !bases.iter().any(|base| base == head));
        if let Some(other) = other.filter(|_| !general) {
            self.closely(expression, IssueType::Invalid, || {
                format!("The expression looks at {other}, which is no base of the parameter: {} is.", bases.join(", "))
            });
        }
    }

    pub(super) fn capability(&mut self, statement: Node<'c>) {
        let resources = statement.all("rest").flat_map(|rest| rest.all("resource"));
        for parameter in resources.flat_map(|resource| resource.all("searchParam")) {
            let kind = parameter.get_text("type").unwrap_or_default();
            let known = parameter.get_text("definition").and_then(|url| self.known_parameter(&url));
            if let Some((known, _)) = known.filter(|(known, _)| known.code() != kind) {
                self.closely(parameter, IssueType::Invalid, || {
                    format!("The definition of this parameter has the type {}, not {kind}: both must agree.", known.code())
                });
            }
        }
    }

    /// The kind of a search parameter of R4, and the types of which it is one.
    fn known_parameter(&self, url: &str) -> Option<(ParameterKind, Vec<&'static str>)> {
        let url = url.split('|').next().unwrap_or(url);
        let library = self.validator.library;
        let mut found = None;
        let mut bases = Vec::new();
        for ty in library.schema().resource_types() {
            if let Some(known) = library.built_in().parameters(ty).iter().find(|known| known.url == url) {
                found = Some(known.kind);
                bases.push(ty.name());
            }
        }
        Some((found?, bases))
    }
}

/// The names with which the branches of an expression begin.
fn heads(expression: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let branches = expression.split(|c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '|' && depth == 0
    });
    let head = |branch: &'_ str| -> usize { branch.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(branch.len()) };
    branches
        .map(|branch| branch.trim_start_matches(|c: char| c.is_whitespace() || c == '('))
        .filter_map(|branch| branch.get(..head(branch)))
        .collect()
}
