//! The functions: their names and arguments here, one file per family.
//!
//! Source: <http://hl7.org/fhirpath/N1/#functions>, <https://hl7.org/fhir/R4/fhirpath.html#functions>.

mod boundary;
mod combining;
mod conversion;
mod encoding;
mod existence;
mod fhir;
mod filtering;
mod html;
mod math;
pub(super) mod pattern;
mod subsetting;
mod text;
mod utility;

use std::borrow::Cow;

use super::ast::{Ast, Call};
use super::eval::{Found, Scope, Step, Stop, single};
use super::tree;
use super::value::{Class, Value};
pub(super) use conversion::Target;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Empty,
    Exists,
    Not,
    All,
    AllTrue,
    AnyTrue,
    AllFalse,
    AnyFalse,
    SubsetOf,
    SupersetOf,
    Count,
    Distinct,
    IsDistinct,
    Where,
    Select,
    Repeat,
    Single,
    First,
    Last,
    Tail,
    Skip,
    Take,
    Intersect,
    Exclude,
    Union,
    Combine,
    Coalesce,
    Iif,
    To(Target),
    Converts(Target),
    IndexOf,
    LastIndexOf,
    Substring,
    StartsWith,
    EndsWith,
    Contains,
    Upper,
    Lower,
    Replace,
    Matches,
    MatchesFull,
    ReplaceMatches,
    Length,
    ToChars,
    Trim,
    Split,
    Join,
    Encode,
    Decode,
    Escape,
    Unescape,
    Abs,
    Ceiling,
    Exp,
    Floor,
    Ln,
    Log,
    Power,
    Round,
    Sqrt,
    Truncate,
    Sum,
    Min,
    Max,
    Avg,
    Children,
    Descendants,
    Trace,
    Now,
    Today,
    TimeOfDay,
    Aggregate,
    DefineVariable,
    Type,
    Sort,
    Precision,
    LowBoundary,
    HighBoundary,
    Comparable,
    Extension,
    HasExtension,
    HasValue,
    GetValue,
    Resolve,
    MemberOf,
    ConformsTo,
    Subsumes,
    SubsumedBy,
    HtmlChecks,
    CheckModifiers,
}

/// How a function is called.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) function: Function,
    /// Fewest and most arguments.
    pub(super) least: usize,
    pub(super) most: usize,
    /// Whether the expressions of clients may call it: it takes no longer than its input.
    pub(super) foreign: bool,
}

const fn of(name: &'static str, function: Function, least: usize, most: usize) -> Signature {
    Signature { name, function, least, most, foreign: false }
}

const fn open(name: &'static str, function: Function, least: usize, most: usize) -> Signature {
    Signature { name, function, least, most, foreign: true }
}

/// Any number of arguments.
const ANY: usize = 100;

