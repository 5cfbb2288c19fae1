//! Random single mutations of valid resources: what the definitions forbid must be told at or near its place, and what they allow must
//! not. An oracle that shares nothing with the validator says which is which.
//!
//! `NORN_MUTATIONS` tells how many; a thousand without it. The official examples are used if `NORN_PACKAGES` names their folder.

mod oracle;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use norn::base::budget::Limits;
use norn::definitions::{Definitions, Library};
use norn::model::codec::read_json_parts;
use norn::model::outcome::{Issue, Severity};
use norn::validate::Validator;
use norn::validate::bundle::Entries;
use norn::validate::file;
use serde_json::{Value, json};

use crate::support::chance::Chance;
use oracle::{Oracle, Spot, contains, demand};

/// What is wrong with a text: what the reader says, then what the validator says.
fn errors(text: &str, validator: &Validator<'_>) -> Vec<Issue> {
    let mut issues = match read_json_parts(text.as_bytes(), &Definitions::embedded().schema, &Limits::default()) {
        Err(issues) => issues,
        Ok((resource, mut said)) => {
            file::add(&mut said, validator.claimed(&resource, &Entries::of(&resource)));
            said
        }
    };
    issues.retain(|issue| issue.severity <= Severity::Error);
    issues
}

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the packages are, and how many mutations to try")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The JSON files of an archive below a folder.
fn archive(packages: &str, name: &str) -> Vec<(String, Value)> {
    let file = std::fs::File::open(Path::new(packages).join(name)).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
            found.insert(path, value);
        }
    }
    found.into_iter().filter(|(_, value)| value["resourceType"].is_string()).collect()
}

fn own(folder: &str) -> Vec<(String, Value)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())).collect()
}

/// Value sets whose codes are a grammar or a register that no package lists.
const OPEN: [&str; 5] = ["/mimetypes", "/all-languages", "/currencies", "/ucum", "/languages"];

/// Texts that are no value of a primitive type.
fn bad_text(ty: &str) -> Option<Value> {
    Some(match ty {
        "date" => json!("2020-13-01"),
        "dateTime" => json!("yesterday"),
        "instant" => json!("2020-01-01"),
        "time" => json!("25:00:00"),
        "boolean" => json!("yes"),
        "integer" => json!(1.5),
        "unsignedInt" => json!(-1),
        "positiveInt" => json!(0),
        "decimal" => json!("much"),
        "id" => json!("not an id"),
        "code" => json!(" two  spaces "),
        "uri" | "url" | "canonical" => json!("a b"),
        "oid" => json!("1.2.3"),
        "uuid" => json!("not-a-uuid"),
        "base64Binary" => json!("*not base64*"),
        "string" | "markdown" => json!("a\u{1}b"),
        _ => return None,
    })
}

/// How many kinds [`mutate`] knows.
const KINDS: usize = 15;

/// A mutation: its kind, and whether the definitions forbid it.
struct Mutation {
    kind: &'static str,
    forbidden: bool,
}

