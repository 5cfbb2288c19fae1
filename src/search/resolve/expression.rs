//! `_filter`: conditions in one expression. Source: <https://hl7.org/fhir/R4/search_filter.html>.
//!
//! Filters inside of paths (`a[b eq c].d`) hold for the same target of a reference parameter, the same element of a composite
//! parameter, or the same element of any other parameter, whose child elements are then named.

mod element;
mod parse;

use super::super::catalog::{Compiled, TypeCatalog};
use super::super::key;
use super::super::plan::Filter;
use super::super::query::{Criterion, How};
use super::{Resolver, only, probe, value};
use crate::definitions::ParameterKind;
use parse::{Expression, Operation, Path};

/// The operators that are served.
const OPERATORS: &str = "eq ne co sw ew gt lt ge le ap sa eb po pr re in ss sb";

impl Resolver<'_> {
    /// The filter of an expression.
    pub(super) fn expression(&self, text: &str, own: &TypeCatalog) -> Result<Filter, String> {
        self.meaning(&parse::expression(text)?, own)
    }

    fn meaning(&self, expression: &Expression, own: &TypeCatalog) -> Result<Filter, String> {
        let each = |all: &[Expression]| all.iter().map(|one| self.meaning(one, own)).collect::<Result<Vec<_>, _>>();
        Ok(match expression {
            Expression::All(all) => only(each(all)?, Filter::All),
            Expression::Any(any) => only(each(any)?, Filter::Any),
            Expression::Not(inner) => Filter::Not(Box::new(self.meaning(inner, own)?)),
            Expression::Is(path, operation) => self.test(path, operation, own)?,
        })
    }

    fn test(&self, path: &Path, operation: &Operation, own: &TypeCatalog) -> Result<Filter, String> {
        let Some((inner, rest)) = &path.then else { return self.compare(&path.name, operation, own) };
        if operation.is_empty_set() {
            return Ok(Filter::Not(Box::new(self.test(path, &operation.there(), own)?)));
        }
        if let Some(reverse) = path.name.strip_prefix("_has:") {
            let mut parts = reverse.splitn(3, ':');
            let (Some(source), Some(code), Some(then)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(format!("\"{}\" is not understood: write _has:Type:parameter:parameter.", path.name));
            };
            let (parameter, there) = self.referring(source, code, own)?;
            let then = Path { name: then.to_owned(), then: path.then.clone() };
            let filter = self.test(&then, operation, there)?;
            return Ok(Filter::Referenced(self.link(parameter, there.searched(), own.searched(), filter)?));
        }
        if let Some((first, then)) = path.name.split_once('.') {
            let then = Path { name: then.to_owned(), then: path.then.clone() };
            return self.over(first, own, |there| self.test(&then, operation, there));
        }
        let (code, target) = path.name.split_once(':').map_or((path.name.as_str(), None), |(code, target)| (code, Some(target)));
        let unknown = || format!("{} has no search parameter \"{code}\", whose values a filter in brackets could choose from.", own.kind);
        let compiled = self.parameter(own, code).map_err(|why| why.unwrap_or_else(unknown))?;
        match compiled.parameter.kind {
            ParameterKind::Reference => {
                self.over(&path.name, own, |there| Ok(Filter::All(vec![self.meaning(inner, there)?, self.test(rest, operation, there)?])))
            }
            _ if target.is_some() => Err(format!("\"{}\" is no reference parameter: it has no type of target.", path.name)),
            ParameterKind::Composite => self.element_of(compiled, inner, (rest, operation), own),
            _ => {
                let wanted = element::read(compiled, inner, (rest, operation), own)?;
                let told = format!("{code}[…]");
                let probe = probe::element(self.catalog, own.kind, &compiled.parameter.code, told, move |node| wanted.holds(node));
                Ok(Filter::All(vec![Filter::Post(key::present(compiled.parameter.number)), Filter::Probe(probe)]))
            }
        }
    }

    /// A condition on what a reference parameter (`code`, `code:Type`) leads to.
    fn over(&self, name: &str, own: &TypeCatalog, condition: impl Fn(&TypeCatalog) -> Result<Filter, String>) -> Result<Filter, String> {
        let (code, target) = name.split_once(':').map_or((name, None), |(code, target)| (code, Some(target)));
        let parameter = self.reference(own, code)?;
        let (mut filters, mut wrong) = (Vec::new(), None);
        for kind in self.targets(parameter, target)? {
            let there = self.catalog.of(kind);
            match condition(there) {
                Ok(filter) => filters.push(Filter::Linked(self.link(parameter, own.searched(), there.searched(), filter)?)),
                // What cannot be asked for yet would be missing.
                Err(told) if self.met_unready.get() => return Err(told),
                // Another type may well have these parameters.
                Err(told) => wrong = wrong.or(Some(told)),
            }
        }
        match wrong {
            Some(told) if filters.is_empty() => Err(told),
            _ => Ok(only(filters, Filter::Any)),
        }
    }

    /// A condition without brackets in its path.
    fn compare(&self, path: &str, operation: &Operation, own: &TypeCatalog) -> Result<Filter, String> {
        let value = operation.escaped();
        if operation.is_empty_set() {
            return Ok(Filter::Not(Box::new(self.compare(path, &operation.there(), own)?)));
        }
        if operation.operator == "pr" && value != "true" {
            return Err("\"pr\" takes true or false.".to_owned());
        }
        let (modifier, value, how) = match operation.operator.as_str() {
            "pr" => ("missing", "false".to_owned(), How::Plain),
            "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap" => ("", operation.operator.clone() + &value, How::Ordered),
            "re" | "sw" => ("", value, How::Plain),
            "eq" => ("", value, How::Equals),
            "ne" => ("", value, How::Unequal),
            "co" => ("", value, How::Contains),
            "ew" => ("", value, How::Ends),
            "po" => ("", value, How::Overlaps),
            "in" => ("in", value, How::Plain),
            "ss" => ("below", value, How::Plain),
            "sb" => ("above", value, How::Plain),
            _ => return Err(operation.not_served(OPERATORS)),
        };
        let name = if modifier.is_empty() { path.to_owned() } else { format!("{path}:{modifier}") };
        let criterion = Criterion { how, ..Criterion::new(&name, vec![value])? };
        self.criterion(&criterion, own).map_err(|issue| issue.diagnostics)
    }

    /// Conditions on the parts of one element of a composite.
    fn element_of(&self, composite: &Compiled, inner: &Expression, last: (&Path, &Operation), own: &TypeCatalog) -> Result<Filter, String> {
        let code = &*composite.parameter.code;
        let mut conditions = vec![last];
        match inner {
            Expression::Is(path, operation) => conditions.push((path, operation)),
            Expression::All(all) => {
                for one in all {
                    let Expression::Is(path, operation) = one else {
                        return Err(format!("In the brackets after {code}, conditions can be joined by \"and\" only."));
                    };
                    conditions.push((path, operation));
                }
            }
            _ => return Err(format!("In the brackets after {code}, conditions can be joined by \"and\" only.")),
        }
        let mut parts = vec![Vec::new(); composite.parts.len()];
        let mut filters = Vec::new();
        for (path, operation) in conditions {
            let codes: Vec<&str> = composite.parts.iter().map(|part| &*part.code).collect();
            let found = codes.iter().position(|code| *code == path.name && path.then.is_none());
            let told = || format!("\"{}\" is no part of {code}: its parts are {}.", path.name, codes.join(", "));
            let part = found.and_then(|part| composite.parts.get(part)).ok_or_else(told)?;
            let of = own.known(&part.code).ok_or_else(told)?;
            let value = match operation.operator.as_str() {
                "eq" | "ne" | "sw" | "re" => operation.escaped(),
                "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap" => operation.operator.clone() + &operation.escaped(),
                _ => return Err(operation.not_served("eq ne sw re gt lt ge le sa eb ap")),
            };
            let (parameter, number) = (&*of.parameter, part.number_in_composites(of));
            let reading = value::Reading { parameter, number, modifier: None, base: self.base, own };
            let filter = reading.filter(&value).map_err(|unread| match unread {
                value::Unread::Value(told) => told,
                value::Unread::Modifier => told(),
            })?;
            let test = if operation.operator == "ne" { Filter::Not(Box::new(filter)) } else { filter };
            // That a part holds at all is what the index can tell.
            filters.extend((operation.operator != "ne").then(|| test.clone()));
            parts.iter_mut().skip(found.unwrap_or(usize::MAX)).take(1).for_each(|part| part.push(test.clone()));
        }
        filters.push(Filter::Group(composite.parameter.number, parts.into_iter().map(|tests| only(tests, Filter::All)).collect()));
        Ok(Filter::All(filters))
    }
}
