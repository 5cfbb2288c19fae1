//! The resources for which a filter holds.
//!
//! Source: <https://hl7.org/fhir/R4/search_filter.html#ops>, the table of what an operator means for each kind of parameter.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::evaluate::reference;
use super::filter::{Filter, Path};
use super::folding::fold;
use super::links::Link;
use super::matching::{Around, composite, matches, texts};
use super::moment;
use super::parameters::{self, Kind, Parameter, TYPES};
use super::terminology;
use super::tokens;
use super::world::{World, type_of};

/// The places of the resources of a type for which a filter holds.
///
/// # Errors
/// If it asks for what is not known.
pub(super) fn filtered(world: &World, kind: &str, filter: &Filter) -> Result<BTreeSet<usize>, String> {
    let all = || world.of(kind).collect::<BTreeSet<usize>>();
    Ok(match filter {
        Filter::Not(inner) => &all() - &filtered(world, kind, inner)?,
        Filter::Both(one, other) => &filtered(world, kind, one)? & &filtered(world, kind, other)?,
        Filter::Either(one, other) => &filtered(world, kind, one)? | &filtered(world, kind, other)?,
        // The set is empty also when the path leads nowhere.
        Filter::Test(path, operator, value) if operator == "pr" && value == "false" => &all() - &led(world, kind, path, "pr", "true")?,
        Filter::Test(path, operator, value) => led(world, kind, path, operator, value)?,
    })
}

/// The places from which a path leads to a value for which the operator holds.
fn led(world: &World, kind: &str, path: &Path, operator: &str, value: &str) -> Result<BTreeSet<usize>, String> {
    if let Some(text) = path.name.strip_prefix("_has:") {
        let mut parts = text.splitn(3, ':');
        let (Some(source), Some(code), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("_has:{text} lacks a part"));
        };
        let parameter = reference(source, code)?;
        let rest = Path { name: name.to_owned(), ..path.clone() };
        let ends = led(world, source, &rest, operator, value)?.into_iter().flat_map(|place| world.targets(place, parameter));
        return Ok(ends.filter(|place| type_of(world.at(*place)) == kind).collect());
    }
    let Some(rest) = &path.rest else {
        let parameter = parameters::find(kind, &path.name).ok_or_else(|| format!("{kind} has no parameter {}", path.name))?;
        let mut found = BTreeSet::new();
        for place in world.of(kind) {
            let around = Around { resource: world.at(place), world };
            for element in world.elements(around.resource, parameter) {
                if holds(parameter, operator, value, element, around)? {
                    found.insert(place);
                }
            }
        }
        return Ok(found);
    };
    let parameter = reference(kind, &path.name)?;
    let tried = parameter.targets.iter().filter(|target| TYPES.contains(target)).map(|target| {
        let ends = led(world, target, rest, operator, value)?;
        match &path.within {
            Some(inner) => Ok(&ends & &filtered(world, target, inner)?),
            None => Ok(ends),
        }
    });
    let tried: Vec<Result<BTreeSet<usize>, String>> = tried.collect();
    if tried.iter().all(Result::is_err) {
        return Err(format!("{kind}.{} leads to nothing that has {rest:?}: {tried:?}", path.name));
    }
    let ends: BTreeSet<usize> = tried.into_iter().flatten().flatten().collect();
    Ok(world.of(kind).filter(|place| world.targets(*place, parameter).iter().any(|end| ends.contains(end))).collect())
}

