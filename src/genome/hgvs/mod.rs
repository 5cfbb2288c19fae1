//! HGVS names: writing genomic ones, telling whether a coding or protein text is one.
//!
//! Reports from pipelines hold texts that only look like HGVS (`NM_004958.3:c.2997C>T(p.(Asn999=))`), so a text counts as
//! a name only if all of it is understood.
//! Source: <https://hgvs-nomenclature.org/stable/>, version 21.

mod coding;
mod genomic;
mod protein;

pub use genomic::write as genomic;

/// What a name describes: the letter before the dot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// `c.`: a coding DNA reference sequence.
    Coding,
    /// `p.`: a protein reference sequence.
    Protein,
}

/// A name in two parts, which together with `:` between are the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name<'a> {
    /// Accession of the reference sequence, with version: `NM_004958.3`.
    pub reference: &'a str,
    /// The description with its letter: `c.2997C>T`.
    pub description: &'a str,
}

/// Why a text is not an HGVS name of the wanted level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotHgvs {
    /// No `reference:description`.
    #[error("it is not of the form reference:description")]
    Form,
    /// The reference is no accession of the right kind.
    #[error("the part before the colon is not a RefSeq or Ensembl accession of the right kind")]
    Reference,
    /// An accession without its version means another sequence after each update.
    #[error("the accession has no version, so it does not name one sequence")]
    Version,
    /// The description is not understood.
    #[error("the description after the colon does not follow the nomenclature")]
    Description,
}

/// Takes a text apart if it is an HGVS name of that level.
///
/// # Errors
/// When it is not one, with the reason.
pub fn parse(text: &str, level: Level) -> Result<Name<'_>, NotHgvs> {
    let (reference, description) = text.split_once(':').ok_or(NotHgvs::Form)?;
    accession(reference, level)?;
    let understood = match level {
        Level::Coding => coding::is_description(description),
        Level::Protein => protein::is_description(description),
    };
    if understood { Ok(Name { reference, description }) } else { Err(NotHgvs::Description) }
}

/// Checks that a text is an accession with version of a sequence of that level.
fn accession(text: &str, level: Level) -> Result<(), NotHgvs> {
    let prefixes: &[&str] = match level {
        Level::Coding => &["NM_", "XM_", "ENST"],
        Level::Protein => &["NP_", "XP_", "ENSP"],
    };
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).ok_or(NotHgvs::Reference)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match rest.split_once('.') {
        Some((number, version)) if digits(number) && digits(version) => Ok(()),
        None if digits(rest) => Err(NotHgvs::Version),
        _ => Err(NotHgvs::Reference),
    }
}

/// A position in a text that is read from left to right.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn eat(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Eats a number without leading zero.
    fn number(&mut self) -> bool {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 || self.0.starts_with('0') {
            return false;
        }
        self.0 = self.0.get(length..).unwrap_or_default();
        true
    }

    /// Eats bases; false if there are none.
    fn bases(&mut self) -> bool {
        let length = self.0.bytes().take_while(|b| b"ACGTN".contains(b)).count();
        self.0 = self.0.get(length..).unwrap_or_default();
        length > 0
    }

    fn at_end(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