const SIGNATURES: [Signature; 103] = [
    open("empty", Function::Empty, 0, 0),
    open("exists", Function::Exists, 0, 1),
    open("not", Function::Not, 0, 0),
    of("all", Function::All, 1, 1),
    of("allTrue", Function::AllTrue, 0, 0),
    of("anyTrue", Function::AnyTrue, 0, 0),
    of("allFalse", Function::AllFalse, 0, 0),
    of("anyFalse", Function::AnyFalse, 0, 0),
    of("subsetOf", Function::SubsetOf, 1, 1),
    of("supersetOf", Function::SupersetOf, 1, 1),
    of("count", Function::Count, 0, 0),
    of("distinct", Function::Distinct, 0, 0),
    of("isDistinct", Function::IsDistinct, 0, 0),
    open("where", Function::Where, 1, 1),
    of("select", Function::Select, 1, 1),
    of("repeat", Function::Repeat, 1, 1),
    of("single", Function::Single, 0, 0),
    open("first", Function::First, 0, 0),
    of("last", Function::Last, 0, 0),
    of("tail", Function::Tail, 0, 0),
    of("skip", Function::Skip, 1, 1),
    of("take", Function::Take, 1, 1),
    of("intersect", Function::Intersect, 1, 1),
    of("exclude", Function::Exclude, 1, 1),
    of("union", Function::Union, 1, 1),
    of("combine", Function::Combine, 1, 2),
    of("coalesce", Function::Coalesce, 1, ANY),
    of("iif", Function::Iif, 2, 3),
    of("toBoolean", Function::To(Target::Boolean), 0, 0),
    of("toInteger", Function::To(Target::Integer), 0, 0),
    of("toDecimal", Function::To(Target::Decimal), 0, 0),
    of("toString", Function::To(Target::String), 0, 0),
    of("toDate", Function::To(Target::Date), 0, 0),
    of("toDateTime", Function::To(Target::DateTime), 0, 0),
    of("toTime", Function::To(Target::Time), 0, 0),
    of("toQuantity", Function::To(Target::Quantity), 0, 1),
    of("convertsToBoolean", Function::Converts(Target::Boolean), 0, 0),
    of("convertsToInteger", Function::Converts(Target::Integer), 0, 0),
    of("convertsToDecimal", Function::Converts(Target::Decimal), 0, 0),
    of("convertsToString", Function::Converts(Target::String), 0, 0),
    of("convertsToDate", Function::Converts(Target::Date), 0, 0),
    of("convertsToDateTime", Function::Converts(Target::DateTime), 0, 0),
    of("convertsToTime", Function::Converts(Target::Time), 0, 0),
    of("convertsToQuantity", Function::Converts(Target::Quantity), 0, 1),
    of("indexOf", Function::IndexOf, 1, 1),
    of("lastIndexOf", Function::LastIndexOf, 1, 1),
    of("substring", Function::Substring, 1, 2),
    of("startsWith", Function::StartsWith, 1, 1),
    of("endsWith", Function::EndsWith, 1, 1),
    of("contains", Function::Contains, 1, 1),
    of("upper", Function::Upper, 0, 0),
    of("lower", Function::Lower, 0, 0),
    of("replace", Function::Replace, 2, 2),
    of("matches", Function::Matches, 1, 1),
    of("matchesFull", Function::MatchesFull, 1, 1),
    of("replaceMatches", Function::ReplaceMatches, 2, 2),
    of("length", Function::Length, 0, 0),
    of("toChars", Function::ToChars, 0, 0),
    of("trim", Function::Trim, 0, 0),
    of("split", Function::Split, 1, 1),
    of("join", Function::Join, 0, 1),
    of("encode", Function::Encode, 1, 1),
    of("decode", Function::Decode, 1, 1),
    of("escape", Function::Escape, 1, 1),
    of("unescape", Function::Unescape, 1, 1),
    of("abs", Function::Abs, 0, 0),
    of("ceiling", Function::Ceiling, 0, 0),
    of("exp", Function::Exp, 0, 0),
    of("floor", Function::Floor, 0, 0),
    of("ln", Function::Ln, 0, 0),
    of("log", Function::Log, 1, 1),
    of("power", Function::Power, 1, 1),
    of("round", Function::Round, 0, 1),
    of("sqrt", Function::Sqrt, 0, 0),
    of("truncate", Function::Truncate, 0, 0),
    of("sum", Function::Sum, 0, 0),
    of("min", Function::Min, 0, 0),
    of("max", Function::Max, 0, 0),
    of("avg", Function::Avg, 0, 0),
    of("children", Function::Children, 0, 0),
    of("descendants", Function::Descendants, 0, 0),
    of("trace", Function::Trace, 1, 2),
    of("now", Function::Now, 0, 0),
    of("today", Function::Today, 0, 0),
    of("timeOfDay", Function::TimeOfDay, 0, 0),
    of("aggregate", Function::Aggregate, 1, 2),
    of("defineVariable", Function::DefineVariable, 1, 2),
    of("type", Function::Type, 0, 0),
    of("sort", Function::Sort, 0, ANY),
    of("precision", Function::Precision, 0, 0),
    of("lowBoundary", Function::LowBoundary, 0, 1),
    of("highBoundary", Function::HighBoundary, 0, 1),
    of("comparable", Function::Comparable, 1, 1),
    open("extension", Function::Extension, 1, 1),
    open("hasExtension", Function::HasExtension, 1, 1),
    of("hasValue", Function::HasValue, 0, 0),
    of("getValue", Function::GetValue, 0, 0),
    open("resolve", Function::Resolve, 0, 0),
    of("memberOf", Function::MemberOf, 1, 1),
    of("conformsTo", Function::ConformsTo, 1, 1),
    of("subsumes", Function::Subsumes, 1, 1),
    of("subsumedBy", Function::SubsumedBy, 1, 1),
    of("htmlChecks", Function::HtmlChecks, 0, 0),
    // checkModifiers stands below: its arguments are any number.
];

const CHECK_MODIFIERS: Signature = of("checkModifiers", Function::CheckModifiers, 0, ANY);

impl Signature {
    /// The function of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SIGNATURES.iter().chain([&CHECK_MODIFIERS]).find(|signature| signature.name == name)
    }
}

impl Function {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        SIGNATURES.iter().find(|signature| signature.function == self).map_or(CHECK_MODIFIERS.name, |signature| signature.name)
    }

    /// Whether [`condition`] knows what it says.
    pub(super) fn is_simple_condition(self) -> bool {
        matches!(self, Self::Exists | Self::Empty | Self::Not | Self::All | Self::HasValue | Self::HasExtension)
    }
}

/// What a function says that gives a boolean; `None` for the empty collection.
pub(super) fn condition<'t>(call: &'t Call, scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    match call.function {
        Function::Exists => existence::exists(call, scope).map(Some),
        Function::Empty => existence::exists(call, scope).map(|exists| Some(!exists)),
        Function::Not => Ok(super::eval::truth(&call.input, scope)?.map(|value| !value)),
        Function::All => existence::all(call, scope).map(Some),
        Function::HasValue => fhir::has_value(call, scope).map(Some),
        _ => fhir::has_extension(call, scope).map(Some),
    }
}

