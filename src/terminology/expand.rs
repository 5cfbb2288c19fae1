//! `$expand`: the codes of a value set, in the order of its parts and of their systems.
//!
//! The list is flat: codes are told without what groups them. Source: <https://hl7.org/fhir/R4/valueset-operation-expand.html>.

use std::collections::HashSet;

use super::member::Membership;
use super::set::{Part, ValueSet};
use super::system::{CodeSystem, Concept, Content, Designation};
use super::{Terminology, rule};

/// How a value set is to be told.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Words that must stand in the display or the code.
    pub filter: String,
    /// Without codes that are not to be used any more.
    pub active_only: bool,
    /// The language of the displays.
    pub language: Option<String>,
}

/// Why a value set cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A resource is not known here.
    Unknown(String),
    /// Its codes cannot be listed.
    Unlistable(String),
    /// It has too many codes.
    TooCostly(String),
}

impl Refusal {
    /// What to tell.
    #[must_use]
    pub fn told(&self) -> &str {
        match self {
            Self::Unknown(told) | Self::Unlistable(told) | Self::TooCostly(told) => told,
        }
    }
}

/// A code of a value set.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a> {
    /// Its system, if the value set tells it.
    pub system: Option<&'a str>,
    /// The version of the system.
    pub version: Option<&'a str>,
    /// The code.
    pub code: &'a str,
    /// What the value set calls it.
    display: Option<&'a str>,
    named: &'a [Designation],
    /// What its system tells of it.
    pub concept: Option<&'a Concept>,
}

impl<'a> Code<'a> {
    /// All its other names.
    pub fn designations(&self) -> impl Iterator<Item = &'a Designation> {
        self.named.iter().chain(self.concept.map_or(&[][..], |concept| &concept.designations))
    }

    /// What to show people, in a language if it is there.
    #[must_use]
    pub fn display(&self, language: Option<&str>) -> Option<&'a str> {
        let own = self.display.or(self.concept.and_then(|concept| concept.display.as_deref()));
        let spoken = |told: &Designation| language.is_some_and(|wanted| told.language.as_deref().is_some_and(|own| speaks(own, wanted)));
        self.designations().find(|told| spoken(told)).map(|told| &*told.value).or(own)
    }

    fn matches(&self, wanted: &Wanted) -> bool {
        let hidden = wanted.active_only && self.concept.is_some_and(Concept::inactive);
        let text = || format!("{} {}", self.code, self.display(wanted.language.as_deref()).unwrap_or("")).to_lowercase();
        !hidden
            && (wanted.filter.is_empty() || {
                let text = text();
                wanted.filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
            })
    }
}

/// Whether a text of a language is one for those who want another: `nb-NO` for `nb`.
pub(super) fn speaks(own: &str, wanted: &str) -> bool {
    let first = |tag: &str| tag.split('-').next().unwrap_or("").to_ascii_lowercase();
    own.eq_ignore_ascii_case(wanted) || (first(own) == first(wanted) && (!own.contains('-') || !wanted.contains('-')))
}

/// How deep value sets may import each other.
const DEPTH: usize = 16;

impl Terminology {
    /// The codes of a value set, `most` at most.
    ///
    /// # Errors
    /// When they cannot be listed here, or are more.
    pub fn expand<'a>(&'a self, set: &'a ValueSet, wanted: &Wanted, most: usize) -> Result<Vec<Code<'a>>, Refusal> {
        let mut codes = self.listed(set, most, DEPTH)?;
        codes.retain(|code| code.matches(wanted));
        Ok(codes)
    }

    fn listed<'a>(&'a self, set: &'a ValueSet, most: usize, depth: usize) -> Result<Vec<Code<'a>>, Refusal> {
        let name = if set.url.is_empty() { "given" } else { &set.url };
        if set.partial {
            return Err(Refusal::Unlistable(format!("The value set {name} tells only a part of its codes, or none.")));
        }
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        for include in &set.includes {
            for code in self.of_include(include, set, most, depth)? {
                if seen.contains(&(code.system, code.code)) {
                    continue;
                }
                if self.is_in_any(&set.excludes, set, &code, depth)? {
                    continue;
                }
                seen.insert((code.system, code.code));
                all.push(code);
                if all.len() > most {
                    let told = format!("The value set {name} has more than {most} codes: ask for a part of it, by a narrower value set.");
                    return Err(Refusal::TooCostly(told));
                }
            }
        }
        Ok(all)
    }

