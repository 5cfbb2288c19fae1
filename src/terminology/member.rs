//! Whether a code belongs to a value set, told without listing the value set.
//!
//! Where something is not known here (a system of others, a filter over it), the answer is "unknown" unless another part decides.

use super::set::{Part, ValueSet};
use super::system::{CodeSystem, Content};
use super::{Terminology, rule};

/// Whether a code belongs to a value set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Membership {
    /// It does not.
    Out,
    /// That cannot be told here.
    Unknown,
    /// It does.
    In,
}

impl Membership {
    fn told(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::In,
            Some(false) => Self::Out,
            None => Self::Unknown,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::In => Self::Out,
            Self::Unknown => Self::Unknown,
            Self::Out => Self::In,
        }
    }
}

/// How deep value sets may import each other.
const DEPTH: usize = 16;

impl Terminology {
    /// Whether a code belongs to the value set of a canonical URL. Without a system (elements of type `code`) it may be of any.
    #[must_use]
    pub fn membership(&self, set: &str, system: Option<&str>, code: &str) -> Membership {
        self.set(set).map_or(Membership::Unknown, |set| self.member(set, system, code))
    }

    /// Whether a code belongs to a value set.
    #[must_use]
    pub fn member(&self, set: &ValueSet, system: Option<&str>, code: &str) -> Membership {
        self.member_at(set, system, code, DEPTH)
    }

    /// The system that an element of type `code` has this code of, by its value set; nothing if none has it for certain.
    #[must_use]
    pub fn system_of<'a>(&'a self, set: &'a ValueSet, code: &str) -> Option<&'a str> {
        self.system_at(set, code, DEPTH)
    }

    fn system_at<'a>(&'a self, set: &'a ValueSet, code: &str, depth: usize) -> Option<&'a str> {
        if self.member(set, None, code) != Membership::In {
            return None;
        }
        set.includes.iter().find_map(|part| match part.system.as_deref() {
            Some(system) => Some(system).filter(|_| self.in_part(part, set, None, code, depth) == Membership::In),
            None => {
                let depth = depth.checked_sub(1)?;
                part.imports.iter().find_map(|import| self.system_at(self.set_for(import, set.package)?, code, depth))
            }
        })
    }

    fn member_at(&self, set: &ValueSet, system: Option<&str>, code: &str, depth: usize) -> Membership {
        let mut answer = if set.partial { Membership::Unknown } else { Membership::Out };
        for part in &set.includes {
            answer = answer.max(self.in_part(part, set, system, code, depth));
            if answer == Membership::In {
                break;
            }
        }
        for part in &set.excludes {
            if answer == Membership::Out {
                break;
            }
            answer = answer.min(self.in_part(part, set, system, code, depth).not());
        }
        answer
    }

    /// Whether a code is among those of a part.
    pub(super) fn in_part(&self, part: &Part, set: &ValueSet, system: Option<&str>, code: &str, depth: usize) -> Membership {
        let mut answer = match part.system.as_deref() {
            Some(own) if system.is_some_and(|asked| asked != own) => return Membership::Out,
            Some(own) => self.in_system(part, own, set, code),
            None => Membership::In,
        };
        for import in &part.imports {
            if answer == Membership::Out {
                return answer;
            }
            let imported = depth.checked_sub(1).and_then(|depth| Some((self.set_for(import, set.package)?, depth)));
            answer = answer.min(imported.map_or(Membership::Unknown, |(imported, depth)| self.member_at(imported, system, code, depth)));
        }
        // A part that names nothing holds nothing.
        if part.system.is_none() && part.imports.is_empty() { Membership::Out } else { answer }
    }

    fn in_system(&self, part: &Part, system: &str, set: &ValueSet, code: &str) -> Membership {
        let known = || self.of_part(part, system, set);
        if !part.listed.is_empty() {
            if part.of_code(code).is_some() {
                return Membership::In;
            }
            // The code may be written in another case, where that does not matter.
            let folded = part.listed.iter().any(|listed| listed.code.eq_ignore_ascii_case(code));
            return if folded && known().is_some_and(|known| !known.case_sensitive) { Membership::In } else { Membership::Out };
        }
        let Some(known) = known().filter(|known| known.content != Content::Absent) else {
            let mut answer = rule::by_rule(system, code).unwrap_or(Membership::Unknown);
            for filter in &part.filters {
                answer = answer.min(Membership::told(filter.passes_code(code)));
            }
            return answer;
        };
        let Some(concept) = known.concept(code) else {
            return if known.content == Content::Complete { Membership::Out } else { Membership::Unknown };
        };
        let whole = known.content == Content::Complete;
        let passed = part.filters.iter().map(|filter| match known.passes(concept, filter) {
            // Of an excerpt it is not known what else stands above and below.
            Some(false) if !whole => Membership::Unknown,
            told => Membership::told(told),
        });
        let passed = passed.min().unwrap_or(Membership::In);
        if !set.inactive && concept.inactive() { Membership::Out } else { passed }
    }

    /// The code system that a part of a value set speaks of.
    pub(super) fn of_part(&self, part: &Part, system: &str, set: &ValueSet) -> Option<&CodeSystem> {
        match &part.version {
            Some(version) => self.system_for(&format!("{system}|{version}"), set.package),
            None => self.system_for(system, set.package),
        }
    }
}
