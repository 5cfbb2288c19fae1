//! What codes mean: value sets, code systems and concept maps, built in and added.
//!
//! What is added (by a site, by this server's store, by a test) stands before what is built in under the same URL. What is built in is
//! read when it is first asked for, and kept. Source: <https://hl7.org/fhir/R4/terminology-module.html>.
//!
//! Invariant: no I/O, no clock; a code is said to be wrong only where all right ones are known.

pub mod check;
pub mod expand;
pub mod lookup;
pub mod map;
mod member;
mod path;
pub mod read;
mod rule;
pub mod set;
mod shape;
pub mod source;
pub mod system;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

pub use map::ConceptMap;
pub use member::Membership;
pub use set::ValueSet;
pub use system::CodeSystem;

use crate::definitions::archive::{Archive, Entry, Kind};
use crate::definitions::{Definitions, Library, national};
use read::Unreadable;
use system::Content;

/// A resource, read.
#[derive(Debug)]
enum Item {
    System(CodeSystem),
    Set(ValueSet),
    Map(ConceptMap),
}

/// What is built in, each read when it is first asked for.
#[derive(Debug)]
struct BuiltIn {
    archive: &'static Archive,
    /// By place in the archive.
    items: Vec<OnceLock<Option<Box<Item>>>>,
    /// The places of supplements by what they add to.
    supplements: HashMap<&'static str, Vec<usize>>,
}

impl BuiltIn {
    fn of(archive: &'static Archive) -> Self {
        let mut supplements: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (place, entry) in archive.entries().iter().enumerate() {
            if let Some(url) = entry.supplements {
                supplements.entry(bare(url)).or_default().push(place);
            }
        }
        Self { archive, items: archive.entries().iter().map(|_| OnceLock::new()).collect(), supplements }
    }

    fn item(&self, place: usize) -> Option<&Item> {
        let read = || -> Option<Box<Item>> {
            let entry = self.archive.entries().get(place)?;
            let text = self.archive.text(entry)?;
            let item = match entry.kind {
                Kind::System => Item::System(read::system(text.as_bytes()).ok()?),
                Kind::Set => Item::Set(read::set(text.as_bytes(), Some(entry.package)).ok()?),
                Kind::Map => Item::Map(read::map(text.as_bytes()).ok()?),
            };
            Some(Box::new(item))
        };
        self.items.get(place)?.get_or_init(read).as_deref()
    }

    /// The resource that a canonical URL means: the version that it names, else that of the package that asks, else the newest.
    fn find(&self, kind: Kind, canonical: &str, asking: Option<u8>) -> Option<&Item> {
        let (url, version) = split(canonical);
        let places = self.archive.versions(kind, url);
        let entry = |place: usize| self.archive.entries().get(place);
        let with = |test: &dyn Fn(&Entry) -> bool| places.iter().rev().copied().find(|place| entry(*place).is_some_and(test));
        let named = with(&|entry| version.is_some_and(|version| entry.version == version));
        let own = || with(&|entry| asking == Some(entry.package));
        // A package may name a code system that an older one has whole.
        let whole = || {
            places
                .iter()
                .rev()
                .copied()
                .find(|place| matches!(self.item(*place), Some(Item::System(found)) if found.content == Content::Complete))
        };
        let place = named.or_else(own).or_else(|| if kind == Kind::System { whole() } else { None }).or(places.last().copied())?;
        self.item(place)
    }
}

/// Terminology to work by.
#[derive(Debug, Default)]
pub struct Terminology {
    built_in: Option<Arc<BuiltIn>>,
    systems: HashMap<String, Vec<Arc<CodeSystem>>>,
    supplements: HashMap<String, Vec<Arc<CodeSystem>>>,
    sets: HashMap<String, Vec<Arc<ValueSet>>>,
    maps: HashMap<String, Vec<Arc<ConceptMap>>>,
}

/// A resource that is added to a [`Terminology`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Added {
    CodeSystem(Arc<CodeSystem>),
    ValueSet(Arc<ValueSet>),
    ConceptMap(Arc<ConceptMap>),
}

