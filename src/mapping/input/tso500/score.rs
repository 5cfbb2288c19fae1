//! The sections `[TMB]`, `[MSI]` and `[GIS]`.
//!
//! In a file of RNA alone, all values are NA, or the section is.

use super::detail::extras;
use super::section::Section;
use crate::mapping::finding::{Instability, Measured, Microsatellites, MutationalBurden, Told};
use crate::mapping::input::number::{self, Kind};
use crate::mapping::input::table::{Cell, Input};

type Pairs<'s> = Vec<(&'s Cell, Option<&'s Cell>)>;

/// Takes a key's number out of the pairs. In a section that is NA as a whole, the value is its NA.
fn take(key: &str, kind: Kind, section: &Section<'_>, pairs: &mut Pairs<'_>, input: &mut Input<'_>) -> Option<Measured> {
    if let Some(nothing) = section.nothing() {
        input.account.name(nothing.field, section.name);
        return Some(Told { value: None, field: nothing.field });
    }
    let Some(at) = pairs.iter().position(|(name, _)| name.text == key) else {
        input.refuse(section.heading, format!("[{}] has no '{key}': the file is cut off or damaged", section.name));
        return None;
    };
    let (name, value) = pairs.remove(at);
    let Some(value) = value else {
        input.refuse_at(name.row, 2, format!("the value of '{key}' is missing; a value that is not known is written NA"));
        return None;
    };
    number::read_measured(value, kind, input)
}

/// `[TMB]`.
pub(super) fn burden(section: &Section<'_>, input: &mut Input<'_>) -> Option<MutationalBurden> {
    let mut pairs = section.pairs(input);
    let total = take("Total TMB", Kind::Amount, section, &mut pairs, input);
    let region = take("Coding Region Size in Megabases", Kind::Amount, section, &mut pairs, input);
    let variants = take("Number of Passing Eligible Variants", Kind::Count, section, &mut pairs, input);
    Some(MutationalBurden { total: total?, region: region?, variants: variants?, extras: extras(pairs) })
}

/// `[MSI]`.
pub(super) fn microsatellites(section: &Section<'_>, input: &mut Input<'_>) -> Option<Microsatellites> {
    let mut pairs = section.pairs(input);
    let usable = take("Usable MSI Sites", Kind::Count, section, &mut pairs, input);
    let unstable = take("Total MSI Sites Unstable", Kind::Count, section, &mut pairs, input);
    let percent = take("Percent Unstable MSI Sites", Kind::Percent, section, &mut pairs, input);
    Some(Microsatellites { usable: usable?, unstable: unstable?, percent: percent?, extras: extras(pairs) })
}

/// `[GIS]`.
pub(super) fn instability(section: &Section<'_>, input: &mut Input<'_>) -> Option<Instability> {
    let mut pairs = section.pairs(input);
    let score = take("Genomic Instability Score", Kind::Amount, section, &mut pairs, input)?;
    let mut optional = |key: &str, input: &mut Input<'_>| {
        pairs.iter().any(|(name, _)| name.text == key).then(|| take(key, Kind::Amount, section, &mut pairs, input)).flatten()
    };
    let tumor_fraction = optional("Tumor Fraction", input);
    let ploidy = optional("Ploidy", input);
    Some(Instability { score, tumor_fraction, ploidy, extras: extras(pairs) })
}
