//! What codes mean to a search: value sets as lists of codes, and which codes are kinds of which.
//!
//! It rests on the built-in terminology and on ValueSet and CodeSystem resources of the server, which come first. Giving a query
//! its meaning is pure: what it needs of the server is told as a [`Need`]; the caller fetches it and asks again.

mod concepts;
mod expand;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use concepts::Concepts;

use crate::model::resource::Resource;
use crate::terminology::Terminology;
use crate::terminology::system::Content;

/// More codes than this are refused in one condition.
const MOST: usize = 10_000;
/// Most codes in the plan of a query: a search of many types asks for each of them.
const ALTOGETHER: usize = 100_000;

/// A resource of this server that a query depends on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Need {
    /// The value set of a canonical URL (perhaps with `|version`), or `ValueSet/id`.
    ValueSet(String),
    /// The code system of a canonical URL, perhaps with `|version`.
    CodeSystem(String),
}

/// What was looked for on this server; `None` if it is not there.
pub type Known = HashMap<Need, Option<Arc<Resource>>>;

/// What codes mean, while a query is being understood.
pub(super) struct Terms<'a> {
    known: &'a Known,
    base: &'a str,
    missing: RefCell<BTreeSet<Need>>,
    left: Cell<usize>,
}

/// Codes with their systems.
pub(super) type Codes = BTreeSet<(String, String)>;

impl<'a> Terms<'a> {
    pub(super) fn new(known: &'a Known, base: &'a str) -> Self {
        Self { known, base, missing: RefCell::default(), left: Cell::new(ALTOGETHER) }
    }

    /// What has to be looked for before the query can be understood.
    pub(super) fn needs(self) -> Vec<Need> {
        self.missing.into_inner().into_iter().collect()
    }

    /// A resource of the server; an error that nobody sees if it was not looked for yet.
    fn stored(&self, need: Need) -> Result<Option<&'a Resource>, String> {
        if let Some(found) = self.known.get(&need) {
            return Ok(found.as_deref());
        }
        let told = format!("{need:?} was not looked for.");
        self.missing.borrow_mut().insert(need);
        Err(told)
    }

    /// A concept and all that are kinds of it (`:below`), or all that it is a kind of (`:above`).
    pub(super) fn subsumed(&self, system: &str, code: &str, below: bool) -> Result<Vec<String>, String> {
        let concepts = self.concepts(system).map_err(|why| format!("The hierarchy of \"{system}\" is not known here: {why}."))?;
        if !concepts.has(code) {
            return Err(format!("The code system \"{system}\" has no code \"{code}\"."));
        }
        let found = if below { concepts.below(code) } else { concepts.above(code) };
        if found.len() > MOST {
            return Err(format!("More than {MOST} codes are below \"{code}\": ask for less."));
        }
        self.spend(found.len())?;
        Ok(found.into_iter().map(str::to_owned).collect())
    }

    /// The codes of a value set: a canonical URL, `ValueSet/id`, or the same under this server's base.
    pub(super) fn members(&self, set: &str) -> Result<Codes, String> {
        let local = set.strip_prefix(self.base).and_then(|rest| rest.strip_prefix('/')).filter(|_| !self.base.is_empty());
        let set = local.filter(|local| local.starts_with("ValueSet/")).unwrap_or(set);
        let codes = expand::of(self, set, &mut Vec::new())?;
        self.spend(codes.len())?;
        Ok(codes)
    }

    fn spend(&self, codes: usize) -> Result<(), String> {
        let left = self.left.get().checked_sub(codes);
        self.left.set(left.unwrap_or(0));
        let told =
            || format!("The search asks for more than {ALTOGETHER} codes, those of each type counted: ask for fewer types or codes.");
        left.map(|_| ()).ok_or_else(told)
    }

    /// The concepts of a code system (`url` or `url|version`), or why they are not known.
    fn concepts(&self, system: &str) -> Result<Concepts, String> {
        if let Some(stored) = self.stored(Need::CodeSystem(system.to_owned()))? {
            return Concepts::stored(stored);
        }
        let (_, version) = system.split_once('|').unwrap_or((system, ""));
        let defined = Terminology::embedded().system(system).filter(|defined| defined.content == Content::Complete);
        let defined = defined.filter(|defined| version.is_empty() || defined.version.as_deref() == Some(version));
        defined.map(Concepts::defined).ok_or_else(|| "no CodeSystem with this URL is stored or built in".to_owned())
    }
}

#[cfg(test)]
mod tests;