impl Added {
    /// Reads a resource of that type from its JSON text; nothing if it is of another type.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn read(kind: &str, text: &[u8]) -> Result<Option<Self>, Unreadable> {
        Ok(Some(match kind {
            "CodeSystem" => Self::CodeSystem(Arc::new(read::system(text)?)),
            "ValueSet" => Self::ValueSet(Arc::new(read::set(text, None)?)),
            "ConceptMap" => Self::ConceptMap(Arc::new(read::map(text)?)),
            _ => return Ok(None),
        }))
    }

    fn of_json(resource: &Value) -> Result<Option<Self>, Unreadable> {
        let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or("");
        Self::read(kind, resource.to_string().as_bytes())
    }
}

/// What every part of the process works by unless it has more.
static USUAL: OnceLock<Terminology> = OnceLock::new();

impl Terminology {
    /// What is built in, the codes of the national flow included, and what the site has loaded.
    #[must_use]
    pub fn embedded() -> &'static Self {
        USUAL.get_or_init(Self::built_in)
    }

    /// Makes what a site has loaded known to the whole process. It must come before anything asks for codes: `false` when it came too
    /// late, and nothing is changed then.
    #[must_use]
    pub fn install(added: impl IntoIterator<Item = Added>) -> bool {
        USUAL.set(Self::built_in().with(added)).is_ok()
    }

    fn built_in() -> Self {
        let added = |resource: &Value| Added::of_json(resource).ok().flatten();
        Self::of(Definitions::embedded()).with(national::resources().iter().filter_map(added))
    }

    /// The terminology of these definitions alone.
    #[must_use]
    pub fn of(definitions: &'static Definitions) -> Self {
        Self { built_in: Some(Arc::new(BuiltIn::of(definitions.archive()))), ..Self::default() }
    }

    /// The terminology of a library: of its definitions, and what was added to them. What was added and cannot be read is left out, so
    /// that nothing is said against its codes.
    #[must_use]
    pub fn of_library(library: &Library) -> Self {
        let added = library.terminology().iter().filter_map(|resource| Added::of_json(resource).ok().flatten());
        if std::ptr::eq(library.built_in(), Definitions::embedded()) {
            return Self::embedded().with(added);
        }
        Self::of(library.built_in()).with(added)
    }

    /// The same, with more; it shares what was read of the built-in one.
    #[must_use]
    pub fn with(&self, added: impl IntoIterator<Item = Added>) -> Self {
        let mut own = Self {
            built_in: self.built_in.clone(),
            systems: self.systems.clone(),
            supplements: self.supplements.clone(),
            sets: self.sets.clone(),
            maps: self.maps.clone(),
        };
        added.into_iter().for_each(|added| own.add(added));
        own
    }

    /// The same, with the CodeSystems, ValueSets and ConceptMaps among JSON resources.
    ///
    /// # Errors
    /// When one of these is not what its type demands.
    pub fn with_json(&self, resources: &[Value]) -> Result<Self, Unreadable> {
        let read = resources.iter().map(Added::of_json);
        Ok(self.with(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten()))
    }

    /// Takes in a resource; the last of the same URL is the one that its URL alone means.
    pub fn add(&mut self, added: Added) {
        match added {
            Added::CodeSystem(system) => match system.supplements.as_deref().filter(|_| system.content == Content::Supplement) {
                Some(url) => self.supplements.entry(bare(url).to_owned()).or_default().push(system),
                None => self.systems.entry(system.url.clone()).or_default().push(system),
            },
            Added::ValueSet(set) => self.sets.entry(set.url.clone()).or_default().push(set),
            Added::ConceptMap(map) => self.maps.entry(map.url.clone()).or_default().push(map),
        }
    }

    /// The value set that a canonical URL means.
    #[must_use]
    pub fn set(&self, canonical: &str) -> Option<&ValueSet> {
        self.set_for(canonical, None)
    }

    fn set_for(&self, canonical: &str, asking: Option<u8>) -> Option<&ValueSet> {
        let built_in = || match self.built_in.as_ref()?.find(Kind::Set, canonical, asking)? {
            Item::Set(set) => Some(set),
            _ => None,
        };
        find(&self.sets, canonical, |set| set.version.as_deref(), built_in)
    }

    /// The code system that a canonical URL means.
    #[must_use]
    pub fn system(&self, canonical: &str) -> Option<&CodeSystem> {
        self.system_for(canonical, None)
    }

    fn system_for(&self, canonical: &str, asking: Option<u8>) -> Option<&CodeSystem> {
        let built_in = || match self.built_in.as_ref()?.find(Kind::System, canonical, asking)? {
            Item::System(system) => Some(system),
            _ => None,
        };
        find(&self.systems, canonical, |system| system.version.as_deref(), built_in)
    }

    /// What adds to the concepts of a code system.
    pub fn supplements<'a>(&'a self, url: &str) -> impl Iterator<Item = &'a CodeSystem> {
        let built_in = self.built_in.as_ref().and_then(|built_in| Some((built_in, built_in.supplements.get(url)?)));
        let built_in = built_in.into_iter().flat_map(|(built_in, places)| places.iter().filter_map(|place| built_in.item(*place)));
        let built_in = built_in.filter_map(|item| if let Item::System(system) = item { Some(system) } else { None });
        self.supplements.get(url).into_iter().flatten().map(Arc::as_ref).chain(built_in)
    }

    /// The concept map that a canonical URL means.
    #[must_use]
    pub fn map(&self, canonical: &str) -> Option<&ConceptMap> {
        let built_in = || match self.built_in.as_ref()?.find(Kind::Map, canonical, None)? {
            Item::Map(map) => Some(map),
            _ => None,
        };
        find(&self.maps, canonical, |map| map.version.as_deref(), built_in)
    }

    /// All concept maps, those added first.
    pub fn maps(&self) -> impl Iterator<Item = &ConceptMap> {
        let added = self.maps.values().filter_map(|versions| versions.last()).map(Arc::as_ref);
        let built_in = self.built_in.iter().flat_map(|built_in| {
            let entries = built_in.archive.entries().iter().enumerate().filter(|(_, entry)| entry.kind == Kind::Map);
            entries.filter_map(|(place, _)| if let Item::Map(map) = built_in.item(place)? { Some(map) } else { None })
        });
        added.chain(built_in.filter(|map| !self.maps.contains_key(&map.url)))
    }

    /// The URLs and versions of all built-in code systems.
    pub fn built_in_systems(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let archive = self.built_in.as_ref().map(|built_in| built_in.archive);
        let entries = archive.into_iter().flat_map(Archive::entries).filter(|entry| entry.kind == Kind::System);
        entries.map(|entry| (entry.url, entry.version))
    }
}

/// Among the added ones the version that is named or the newest, else what is built in, else what there is.
fn find<'a, T>(
    added: &'a HashMap<String, Vec<Arc<T>>>,
    canonical: &str,
    version_of: impl Fn(&T) -> Option<&str>,
    built_in: impl FnOnce() -> Option<&'a T>,
) -> Option<&'a T> {
    if added.is_empty() {
        return built_in();
    }
    let (url, version) = split(canonical);
    let Some(versions) = added.get(url) else { return built_in() };
    let named = versions.iter().rev().find(|found| version.is_none() || version_of(found) == version);
    let exact = |found: &&T| version_of(found) == version;
    named.map(Arc::as_ref).or_else(|| built_in().filter(exact)).or_else(|| versions.last().map(Arc::as_ref))
}

/// A canonical URL and the version that it names.
fn split(canonical: &str) -> (&str, Option<&str>) {
    canonical.split_once('|').map_or((canonical, None), |(url, version)| (url, Some(version)))
}

fn bare(canonical: &str) -> &str {
    split(canonical).0
}

#[cfg(test)]
mod tests;
