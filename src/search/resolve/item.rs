//! Conditions on single elements, for `_filter`: "an item in the set has an unequal value" is another question than whether
//! none has an equal one, and an index knows resources only.
//!
//! Source: <https://hl7.org/fhir/R4/search_filter.html>.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::catalog::{Catalog, Compiled, TypeCatalog};
use super::super::extract;
use super::super::key;
use super::super::plan::{Filter, ParameterNumber, Probe, Rows};
use super::super::query::{How, unescape};
use super::digits::Asked;
use super::probe::{holds, numbers};
use super::value::{Reading, Unread};
use super::{Resolver, condition};
use crate::definitions::{Parameter, ParameterKind};
use crate::model::schema::ResourceType;

impl Resolver<'_> {
    /// The filter of one value, still escaped, that is compared as an operator of `_filter` says.
    pub(super) fn compared(&self, how: How, compiled: &Compiled, value: &str, own: &TypeCatalog) -> Result<Filter, Unread> {
        let parameter = &*compiled.parameter;
        let some = |wanted| Filter::Probe(some(self.catalog, own.kind, &parameter.code, self.base, wanted));
        let reading = || Reading { parameter, number: parameter.number, modifier: None, base: self.base, own };
        let text = || key::fold(&unescape(value));
        match (how, parameter.kind) {
            (How::Ends, ParameterKind::String) => self.ends(compiled, &unescape(value), own),
            (How::Overlaps, _) => reading().overlaps(value),
            (How::Equals, ParameterKind::String) => {
                Ok(Filter::All(vec![Filter::TextStart(parameter.number, text()), some(Item::Text(parameter.number, text()))]))
            }
            (How::Unequal, _) if parameter.code == "_id" => Ok(Filter::Not(Box::new(self.one(compiled, None, value, own)?))),
            (How::Unequal, ParameterKind::String) => {
                Ok(Filter::All(vec![condition::present(parameter), some(Item::OtherText(parameter.number, text()))]))
            }
            (How::Unequal, ParameterKind::Token | ParameterKind::Reference | ParameterKind::Uri) => {
                let equal = self.one(compiled, None, value, own)?;
                Ok(Filter::All(vec![condition::present(parameter), some(Item::MeetsNot(equal))]))
            }
            (How::Unequal, kind) if is_ordered(kind) => self.one(compiled, None, &format!("ne{value}"), own),
            (How::Ordered, kind) if is_ordered(kind) => self.one(compiled, None, value, own),
            (How::Ordered, ParameterKind::String) => {
                // By the first character alone, as the table of the specification says.
                let (operator, text) = value.split_at_checked(2).unwrap_or((value, ""));
                let first = key::fold(unescape(text).trim())
                    .chars()
                    .next()
                    .ok_or_else(|| Unread::Value("A text is needed to compare with.".into()))?;
                let order = match operator {
                    "gt" => Order { less: false, equal: false },
                    "lt" => Order { less: true, equal: false },
                    "ge" => Order { less: false, equal: true },
                    "le" => Order { less: true, equal: true },
                    other => return Err(not_for(other, parameter)),
                };
                Ok(Filter::All(vec![condition::present(parameter), some(Item::First(parameter.number, order, first))]))
            }
            (How::Contains, ParameterKind::String) => self.one(compiled, Some("contains"), value, own),
            (How::Contains, ParameterKind::Date) => {
                let around = reading().includes(value)?;
                // The server itself tells the time of the last update: it is no element, and there is one only.
                let alone = parameter.code == "_lastUpdated";
                Ok(if alone { around } else { Filter::All(vec![around.clone(), some(Item::Meets(around))]) })
            }
            (How::Contains, ParameterKind::Number | ParameterKind::Quantity) => {
                // Checks the value; what the index has are the numbers, not what their precision stands for.
                self.one(compiled, None, value, own)?;
                let asked = Asked::read(value).ok_or_else(|| not_for("co", parameter))?.with("co");
                Ok(Filter::All(vec![condition::present(parameter), Filter::Probe(numbers(self.catalog, own.kind, &parameter.code, asked))]))
            }
            (How::Plain | How::Equals, _) => self.one(compiled, None, value, own),
            (How::Ends, _) => Err(not_for("ew", parameter)),
            (How::Unequal, _) => Err(not_for("ne", parameter)),
            (How::Contains, _) => Err(not_for("co", parameter)),
            (How::Ordered, _) => Err(not_for(value.get(..2).unwrap_or(value), parameter)),
        }
    }
}

fn is_ordered(kind: ParameterKind) -> bool {
    matches!(kind, ParameterKind::Date | ParameterKind::Number | ParameterKind::Quantity)
}

