//! LOINC's table: a row per code, with its long common name as display.
//!
//! Source: <https://loinc.org/kb/users-guide/>, <https://hl7.org/fhir/R4/loinc.html>: the display is the long common name; other names
//! are designations; LOINC has no hierarchy of its own in this table.

use super::{Broken, Concept, System, Table, cell};

/// Statuses of codes that are not to be used any more.
const RETIRED: [&str; 2] = ["DEPRECATED", "DISCOURAGED"];

pub(super) fn read(files: &[&str]) -> Result<System, Broken> {
    let mut system = System::new("http://loinc.org", "LOINC");
    for text in files {
        let table = Table::commas(text)?;
        let (code, long) = (table.column("LOINC_NUM")?, table.column("LONG_COMMON_NAME")?);
        let axes = ["COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP"].map(|axis| table.optional(axis));
        let others = ["SHORTNAME", "DisplayName", "CONSUMER_NAME"].map(|name| table.optional(name));
        let told =
            ["STATUS", "CLASS", "COMPONENT", "PROPERTY", "SYSTEM", "SCALE_TYP", "METHOD_TYP"].map(|name| (name, table.optional(name)));
        let (status, changed) = (table.optional("STATUS"), table.optional("VersionLastChanged"));
        table.each(|row| {
            let mut concept = Concept::new(cell(row, Some(code)), cell(row, Some(long)));
            let axes: Vec<&str> = axes.iter().map(|axis| cell(row, *axis)).collect();
            // The fully specified name ends with the method, if there is one.
            let full = axes.join(":");
            concept.also(None, full.trim_end_matches(':'));
            others.iter().for_each(|other| concept.also(None, cell(row, *other)));
            told.iter().for_each(|(name, column)| concept.tell(name, cell(row, *column)));
            if RETIRED.contains(&cell(row, status)) {
                concept.retired();
            }
            newer(&mut system.version, cell(row, changed));
            system.concept.push(concept);
        })?;
    }
    Ok(system)
}

/// The release is the newest in which a code changed; versions are numbers with points.
fn newer(known: &mut Option<String>, told: &str) {
    let parts = |text: &str| text.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>();
    if !told.is_empty() && known.as_deref().is_none_or(|known| parts(told) > parts(known)) {
        *known = Some(told.to_owned());
    }
}