/// Changes one thing at a place. Nothing, if the kind does not apply there or the oracle cannot tell.
fn mutate(resource: &mut Value, spot: &Spot, oracle: &Oracle, kind: usize) -> Option<Mutation> {
    let value = resource.pointer(&spot.pointer())?.clone();
    let owner = resource.pointer_mut(&spot.parent)?.as_object_mut()?;
    let primitive = oracle.is_primitive(&spot.ty);
    let array = owner.get(&spot.key)?.is_array();
    let forbid = |kind: &'static str| Some(Mutation { kind, forbidden: true });
    match kind {
        0 => {
            let needed = spot.fact.min > 0 || oracle.rows(spot).any(|row| row["min"].as_u64() > Some(0));
            (needed && owner.len() > 2).then(|| drop((owner.remove(&spot.key), owner.remove(&format!("_{}", spot.key)))))?;
            forbid("a required element is removed")
        }
        1 => {
            let other = if value.is_object() {
                json!("text")
            } else if value.is_string() {
                json!({ "x": 1 })
            } else {
                json!("7")
            };
            *resource.pointer_mut(&spot.pointer())? = other;
            forbid("a value of another JSON type")
        }
        2 => {
            *resource.pointer_mut(&spot.pointer())? = bad_text(&spot.ty)?;
            forbid("a text outside of the type's grammar")
        }
        3 => {
            let set = spot.fact.required.as_ref().filter(|set| !OPEN.iter().any(|open| set.contains(open)))?;
            let bad = match spot.ty.as_str() {
                "code" => json!("norn-no-such-code"),
                "Coding" => json!({ "system": "http://example.org/norn", "code": "norn-no-such-code" }),
                "CodeableConcept" => json!({ "coding": [{ "system": "http://example.org/norn", "code": "norn-no-such-code" }] }),
                _ => return None,
            };
            assert!(set.starts_with("http"), "{set}");
            *resource.pointer_mut(&spot.pointer())? = bad;
            forbid("a code outside of a required value set")
        }
        4 if !array && !spot.fact.many => {
            owner.insert(spot.key.clone(), json!([value, value]));
            forbid("two values where one may stand")
        }
        4 if array => {
            owner.insert(spot.key.clone(), value);
            forbid("a value without its array")
        }
        5 => {
            let most = oracle.rows(spot).filter_map(|row| row["max"].as_str()?.parse::<usize>().ok()).min().filter(|_| array)?;
            let items = owner.get_mut(&spot.key)?.as_array_mut()?;
            while items.len() <= most {
                items.push(value.clone());
            }
            forbid("more occurrences than the profile allows")
        }
        6 if spot.ty == "Reference" && value.get("reference").is_some() => {
            let contained = value["reference"].as_str()?.len() % 2 == 0;
            let targets = spot.fact.types.iter().find(|(ty, _)| ty == "Reference").map(|(_, targets)| targets.clone())?;
            if !contained && (targets.is_empty() || targets.iter().any(|target| matches!(target.as_str(), "Resource" | "Schedule"))) {
                return None;
            }
            *resource.pointer_mut(&spot.pointer())? = json!({ "reference": if contained { "#norn-missing" } else { "Schedule/norn" } });
            forbid(if contained { "a reference to a contained resource that is not there" } else { "a reference to a wrong type" })
        }
        7 if value.is_object() => {
            resource.pointer_mut(&spot.pointer())?.as_object_mut()?.insert("nornUnknown".to_owned(), json!("x"));
            forbid("an unknown element")
        }
        8 => {
            let empty = [json!(""), json!([]), json!({}), Value::Null];
            let which = spot.key.len() % empty.len();
            owner.insert(spot.key.clone(), empty.get(which)?.clone());
            forbid("an empty value")
        }
        9 => {
            let stem = spot.fact.name.strip_suffix("[x]")?;
            let others = [("boolean", "Boolean", json!(true)), ("string", "String", json!("x")), ("dateTime", "DateTime", json!("2020"))];
            let (_, suffix, other) =
                others.into_iter().find(|(ty, _, _)| *ty != spot.ty && spot.fact.types.iter().any(|(known, _)| known == ty))?;
            owner.insert(format!("{stem}{suffix}"), other);
            forbid("two values of a choice")
        }
        10 => {
            let stem = spot.fact.name.strip_suffix("[x]").filter(|_| !spot.fact.types.iter().any(|(ty, _)| ty == "Signature"))?;
            owner.remove(&spot.key)?;
            owner.insert(format!("{stem}Signature"), json!({ "data": "AAAA" }));
            forbid("a choice of a type that is not among its types")
        }
        11 => {
            let wanted = oracle.rows(spot).find_map(demand)?;
            let other = if value.is_object() { json!({ "text": "norn other" }) } else { json!("norn-other") };
            (!contains(&other, wanted) && value.is_string() || spot.ty == "CodeableConcept").then_some(())?;
            *resource.pointer_mut(&spot.pointer())? = other;
            forbid("a value other than the profile's pattern")
        }
        12 if array && oracle.is_needed_slice(spot, &value) => {
            let mut items = owner.get(&spot.key)?.as_array()?.clone();
            items.retain(|item| !oracle.is_needed_slice(spot, item) || !alike(item, &value, oracle, spot));
            if items.is_empty() {
                owner.remove(&spot.key);
            } else {
                owner.insert(spot.key.clone(), Value::Array(items));
            }
            forbid("a slice that must be there is removed")
        }
        13 if spot.ty == "Extension" && spot.key == "extension" && value.get("extension").is_none() => {
            let more = json!([{ "url": "http://example.org/norn", "valueString": "x" }]);
            resource.pointer_mut(&spot.pointer())?.as_object_mut()?.insert("extension".to_owned(), more);
            forbid("an extension with a value and further extensions")
        }
        14 if value.is_object() && spot.ty != "Extension" && !primitive && spot.ty != "Resource" => {
            let closed = spot.profiles.iter().any(|_| true) || value.get("extension").is_some();
            (!closed).then_some(())?;
            let more = json!([{ "url": "http://example.org/norn", "valueString": "x" }]);
            resource.pointer_mut(&spot.pointer())?.as_object_mut()?.insert("extension".to_owned(), more);
            Some(Mutation { kind: "an extension for examples", forbidden: false })
        }
        _ => None,
    }
}

