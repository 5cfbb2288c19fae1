//! A code system: its concepts, what is told of them, and which are kinds of which.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem.html>, <https://hl7.org/fhir/R4/codesystem.html#defined-props>.

use std::collections::{BTreeSet, HashMap};

use super::read::Link;
use super::set::{Filter, Operator};

/// How much of a code system is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// All its concepts.
    Complete,
    /// Some of them: an excerpt or examples.
    Part,
    /// Nothing but its name.
    #[default]
    Absent,
    /// Additions to the concepts of another.
    Supplement,
}

impl Content {
    /// By the code of the value set codesystem-content-mode.
    pub(super) fn named(code: &str) -> Self {
        match code {
            "complete" => Self::Complete,
            "fragment" | "example" => Self::Part,
            "supplement" => Self::Supplement,
            _ => Self::Absent,
        }
    }
}

/// Another name of a concept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designation {
    /// Its language.
    pub language: Option<Box<str>>,
    /// What it is for: system and code.
    pub purpose: Option<(Box<str>, Box<str>)>,
    /// The name.
    pub value: Box<str>,
}

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Value {
    Code(Box<str>),
    Text(Box<str>),
    Integer(i64),
    Boolean(bool),
    DateTime(Box<str>),
    Decimal(Box<str>),
    Coding { system: Box<str>, code: Box<str>, display: Option<Box<str>> },
}

impl Value {
    /// As a filter compares it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Code(text) | Self::Text(text) | Self::DateTime(text) | Self::Decimal(text) | Self::Coding { code: text, .. } => {
                text.to_string()
            }
            Self::Integer(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
        }
    }
}

/// A property of a concept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Which.
    pub code: Box<str>,
    /// Its value.
    pub value: Value,
}

/// A concept.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Concept {
    pub code: Box<str>,
    pub display: Option<Box<str>>,
    pub definition: Option<Box<str>>,
    pub designations: Vec<Designation>,
    pub properties: Vec<Property>,
    pub(super) parents: Vec<u32>,
    pub(super) children: Vec<u32>,
}

impl Concept {
    fn is(&self, property: &str, wanted: &[&str]) -> bool {
        self.properties.iter().any(|own| &*own.code == property && wanted.contains(&own.value.text().as_str()))
    }

    /// Whether it is not to be used any more.
    #[must_use]
    pub fn inactive(&self) -> bool {
        self.is("inactive", &["true"]) || self.is("status", &["retired", "inactive"])
    }

    /// Whether it only groups others.
    #[must_use]
    pub fn is_abstract(&self) -> bool {
        self.is("notSelectable", &["true"]) || self.is("abstract", &["true"])
    }
}

/// A code system.
#[derive(Debug, Default)]
pub struct CodeSystem {
    /// Its canonical URL.
    pub url: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Whether it is a draft, or retired.
    pub draft: bool,
    /// Whether codes that differ in case are different.
    pub case_sensitive: bool,
    /// How much of it is at hand.
    pub content: Content,
    /// What it supplements.
    pub supplements: Option<String>,
    pub(super) concepts: Vec<Concept>,
    pub(super) by_code: HashMap<Box<str>, u32>,
    /// By lower case, where case does not matter.
    pub(super) folded: HashMap<Box<str>, u32>,
}

impl CodeSystem {
    /// Adds a concept; one of the same code that is there already stays as it is.
    pub(super) fn add(&mut self, concept: Concept) {
        let Ok(number) = u32::try_from(self.concepts.len()) else { return };
        if concept.code.is_empty() || self.by_code.contains_key(&concept.code) {
            return;
        }
        if !self.case_sensitive {
            self.folded.entry(concept.code.to_lowercase().into()).or_insert(number);
        }
        self.by_code.insert(concept.code.clone(), number);
        self.concepts.push(concept);
    }

    /// Tells which concepts are kinds of which; links to concepts that are not there are left out.
    pub(super) fn link(&mut self, links: Vec<Link>) {
        for (code, parent) in links {
            let (Some(&child), Some(&parent)) = (self.by_code.get(&code), self.by_code.get(&parent)) else { continue };
            if let Some(concept) = self.concepts.get_mut(child as usize).filter(|concept| !concept.parents.contains(&parent)) {
                concept.parents.push(parent);
                if let Some(above) = self.concepts.get_mut(parent as usize) {
                    above.children.push(child);
                }
            }
        }
        self.concepts.shrink_to_fit();
    }

    /// All its concepts, in its order.
    pub fn concepts(&self) -> impl Iterator<Item = &Concept> {
        self.concepts.iter()
    }

