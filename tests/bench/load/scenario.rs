//! What can be measured.

use clap::ValueEnum;

use crate::Failure;
use crate::arguments::Arguments;
use crate::search::Shape;

/// One kind of load. The searches are told by [`Shape`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Create, read, update, search and transaction.
    All,
    /// The ten selective searches, one after the other.
    Each,
    /// The broad searches, one after the other.
    EachBroad,
    /// POST of an Observation.
    Create,
    /// GET of a stored Observation.
    Read,
    /// PUT of a stored Observation, with new values.
    Update,
    /// The ten selective searches in turn.
    Search,
    /// POST of a transaction: one Patient and 99 Observations that refer to it.
    Transaction,
    /// POST of an Observation to `$validate`.
    Validate,
    /// The Observation with an identifier.
    SearchToken,
    /// Observations of a patient with a code.
    SearchSubjectCode,
    /// About twenty Observations of a time.
    SearchDate,
    /// About twenty Observations with a value in a narrow range.
    SearchQuantity,
    /// About twenty Observations with a code and a value.
    SearchComposite,
    /// Observations with a code, of the patient with an identifier.
    SearchChain,
    /// The patient of the Observation with an identifier.
    SearchHas,
    /// Observations of a patient, with the patient.
    SearchInclude,
    /// The newest 20 of all Observations by date.
    SearchNewest,
    /// How many Observations a patient has.
    SearchCount,
    /// Observations with a code.
    SearchTokenBroad,
    /// Observations of a week.
    SearchDateBroad,
    /// Observations with a high value in a unit.
    SearchQuantityBroad,
    /// Observations with a code and a high value.
    SearchCompositeBroad,
    /// Observations with a code, of patients with a family name.
    SearchChainBroad,
    /// Male patients with Observations of a code.
    SearchHasBroad,
    /// How many Observations have a code.
    SearchCountBroad,
}

impl Scenario {
    /// The selective searches.
    const EACH: &[Self] = &[
        Self::SearchToken,
        Self::SearchSubjectCode,
        Self::SearchDate,
        Self::SearchQuantity,
        Self::SearchComposite,
        Self::SearchChain,
        Self::SearchHas,
        Self::SearchInclude,
        Self::SearchNewest,
        Self::SearchCount,
    ];

    /// The broad searches.
    const EACH_BROAD: &[Self] = &[
        Self::SearchTokenBroad,
        Self::SearchDateBroad,
        Self::SearchQuantityBroad,
        Self::SearchCompositeBroad,
        Self::SearchChainBroad,
        Self::SearchHasBroad,
        Self::SearchCountBroad,
    ];

    /// The name on the command line and in the results.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The searches that this scenario sends; none where it is no search.
    pub(crate) fn shapes(self) -> &'static [Shape] {
        let one = |all: &'static [Self], shapes: &'static [Shape]| {
            let at = all.iter().position(|other| *other == self)?;
            shapes.get(at..=at)
        };
        match self {
            Self::Search => Shape::SELECTIVE,
            _ => one(Self::EACH, Shape::SELECTIVE).or_else(|| one(Self::EACH_BROAD, Shape::BROAD)).unwrap_or_default(),
        }
    }

    /// Whether the status code `status` is the right answer.
    pub(crate) fn accepts(self, status: u16) -> bool {
        match self {
            Self::Create => status == 201,
            _ => status == 200,
        }
    }
}

/// The scenarios asked for, in order, with those that stand for several written out.
pub(crate) fn chosen(arguments: &Arguments) -> Result<Vec<Scenario>, Failure> {
    use Scenario::{All, Create, Each, EachBroad, Read, Search, Transaction, Update};
    let bare = arguments.read_path.is_some() || arguments.create_path.is_some();
    let all: &[Scenario] = match (&arguments.create_path, bare) {
        (Some(_), _) => &[Create, Read],
        (None, true) => &[Read],
        (None, false) => &[Create, Read, Update, Search, Transaction],
    };
    if arguments.scenario.is_empty() {
        return Ok(all.to_vec());
    }
    let several = |scenario: &Scenario| match scenario {
        All => all.to_vec(),
        Each => Scenario::EACH.to_vec(),
        EachBroad => Scenario::EACH_BROAD.to_vec(),
        one => vec![*one],
    };
    let chosen: Vec<_> = arguments.scenario.iter().flat_map(several).collect();
    match chosen.iter().find(|s| bare && !all.contains(s)) {
        Some(other) => Err(format!("{} is not possible with the paths given", other.name()).into()),
        None => Ok(chosen),
    }
}
