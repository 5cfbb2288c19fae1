//! Whether a code is one of its system, and whether its display is one of its names.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem-operation-validate-code.html>, <https://hl7.org/fhir/R4/valueset-operation-validate-code.html>.

use super::member::Membership;
use super::set::ValueSet;
use super::system::Content;
use super::{Terminology, rule, shape};

/// What is known of a code of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is one; with what it is called.
    Fine(Option<String>),
    /// It is one, but is called otherwise: these are its names.
    OtherDisplay(Vec<String>),
    /// The system has no such code.
    UnknownCode,
    /// The system, or the part of it that would have the code, is not known here.
    UnknownSystem,
}

impl Terminology {
    /// What is known of a code of a system (a canonical URL), with a display that may be wrong.
    #[must_use]
    pub fn code(&self, system: &str, code: &str, display: Option<&str>) -> Status {
        let url = super::bare(system);
        let Some(known) = self.system(system).filter(|known| known.content != Content::Absent) else {
            return match rule::by_rule(url, code) {
                Some(Membership::In) => Status::Fine(None),
                Some(Membership::Out) => Status::UnknownCode,
                None if shape::impossible(url, code) => Status::UnknownCode,
                Some(Membership::Unknown) | None => Status::UnknownSystem,
            };
        };
        let Some(concept) = known.concept(code) else {
            return if known.content == Content::Complete { Status::UnknownCode } else { Status::UnknownSystem };
        };
        let more = self.supplements(url).filter_map(|more| more.concept(&concept.code));
        let mut names: Vec<&str> = Vec::new();
        for concept in std::iter::once(concept).chain(more) {
            names.extend(concept.display.as_deref());
            names.extend(concept.designations.iter().map(|told| &*told.value));
        }
        named(&names, display)
    }

    /// What is known of a code of a value set, once it is known to be in it: the value set may name it otherwise than its system.
    #[must_use]
    pub fn code_in(&self, set: &ValueSet, system: &str, code: &str, display: Option<&str>) -> Status {
        let parts = set.includes.iter().filter(|part| part.system.as_deref() == Some(system));
        let listed = parts.clone().find_map(|part| part.of_code(code));
        let version = parts.clone().find_map(|part| part.version.as_deref());
        let canonical = version.map_or_else(|| system.to_owned(), |version| format!("{system}|{version}"));
        let by_system = self.code(&canonical, code, display);
        let Some(listed) = listed else { return by_system };
        let mut names: Vec<&str> = listed.display.as_deref().into_iter().collect();
        names.extend(listed.designations.iter().map(|told| &*told.value));
        match by_system {
            Status::Fine(own) => Status::Fine(listed.display.as_deref().map(str::to_owned).or(own)),
            Status::OtherDisplay(others) => {
                names.extend(others.iter().map(String::as_str));
                named(&names, display)
            }
            // The value set knows it, though its system is not at hand.
            Status::UnknownSystem => named(&names, display),
            Status::UnknownCode => Status::UnknownCode,
        }
    }
}

/// Whether a display is among the names of a concept; spaces and case do not matter.
fn named(names: &[&str], display: Option<&str>) -> Status {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let first = names.first().map(|name| (*name).to_owned());
    match display {
        Some(display) if !names.is_empty() && !names.iter().any(|name| plain(name) == plain(display)) => {
            let mut told: Vec<String> = Vec::new();
            for name in names {
                if !told.iter().any(|known| known == name) {
                    told.push((*name).to_owned());
                }
            }
            Status::OtherDisplay(told)
        }
        _ => Status::Fine(first),
    }
}
