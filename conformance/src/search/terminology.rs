//! Code systems and value sets that are stored on the server, and what they say of codes.
//!
//! Sources: <https://hl7.org/fhir/R4/codesystem.html#hierarchy> and <https://hl7.org/fhir/R4/valueset.html#compositions>, as far as
//! the resources of this module need them. They are written here by hand, and read like any other resource.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::elements::select;
use super::escapes::{plain, split};
use super::tokens::codes;
use super::world::World;

/// The system with a hierarchy.
pub(super) const KINDS: &str = "https://h.example/kinds";
/// Its codes.
pub(super) const CODES: [&str; 7] = ["animal", "bird", "duck", "eagle", "fish", "seahorse", "plant"];
/// The value sets, by which they are asked for.
pub(super) const SETS: [&str; 6] = [
    "https://h.example/sets/birds",
    "https://h.example/sets/listed",
    "https://h.example/sets/not-fish",
    "https://h.example/sets/both",
    "https://h.example/sets/birds|2",
    "ValueSet/vs3",
];

/// A system and a code of it.
type Code = (String, String);

/// The code system, and value sets of every sort.
#[must_use]
pub(super) fn resources() -> Vec<Value> {
    let concept = |code: &str, inner: Value| json!({"code": code, "concept": inner});
    let leaf = |code: &str| json!({"code": code});
    let context = |number: usize| {
        let code = json!({"system": "https://a.example/codes", "code": if number == 0 { "x" } else { "a-1" }});
        if number == 0 {
            json!({"code": code, "valueCodeableConcept": {"coding": [{"code": "y", "display": "Berg, Ole"}]}})
        } else {
            json!({"code": code, "valueQuantity": {"value": 5.4, "system": "http://unitsofmeasure.org", "code": "mg"}})
        }
    };
    let bird = concept("bird", json!([leaf("duck"), leaf("eagle")]));
    let system = json!({
        "resourceType": "CodeSystem", "id": "cs1", "url": KINDS, "version": "1", "name": "Kinds", "title": "Åse kinds", "status": "active",
        "date": "2020-02-29", "publisher": "Müller", "description": "Kinds of Åse", "jurisdiction": [{"coding": [{"system": "https://a.example/codes", "code": "x"}]}],
        "useContext": [context(0), context(1)], "content": "complete", "hierarchyMeaning": "is-a", "property": [{"code": "parent", "type": "code"}],
        "concept": [concept("animal", json!([bird, leaf("fish")])), {"code": "seahorse", "property": [{"code": "parent", "valueCode": "fish"}]},
            {"code": "plant", "designation": [{"language": "nb", "value": "plante"}]}]
    });
    let set = |id: &str, name: &str, compose: Value| {
        json!({"resourceType": "ValueSet", "id": id, "url": format!("https://h.example/sets/{name}"), "version": "2", "name": name, "status": "draft",
            "date": "2020", "publisher": "Muller", "useContext": [context(name.len() % 2)], "compose": compose})
    };
    let is_a = |code: &str| json!({"system": KINDS, "filter": [{"property": "concept", "op": "is-a", "value": code}]});
    let listed = json!({"system": "https://a.example/codes", "concept": [leaf("x"), leaf("a-1")]});
    vec![
        system,
        set("vs1", "birds", json!({"include": [is_a("bird")]})),
        set("vs2", "listed", json!({"include": [listed, {"system": KINDS, "concept": [leaf("plant")]}]})),
        set("vs3", "not-fish", json!({"include": [{"system": KINDS}], "exclude": [is_a("fish")]})),
        set(
            "vs4",
            "both",
            json!({"include": [{"valueSet": ["https://h.example/sets/birds"]}, {"valueSet": ["https://h.example/sets/listed"]}]}),
        ),
    ]
}

/// Whether an element has a code that is the one asked for, or a kind of it; with `above` one of which the asked one is a kind.
///
/// # Errors
/// If no system or no known code is asked for.
pub(super) fn is_kind(world: &World, shape: &str, element: &Value, asked: &str, above: bool) -> Result<bool, String> {
    let parts: Vec<String> = split(asked, '|').iter().map(|part| plain(part)).collect();
    let [system, asked] = parts.as_slice() else { return Err(format!("`{asked}` is no system and code")) };
    let pairs = pairs(world, system);
    if !pairs.iter().any(|(code, _)| code == asked) {
        return Err(format!("{system} has no code {asked}"));
    }
    let own = codes(shape, element).into_iter().filter(|(own, _)| *own == Some(system.as_str())).filter_map(|(_, code)| code);
    Ok(own.into_iter().any(|own| if above { under(&pairs, asked, &own) } else { under(&pairs, &own, asked) }))
}

/// Whether an element has a code that is in the value set.
///
/// # Errors
/// If there is no such value set.
pub(super) fn is_in(world: &World, shape: &str, element: &Value, set: &str) -> Result<bool, String> {
    let all = members(world, set)?;
    let code = |(system, code): (Option<&str>, Option<_>)| Some((system?.to_owned(), String::from(code?)));
    Ok(codes(shape, element).into_iter().filter_map(code).any(|own| all.contains(&own)))
}

