//! `norn convert`: files in, one transaction Bundle out; and the reading of files that `norn import` shares.

use std::io::Write as _;
use std::path::Path;

use super::Ended;
use super::arguments::{Convert, Source};
use crate::mapping::{self, Conversion, Format, Options, SourceFile};

/// Prints the Bundle on stdout, messages on stderr.
pub(super) fn run(command: &Convert) -> Result<(), Ended> {
    let (files, requisition, options) = read(&command.source)?;
    let conversion = mapping::convert(&files, requisition.as_ref(), &options).map_err(|refusals| told(&refusals))?;
    finish(&conversion, &command.source)?;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(conversion.bundle.to_json().as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Ended::Failed(format!("stdout cannot be written: {error}")))
}

/// Reads what the arguments name.
pub(super) fn read(source: &Source) -> Result<(Vec<SourceFile>, Option<SourceFile>, Options), Ended> {
    let files = source.files.iter().map(|path| file(path)).collect::<Result<Vec<_>, _>>()?;
    let requisition = source.requisition.as_deref().map(file).transpose()?;
    let from = match &source.from {
        None => None,
        Some(name) => {
            let known = || Format::ALL.map(Format::name).join(", ");
            Some(Format::named(name).ok_or_else(|| Ended::Misused(format!("\"{name}\" is not a format; known are {}", known())))?)
        }
    };
    Ok((files, requisition, Options { from, ..Options::default() }))
}

fn file(path: &Path) -> Result<SourceFile, Ended> {
    let bytes = std::fs::read(path).map_err(|error| Ended::Misused(format!("{} cannot be read: {error}", path.display())))?;
    Ok(SourceFile { name: path.display().to_string(), bytes })
}

/// Tells warnings and writes the ledger.
#[expect(clippy::print_stderr, reason = "messages to a person")]
pub(super) fn finish(conversion: &Conversion, source: &Source) -> Result<(), Ended> {
    for warning in &conversion.warnings {
        eprintln!("warning: {warning}");
    }
    let Some(path) = &source.ledger else { return Ok(()) };
    std::fs::write(path, conversion.ledger.to_json())
        .map_err(|error| Ended::Failed(format!("the ledger {} cannot be written: {error}", path.display())))
}

/// Tells what was refused.
#[expect(clippy::print_stderr, reason = "messages to a person")]
pub(super) fn told(refusals: &[mapping::Refusal]) -> Ended {
    for refusal in refusals {
        eprintln!("{refusal}");
    }
    eprintln!(
        "norn: nothing was converted: {} {} to be mended first",
        refusals.len(),
        if refusals.len() == 1 { "thing has" } else { "things have" }
    );
    Ended::Refused
}
