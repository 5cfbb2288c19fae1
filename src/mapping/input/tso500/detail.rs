//! What a file says of itself: banner, samples, dates, versions, sequencing run.

use super::section::Section;
use crate::mapping::finding::{Extra, Pipeline, Run, Told};
use crate::mapping::inpred::{self, NucleicAcid, SampleId};
use crate::mapping::input::table::{Cell, Input, Row};
use crate::mapping::moment::{Date, Time};

/// Keys with the values that are there, as extras.
pub(super) fn extras(pairs: Vec<(&Cell, Option<&Cell>)>) -> Vec<Extra> {
    pairs.into_iter().filter_map(|(key, value)| Some(Extra { name: key.text.clone(), text: told(value?) })).collect()
}

fn told(cell: &Cell) -> Told<String> {
    Told { value: cell.text.clone(), field: cell.field }
}

/// Reads the lines before the first section and `[Analysis Details]`. `None` if a needed one was refused.
pub(super) fn read(preamble: &[&Row], section: &Section<'_>, pipeline: Pipeline, input: &mut Input<'_>) -> Option<Run> {
    let mut lines = preamble.iter().flat_map(|row| row.filled());
    let banner = lines.next().map(told);
    let disclaimer = lines.next().map(told);
    let mut pairs = section.pairs(input);
    let mut take = |key: &str| -> Option<&Cell> {
        let at = pairs.iter().position(|(name, _)| name.text == key)?;
        pairs.remove(at).1.filter(|cell| cell.text != "NA")
    };
    let (pair, dna, rna) = (take("Pair ID"), take("DNA Sample ID"), take("RNA Sample ID"));
    let (date, time) = (take("Output Date"), take("Output Time"));
    let (module, version, kit) = (take("Module Version"), take("Pipeline Version"), take("Library Prep Kit"));
    let rest = extras(pairs);
    if version.is_none() {
        input.refuse(
            section.heading,
            "[Analysis Details] has no 'Pipeline Version', so it is not known what made the results: the file is cut off or damaged",
        );
    }
    let run = Run {
        file: input.index,
        pipeline,
        banner: banner.unwrap_or_else(|| Told { value: String::new(), field: section.heading.field }),
        disclaimer,
        pair: pair.map(told),
        dna: sample(dna, "DNA", input),
        rna: sample(rna, "RNA", input),
        date: read_date(date, section, input)?,
        time: read_time(time, input),
        pipeline_version: version.map(told),
        module_version: module.map(told),
        library_kit: kit.map(told),
        sequencing: Vec::new(),
        extras: rest,
    };
    if dna.is_none() && rna.is_none() {
        input.refuse(section.heading, "[Analysis Details] names neither a DNA nor an RNA sample, so the results belong to nobody");
    }
    check_pair(&run, pair, rna, input);
    Some(run)
}

fn sample(cell: Option<&Cell>, what: &str, input: &mut Input<'_>) -> Option<Told<SampleId>> {
    let cell = cell?;
    let id = match SampleId::read(&cell.text) {
        Ok(id) => id,
        Err(bad) => {
            input.refuse(cell, format!("{what} Sample ID '{}': {bad}", cell.text));
            return None;
        }
    };
    if (id.nucleic_acid == NucleicAcid::Rna) != (what == "RNA") {
        input.refuse(cell, format!("{what} Sample ID '{}': the nucleic acid in it says otherwise (character 9)", cell.text));
    }
    let expected: &[&str] = if what == "RNA" { &["03"] } else { &["01", "06"] };
    if !expected.contains(&id.assay().0) {
        let assay = id.assay().1.unwrap_or_default().to_owned();
        input.warn(cell, format!("the sample id tells the assay {assay}, but the file is of TSO500 {what}"));
    }
    Some(Told { value: id, field: cell.field })
}

/// DNA, RNA and pair must be of one patient.
fn check_pair(run: &Run, pair: Option<&Cell>, rna_cell: Option<&Cell>, input: &mut Input<'_>) {
    let patient = run.dna.as_ref().or(run.rna.as_ref()).map(|told| told.value.patient().to_owned());
    let Some(patient) = patient else { return };
    if let (Some(rna), Some(cell)) = (&run.rna, rna_cell)
        && rna.value.patient() != patient
    {
        input.refuse(cell, format!("the RNA sample is of patient {}, the DNA sample of patient {patient}", rna.value.patient()));
    }
    let Some(cell) = pair.filter(|cell| inpred::claims_to_be(&cell.text)) else { return };
    let bare = cell.text.strip_suffix("_P").unwrap_or(&cell.text);
    if bare == patient {
        return;
    }
    match SampleId::read(bare) {
        Ok(id) if id.patient() == patient => {}
        Ok(id) => input.refuse(cell, format!("the Pair ID is of patient {}, the samples are of patient {patient}", id.patient())),
        Err(bad) => input.refuse(cell, format!("Pair ID '{}': {bad}; it is the sample id followed by _P", cell.text)),
    }
}

/// Reads the day on which a file was written; it is needed.
pub(super) fn read_date(cell: Option<&Cell>, section: &Section<'_>, input: &mut Input<'_>) -> Option<Told<Date>> {
    let Some(cell) = cell else {
        input.refuse(section.heading, format!("[{}] has no 'Output Date'; Norn takes all times from the file", section.name));
        return None;
    };
    if Date::is_ambiguous(&cell.text) {
        input.warn(cell, format!("'{}' is read as day, month, year", cell.text));
    }
    let date = Date::read(&cell.text);
    if date.is_none() {
        input.refuse(cell, format!("'{}' is no date as 2021-02-24, 24.02.2021 or 24/02/2021", cell.text));
    }
    Some(Told { value: date?, field: cell.field })
}

/// Reads the time of day at which a file was written.
pub(super) fn read_time(cell: Option<&Cell>, input: &mut Input<'_>) -> Option<Told<Time>> {
    let cell = cell?;
    let time = Time::read(&cell.text);
    if time.is_none() {
        input.refuse(cell, format!("'{}' is no time of day as 09:46:53", cell.text));
    }
    Some(Told { value: time?, field: cell.field })
}