    /// How many concepts it has here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.concepts.len()
    }

    /// Whether it has no concept here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.concepts.is_empty()
    }

    /// The concept of that code, if need be written in another case.
    #[must_use]
    pub fn concept(&self, code: &str) -> Option<&Concept> {
        self.number(code).and_then(|number| self.at(number))
    }

    fn number(&self, code: &str) -> Option<u32> {
        let exact = self.by_code.get(code).copied();
        exact.or_else(|| if self.case_sensitive { None } else { self.folded.get(code.to_lowercase().as_str()).copied() })
    }

    fn at(&self, number: u32) -> Option<&Concept> {
        self.concepts.get(number as usize)
    }

    /// The concepts directly above one.
    pub fn parents<'a>(&'a self, concept: &'a Concept) -> impl Iterator<Item = &'a Concept> {
        concept.parents.iter().filter_map(|number| self.at(*number))
    }

    /// The concepts directly below one.
    pub fn children<'a>(&'a self, concept: &'a Concept) -> impl Iterator<Item = &'a Concept> {
        concept.children.iter().filter_map(|number| self.at(*number))
    }

    /// A concept and all that it is a kind of, or all that are kinds of it.
    fn reach(&self, code: &str, next: impl Fn(&Concept) -> &[u32]) -> BTreeSet<u32> {
        let (mut found, mut open): (BTreeSet<u32>, Vec<u32>) = (BTreeSet::new(), self.number(code).into_iter().collect());
        while let Some(number) = open.pop() {
            if found.insert(number) {
                open.extend(self.at(number).map_or(&[][..], &next));
            }
        }
        found
    }

    /// A concept and all that it is a kind of, in the order of the system.
    pub fn above(&self, code: &str) -> impl Iterator<Item = &Concept> {
        self.reach(code, |concept| &concept.parents).into_iter().filter_map(|number| self.at(number))
    }

    /// A concept and all that are kinds of it, in the order of the system.
    pub fn below(&self, code: &str) -> impl Iterator<Item = &Concept> {
        self.reach(code, |concept| &concept.children).into_iter().filter_map(|number| self.at(number))
    }

    /// Whether a code is a kind of another, or the same.
    #[must_use]
    pub fn is_a(&self, code: &str, other: &str) -> bool {
        let Some(wanted) = self.number(other) else { return false };
        // Most concepts are directly below the one that is asked for, or have no parents.
        self.number(code).is_some_and(|own| own == wanted || self.reach(code, |concept| &concept.parents).contains(&wanted))
    }

    /// Whether a concept passes a filter; nothing when that cannot be told here.
    #[must_use]
    pub fn passes(&self, concept: &Concept, filter: &Filter) -> Option<bool> {
        let (code, value) = (&*concept.code, filter.value.as_str());
        let of_code = matches!(filter.property.as_str(), "concept" | "code");
        let known = |property: &str| match property {
            "concept" | "code" => vec![code.to_owned()],
            "display" => concept.display.iter().map(ToString::to_string).collect(),
            "parent" => self.parents(concept).map(|parent| parent.code.to_string()).collect(),
            "child" => self.children(concept).map(|child| child.code.to_string()).collect(),
            "inactive" => vec![concept.inactive().to_string()],
            "notSelectable" => vec![concept.is_abstract().to_string()],
            _ => Vec::new(),
        };
        let values = || {
            let told = concept.properties.iter().filter(|own| *own.code == *filter.property).map(|own| own.value.text());
            let mut all: Vec<String> = if of_code { Vec::new() } else { told.collect() };
            all.extend(known(&filter.property));
            all
        };
        Some(match filter.operator {
            Operator::Equals => values().iter().any(|own| own == value),
            Operator::IsA if of_code => self.is_a(code, value),
            Operator::DescendentOf if of_code => code != value && self.is_a(code, value),
            Operator::IsNotA if of_code => !self.is_a(code, value),
            Operator::Generalizes if of_code => self.is_a(value, code),
            Operator::In => values().iter().any(|own| filter.among(own)),
            Operator::NotIn => !values().iter().any(|own| filter.among(own)),
            Operator::Regex => {
                let regex = filter.regex.as_ref()?;
                values().iter().any(|own| regex.is_match(own))
            }
            Operator::Exists => values().is_empty() != (value == "true"),
            Operator::IsA | Operator::DescendentOf | Operator::IsNotA | Operator::Generalizes | Operator::Other => return None,
        })
    }
}
