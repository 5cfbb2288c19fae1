//! A value set: which codes of which systems, by list, by filter, or by other value sets.
//!
//! Source: <https://hl7.org/fhir/R4/valueset.html#compositions>.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use super::system::Designation;

/// The operators of filters (value set filter-operator).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Operator {
    Equals,
    IsA,
    DescendentOf,
    IsNotA,
    Regex,
    In,
    NotIn,
    Generalizes,
    Exists,
    /// One that R4 does not have.
    Other,
}

impl Operator {
    pub(super) fn named(code: &str) -> Self {
        match code {
            "=" => Self::Equals,
            "is-a" => Self::IsA,
            "descendent-of" => Self::DescendentOf,
            "is-not-a" => Self::IsNotA,
            "regex" => Self::Regex,
            "in" => Self::In,
            "not-in" => Self::NotIn,
            "generalizes" => Self::Generalizes,
            "exists" => Self::Exists,
            _ => Self::Other,
        }
    }
}

/// What a compiled regular expression may take, in bytes: they come from strangers.
const REGEX: usize = 1 << 20;

/// A filter over the concepts of a system.
#[derive(Debug)]
pub struct Filter {
    /// Which property.
    pub property: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: String,
    /// The value, if it is a regular expression that can be used; it speaks of the whole text.
    pub(super) regex: Option<Regex>,
}

impl Filter {
    pub(super) fn new(property: String, operator: Operator, value: String) -> Self {
        let whole = || RegexBuilder::new(&format!("^(?:{value})$")).size_limit(REGEX).build().ok();
        let regex = if operator == Operator::Regex { whole() } else { None };
        Self { property, operator, value, regex }
    }

    /// Whether a text is among the values, which commas separate.
    pub(super) fn among(&self, text: &str) -> bool {
        self.value.split(',').any(|one| one.trim() == text)
    }

    /// Whether a code of which nothing else is known passes; nothing if that cannot be told.
    pub(super) fn passes_code(&self, code: &str) -> Option<bool> {
        if !matches!(self.property.as_str(), "concept" | "code") {
            return None;
        }
        match self.operator {
            Operator::Equals => Some(code == self.value),
            Operator::In => Some(self.among(code)),
            Operator::NotIn => Some(!self.among(code)),
            Operator::Regex => self.regex.as_ref().map(|regex| regex.is_match(code)),
            _ => None,
        }
    }
}

/// A code that is listed, with what the value set calls it.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Listed {
    pub code: Box<str>,
    pub display: Option<Box<str>>,
    pub designations: Vec<Designation>,
}

/// What one `include` or `exclude` names: codes of a system that are in all of its value sets.
#[derive(Debug)]
pub struct Part {
    /// The code system.
    pub system: Option<String>,
    /// The version of the code system.
    pub version: Option<String>,
    /// Its codes; all if there are none.
    pub listed: Vec<Listed>,
    /// What the codes must pass.
    pub filters: Vec<Filter>,
    /// Value sets, in all of which a code must be.
    pub imports: Vec<String>,
    by_code: HashMap<Box<str>, u32>,
}

impl Part {
    pub(super) fn new(
        system: Option<String>,
        version: Option<String>,
        listed: Vec<Listed>,
        filters: Vec<Filter>,
        imports: Vec<String>,
    ) -> Self {
        let by_code = listed.iter().zip(0..).map(|(listed, number)| (listed.code.clone(), number)).collect();
        Self { system, version, listed, filters, imports, by_code }
    }

    /// What is listed under that code.
    #[must_use]
    pub fn of_code(&self, code: &str) -> Option<&Listed> {
        self.by_code.get(code).and_then(|number| self.listed.get(*number as usize))
    }

    /// The code system with its version, as a canonical URL.
    #[must_use]
    pub fn canonical(&self) -> Option<String> {
        let system = self.system.as_ref()?;
        Some(self.version.as_ref().map_or_else(|| system.clone(), |version| format!("{system}|{version}")))
    }
}

/// A value set.
#[derive(Debug, Default)]
pub struct ValueSet {
    /// Its canonical URL.
    pub url: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Whether it is a draft, active or retired.
    pub status: Option<String>,
    /// Whether it holds codes that are not to be used any more.
    pub inactive: bool,
    /// What it holds.
    pub includes: Vec<Part>,
    /// What it does not hold of that.
    pub excludes: Vec<Part>,
    /// Whether it tells only a part of its codes, or none.
    pub partial: bool,
    /// The number of the package that it is of: what it refers to without version is what that package has.
    pub(super) package: Option<u8>,
}

impl ValueSet {
    /// The value set that is meant by a URL alone: all of SNOMED CT (`http://snomed.info/sct?fhir_vs`), a concept of it and its kinds
    /// (`?fhir_vs=isa/ID`), all of LOINC (`http://loinc.org/vs`).
    ///
    /// Source: <https://hl7.org/fhir/R4/snomedct.html#implicit>, <https://hl7.org/fhir/R4/loinc.html#implicit>.
    #[must_use]
    pub fn implicit(url: &str) -> Option<Self> {
        let of = |system: &str, version: Option<String>, filters| {
            let part = Part::new(Some(system.to_owned()), version, Vec::new(), filters, Vec::new());
            Self { url: url.to_owned(), inactive: true, includes: vec![part], ..Self::default() }
        };
        if url == "http://loinc.org/vs" {
            return Some(of("http://loinc.org", None, Vec::new()));
        }
        let (edition, query) = url.split_once("?fhir_vs")?;
        let edition = edition.strip_prefix(SNOMED)?;
        let version = (!edition.is_empty()).then(|| format!("{SNOMED}{edition}"));
        let filters = match query.strip_prefix("=isa/") {
            Some(code) if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                vec![Filter::new("concept".to_owned(), Operator::IsA, code.to_owned())]
            }
            None if query.is_empty() => Vec::new(),
            _ => return None,
        };
        Some(of(SNOMED, version, filters))
    }
}

const SNOMED: &str = "http://snomed.info/sct";