/// Whether an operator holds for one element.
fn holds(parameter: &Parameter, operator: &str, value: &str, element: &Value, around: Around<'_>) -> Result<bool, String> {
    if operator == "pr" {
        return Ok(true);
    }
    let unknown = || format!("`{operator}` means nothing for a {} parameter", parameter.kind.name());
    match (parameter.kind, operator) {
        (Kind::Text(shape), _) => {
            let test = text(operator).ok_or_else(unknown)?;
            Ok(texts(shape, element).into_iter().any(|own| test(fold(own).as_str(), fold(value).as_str())))
        }
        // Where nothing tells a chromosome, there is no item that could be another one.
        (Kind::Token("chromosome"), "ne") if tokens::codes("chromosome", element).is_empty() => Ok(false),
        (Kind::Token(shape), "eq" | "ne") => Ok(tokens::is(shape, element, value) == (operator == "eq")),
        (Kind::Token(shape), "in") => terminology::is_in(around.world, shape, element, value),
        (Kind::Token(shape), "ss" | "sb") => terminology::is_kind(around.world, shape, element, value, operator == "sb"),
        (Kind::Reference, "re") => Ok(Link::of(&around.world.base, element).is_some_and(|link| link.is(&around.world.base, value))),
        (Kind::Uri, "eq" | "ne") => Ok((element.as_str() == Some(value)) == (operator == "eq")),
        (Kind::Date, "co" | "po") => {
            let (Some(own), Some(asked)) = (moment::of(element), moment::parse(value)) else { return Ok(false) };
            Ok(if operator == "co" { own.low <= asked.low && own.high >= asked.high } else { own.low < asked.high && own.high > asked.low })
        }
        (Kind::Date | Kind::Number(_) | Kind::Quantity, "eq" | "ne" | "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap") => {
            matches(parameter.kind, "", &format!("{operator}{value}"), element, around)
        }
        (Kind::Composite, "eq" | "ne") => Ok(composite(&parameter.parts, value, element, around)? == (operator == "eq")),
        _ => Err(unknown()),
    }
}

/// What an operator means for texts without letter case and accents.
fn text(operator: &str) -> Option<fn(&str, &str) -> bool> {
    fn first(own: &str, asked: &str) -> Ordering {
        own.trim().chars().next().cmp(&asked.trim().chars().next())
    }
    Some(match operator {
        "eq" => |own, asked| own == asked,
        "ne" => |own, asked| own != asked,
        "co" => |own, asked| own.contains(asked),
        "sw" => |own, asked| own.starts_with(asked),
        "ew" => |own, asked| own.ends_with(asked),
        "gt" => |own, asked| first(own, asked).is_gt(),
        "lt" => |own, asked| first(own, asked).is_lt(),
        "ge" => |own, asked| first(own, asked).is_ge(),
        "le" => |own, asked| first(own, asked).is_le(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators_are_told_of_sets() {
        let world = World::new(
            "http://x/fhir",
            vec![
                json!({"resourceType": "Patient", "id": "a", "gender": "male", "name": [{"family": "Müller", "given": ["Anna", "Maria"]}]}),
                json!({"resourceType": "Patient", "id": "b", "birthDate": "2020-02-15", "name": [{"family": "Mullersen"}]}),
                json!({"resourceType": "Patient", "id": "c", "birthDate": "2020-02", "managingOrganization": {"reference": "Organization/o"}}),
                json!({"resourceType": "Organization", "id": "o", "name": "Zebra", "active": true}),
            ],
        );
        let check = |text: &str, expected: &str| {
            let found = filtered(&world, "Patient", &Filter::parse(text).unwrap()).unwrap();
            let names: Vec<&str> = found.into_iter().map(|place| ["a", "b", "c", "o"][place]).collect();
            assert_eq!(names.join(" "), expected, "{text}");
        };
        check("family eq MULLER", "a");
        check("family ne muller", "b");
        check("family sw mull", "a b");
        check("family ew ersen", "b");
        check("family lt z and family ge m", "a b");
        check("given ne anna", "a");
        check("gender eq MALE", "");
        check("gender ne male", "");
        check("gender pr false", "b c");
        check("not(gender eq male)", "b c");
        check("birthdate co 2020-02-15", "b c");
        check("birthdate po 2020-02-01", "c");
        check("birthdate eq 2020-02", "b c");
        check("birthdate ne 2020-02", "");
        check("organization re Organization/o", "c");
        check("organization.name co ebr", "c");
        check("organization[active eq true].name sw z", "c");
        check("organization[active eq false].name sw z", "");
        check("organization.name pr false", "a b");
    }
}