fn not_for(operator: &str, parameter: &Parameter) -> Unread {
    let told = match operator {
        "ew" => "strings",
        "co" => "strings, dates, numbers and quantities",
        "ne" => "everything but composite and special parameters",
        _ => "dates, numbers and quantities (gt, lt, ge and le for strings, too)",
    };
    Unread::Value(format!("\"{operator}\" is for {told}: {} is a {} parameter.", parameter.code, parameter.kind.code()))
}

/// What an element must be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// One that meets this condition.
    Meets(Filter),
    /// One that does not.
    MeetsNot(Filter),
    /// A text that is this one, folded.
    Text(ParameterNumber, String),
    /// Another text than this one.
    OtherText(ParameterNumber, String),
    /// A text whose first character comes before or after this one, folded.
    First(ParameterNumber, Order, char),
}

/// Which side of a character is wanted, and whether the character itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    less: bool,
    equal: bool,
}

impl Order {
    fn fits(self, text: &str, wanted: char) -> bool {
        text.trim().chars().next().is_some_and(|first| match first.cmp(&wanted) {
            Ordering::Less => self.less,
            Ordering::Equal => self.equal,
            Ordering::Greater => !self.less,
        })
    }
}

impl Item {
    fn fits(&self, rows: &Rows) -> bool {
        let any = |number: &ParameterNumber, test: &dyn Fn(&str) -> bool| {
            rows.texts.iter().any(|row| row.parameter == *number && test(&row.text))
        };
        match self {
            Self::Meets(filter) => meets(rows, filter),
            Self::MeetsNot(filter) => !meets(rows, filter),
            Self::Text(number, wanted) => any(number, &|text| text == wanted),
            Self::OtherText(number, wanted) => any(number, &|text| text != wanted),
            Self::First(number, order, wanted) => any(number, &|text| order.fits(text, *wanted)),
        }
    }
}

/// The condition that some element of a parameter is as wanted.
fn some(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, base: &str, wanted: Item) -> Probe {
    let (own, base, told) = (Arc::clone(catalog), base.to_owned(), code.to_owned());
    holds(catalog, format!("an element of {code} by itself"), move |resource| {
        let elements = |compiled| extract::elements(resource, compiled, &base, own.definitions());
        resource.kind() == kind
            && own.of(kind).parameter(&told).is_some_and(|compiled| elements(compiled).iter().any(|rows| wanted.fits(rows)))
    })
}

/// The condition that one element of a composite meets a filter by each part, where numbers are compared digit by digit.
pub(super) fn composite(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, base: &str, parts: Vec<(Filter, Option<Asked>)>) -> Probe {
    let (all, base, told) = (Arc::clone(catalog), base.to_owned(), code.to_owned());
    holds(catalog, format!("{code} digit by digit"), move |resource| {
        let own = all.of(kind);
        let Some(compiled) = own.parameter(&told).filter(|_| resource.kind() == kind) else { return false };
        let mut found = false;
        let quantities = extract::quantity::Seen::default();
        extract::composite::elements(compiled, own, resource, (&base, all.definitions(), &quantities), |node, rows| {
            let fits = |((part, rows), (filter, asked)): ((_, &Rows), &(Filter, Option<Asked>))| {
                let numbers = || extract::composite::numbers(part, node);
                meets(rows, filter) && asked.as_ref().is_none_or(|asked| numbers().iter().any(|number| asked.holds(number)))
            };
            found = found || compiled.parts.iter().zip(&rows).zip(&parts).all(fits);
        });
        found
    })
}

/// Whether the rows of one element meet the filter of a value.
fn meets(rows: &Rows, filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().all(|filter| meets(rows, filter)),
        Filter::Any(filters) => filters.iter().any(|filter| meets(rows, filter)),
        Filter::Not(filter) => !meets(rows, filter),
        Filter::Post(post) => rows.posts.contains(post),
        Filter::Number(number, test, unit) => {
            rows.numbers.iter().any(|row| row.parameter == *number && unit.passes(row.unit) && test.passes(row.low, row.high))
        }
        Filter::TextStart(number, start) => rows.texts.iter().any(|row| row.parameter == *number && row.text.starts_with(start.as_str())),
        Filter::TextPart(number, part) => rows.texts.iter().any(|row| row.parameter == *number && row.text.contains(part.as_str())),
        // Of one value of a parameter there are no others.
        Filter::Id(_) | Filter::Linked(_) | Filter::Referenced(_) | Filter::Group(..) | Filter::Probe(_) => false,
    }
}
