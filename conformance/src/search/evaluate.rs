//! The evaluator: which resources match, in which order, and what comes along.
//!
//! Source: <https://hl7.org/fhir/R4/search.html>. Every criterion looks at every resource; nothing is indexed or planned.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compartments::belongs;
use super::contained;
use super::escapes::{plain, split};
use super::filter::Filter;
use super::filtering::filtered;
use super::includes::included;
use super::links::Link;
use super::matching::{Around, composite, matches};
use super::order;
use super::parameters::{self, Kind, Parameter, TYPES};
use super::request::Request;
use super::words;
use super::world::{World, type_of};

/// What a search has to give, as `Type/id`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Expected {
    /// The matches in their order.
    pub(super) matches: Vec<String>,
    /// What comes along, without what matches anyway.
    pub(super) included: BTreeSet<String>,
}

/// What `request` has to give.
///
/// # Errors
/// If it asks for what this evaluator does not know.
pub(super) fn evaluate(world: &World, request: &Request) -> Result<Expected, String> {
    if request.value("_contained").is_some() {
        return contained::evaluate(world, request);
    }
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for kind in request.kinds() {
        let belongs = |place: &usize| request.within.as_deref().is_none_or(|within| belongs(world, within, *place));
        let mut own: BTreeSet<usize> = world.of(&kind).filter(belongs).collect();
        for (name, value) in request.criteria() {
            let holding = holding(world, &kind, name, value)?;
            own.retain(|place| holding.contains(place));
        }
        found.extend(own);
    }
    let along = included(world, &request.includes(), &found);
    let mut places: Vec<usize> = found.into_iter().collect();
    order::sort(world, &request.sort(), &mut places)?;
    if request.within.is_some() && request.kind.is_none() {
        // Everything of a compartment comes type by type, first the type of the resource that it is of.
        let owner = request.within.as_deref().and_then(|within| within.split('/').next()).unwrap_or_default();
        places.sort_by_key(|place| (type_of(world.at(*place)) != owner, type_of(world.at(*place))));
    }
    let names = |place: usize| world.name_at(place);
    Ok(Expected { matches: places.into_iter().map(names).collect(), included: along.into_iter().map(names).collect() })
}

/// The places of the resources of a type for which one criterion holds.
pub(super) fn holding(world: &World, kind: &str, name: &str, value: &str) -> Result<BTreeSet<usize>, String> {
    if let Some(rest) = name.strip_prefix("_has:") {
        return referred(world, kind, rest, value);
    }
    if name == "_list" {
        return Ok(listed(world, kind, value));
    }
    if name == "_filter" {
        return filtered(world, kind, &Filter::parse(value)?);
    }
    if name == "_text" || name == "_content" {
        let stand = |place: &usize| split(value, ',').iter().any(|asked| words::stand(world.at(*place), name == "_content", &plain(asked)));
        return Ok(world.of(kind).filter(stand).collect());
    }
    if let Some((head, rest)) = name.split_once('.') {
        return chained(world, kind, head, rest, value);
    }
    let (code, modifier) = name.split_once(':').unwrap_or((name, ""));
    let parameter = parameters::find(kind, code).ok_or_else(|| format!("{kind} has no parameter {code}"))?;
    let mut found = BTreeSet::new();
    for place in world.of(kind) {
        if holds(world, world.at(place), parameter, modifier, value)? {
            found.insert(place);
        }
    }
    Ok(found)
}

/// Whether a criterion without chain holds for a resource.
fn holds(world: &World, resource: &Value, parameter: &Parameter, modifier: &str, value: &str) -> Result<bool, String> {
    let elements = world.elements(resource, parameter);
    if modifier == "missing" {
        return Ok(elements.is_empty() == (value == "true"));
    }
    let around = Around { resource, world };
    let mut any = false;
    for asked in split(value, ',') {
        for element in &elements {
            any |= match parameter.kind {
                Kind::Composite => composite(&parameter.parts, &asked, element, around)?,
                kind => matches(kind, modifier, &asked, element, around)?,
            };
        }
    }
    Ok(any != matches!(modifier, "not" | "not-in"))
}

/// A chain: resources that refer to one for which the rest holds.
fn chained(world: &World, kind: &str, head: &str, rest: &str, value: &str) -> Result<BTreeSet<usize>, String> {
    let (code, target) = head.split_once(':').map_or((head, None), |(code, target)| (code, Some(target)));
    let parameter = reference(kind, code)?;
    let known = |name: &&str| TYPES.contains(name) && target.is_none_or(|target| target == *name);
    let kinds: Vec<&str> = parameter.targets.iter().copied().filter(known).collect();
    let tried: Vec<_> = kinds.into_iter().map(|name| holding(world, name, rest, value)).collect();
    if tried.iter().all(Result::is_err) {
        return Err(format!("{kind}.{head} leads to nothing that has {rest}: {tried:?}"));
    }
    // A type that lacks the parameter has no match; the chain goes through the other types.
    let ends: BTreeSet<usize> = tried.into_iter().flatten().flatten().collect();
    Ok(world.of(kind).filter(|place| world.targets(*place, parameter).iter().any(|end| ends.contains(end))).collect())
}

/// `_has:Type:code:rest`: resources that one refers to for which the rest holds.
fn referred(world: &World, kind: &str, text: &str, value: &str) -> Result<BTreeSet<usize>, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(source), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("_has:{text} lacks a part"));
    };
    let parameter = reference(source, code)?;
    let from = holding(world, source, rest, value)?;
    let ends = from.into_iter().flat_map(|place| world.targets(place, parameter));
    Ok(ends.filter(|place| type_of(world.at(*place)) == kind).collect())
}

/// The members of any of these lists.
fn listed(world: &World, kind: &str, value: &str) -> BTreeSet<usize> {
    let lists = split(value, ',').into_iter().filter_map(|id| world.place(&format!("List/{}", plain(&id))));
    let items = lists.flat_map(|list| super::elements::select(world.at(list), "entry.item"));
    let places = items.filter_map(|item| Link::of(&world.base, item)).filter_map(|link| world.place(&link.text()));
    places.filter(|place| type_of(world.at(*place)) == kind).collect()
}

/// The reference parameter `code` of a type.
pub(super) fn reference(kind: &str, code: &str) -> Result<&'static Parameter, String> {
    let found = parameters::find(kind, code).filter(|parameter| parameter.kind == Kind::Reference);
    found.ok_or_else(|| format!("{kind} has no reference parameter {code}"))
}
