//! Value sets as lists of codes. Source: <https://hl7.org/fhir/R4/valueset.html#compositions>, <https://hl7.org/fhir/R4/codesystem.html#filters>.

use std::collections::BTreeSet;

use super::{Codes, MOST, Need, Terms};
use crate::model::tree::Node;
use crate::terminology::Terminology;
use crate::terminology::expand::{Refusal, Wanted};

/// The codes of a value set. `within` are the value sets that import this one.
pub(super) fn of(terms: &Terms<'_>, set: &str, within: &mut Vec<String>) -> Result<Codes, String> {
    if within.iter().any(|other| other == set) {
        return Err(format!("The value set \"{set}\" imports itself."));
    }
    let Some(stored) = terms.stored(Need::ValueSet(set.to_owned()))? else { return defined(set) };
    within.push(set.to_owned());
    let codes = match stored.root().get("compose") {
        Some(compose) => composed(terms, compose, within),
        None => expanded(stored.root()),
    };
    within.pop();
    let codes = codes.map_err(|why| format!("The codes of the value set \"{set}\" cannot be listed here: {why}"))?;
    if codes.len() > MOST {
        return Err(format!("The value set \"{set}\" has more than {MOST} codes: that is too much for a search."));
    }
    Ok(codes)
}

/// A built-in value set.
fn defined(set: &str) -> Result<Codes, String> {
    let version = set.split_once('|').map(|(_, version)| version);
    let terminology = Terminology::embedded();
    let found = terminology.set(set).filter(|found| version.is_none_or(|version| found.version.as_deref() == Some(version)));
    let found = found.ok_or_else(|| format!("The value set \"{set}\" is not known here."))?;
    let codes = terminology.expand(found, &Wanted::default(), MOST).map_err(|refusal| match refusal {
        Refusal::TooCostly(_) => format!("The value set \"{set}\" has more than {MOST} codes: that is too much for a search."),
        other => format!("The codes of the value set \"{set}\" cannot be listed here: {}", other.told()),
    })?;
    Ok(codes.into_iter().map(|code| (code.system.unwrap_or_default().to_owned(), code.code.to_owned())).collect())
}

/// What the stored expansion lists, if that is all.
fn expanded(set: Node<'_>) -> Result<Codes, String> {
    fn gather(parts: Node<'_>, codes: &mut Codes, count: &mut usize) {
        for part in parts.all("contains") {
            *count += 1;
            // What is abstract groups others, and is no code to be used.
            let abstracted = part.get("abstract").is_some_and(|node| node.raw() == "true");
            if let Some(code) = part.get_text("code").filter(|_| !abstracted) {
                codes.insert((part.get_text("system").unwrap_or_default().into_owned(), code.into_owned()));
            }
            gather(part, codes, count);
        }
    }
    let expansion = set.get("expansion").ok_or("it has neither a composition nor an expansion.")?;
    let (mut codes, mut count) = (Codes::new(), 0);
    gather(expansion, &mut codes, &mut count);
    let number = |name: &str| expansion.get(name).and_then(|node| node.raw().parse::<usize>().ok());
    if number("offset").unwrap_or(0) > 0 || number("total").is_some_and(|total| total > count) {
        return Err("its expansion is only a part.".to_owned());
    }
    Ok(codes)
}

fn composed(terms: &Terms<'_>, compose: Node<'_>, within: &mut Vec<String>) -> Result<Codes, String> {
    let mut whole = Codes::new();
    for include in compose.all("include") {
        whole.extend(part(terms, include, within)?);
    }
    for exclude in compose.all("exclude") {
        for code in part(terms, exclude, within)? {
            whole.remove(&code);
        }
    }
    Ok(whole)
}

/// What one `include` or `exclude` names: codes of a system that are in all of its value sets.
fn part(terms: &Terms<'_>, part: Node<'_>, within: &mut Vec<String>) -> Result<Codes, String> {
    let mut found = part.get_text("system").map(|system| of_system(terms, part, &system)).transpose()?;
    for import in part.all("valueSet") {
        let other = of(terms, &import.text(), within)?;
        found = Some(match found {
            None => other,
            Some(known) => &known & &other,
        });
    }
    found.ok_or_else(|| "a part of it has neither a system nor a value set.".to_owned())
}

fn of_system(terms: &Terms<'_>, part: Node<'_>, system: &str) -> Result<Codes, String> {
    let with_system = |code: &str| (system.to_owned(), code.to_owned());
    let listed: Codes = part.all("concept").filter_map(|concept| concept.get_text("code")).map(|code| with_system(&code)).collect();
    if !listed.is_empty() {
        return Ok(listed);
    }
    let canonical = part.get_text("version").map_or_else(|| system.to_owned(), |version| format!("{system}|{version}"));
    let concepts = terms.concepts(&canonical).map_err(|why| format!("of \"{canonical}\", {why}."))?;
    let mut codes: BTreeSet<&str> = concepts.all().collect();
    for filter in part.all("filter") {
        let text = |name: &str| filter.get_text(name).unwrap_or_default();
        let (property, operator, value) = (text("property"), text("op"), text("value"));
        let among = || value.split(',').map(str::trim).collect::<BTreeSet<_>>();
        if !matches!(property.as_ref(), "concept" | "code") {
            return Err(format!("it filters by the property \"{property}\" of \"{system}\", and only filters by concept are served."));
        }
        match operator.as_ref() {
            "is-a" => keep(&mut codes, &concepts.below(&value)),
            "descendent-of" => {
                keep(&mut codes, &concepts.below(&value));
                codes.remove(value.as_ref());
            }
            "is-not-a" => drop(&mut codes, &concepts.below(&value)),
            "generalizes" => keep(&mut codes, &concepts.above(&value)),
            "=" => codes.retain(|code| *code == value),
            "in" => keep(&mut codes, &among()),
            "not-in" => drop(&mut codes, &among()),
            _ => {
                return Err(format!(
                    "its filter \"{operator}\" is not served; possible are is-a, descendent-of, is-not-a, generalizes, =, in, not-in."
                ));
            }
        }
    }
    Ok(codes.into_iter().map(with_system).collect())
}

fn keep(codes: &mut BTreeSet<&str>, others: &BTreeSet<&str>) {
    codes.retain(|code| others.contains(code));
}

fn drop(codes: &mut BTreeSet<&str>, others: &BTreeSet<&str>) {
    codes.retain(|code| !others.contains(code));
}
