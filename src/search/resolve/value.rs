//! One value of a condition becomes a filter: prefixes, systems, units, targets.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#prefix> and the section of each parameter type.

use super::super::catalog::TypeCatalog;
use super::super::extract;
use super::super::key::{self, Aside};
use super::super::plan::{Filter, ParameterNumber, Test, Unit};
use super::super::query::{split, unescape};
use crate::definitions::{Parameter, ParameterKind};
use crate::model::primitive::decimal::Decimal;
use crate::model::primitive::{Id, moment};
use crate::model::reference;
use crate::model::schema::ResourceType;

/// Why a value has no meaning.
pub(super) enum Unread {
    /// The modifier is not served.
    Modifier,
    /// The value is wrong: what would be right.
    Value(String),
}

fn wrong<T>(reason: String) -> Result<T, Unread> {
    Err(Unread::Value(reason))
}

/// What a value is read with.
pub(super) struct Reading<'a> {
    pub(super) parameter: &'a Parameter,
    /// The number under which the index has its values.
    pub(super) number: ParameterNumber,
    pub(super) modifier: Option<&'a str>,
    pub(super) base: &'a str,
    pub(super) own: &'a TypeCatalog,
}

impl Reading<'_> {
    /// The filter of one value, still escaped. `:not` is put around all alternatives by the caller.
    pub(super) fn filter(&self, value: &str) -> Result<Filter, Unread> {
        if value.is_empty() {
            return wrong("One of the alternatives is empty: take out the extra comma.".into());
        }
        let number = self.number;
        match (self.parameter.kind, self.modifier) {
            _ if self.parameter.code == "_id" => match self.modifier {
                None | Some("not") => Ok(Filter::Id(Id::new(&unescape(value)).into_iter().collect())),
                Some(_) => Err(Unread::Modifier),
            },
            (ParameterKind::Token, None | Some("not")) => Ok(Self::token(number, value)),
            (ParameterKind::Token, Some("of-type")) => match split(value, '|').as_slice() {
                [system, code, value] if !code.is_empty() && !value.is_empty() => {
                    Ok(Filter::Post(key::of_type_token(number, &unescape(system), &unescape(code), &unescape(value))))
                }
                _ => wrong(format!("\"{value}\" is not an identifier with its type: write system|code|value.")),
            },
            (ParameterKind::String, None) => Ok(Filter::TextStart(number, key::fold(&unescape(value)))),
            (ParameterKind::String, Some("exact")) => Ok(Filter::Post(key::exact(number, &unescape(value)))),
            (ParameterKind::String, Some("contains")) => Ok(Filter::TextPart(number, key::fold(&unescape(value)))),
            (ParameterKind::Uri, None) => Ok(Filter::Post(key::uri(number, &unescape(value)))),
            (ParameterKind::Uri, Some("above")) => {
                Ok(Filter::Any(ancestors(&unescape(value)).into_iter().map(|url| Filter::Post(key::uri(number, &url))).collect()))
            }
            (ParameterKind::Reference, Some("identifier")) => Ok(Self::token(key::aside(number, Aside::Identifier), value)),
            (ParameterKind::Reference, None) => self.reference(&unescape(value), None),
            (ParameterKind::Reference, Some(ty)) => match self.parameter.targets.iter().find(|target| target.name() == ty) {
                Some(target) => self.reference(&unescape(value), Some(*target)),
                None => Err(Unread::Modifier),
            },
            (ParameterKind::Date, None) => self.date(value),
            (ParameterKind::Number, None) => self.number(value),
            (ParameterKind::Quantity, None) => self.quantity(value),
            _ => Err(Unread::Modifier),
        }
    }

    fn token(number: ParameterNumber, value: &str) -> Filter {
        let mut parts = split(value, '|');
        // A code may itself hold a bar: only the first one divides.
        let (system, code) = match parts.len() {
            0 | 1 => (None, unescape(value)),
            _ => (Some(unescape(&parts.remove(0))), unescape(&parts.join("|"))),
        };
        Filter::Post(match (system, code.as_str()) {
            (None, code) => key::token_code(number, code),
            (Some(system), "") => key::token_system(number, &system),
            (Some(system), code) => key::token(number, &system, code),
        })
    }

    fn reference(&self, text: &str, only: Option<ResourceType>) -> Result<Filter, Unread> {
        let number = self.number;
        let schema = self.own.schema();
        let to = |target: &str| Filter::Post(key::reference(number, target));
        let fits = |kind: ResourceType| only.is_none_or(|only| only == kind);
        match reference::target(text, schema, self.base) {
            // A version that is asked for counts.
            reference::Target::Local { key, version: Some(version) } if fits(key.kind) => Ok(to(&format!("{key}/_history/{version}"))),
            reference::Target::Local { key, .. } if fits(key.kind) => Ok(to(&key.to_string())),
            reference::Target::Local { key, .. } => wrong(format!("\"{text}\" is a {}, which the modifier rules out.", key.kind)),
            _ if Id::is_valid(text) => {
                let kinds = self.parameter.targets.iter().filter(|kind| fits(**kind));
                // What looks like an id may also be the whole text of a canonical.
                let literal = only.is_none().then(|| to(text));
                Ok(Filter::Any(kinds.map(|kind| to(&format!("{kind}/{text}"))).chain(literal).collect()))
            }
            reference::Target::Other(url) if url.contains(':') => Ok(to(url)),
            _ => wrong(format!("\"{text}\" is not a reference: write an id, Type/id or an absolute URL.")),
        }
    }

    /// A date whose period shares a moment with that of the value.
    pub(super) fn overlaps(&self, value: &str) -> Result<Filter, Unread> {
        if self.parameter.kind != ParameterKind::Date {
            return wrong(format!("\"po\" is for dates: {} is a {} parameter.", self.parameter.code, self.parameter.kind.code()));
        }
        match moment::search_value(value) {
            Some(interval) => {
                Ok(Filter::Number(self.number, Test::Overlaps(interval.start - self.precision(), interval.end - 1), Unit::Any))
            }
            None => wrong(format!("\"{value}\" is not a date: write for example 2026, 2026-11 or 2026-11-22.")),
        }
    }

    /// A date in whose period all of the value's lies.
    pub(super) fn includes(&self, value: &str) -> Result<Filter, Unread> {
        let Some(interval) = moment::search_value(value) else {
            return wrong(format!("\"{value}\" is not a date: write for example 2026, 2026-11 or 2026-11-22."));
        };
        let test = |test| Filter::Number(self.number, test, Unit::Any);
        // Of the whole microseconds that the index knows, the first and the last.
        let end = interval.end - 2 - self.precision();
        Ok(Filter::All(vec![test(Test::StartsBefore(interval.start + 1)), test(Test::EndsAfter(end))]))
    }

    /// By how much the period of a value is longer than the index knows: the time of the last update is kept as the first
    /// microsecond of the millisecond that is told.
    fn precision(&self) -> i64 {
        if self.parameter.code == "_lastUpdated" { 999 } else { 0 }
    }

    fn date(&self, value: &str) -> Result<Filter, Unread> {
        let (prefix, text) = prefix(value);
        let Some(interval) = moment::search_value(text) else {
            return wrong(format!(
                "\"{text}\" is not a date: write for example 2026, 2026-11, 2026-11-22 or 2026-11-22T10:15:00+01:00, after an optional prefix (eq ne gt lt ge le sa eb ap)."
            ));
        };
        let (start, end) = (interval.start, interval.end - 1);
        let around = || {
            // "Approximately": a tenth of the width to either side, and a day at least.
            let margin = ((end - start) / 10).max(86_400_000_000);
            (start.saturating_sub(margin), end.saturating_add(margin))
        };
        Ok(Self::compare(prefix, start, end, around, (self.number, Unit::Any)))
    }

    fn number(&self, value: &str) -> Result<Filter, Unread> {
        let (prefix, text) = prefix(value);
        self.decimal(prefix, text, WRITTEN, (self.number, Unit::Any))
    }

    fn quantity(&self, value: &str) -> Result<Filter, Unread> {
        let parts = split(value, '|');
        let (prefix, number) = prefix(parts.first().map_or("", String::as_str));
        let unit = match parts.as_slice() {
            [_] => Unit::Any,
            [_, system, code] => match (unescape(system), unescape(code)) {
                (system, code) if system.is_empty() && code.is_empty() => Unit::Any,
                (system, code) if system.is_empty() => Unit::Code(key::unit_code(&code)),
                (_, code) if code.is_empty() => return wrong("A system needs a code: write number|system|code.".into()),
                (system, code) => {
                    // With a system, quantities are compared in canonical units.
                    let unit = extract::quantity::Unit::coded(&system, &code);
                    let parameter = key::aside(self.number, Aside::Canonical);
                    let keys =
                        Keys { of: |decimal: &Decimal| unit.sort_key(decimal), tell: extract::quantity::Unit::keys_tell, play: CONVERSION };
                    return self.decimal(prefix, number, keys, (parameter, Unit::Exactly(unit.key())));
                }
            },
            _ => return wrong(format!("\"{value}\" is not a quantity: write number, number|system|code or number||code.")),
        };
        self.decimal(prefix, number, WRITTEN, (self.number, unit))
    }

    /// A condition on numbers, given how they become keys, and whether keys tell a number from all others.
    fn decimal(
        &self,
        prefix: &str,
        text: &str,
        keys: Keys<impl Fn(&Decimal) -> i64>,
        of: (ParameterNumber, Unit),
    ) -> Result<Filter, Unread> {
        let Some(decimal) = Decimal::new(text) else {
            return wrong(format!(
                "\"{text}\" is not a number: write for example 5.4 or 1.2e-3, after an optional prefix (eq ne gt lt ge le sa eb ap)."
            ));
        };
        let sort_key = &keys.of;
        let (exact, (low, high)) = (sort_key(&decimal), decimal.implied_range());
        let around = || {
            let (low, high) = decimal.around();
            (sort_key(&low), sort_key(&high))
        };
        if !told_by_keys(&decimal, keys.tell) {
            return Ok(Self::wide(prefix, exact, (sort_key(&low), sort_key(&high)), around, (of, keys.play)));
        }
        // gt, lt, ge, le compare with the number itself; only eq and ne know its precision.
        let (low, high) = if matches!(prefix, "eq" | "ne") { (sort_key(&low), sort_key(&high) - 1) } else { (exact, exact) };
        Ok(Self::compare(prefix, low, high, around, of))
    }

    /// What holds for all that meet the condition, and for some others whose keys are nearly the same: numbers of many digits.
    fn wide(
        prefix: &str,
        exact: i64,
        (low, high): (i64, i64),
        around: impl Fn() -> (i64, i64),
        ((parameter, unit), play): ((ParameterNumber, Unit), i64),
    ) -> Filter {
        let test = |test: Test| Filter::Number(parameter, test, unit);
        let (down, up) = (|key: i64| key.saturating_sub(play), |key: i64| key.saturating_add(play));
        match prefix {
            "ne" => test(Test::Overlaps(i64::MIN, i64::MAX)),
            "gt" | "ge" => test(Test::EndsAfter(down(exact).saturating_sub(1))),
            "lt" | "le" => test(Test::StartsBefore(up(exact).saturating_add(1))),
            "sa" => test(Test::StartsAfter(down(exact).saturating_sub(1))),
            "eb" => test(Test::EndsBefore(up(exact).saturating_add(1))),
            "ap" => {
                let (low, high) = around();
                test(Test::Overlaps(down(low), up(high)))
            }
            _ => test(Test::Within(down(low), up(high))),
        }
    }

    /// The test that a prefix asks for, on the interval `[low, high]` that the value stands for.
    pub(super) fn compare(
        prefix: &str,
        low: i64,
        high: i64,
        around: impl Fn() -> (i64, i64),
        (parameter, unit): (ParameterNumber, Unit),
    ) -> Filter {
        let test = |test: Test| Filter::Number(parameter, test, unit);
        match prefix {
            "ne" => test(Test::NotWithin(low, high)),
            "gt" => test(Test::EndsAfter(high)),
            "lt" => test(Test::StartsBefore(low)),
            "ge" => Filter::Any(vec![test(Test::EndsAfter(high)), test(Test::Within(low, high))]),
            "le" => Filter::Any(vec![test(Test::StartsBefore(low)), test(Test::Within(low, high))]),
            "sa" => test(Test::StartsAfter(high)),
            "eb" => test(Test::EndsBefore(low)),
            "ap" => {
                let (low, high) = around();
                test(Test::Overlaps(low, high))
            }
            _ => test(Test::Within(low, high)),
        }
    }
}

