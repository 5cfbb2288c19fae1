//! A ValueSet: the codes that it lists are codes of their systems, and its filters can be met.
//!
//! Source: <https://hl7.org/fhir/R4/valueset.html#compositions>, <https://hl7.org/fhir/R4/codesystem.html#defined-props>,
//! <https://hl7.org/fhir/R4/snomedct.html#implicit>.

use super::ecl;
use crate::fhirpath::Expression;
use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::terminology::check::Status;
use crate::terminology::system::Value;
use crate::validate::checker::Checker;

const SNOMED: &str = "http://snomed.info/sct";

impl<'c> Checker<'c> {
    pub(super) fn value_set(&mut self, set: Node<'c>) {
        let parameters: Vec<String> = set
            .all("extension")
            .filter(|one| one.get_text("url").is_some_and(|url| url.ends_with("/valueset-parameter")))
            .filter_map(|one| one.all("extension").find(|part| part.get_text("url").is_some_and(|url| url == "name"))?.get_text("value"))
            .map(std::borrow::Cow::into_owned)
            .collect();
        let Some(compose) = set.get("compose") else { return };
        for part in compose.all("include").chain(compose.all("exclude")) {
            let system = part.get_text("system").unwrap_or_default();
            if system.starts_with('#') {
                self.closely(part, IssueType::Invalid, || {
                    "A value set names a code system by its canonical URL, also one that it contains.".to_owned()
                });
            }
            let canonical = part.get_text("version").map_or_else(|| system.to_string(), |version| format!("{system}|{version}"));
            for concept in part.all("concept") {
                let code = concept.get_text("code").unwrap_or_default();
                if self.validator.terminology.code(&canonical, &code, None) == Status::UnknownCode {
                    self.closely(concept, IssueType::BusinessRule, || format!("The code system {system} has no code \"{code}\"."));
                }
            }
            for filter in part.all("filter") {
                self.filter(&system, &canonical, filter);
                self.computed(&parameters, filter);
            }
        }
    }

    fn filter(&mut self, system: &str, canonical: &str, filter: Node<'c>) {
        let text = |name: &str| filter.get_text(name).unwrap_or_default();
        let (property, operator, Some(value)) = (text("property"), text("op"), filter.get_text("value")) else { return };
        let truth = matches!(&*value, "true" | "false");
        let wrong = match &*operator {
            "is-a" | "is-not-a" | "descendent-of" | "generalizes" => {
                self.validator.terminology.code(canonical, &value, None) == Status::UnknownCode
            }
            "exists" => !truth,
            "=" if system == SNOMED && matches!(&*property, "constraint" | "expression") => {
                property == "constraint" && ecl::is_broken(&value)
            }
            "=" if matches!(&*property, "notSelectable" | "inactive") => !truth,
            "=" => !self.may_have(canonical, &property, &value),
            _ => false,
        };
        if wrong {
            self.closely(filter, IssueType::Invalid, || {
                format!("No concept of {system} can pass this filter: \"{value}\" is no value for \"{property}\" with \"{operator}\".")
            });
        }
    }

    /// Whether a property of a system may have a value, as far as the values of its concepts tell what it takes.
    fn may_have(&self, canonical: &str, property: &str, value: &str) -> bool {
        let terminology = &self.validator.terminology;
        let Some(system) = terminology.system(canonical) else { return true };
        let mut properties = system.concepts().flat_map(|concept| &concept.properties);
        match properties.find(|own| &*own.code == property).map(|own| &own.value) {
            Some(Value::Boolean(_)) => matches!(value, "true" | "false"),
            Some(Value::Integer(_)) => value.parse::<i64>().is_ok(),
            Some(Value::Coding { .. }) => {
                let told = value.split_once(['#', '|']);
                told.is_some_and(|(system, code)| terminology.code(system, code, None) != Status::UnknownCode)
            }
            _ => true,
        }
    }

    /// A filter whose value an expression tells: it can be read, and knows only parameters of the value set.
    fn computed(&mut self, parameters: &[String], filter: Node<'c>) {
        let beside = filter.members().filter(|member| member.is_shadow() && member.key() == "value");
        let extensions = beside.flat_map(|beside| beside.all("extension"));
        for extension in extensions.filter(|one| one.get_text("url").is_some_and(|url| url.ends_with("/cqf-expression"))) {
            let Some(told) = extension.get("value").filter(|told| told.get_text("language").is_some_and(|kind| kind == "text/fhirpath"))
            else {
                continue;
            };
            let text = told.get_text("expression").unwrap_or_default();
            let (plain, names) = without_variables(&text);
            if let Some(unknown) = names.iter().find(|name| !parameters.contains(name)) {
                self.closely(told, IssueType::Invalid, || format!("The value set has no parameter \"{unknown}\": name one that it has."));
            } else if let Err(why) = Expression::compile(&plain, self.validator.library.schema()) {
                self.closely(told, IssueType::Invalid, || format!("The expression cannot be read: {why}."));
            }
        }
    }
}

/// An expression with `true` in place of each variable, and their names, which may have hyphens here.
fn without_variables(text: &str) -> (String, Vec<String>) {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or("").to_owned();
    let mut names = Vec::new();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(part.len());
        let (name, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        names.push(name.to_owned());
        plain.push_str("true");
        plain.push_str(rest);
    }
    (plain, names)
}
