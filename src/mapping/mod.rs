//! From a laboratory's files to a FHIR transaction and back to every cell that it came from.
//!
//! `input` reads a format strictly, `finding` is the neutral middle, `output` writes resources; `ledger` tells what became
//! of each input field. [`convert`] goes the whole way, [`reconcile`] fits the result to what a store holds already.
//!
//! Invariant: pure. The same bytes give the same Bundle; there is no clock, no store and no network here.

pub mod bundle;
pub mod demo;
mod finding;
mod inpred;
mod input;
pub mod ledger;
mod moment;
mod output;
mod place;
pub mod reconcile;
mod requisition;

pub use bundle::Bundle;
pub use finding::biomarker::MsiRule;
pub use input::Format;
pub use ledger::Ledger;
pub use place::{Refusal, SourceFile};

/// What can be chosen for a conversion.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The format of the files; without it, each file's first line tells.
    pub from: Option<Format>,
    /// How a share of unstable microsatellite sites becomes an interpretation.
    pub msi: MsiRule,
}

/// What a conversion gives.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The transaction.
    pub bundle: Bundle,
    /// What became of every input field.
    pub ledger: Ledger,
    /// What a person should look at; the conversion went on.
    pub warnings: Vec<Refusal>,
}

/// Converts the files of one patient's analysis to one transaction Bundle.
///
/// # Errors
/// Everything that is wrong with the input, each with file, row and column. Then nothing is converted.
pub fn convert(files: &[SourceFile], requisition: Option<&SourceFile>, options: &Options) -> Result<Conversion, Vec<Refusal>> {
    let mut account = ledger::Account::default();
    let mut problems = place::Problems::default();
    let requisition = requisition.map(|file| requisition::read(file, &mut account, &mut problems)).unwrap_or_default();
    let findings = input::read(files, options.from, &mut account, &mut problems);
    let (Some(findings), true) = (findings, problems.refusals.is_empty()) else { return Err(problems.into_refusals()) };
    let findings = findings.with_requisition(&requisition, &mut problems);
    if !problems.refusals.is_empty() {
        return Err(problems.into_refusals());
    }
    let bundle = output::genomics_reporting::write(&findings, &requisition, files, options, &mut account, &mut problems);
    Ok(Conversion { bundle, ledger: account.close(), warnings: problems.warnings })
}

#[cfg(test)]
mod tests;