/// How numbers become the keys of rows.
struct Keys<F> {
    of: F,
    /// Whether a key tells a number from all others.
    tell: fn(&Decimal) -> bool,
    /// How far the keys of two numbers that are equal may lie apart, if they are longer than that.
    play: i64,
}

/// Keys of numbers as they are written.
const WRITTEN: Keys<fn(&Decimal) -> i64> = Keys { of: Decimal::sort_key, tell: Decimal::is_keyed_exactly, play: 0 };

/// More than one step of the last of 14 digits, as keys count: where a conversion is not exact, it may round to either side.
const CONVERSION: i64 = 1000;

/// Whether keys alone tell what meets a condition with this number.
pub(super) fn told_by_keys(asked: &Decimal, tells: impl Fn(&Decimal) -> bool) -> bool {
    let (low, high) = asked.implied_range();
    [asked, &low, &high].into_iter().all(tells)
}

/// A URL and those above it, up to its host.
fn ancestors(url: &str) -> Vec<String> {
    let root = url.find("://").map_or(0, |at| at + 3);
    let mut all = vec![url.to_owned()];
    let mut rest = url;
    while let Some((above, _)) = rest.rsplit_once('/').filter(|(above, _)| above.len() > root) {
        all.extend([above.to_owned(), format!("{above}/")]);
        rest = above;
    }
    all
}

/// The prefix (`eq` if there is none) and the rest.
pub(super) fn prefix(value: &str) -> (&str, &str) {
    match value.split_at_checked(2) {
        Some((prefix @ ("eq" | "ne" | "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap"), rest)) => (prefix, rest),
        _ => ("eq", value),
    }
}