    fn is_in_any(&self, parts: &[Part], set: &ValueSet, code: &Code<'_>, depth: usize) -> Result<bool, Refusal> {
        for part in parts {
            match self.in_part(part, set, code.system, code.code, depth) {
                Membership::In => return Ok(true),
                Membership::Out => {}
                Membership::Unknown => {
                    let told = format!("Whether {} is excluded from the value set {} cannot be told here.", code.code, set.url);
                    return Err(Refusal::Unlistable(told));
                }
            }
        }
        Ok(false)
    }

    /// What an include names.
    fn of_include<'a>(&'a self, part: &'a Part, set: &'a ValueSet, most: usize, depth: usize) -> Result<Vec<Code<'a>>, Refusal> {
        let (mut codes, imports) = match (&part.system, part.imports.split_first()) {
            (Some(system), _) => (self.of_system(part, system, set, most)?, part.imports.as_slice()),
            (None, Some((first, others))) => {
                let unknown = || Refusal::Unknown(format!("The value set {first} is not known here."));
                let imported = self.set_for(first, set.package).ok_or_else(unknown)?;
                let deep = || Refusal::Unlistable(format!("The value set {} imports itself, or others too deeply.", set.url));
                (self.listed(imported, most, depth.checked_sub(1).ok_or_else(deep)?)?, others)
            }
            (None, None) if part.listed.is_empty() => (Vec::new(), &[][..]),
            // Codes of an expansion need not tell a system.
            (None, None) => (part.listed.iter().map(|listed| of_list(listed, part, None)).collect(), &[][..]),
        };
        for import in imports {
            let imported =
                self.set_for(import, set.package).ok_or_else(|| Refusal::Unknown(format!("The value set {import} is not known here.")))?;
            let mut kept = Vec::new();
            for code in codes {
                match self.member(imported, code.system, code.code) {
                    Membership::In => kept.push(code),
                    Membership::Out => {}
                    Membership::Unknown => {
                        let told = format!("Whether {} is in the value set {import} cannot be told here.", code.code);
                        return Err(Refusal::Unlistable(told));
                    }
                }
            }
            codes = kept;
        }
        Ok(codes)
    }

    fn of_system<'a>(&'a self, part: &'a Part, system: &'a str, set: &ValueSet, most: usize) -> Result<Vec<Code<'a>>, Refusal> {
        let known = self.of_part(part, system, set);
        let hidden = |concept: Option<&Concept>| !set.inactive && concept.is_some_and(Concept::inactive);
        if !part.listed.is_empty() {
            let codes = part.listed.iter().map(|listed| of_list(listed, part, known));
            return Ok(codes.filter(|code| !hidden(code.concept)).collect());
        }
        let Some(known) = known.filter(|known| known.content == Content::Complete) else {
            let told = || match known {
                Some(_) => format!("The code system {system} is here only in part: its codes cannot be listed."),
                None => format!("The code system {system} is not known here: its codes cannot be listed."),
            };
            let codes = rule::listed(system).filter(|_| part.filters.is_empty()).ok_or_else(|| Refusal::Unlistable(told()))?;
            let code = |code| Code { system: Some(system), version: None, code, display: None, named: &[], concept: None };
            return Ok(codes.map(code).collect());
        };
        let mut codes = Vec::new();
        for concept in known.concepts() {
            let mut keep = !hidden(Some(concept));
            for filter in &part.filters {
                keep &= known.passes(concept, filter).ok_or_else(|| {
                    let told =
                        format!("The filter of {} by \"{}\" of the code system {system} cannot be used here.", set.url, filter.property);
                    Refusal::Unlistable(told)
                })?;
            }
            if keep {
                codes.push(of_concept(concept, known, system));
            }
            if codes.len() > most {
                let told = format!("The code system {system} has more than {most} such codes: ask for a part, by a narrower value set.");
                return Err(Refusal::TooCostly(told));
            }
        }
        Ok(codes)
    }
}

fn of_concept<'a>(concept: &'a Concept, known: &'a CodeSystem, system: &'a str) -> Code<'a> {
    Code { system: Some(system), version: known.version.as_deref(), code: &concept.code, display: None, named: &[], concept: Some(concept) }
}

fn of_list<'a>(listed: &'a super::set::Listed, part: &'a Part, known: Option<&'a CodeSystem>) -> Code<'a> {
    Code {
        system: part.system.as_deref(),
        version: part.version.as_deref().or(known.and_then(|known| known.version.as_deref())),
        code: &listed.code,
        display: listed.display.as_deref(),
        named: &listed.designations,
        concept: known.and_then(|known| known.concept(&listed.code)),
    }
}
