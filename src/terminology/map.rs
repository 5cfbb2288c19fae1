//! A concept map: which codes of one system stand for which of another, and `$translate` over many of them.
//!
//! Source: <https://hl7.org/fhir/R4/conceptmap.html>, <https://hl7.org/fhir/R4/conceptmap-operation-translate.html>.

use super::Terminology;

/// A code of the other system.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Target {
    pub code: Option<String>,
    pub display: Option<String>,
    pub equivalence: String,
}

/// A code with those that it stands for.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Element {
    pub code: String,
    pub display: Option<String>,
    pub targets: Vec<Target>,
}

/// What becomes of codes that a map does not list: mode, code, display, URL of another map.
pub type Unmapped = (String, Option<String>, Option<String>, Option<String>);

/// The codes of two systems.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Group {
    pub source: Option<String>,
    pub target: Option<String>,
    pub target_version: Option<String>,
    pub elements: Vec<Element>,
    /// What becomes of other codes: mode, code, display, URL of another map.
    pub unmapped: Option<Unmapped>,
}

/// A concept map.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct ConceptMap {
    pub url: String,
    pub version: Option<String>,
    pub source: Option<String>,
    pub target: Option<String>,
    pub groups: Vec<Group>,
}

/// What is to be translated.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The system of the code.
    pub system: &'a str,
    /// The code.
    pub code: &'a str,
    /// The system of the answers, if it matters.
    pub target: Option<&'a str>,
    /// Whether the maps are read from their targets to their sources.
    pub reverse: bool,
}

/// A translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// How close it is (value set concept-map-equivalence).
    pub equivalence: String,
    /// System, code and display.
    pub coding: Option<(String, String, Option<String>)>,
    /// The map that tells it.
    pub map: String,
}

impl Match {
    /// Whether there is a translation at all.
    #[must_use]
    pub fn holds(&self) -> bool {
        !matches!(self.equivalence.as_str(), "unmatched" | "disjoint") && self.coding.is_some()
    }
}

/// How many maps one may lead to another.
const DEPTH: usize = 8;

impl Terminology {
    /// What a code is by a map.
    #[must_use]
    pub fn translate(&self, map: &ConceptMap, asked: Asked<'_>) -> Vec<Match> {
        let mut found = Vec::new();
        self.by_map(map, asked, DEPTH, &mut found);
        found
    }

    fn by_map(&self, map: &ConceptMap, asked: Asked<'_>, depth: usize, found: &mut Vec<Match>) {
        for group in &map.groups {
            let (from, to) = if asked.reverse { (&group.target, &group.source) } else { (&group.source, &group.target) };
            let wanted = asked.target.is_none_or(|wanted| to.as_deref().is_none_or(|to| to == wanted));
            if from.as_deref().is_some_and(|from| from != asked.system) || !wanted {
                continue;
            }
            let to = to.clone().unwrap_or_default();
            let mut add = |equivalence: &str, code: Option<(&str, Option<&String>)>| {
                let coding = code.map(|(code, display)| (to.clone(), code.to_owned(), display.cloned()));
                found.push(Match { equivalence: equivalence.to_owned(), coding, map: map.url.clone() });
            };
            if asked.reverse {
                for element in &group.elements {
                    for target in element.targets.iter().filter(|target| target.code.as_deref() == Some(asked.code)) {
                        add(reversed(&target.equivalence), Some((&element.code, element.display.as_ref())));
                    }
                }
                continue;
            }
            let mut mapped = false;
            for element in group.elements.iter().filter(|element| element.code == asked.code) {
                mapped = true;
                for target in &element.targets {
                    add(&target.equivalence, target.code.as_deref().map(|code| (code, target.display.as_ref())));
                }
            }
            let Some((mode, code, display, url)) = group.unmapped.as_ref().filter(|_| !mapped) else { continue };
            match (mode.as_str(), code, url) {
                ("provided", ..) => add("equal", Some((asked.code, None))),
                ("fixed", Some(code), _) => add("inexact", Some((code, display.as_ref()))),
                ("other-map", _, Some(url)) => {
                    if let (Some(other), Some(depth)) = (self.map(url), depth.checked_sub(1)) {
                        self.by_map(other, asked, depth, found);
                    }
                }
                _ => {}
            }
        }
    }
}

/// How close the source is to the target: what is wider seen from one side is narrower from the other.
fn reversed(equivalence: &str) -> &str {
    match equivalence {
        "wider" => "narrower",
        "narrower" => "wider",
        "subsumes" => "specializes",
        "specializes" => "subsumes",
        other => other,
    }
}
