//! What a store executes: filters over index rows, an order, and a place to go on from.
//!
//! A resource is found under three kinds of rows: *posts* (equality, one 64-bit key each), *numbers* (intervals: dates,
//! numbers, quantities) and *texts* (folded strings). The rows are made by `search::extract`; the filters by
//! `search::resolve`; neither knows how a store keeps them.

use std::fmt;
use std::sync::Arc;

use super::key;
use crate::model::primitive::Id;
use crate::model::schema::ResourceType;

/// Number of a search parameter of one resource type: stable, from the compiled tables.
pub type ParameterNumber = u32;

/// An interval row, both ends inside. Dates are microseconds since 1970 UTC; numbers and quantities are sort keys of decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NumberRow {
    /// The parameter.
    pub parameter: ParameterNumber,
    /// Smallest value.
    pub low: i64,
    /// Largest value.
    pub high: i64,
    /// Unit of a quantity: hash of its system in the upper 32 bits, of its code in the lower; 0 for none and for dates and numbers.
    /// One row serves searches with and without unit.
    pub unit: u64,
}

/// Which units of an interval row are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// Any, also none: dates, numbers, and quantities searched without unit.
    Any,
    /// This system and code.
    Exactly(u64),
    /// This code (the lower 32 bits) of any system.
    Code(u32),
}

impl Unit {
    /// Whether a row's unit is wanted.
    #[must_use]
    pub fn passes(self, unit: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => unit == wanted,
            Self::Code(code) => unit & 0xFFFF_FFFF == u64::from(code),
        }
    }
}

/// A folded string row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TextRow {
    /// The parameter.
    pub parameter: ParameterNumber,
    /// Case- and accent-folded text.
    pub text: String,
}

/// A reference to a resource of this server: what chains follow, in either direction. The same reference also has a post.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkRow {
    /// The parameter.
    pub parameter: ParameterNumber,
    /// Where it leads: `Type/id`, without a version.
    pub target: String,
}

/// One element on which a composite parameter is answered: the values of its parts belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupRow {
    /// The composite parameter.
    pub parameter: ParameterNumber,
    /// The rows of each part, in the order of the parameter's components. Each row stands among those of the resource, too, under
    /// the number of the component's own parameter.
    pub parts: Vec<Rows>,
}

impl AsRef<Self> for GroupRow {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// All rows under which one resource is found; sorted, without duplicates.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rows {
    /// Equality keys. The first in the plan of every search is the key of the type.
    pub posts: Vec<u64>,
    /// Interval rows; the store adds one for `_lastUpdated`.
    pub numbers: Vec<NumberRow>,
    /// Folded strings.
    pub texts: Vec<TextRow>,
    /// References. No index holds them: they are read from the resource at hand.
    pub links: Vec<LinkRow>,
    /// Elements of composites. No index holds them either.
    pub groups: Vec<GroupRow>,
    /// The parameter under which the store keeps the time of the last update.
    pub last_updated: ParameterNumber,
}

/// An interval longer than this is wide: a day in microseconds, the precision of most dates. Stored rows rest on it, so it never
/// changes.
pub const WIDE: i64 = if cfg!(test) { 3 } else { 86_400_000_000 };

impl Rows {
    /// Adds a post for each parameter with several intervals, or with one wider than [`WIDE`]. All other resources have one
    /// narrow interval, so that one between two bounds is found by its low end alone. The rows must be tidy, and stay so.
    pub fn mark_wide(&mut self) {
        for own in self.numbers.chunk_by(|a, b| a.parameter == b.parameter) {
            if let [first, rest @ ..] = own
                && (!rest.is_empty() || first.high.checked_sub(first.low).is_none_or(|width| width > WIDE))
            {
                self.posts.push(key::wide(first.parameter));
            }
        }
        self.posts.sort_unstable();
        self.posts.dedup();
    }

    /// Sorts the rows and drops duplicates, so that two sets of rows can be compared by walking them side by side.
    pub fn tidy(&mut self) {
        self.posts.sort_unstable();
        self.posts.dedup();
        self.numbers.sort_unstable();
        self.numbers.dedup();
        self.texts.sort_unstable();
        self.texts.dedup();
        self.links.sort_unstable();
        self.links.dedup();
        self.groups.iter_mut().flat_map(|group| &mut group.parts).for_each(Self::tidy);
    }
}

/// A test of one interval row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// `low >= .0 && high <= .1`
    Within(i64, i64),
    /// `low < .0 || high > .1`
    NotWithin(i64, i64),
    /// `low <= .1 && high >= .0`
    Overlaps(i64, i64),
    /// `low < .0`
    StartsBefore(i64),
    /// `low > .0`
    StartsAfter(i64),
    /// `high < .0`
    EndsBefore(i64),
    /// `high > .0`
    EndsAfter(i64),
}

