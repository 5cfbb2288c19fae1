//! Compiles packages into tables of facts without prose.
//!
//! The result depends on nothing but the packages: files are read in the order of their names and rows are written sorted,
//! so that compiling twice gives the same bytes.
//!
//! Invariant: runs only in the command `norn definitions` and in tests; the server never compiles.

mod compartments;
mod json;
mod parameters;
mod types;

use super::package::{BadPackage, Package};

/// The package that defines R4 itself.
const R4: &str = "hl7.fhir.r4.examples";

/// Packages that cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A package is not among those given.
    #[error("the package {0} is missing")]
    Missing(&'static str),
    /// A package cannot be read.
    #[error(transparent)]
    Package(#[from] BadPackage),
    /// A definition lacks what every definition must have.
    #[error("{0}: {1}")]
    Definition(String, &'static str),
}

/// The compiled tables.
#[derive(Debug, PartialEq, Eq)]
pub struct Tables {
    /// File name and content, in the order of names.
    pub files: Vec<(&'static str, String)>,
}

/// Compiles the tables out of `packages`.
///
/// # Errors
/// When a package is missing or a definition is not what FHIR says it must be.
pub fn tables(packages: &[Package]) -> Result<Tables, CompileError> {
    let r4 = packages.iter().find(|package| package.name == R4).ok_or(CompileError::Missing(R4))?;
    Ok(Tables {
        files: vec![
            ("compartments.tsv", compartments::table(r4)?),
            ("search-parameters.tsv", parameters::table(r4)?),
            ("types.tsv", types::table(r4)?),
        ],
    })
}