/// The codes of a value set.
fn members(world: &World, set: &str) -> Result<BTreeSet<Code>, String> {
    let (url, version) = set.split_once('|').map_or((set, None), |(url, version)| (url, Some(version)));
    let is = |own: &&Value, name: &str, text: &str| own.get(name).and_then(Value::as_str) == Some(text);
    let named = world.place(set).map(|place| world.at(place));
    let mut known = world.of("ValueSet").map(|place| world.at(place));
    let found = named.or_else(|| known.find(|own| is(own, "url", url) && version.is_none_or(|version| is(own, "version", version))));
    let compose = found.and_then(|found| found.get("compose")).ok_or_else(|| format!("there is no value set {set}"))?;
    let gather = |place: &str| select(compose, place).into_iter().map(|part| part_of(world, part)).collect::<Result<Vec<_>, _>>();
    let out: BTreeSet<Code> = gather("exclude")?.into_iter().flatten().collect();
    Ok(gather("include")?.into_iter().flatten().filter(|code| !out.contains(code)).collect())
}

/// The codes that one include or exclude names.
fn part_of(world: &World, part: &Value) -> Result<BTreeSet<Code>, String> {
    let texts = |place: &str| select(part, place).into_iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    if let [import] = texts("valueSet").as_slice() {
        return members(world, import);
    }
    let system = texts("system").into_iter().next().unwrap_or_default();
    let listed = texts("concept.code");
    let pairs = pairs(world, &system);
    let all = pairs.iter().map(|(code, _)| code.clone());
    let wanted = texts("filter.value");
    let codes: Vec<String> = match wanted.first() {
        Some(top) => all.filter(|code| under(&pairs, code, top)).collect(),
        None if listed.is_empty() => all.collect(),
        None => listed,
    };
    Ok(codes.into_iter().map(|code| (system.clone(), code)).collect())
}

/// The codes of a system, each with one of the codes that it is a kind of, or with none.
fn pairs(world: &World, system: &str) -> Vec<(String, Option<String>)> {
    fn walk(concept: &Value, parent: Option<&str>, pairs: &mut Vec<(String, Option<String>)>) {
        let Some(code) = concept.get("code").and_then(Value::as_str) else { return };
        pairs.push((code.to_owned(), parent.map(str::to_owned)));
        for more in select(concept, "property[code=parent].valueCode").into_iter().filter_map(Value::as_str) {
            pairs.push((code.to_owned(), Some(more.to_owned())));
        }
        for inner in select(concept, "concept") {
            walk(inner, Some(code), pairs);
        }
    }
    let mut found = Vec::new();
    for own in world.of("CodeSystem").map(|place| world.at(place)) {
        if own.get("url").and_then(Value::as_str) == Some(system) {
            select(own, "concept").into_iter().for_each(|concept| walk(concept, None, &mut found));
        }
    }
    found
}

/// Whether `code` is `top`, or a kind of it.
fn under(pairs: &[(String, Option<String>)], code: &str, top: &str) -> bool {
    let parents = pairs.iter().filter(|(own, _)| own == code).filter_map(|(_, parent)| parent.as_deref());
    pairs.iter().any(|(own, _)| own == code) && (code == top || parents.into_iter().any(|parent| under(pairs, parent, top)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_and_value_sets_tell_of_codes() {
        let world = World::new("http://x/fhir", resources());
        let found = |test: &dyn Fn(&Value) -> Result<bool, String>| {
            let holds = |code: &&str| test(&json!({"coding": [{"system": KINDS, "code": code}]})).unwrap();
            CODES.into_iter().filter(holds).collect::<Vec<_>>().join(" ")
        };
        let kind = |asked: &'static str, above: bool| {
            let world = world.clone();
            move |element: &Value| is_kind(&world, "concept", element, &format!("{KINDS}|{asked}"), above)
        };
        assert_eq!(found(&kind("fish", false)), "fish seahorse");
        assert_eq!(found(&kind("animal", false)), "animal bird duck eagle fish seahorse");
        assert_eq!(found(&kind("seahorse", true)), "animal fish seahorse");
        let set = |set: &str| found(&|element: &Value| is_in(&world, "concept", element, set));
        assert_eq!(set(SETS[0]), "bird duck eagle");
        assert_eq!(set(SETS[1]), "plant");
        assert_eq!(set("ValueSet/vs3"), "animal bird duck eagle plant");
        assert_eq!(set(SETS[3]), "bird duck eagle plant");
        assert!(is_in(&world, "concept", &json!({"coding": [{"system": "https://a.example/codes", "code": "x"}]}), SETS[3]).unwrap());
        assert!(is_in(&world, "concept", &Value::Null, "https://h.example/sets/birds|1").is_err() || members(&world, "x").is_err());
        assert!(kind("unicorn", false)(&Value::Null).is_err());
    }
}