impl Test {
    /// Whether a row passes.
    #[must_use]
    pub fn passes(self, low: i64, high: i64) -> bool {
        match self {
            Self::Within(from, to) => low >= from && high <= to,
            Self::NotWithin(from, to) => low < from || high > to,
            Self::Overlaps(from, to) => low <= to && high >= from,
            Self::StartsBefore(at) => low < at,
            Self::StartsAfter(at) => low > at,
            Self::EndsBefore(at) => high < at,
            Self::EndsAfter(at) => high > at,
        }
    }
}

/// Which resources are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// All of these hold (none: everything).
    All(Vec<Filter>),
    /// At least one of these holds (none: nothing).
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// The resource has this post.
    Post(u64),
    /// The resource has an interval row of the parameter that passes, in a wanted unit.
    Number(ParameterNumber, Test, Unit),
    /// The resource has a text row of the parameter that starts with the folded text.
    TextStart(ParameterNumber, String),
    /// The resource has a text row of the parameter that contains the folded text.
    TextPart(ParameterNumber, String),
    /// The resource's logical id is one of these.
    Id(Vec<Id>),
    /// A reference of the resource leads to a living resource that meets the link's filter: a chain.
    Linked(Box<Link>),
    /// A living resource that meets the link's filter refers to the resource: `_has`.
    Referenced(Box<Link>),
    /// One element of this composite parameter meets all of these filters, one per part.
    Group(ParameterNumber, Vec<Filter>),
    /// What only the text of the resource tells.
    Probe(Probe),
}

/// References from resources of one type to resources of another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The reference parameter, of the type `from`.
    pub parameter: ParameterNumber,
    /// The type that refers.
    pub from: Searched,
    /// The type that is referred to.
    pub to: Searched,
    /// What the resource at the other end must meet: that of the type `to` for a chain, that of the type `from` for `_has`.
    pub filter: Filter,
}

/// A type as searches know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Searched {
    /// The type.
    pub kind: ResourceType,
    /// The post that every resource of the type has, and no other.
    pub post: u64,
}

/// Looks at the stored JSON text of a resource.
pub type Ask = Arc<dyn Fn(&[u8]) -> Found + Send + Sync>;

/// A question about a resource that no row answers; a store hands it the stored JSON text.
#[derive(Clone)]
pub struct Probe {
    /// What is asked, for people.
    pub name: Arc<str>,
    /// The answer.
    pub ask: Ask,
}

/// What a [`Probe`] finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Whether the resource meets a filter.
    Holds(bool),
    /// The values of a sort key.
    Values(Vec<SortValue>),
    /// Too many resources were read for this query: the search has to end.
    TooMuch,
}

impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ask, &other.ask)
    }
}

impl Eq for Probe {}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probe({})", self.name)
    }
}

/// What a sort key is read from. Of several values the smallest counts ascending, the largest descending.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SortBy {
    /// Interval rows: by `low` ascending, by `high` descending; resources without a row come last.
    Number(ParameterNumber),
    /// Text rows: by the first ascending, by the last descending; resources without a row come last.
    Text(ParameterNumber),
    /// The logical id.
    Id,
    /// The time of the last update, for searches over several types.
    Updated,
    /// Values that are read from the text of the resource.
    Probe(Probe),
}

/// One sort key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sort {
    /// What it is read from.
    pub by: SortBy,
    /// Largest first.
    pub descending: bool,
}

/// The value of one sort key of one resource; `None` sorts last in either direction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SortValue {
    /// Of interval rows.
    Number(i64),
    /// Of text rows and ids.
    Text(String),
}

/// The place of a row in an order: its sort values and, to break ties, its row id.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// One value per sort key.
    pub values: Vec<Option<SortValue>>,
    /// The row id; without sort keys the order is by row id alone, newest first.
    pub row: i64,
}

/// A search as a store runs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The types that are searched, at least one. With several, the filter itself tells them apart where parameters differ.
    pub of: Vec<Searched>,
    /// Which of their resources are wanted.
    pub filter: Filter,
    /// In which order; ties are broken by row id, newest first.
    pub sort: Vec<Sort>,
    /// Only rows after this place.
    pub after: Option<Place>,
    /// Most rows to return; 0 asks for none (a count).
    pub limit: usize,
    /// Whether the number of all matches is wanted, whatever `after` and `limit`.
    pub total: bool,
}
