//! What can be measured.

use clap::ValueEnum;

use crate::Failure;
use crate::arguments::Arguments;
use crate::search::Shape;

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Create, read, update, search and transaction.
    All,
    /// POST of an Observation.
    Create,
    /// GET of a stored Observation.
    Read,
    /// PUT of a stored Observation, with new values.
    Update,
    /// A mix of the searches below, without the chain.
    Search,
    /// POST of a transaction: one Patient and 99 Observations that refer to it.
    Transaction,
    /// POST of an Observation to `$validate`.
    Validate,
    /// Observations with a code.
    SearchCode,
    /// Observations of a patient with a code.
    SearchSubjectCode,
    /// Observations of a week.
    SearchDate,
    /// Observations with a high value in a unit.
    SearchQuantity,
    /// The newest 20 of all Observations by date.
    SearchNewest,
    /// Observations of a patient, with the patient.
    SearchInclude,
    /// How many Observations have a code.
    SearchCount,
    /// Observations with a code, of patients with a family name.
    SearchChain,
}

impl Scenario {
    /// The name on the command line and in the results.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The searches that this scenario sends; none where it is no search.
    pub(crate) fn shapes(self) -> &'static [Shape] {
        match self {
            Self::Search => Shape::MIX,
            Self::SearchCode => &[Shape::Code],
            Self::SearchSubjectCode => &[Shape::SubjectCode],
            Self::SearchDate => &[Shape::Date],
            Self::SearchQuantity => &[Shape::Quantity],
            Self::SearchNewest => &[Shape::Newest],
            Self::SearchInclude => &[Shape::Include],
            Self::SearchCount => &[Shape::Count],
            Self::SearchChain => &[Shape::Chain],
            _ => &[],
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

/// The scenarios asked for, in order, with `all` written out.
pub(crate) fn chosen(arguments: &Arguments) -> Result<Vec<Scenario>, Failure> {
    use Scenario::{All, Create, Read, Search, Transaction, Update};
    let bare = arguments.read_path.is_some() || arguments.create_path.is_some();
    let all: &[Scenario] = match (&arguments.create_path, bare) {
        (Some(_), _) => &[Create, Read],
        (None, true) => &[Read],
        (None, false) => &[Create, Read, Update, Search, Transaction],
    };
    if arguments.scenario.is_empty() {
        return Ok(all.to_vec());
    }
    let chosen: Vec<_> = arguments.scenario.iter().flat_map(|s| if *s == All { all.to_vec() } else { vec![*s] }).collect();
    match chosen.iter().find(|s| bare && !all.contains(s)) {
        Some(other) => Err(format!("{} is not possible with the paths given", other.name()).into()),
        None => Ok(chosen),
    }
}