/// Whether two occurrences are sorted into the same slices: they have the same value where slices are told apart.
fn alike(one: &Value, other: &Value, oracle: &Oracle, spot: &Spot) -> bool {
    one == other || (oracle.is_needed_slice(spot, one) && one.get("code") == other.get("code") && one.get("coding") == other.get("coding"))
}

/// Whether an issue is told at a place, in it, or at most two steps above.
fn near(told: &str, place: &str) -> bool {
    let below = |inner: &str, outer: &str| inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']));
    let base = place.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')).map_or(place, |(base, _)| base);
    below(told, base) || (below(place, told) && place[told.len()..].matches('.').count() <= 2)
}

#[test]
fn what_the_definitions_forbid_is_told_at_its_place() {
    let wanted: usize = told("NORN_MUTATIONS").map_or(1000, |number| number.parse().unwrap());
    let mut definitions = own("profiles/national");
    let mut examples = own("profiles/national/examples/good");
    match told("NORN_PACKAGES") {
        Some(packages) => {
            let guide = archive(&packages, "hl7.fhir.uv.genomics-reporting-3.0.0.tgz");
            definitions.extend(guide.iter().filter(|(_, value)| value["resourceType"] == "StructureDefinition").cloned());
            examples.extend(guide.into_iter().filter(|(path, _)| path.contains("/example/")));
            examples.extend(archive(&packages, "hl7.fhir.r4.examples-4.0.1.tgz"));
        }
        None => println!("NORN_PACKAGES is not set: only the project's own examples are mutated"),
    }
    let table = std::fs::read_to_string(root("profiles/compiled/types.tsv")).unwrap();
    let oracle = Oracle::new(&table, definitions.into_iter().map(|(_, value)| value));
    let reasons = std::fs::read_to_string(root("tests/golden/validate/uncaught.tsv")).unwrap();
    let reasons: Vec<Vec<&str>> = reasons.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    let validator = Validator::new(Library::embedded());
    let mut chance = Chance(20_261_127);
    let (mut tried, mut caught, mut allowed) = (0, 0, 0);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = String::new();
    // Every type comes as often as another, and those that claim profiles as often as all others.
    let mut groups: BTreeMap<(bool, &str), Vec<usize>> = BTreeMap::new();
    for (i, (_, resource)) in examples.iter().enumerate() {
        let claims = resource["meta"]["profile"].is_array();
        groups.entry((claims, resource["resourceType"].as_str().unwrap())).or_default().push(i);
    }
    while tried < wanted {
        let claims = chance.next(2) == 0;
        let of: Vec<&Vec<usize>> = groups.iter().filter(|((claimed, _), _)| *claimed == claims).map(|(_, group)| group).collect();
        let Some(group) = of.get(chance.next(of.len())) else { continue };
        let (name, resource) = &examples[group[chance.next(group.len())]];
        let text = resource.to_string();
        if text.len() > 40_000 || !errors(&text, &validator).is_empty() {
            continue;
        }
        let spots = oracle.spots(resource);
        for _ in 0..if spots.is_empty() { 0 } else { 12 } {
            // The kind first, then a place for it, so that rare kinds are tried too.
            let kind = chance.next(KINDS);
            let found = (0..40).find_map(|_| {
                let (mut broken, spot) = (resource.clone(), &spots[chance.next(spots.len())]);
                mutate(&mut broken, spot, &oracle, kind).map(|mutation| (broken, spot, mutation))
            });
            let Some((broken, spot, mutation)) = found else { continue };
            let found = errors(&broken.to_string(), &validator);
            tried += 1;
            *kinds.entry(mutation.kind).or_default() += 1;
            let right = if mutation.forbidden {
                found.iter().any(|issue| [&spot.place, &spot.property].iter().any(|place| near(&issue.expression, place)))
            } else {
                found.is_empty()
            };
            let known = reasons.iter().any(|row| row[0] == mutation.kind && (row[1] == "*" || spot.path.ends_with(row[1])));
            if right {
                caught += usize::from(mutation.forbidden);
                allowed += usize::from(!mutation.forbidden);
            } else if !known {
                let told: Vec<String> = found.iter().take(3).map(Issue::to_string).collect();
                wrong.push_str(&format!("{}\t{}\t{}\t{name}\t{told:?}\n", mutation.kind, spot.path, spot.place));
            }
        }
    }
    println!("{tried} mutations: {caught} forbidden ones are caught, {allowed} allowed ones are let pass; {kinds:#?}");
    assert!(kinds.len() >= 10, "{kinds:?}");
    assert!(wrong.is_empty(), "not caught at their place, or told without need:\n{wrong}");
}
