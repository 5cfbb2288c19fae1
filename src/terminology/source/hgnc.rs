//! HGNC's complete set: a row per gene; the code is the HGNC id, the display the approved symbol.
//!
//! Source: <https://www.genenames.org/help/statistics-and-downloads/>; Genomics Reporting writes `HGNC:3236` under
//! `http://www.genenames.org`.

use super::{Broken, Concept, System, Table, cell};

pub(super) fn read(files: &[&str]) -> Result<System, Broken> {
    let mut system = System::new("http://www.genenames.org", "HGNC");
    for text in files {
        let table = Table::tabs(text)?;
        let (id, symbol) = (table.column("hgnc_id")?, table.column("symbol")?);
        let (name, status, group) = (table.optional("name"), table.optional("status"), table.optional("locus_group"));
        let lists = ["alias_symbol", "prev_symbol"].map(|list| table.optional(list));
        let modified = table.optional("date_modified");
        table.each(|row| {
            let mut concept = Concept::new(cell(row, Some(id)), cell(row, Some(symbol)));
            concept.also(None, cell(row, name));
            // Several stand in one cell, in quotes and with bars between them.
            for other in lists.iter().flat_map(|list| cell(row, *list).trim_matches('"').split('|')) {
                concept.also(None, other);
            }
            concept.tell("locus_group", cell(row, group));
            if !matches!(cell(row, status), "" | "Approved") {
                concept.retired();
            }
            let modified = cell(row, modified);
            if system.version.as_deref().is_none_or(|known| known < modified) && !modified.is_empty() {
                system.version = Some(modified.to_owned());
            }
            system.concept.push(concept);
        })?;
    }
    Ok(system)
}
