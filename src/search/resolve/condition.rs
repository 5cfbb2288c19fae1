//! A condition becomes a filter: along its chain to the resource that it is about, and there by the kind of its parameter.

use std::sync::Arc;

use super::super::catalog::{Compiled, TypeCatalog};
use super::super::key;
use super::super::plan::{Filter, Link, Searched};
use super::super::query::{Criterion, How, Step, split, unescape};
use super::digits::Asked;
use super::{Resolver, item, only, probe, value};
use crate::definitions::{Parameter, ParameterKind};
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Id;
use crate::model::schema::ResourceType;

impl Resolver<'_> {
    pub(super) fn criterion(&self, criterion: &Criterion, own: &TypeCatalog) -> Result<Filter, Issue> {
        self.along(&criterion.path, criterion, own)
    }

    /// Goes the steps of a chain that are left.
    fn along(&self, path: &[Step], criterion: &Criterion, own: &TypeCatalog) -> Result<Filter, Issue> {
        let refuse = |told: String| Issue::error(IssueType::NotSupported, criterion.name(), told);
        let Some((step, rest)) = path.split_first() else { return self.leaf(criterion, own) };
        let joint = |parameter: &Parameter, from, to, filter| self.link(parameter, from, to, filter).map_err(&refuse);
        match step {
            Step::Forward { code, target } => {
                let parameter = self.reference(own, code).map_err(&refuse)?;
                let kinds = self.targets(parameter, target.as_deref()).map_err(&refuse)?;
                let (mut filters, mut wrong) = (Vec::new(), None);
                for kind in kinds {
                    let there = self.catalog.of(kind);
                    match self.along(rest, criterion, there) {
                        Ok(filter) => filters.push(Filter::Linked(joint(parameter, own.searched(), there.searched(), filter)?)),
                        // What cannot be asked for yet would be missing.
                        Err(issue) if self.met_unready.get() => return Err(issue),
                        // Another type may well have that parameter.
                        Err(issue) => wrong = wrong.or(Some(issue)),
                    }
                }
                match wrong {
                    Some(issue) if filters.is_empty() => Err(issue),
                    _ => Ok(only(filters, Filter::Any)),
                }
            }
            Step::Reverse { source, code } => {
                let (parameter, there) = self.referring(source, code, own).map_err(&refuse)?;
                let filter = self.along(rest, criterion, there)?;
                Ok(Filter::Referenced(joint(parameter, there.searched(), own.searched(), filter)?))
            }
        }
    }

    /// A step of a chain; an error if there are too many.
    pub(super) fn link(&self, parameter: &Parameter, from: Searched, to: Searched, filter: Filter) -> Result<Box<Link>, String> {
        let left = self.links.get().checked_sub(1);
        self.links.set(left.unwrap_or(0));
        let told = || "The chain may lead to too many types: name them, as in subject:Patient.name.".to_owned();
        left.map(|_| Box::new(Link { parameter: parameter.number, from, to, filter })).ok_or_else(told)
    }

    /// The reference parameter of that code.
    pub(super) fn reference<'t>(&self, own: &'t TypeCatalog, code: &str) -> Result<&'t Arc<Parameter>, String> {
        let none = || format!("{} has no reference parameter \"{code}\".", own.kind);
        let compiled = self.parameter(own, code).map_err(|why| why.unwrap_or_else(none))?;
        if compiled.parameter.kind == ParameterKind::Reference { Ok(&compiled.parameter) } else { Err(none()) }
    }

    /// The reference parameter of another type that leads here, and that type.
    pub(super) fn referring(&self, source: &str, code: &str, own: &TypeCatalog) -> Result<(&Arc<Parameter>, &TypeCatalog), String> {
        let kind = self.kind(source)?;
        let there = self.catalog.of(kind);
        let parameter = self.reference(there, code)?;
        if !parameter.targets.is_empty() && !parameter.targets.contains(&own.kind) {
            return Err(format!("{kind}.{code} never refers to a {}.", own.kind));
        }
        Ok((parameter, there))
    }

    fn kind(&self, name: &str) -> Result<ResourceType, String> {
        self.catalog.schema().resource_type(name).ok_or_else(|| format!("\"{name}\" is not a resource type."))
    }

    /// The types to which a chain may lead.
    pub(super) fn targets(&self, parameter: &Parameter, only: Option<&str>) -> Result<Vec<ResourceType>, String> {
        let Some(name) = only else {
            let all = || self.catalog.schema().resource_types().collect();
            return Ok(if parameter.targets.is_empty() { all() } else { parameter.targets.clone() });
        };
        let kind = self.kind(name)?;
        if parameter.targets.is_empty() || parameter.targets.contains(&kind) {
            return Ok(vec![kind]);
        }
        let possible: Vec<_> = parameter.targets.iter().map(ToString::to_string).collect();
        Err(format!("{} never refers to a {kind}; possible are {}.", parameter.code, possible.join(", ")))
    }

    /// A condition on the resource at hand.
    fn leaf(&self, criterion: &Criterion, own: &TypeCatalog) -> Result<Filter, Issue> {
        let refuse = |reason: String| Issue::error(IssueType::Value, criterion.name(), reason);
        if let Some(filter) = self.special(criterion, own) {
            return filter;
        }
        let compiled = self.parameter(own, &criterion.code).map_err(|why| match why {
            Some(why) => Issue::error(IssueType::NotSupported, criterion.name(), why),
            None => unknown(&criterion.name(), own),
        })?;
        let parameter = &*compiled.parameter;
        let modifier = criterion.modifier.as_deref();
        if modifier == Some("missing") && parameter.code != "_id" {
            return match criterion.values.as_slice() {
                [value] if value == "true" => Ok(Filter::Not(Box::new(present(parameter)))),
                [value] if value == "false" => Ok(present(parameter)),
                _ => Err(refuse(":missing takes true or false.".into())),
            };
        }
        let mut alternatives = Vec::with_capacity(criterion.values.len());
        for value in &criterion.values {
            let filter = match criterion.how {
                How::Plain => self.one(compiled, modifier, value, own),
                how => self.compared(how, compiled, value, own),
            };
            match filter {
                Ok(filter) => alternatives.push(filter),
                Err(value::Unread::Modifier) => return Err(unsupported(criterion, compiled)),
                Err(value::Unread::Value(reason)) => return Err(refuse(reason)),
            }
        }
        let any = only(alternatives, Filter::Any);
        Ok(if matches!(modifier, Some("not" | "not-in")) { Filter::Not(Box::new(any)) } else { any })
    }

    /// The filter of one value, still escaped.
    pub(super) fn one(&self, compiled: &Compiled, modifier: Option<&str>, value: &str, own: &TypeCatalog) -> Result<Filter, value::Unread> {
        let parameter = &*compiled.parameter;
        let plain = || value::Reading { parameter, number: parameter.number, modifier, base: self.base, own };
        match (parameter.kind, modifier) {
            (ParameterKind::Composite, None) => self.composite(compiled, value, own),
            (ParameterKind::Special, None) if parameter.code == "near" => {
                self.near(compiled, &unescape(value)).map_err(value::Unread::Value)
            }
            (ParameterKind::Token, Some("text")) if parameter.code != "_id" => {
                Ok(Filter::Probe(probe::label(self.catalog, own.kind, &parameter.code, &unescape(value))))
            }
            (ParameterKind::Token, Some("in" | "not-in")) if parameter.code != "_id" => self.members(parameter, &unescape(value)),
            (ParameterKind::Token, Some("below")) if parameter.code != "_id" => self.subsumed(parameter, value, true),
            (ParameterKind::Token, Some("above")) if parameter.code != "_id" => self.subsumed(parameter, value, false),
            (ParameterKind::Uri, Some("below")) => {
                Ok(Filter::Probe(probe::below(self.catalog, own.kind, &parameter.code, &unescape(value))))
            }
            (ParameterKind::Number | ParameterKind::Quantity, None) => {
                let filter = plain().filter(value)?;
                Ok(match Asked::read(value).filter(|asked| !asked.is_told_by_keys()) {
                    Some(asked) => Filter::All(vec![filter, Filter::Probe(probe::numbers(self.catalog, own.kind, &parameter.code, asked))]),
                    None => filter,
                })
            }
            _ => plain().filter(value),
        }
    }

    /// A string that ends with a text: the index tells those that have it somewhere.
    pub(super) fn ends(&self, compiled: &Compiled, text: &str, own: &TypeCatalog) -> Result<Filter, value::Unread> {
        let parameter = &compiled.parameter;
        let probe = probe::ends(self.catalog, own.kind, &parameter.code, text);
        Ok(Filter::All(vec![Filter::TextPart(parameter.number, key::fold(text)), Filter::Probe(probe)]))
    }

    /// The parts of a composite hold on one element; that each of them holds at all is what the index can tell.
    fn composite(&self, compiled: &Compiled, value: &str, own: &TypeCatalog) -> Result<Filter, value::Unread> {
        let values = split(value, '$');
        let codes: Vec<&str> = compiled.parts.iter().map(|part| &*part.code).collect();
        if values.len() != codes.len() {
            let told = format!("\"{value}\" does not have {} parts: write {}.", codes.len(), codes.join("$"));
            return Err(value::Unread::Value(told));
        }
        let (mut parts, mut digits) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
        for (part, value) in compiled.parts.iter().zip(&values) {
            let Some(of) = own.known(&part.code) else { return Err(value::Unread::Modifier) };
            let number = part.number_in_composites(of);
            let reading = value::Reading { parameter: &of.parameter, number, modifier: None, base: self.base, own };
            parts.push(reading.filter(value)?);
            let numeric = matches!(of.parameter.kind, ParameterKind::Number | ParameterKind::Quantity);
            digits.push(numeric.then(|| Asked::read(value)).flatten().filter(|asked| !asked.is_told_by_keys()));
        }
        let mut all = parts.clone();
        all.push(Filter::Group(compiled.parameter.number, parts.clone()));
        if digits.iter().any(Option::is_some) {
            let parts = parts.into_iter().zip(digits).collect();
            all.push(Filter::Probe(item::composite(self.catalog, own.kind, &compiled.parameter.code, self.base, parts)));
        }
        Ok(Filter::All(all))
    }

    /// The codes of a value set.
    fn members(&self, parameter: &Parameter, url: &str) -> Result<Filter, value::Unread> {
        let codes = self.terms.members(url).map_err(value::Unread::Value)?;
        Ok(Filter::Any(codes.iter().map(|(system, code)| Filter::Post(key::token(parameter.number, system, code))).collect()))
    }

    /// A code and those that are kinds of it, or those that it is a kind of.
    fn subsumed(&self, parameter: &Parameter, value: &str, below: bool) -> Result<Filter, value::Unread> {
        let parts: Vec<String> = split(value, '|').iter().map(|part| unescape(part)).collect();
        let [system, code] = parts.as_slice() else {
            return Err(value::Unread::Value(format!(
                "\"{value}\" has no system: write system|code, for a hierarchy belongs to a code system."
            )));
        };
        let codes = self.terms.subsumed(system, code, below).map_err(value::Unread::Value)?;
        Ok(Filter::Any(codes.iter().map(|code| Filter::Post(key::token(parameter.number, system, code))).collect()))
    }

    /// Parameters that are about the resource as a whole; `None` for all others.
    fn special(&self, criterion: &Criterion, own: &TypeCatalog) -> Option<Result<Filter, Issue>> {
        let refuse = |reason: String| Issue::error(IssueType::Value, criterion.name(), reason);
        if criterion.modifier.is_some() {
            return None;
        }
        let each = |filter: &dyn Fn(&str) -> Result<Filter, String>| {
            let filters = criterion.values.iter().map(|value| filter(&unescape(value))).collect::<Result<_, _>>().map_err(refuse)?;
            Ok(only(filters, Filter::Any))
        };
        match criterion.code.as_str() {
            "_filter" => Some(self.expression(criterion.values.first().map_or("", String::as_str), own).map_err(refuse)),
            "_text" if self.catalog.schema().slot(own.kind.id(), "text").is_some() => {
                Some(each(&|words| Ok(Filter::Probe(probe::narrative(self.catalog, words)))))
            }
            "_content" => Some(each(&|words| Ok(Filter::Probe(probe::content(self.catalog, words))))),
            "_query" => Some(each(&|name| Err(format!("There is no query \"{name}\" here: no named query is defined on this server.")))),
            "_list" => Some(each(&|id| self.listed(id, own))),
            _ => None,
        }
    }

    /// What a List of this server holds.
    fn listed(&self, id: &str, own: &TypeCatalog) -> Result<Filter, String> {
        let list = self.catalog.of(self.kind("List")?);
        let parameter = self.reference(list, "item")?;
        let id = Id::new(id).ok_or_else(|| format!("\"{id}\" is not the id of a List: functional lists ($current-…) are not served."))?;
        let filter = Filter::Id(vec![id]);
        Ok(Filter::Referenced(Box::new(Link { parameter: parameter.number, from: list.searched(), to: own.searched(), filter })))
    }

    /// `latitude|longitude|distance|units` on the earth's surface; kilometres without units, 10 of them without distance.
    fn near(&self, compiled: &Compiled, text: &str) -> Result<Filter, String> {
        let wrong = || format!("\"{text}\" is not a place: write latitude|longitude|distance|units, for example 59.91|10.75|5|km.");
        let parts: Vec<&str> = text.split('|').collect();
        let number =
            |i: usize| parts.get(i).filter(|part| !part.is_empty()).map(|part| part.parse::<f64>().map_err(|_| wrong())).transpose();
        let (latitude, longitude) = (number(0)?.ok_or_else(wrong)?, number(1)?.ok_or_else(wrong)?);
        let metres = match parts.get(3).copied().unwrap_or("") {
            "" | "km" => 1000.0,
            "m" => 1.0,
            "[mi_us]" | "[mi_i]" | "mi" => 1609.344,
            other => return Err(format!("\"{other}\" is not a unit of distance here: use km, m or [mi_i].")),
        };
        let distance = number(2)?.unwrap_or(10.0) * metres;
        if parts.len() > 4 || latitude.abs() > 90.0 || longitude.abs() > 180.0 || distance < 0.0 || !distance.is_finite() {
            return Err(wrong());
        }
        Ok(probe::near(self.catalog, compiled.parameter.number, latitude, longitude, distance))
    }
}