/// Hands what a function gives to `found`.
pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    scope.run.spend(1)?;
    match call.function {
        function if function.is_simple_condition() => condition(call, scope)?.map_or(Ok(()), |answer| found(Value::Boolean(answer))),
        Function::Where | Function::Select | Function::Repeat => filtering::call(call, scope, found),
        Function::AllTrue
        | Function::AnyTrue
        | Function::AllFalse
        | Function::AnyFalse
        | Function::SubsetOf
        | Function::SupersetOf
        | Function::Count
        | Function::Distinct
        | Function::IsDistinct => existence::call(call, scope, found),
        Function::Single
        | Function::First
        | Function::Last
        | Function::Tail
        | Function::Skip
        | Function::Take
        | Function::Intersect
        | Function::Exclude => subsetting::call(call, scope, found),
        Function::Union | Function::Combine | Function::Coalesce => combining::call(call, scope, found),
        Function::Iif => conversion::iif(call, scope, found),
        Function::To(target) => conversion::to(target, call, scope, found),
        Function::Converts(target) => conversion::converts(target, call, scope, found),
        Function::Matches | Function::MatchesFull | Function::ReplaceMatches => pattern::call(call, scope, found),
        Function::Encode | Function::Decode | Function::Escape | Function::Unescape => encoding::call(call, scope, found),
        Function::IndexOf
        | Function::LastIndexOf
        | Function::Substring
        | Function::StartsWith
        | Function::EndsWith
        | Function::Contains
        | Function::Upper
        | Function::Lower
        | Function::Replace
        | Function::Length
        | Function::ToChars
        | Function::Trim
        | Function::Split
        | Function::Join => text::call(call, scope, found),
        Function::Abs
        | Function::Ceiling
        | Function::Exp
        | Function::Floor
        | Function::Ln
        | Function::Log
        | Function::Power
        | Function::Round
        | Function::Sqrt
        | Function::Truncate => math::call(call, scope, found),
        Function::Sum | Function::Min | Function::Max | Function::Avg => math::summary(call, scope, found),
        Function::Children => super::eval::each(&call.input, scope, &mut |value| tree::children(scope.run, &value, found)),
        Function::Descendants => super::eval::each(&call.input, scope, &mut |value| tree::descendants(scope.run, &value, found)),
        Function::Precision | Function::LowBoundary | Function::HighBoundary | Function::Comparable => boundary::call(call, scope, found),
        Function::Trace
        | Function::Now
        | Function::Today
        | Function::TimeOfDay
        | Function::Aggregate
        | Function::DefineVariable
        | Function::Type
        | Function::Sort => utility::call(call, scope, found),
        _ => fhir::call(call, scope, found),
    }
}

impl<'t> Call {
    /// The only value of the input.
    fn one(&'t self, scope: &Scope<'_, 't>) -> Result<Option<Value<'t>>, Stop> {
        single(&self.input, scope, &format!("the value before {}()", self.function.name()))
    }

    fn argument(&'t self, number: usize) -> &'t Ast {
        self.arguments.get(number).unwrap_or(&Ast::Empty)
    }

    /// The only value of an argument.
    fn given(&'t self, number: usize, scope: &Scope<'_, 't>) -> Result<Option<Value<'t>>, Stop> {
        single(self.argument(number), scope, "an argument")
    }

    /// The input as a string.
    fn text(&'t self, scope: &Scope<'_, 't>) -> Result<Option<Cow<'t, str>>, Stop> {
        self.one(scope)?.map_or(Ok(None), |value| self.string(&value, "works on a string"))
    }

    /// An argument as a string.
    fn given_text(&'t self, number: usize, scope: &Scope<'_, 't>) -> Result<Option<Cow<'t, str>>, Stop> {
        self.given(number, scope)?.map_or(Ok(None), |value| self.string(&value, "takes a string"))
    }

    fn string(&self, value: &Value<'t>, what: &str) -> Result<Option<Cow<'t, str>>, Stop> {
        match value.class() {
            Class::String => Ok(value.text()),
            // Elements of dates and times are strings to string functions.
            Class::Moment if value.node().is_some() => Ok(value.told()),
            Class::Other if value.node().is_some_and(crate::model::tree::Node::is_shadow) => Ok(None),
            _ => Err(Stop::impossible(format!("{}() {what}, not a {}", self.function.name(), value.type_name().1))),
        }
    }

    /// An argument as an integer.
    fn given_integer(&'t self, number: usize, scope: &Scope<'_, 't>) -> Result<Option<i64>, Stop> {
        let Some(value) = self.given(number, scope)? else { return Ok(None) };
        let whole = value.integer().or_else(|| value.number().and_then(super::number::Number::to_whole));
        whole.map(Some).ok_or_else(|| Stop::impossible(format!("{}() takes an integer", self.function.name())))
    }
}
