//! Compiles packages into tables of facts without prose.
//!
//! The result depends on nothing but the packages: files are read in the order of their names and rows are written sorted,
//! so that compiling twice gives the same bytes.
//!
//! Invariant: the built-in definitions are compiled by the command `norn definitions` and in tests only; what is compiled in a running
//! process is what was added (`added`).

pub(super) mod added;
mod catalogue;
mod compartments;
mod controls;
mod differential;
mod elements;
mod json;
mod parameters;
mod profiles;
mod terminology;
mod types;

use super::package::{BadPackage, Package};
use catalogue::Catalogue;
use elements::ConstraintNames;

/// The package that defines R4 itself.
const R4: &str = "hl7.fhir.r4.examples";

/// The packages that are compiled. What stands later supersedes what stands earlier under the same URL:
/// HL7 maintains extensions and terminology outside the specification since R4.
pub const PACKAGES: [&str; 5] =
    [R4, "hl7.fhir.uv.extensions.r4", "hl7.terminology.r4", "hl7.fhir.uv.genomics-reporting", "hl7.fhir.us.mcode"];

/// Packages that cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A package is not among those given.
    #[error("the package {0} is missing")]
    Missing(&'static str),
    /// A package cannot be read.
    #[error(transparent)]
    Package(#[from] BadPackage),
    /// The terminology cannot be packed.
    #[error("the terminology cannot be packed: {0}")]
    Archive(std::io::Error),
    /// A definition lacks what every definition must have.
    #[error("{0}: {1}")]
    Definition(String, &'static str),
}

/// The compiled tables.
#[derive(Debug, PartialEq, Eq)]
pub struct Tables {
    /// File name and content, in the order of names.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Compiles the tables out of `packages`.
///
/// # Errors
/// When a package is missing or a definition is not what FHIR says it must be.
pub fn tables(packages: &[Package]) -> Result<Tables, CompileError> {
    let mut all = Catalogue::read(packages)?;
    let terminology = terminology::archive(std::mem::take(&mut all.terminology))?;
    let names = ConstraintNames::of(&all);
    Ok(Tables {
        files: vec![
            ("compartments.tsv", compartments::table(&all).into_bytes()),
            ("constraints.tsv", names.table().into_bytes()),
            ("profiles.tsv", profiles::table(&all, &names).into_bytes()),
            ("search-parameters.tsv", parameters::table(&all)?.into_bytes()),
            ("terminology.bin", terminology),
            ("types.tsv", types::table(&all, &names).into_bytes()),
        ],
    })
}

#[cfg(test)]
mod tests;