pub(super) fn unknown(code: &str, own: &TypeCatalog) -> Issue {
    let known: Vec<&str> = own.parameters().map(|compiled| &*compiled.parameter.code).collect();
    let diagnostics = format!("{} has no search parameter \"{code}\" on this server. Served are: {}.", own.kind, known.join(", "));
    Issue::error(IssueType::NotSupported, code, diagnostics)
}

fn unsupported(criterion: &Criterion, compiled: &Compiled) -> Issue {
    let parameter = &compiled.parameter;
    let modifiers = modifiers(compiled).join(", :");
    let possible = if modifiers.is_empty() { "it takes none".to_owned() } else { format!("possible are :{modifiers}") };
    let told = criterion.modifier.as_deref().unwrap_or("");
    Issue::error(
        IssueType::NotSupported,
        criterion.name(),
        format!("The modifier :{told} is not served for {} ({}); {possible}.", parameter.code, parameter.kind.code()),
    )
}

/// Every resource has the elements that the server itself writes.
pub(super) fn present(parameter: &Parameter) -> Filter {
    match parameter.kind {
        _ if parameter.code == "_lastUpdated" => Filter::All(Vec::new()),
        // Some element has all of its parts.
        ParameterKind::Composite => Filter::Group(parameter.number, Vec::new()),
        _ => Filter::Post(key::present(parameter.number)),
    }
}

/// The modifiers that a parameter takes here, for messages and the CapabilityStatement.
#[must_use]
pub fn modifiers(compiled: &Compiled) -> Vec<&'static str> {
    let mut all = match compiled.parameter.kind {
        _ if compiled.parameter.code == "_id" => return vec!["not"],
        ParameterKind::String => vec!["exact", "contains"],
        ParameterKind::Token => vec!["not", "text", "in", "not-in", "above", "below", "of-type"],
        ParameterKind::Reference => vec!["[type]", "identifier"],
        ParameterKind::Uri => vec!["above", "below"],
        _ => Vec::new(),
    };
    all.push("missing");
    all
}
