//! Code systems: the concepts of those that the packages have whole, and which are kinds of which.
//!
//! Reads `code-systems.tsv`: `url  version`, and below it lines `parent  code  code…`; the first cell is empty for codes that are
//! below no other. Source: <https://hl7.org/fhir/R4/codesystem.html#hierarchy>.

use super::table::{BrokenTable, lines};
use crate::base::table::Table;

/// A code system.
#[derive(Debug)]
pub struct CodeSystem {
    /// Canonical URL without version.
    pub url: &'static str,
    /// Its version.
    pub version: &'static str,
    concepts: Vec<(&'static str, Vec<&'static str>)>,
}

impl CodeSystem {
    /// Codes by the one that is directly above them; that is empty for those below no other. A code may come several times.
    pub fn concepts(&self) -> impl Iterator<Item = (&'static str, &[&'static str])> {
        self.concepts.iter().map(|(parent, codes)| (*parent, codes.as_slice()))
    }

    /// All codes below a code, at any depth, each once.
    #[must_use]
    pub fn below(&self, code: &str) -> Vec<&'static str> {
        let (mut found, mut open) = (Vec::new(), vec![code]);
        while let Some(above) = open.pop() {
            for code in self.concepts.iter().filter(|(parent, _)| *parent == above).flat_map(|(_, codes)| codes) {
                if !found.contains(code) {
                    found.push(*code);
                    open.push(code);
                }
            }
        }
        found
    }
}

/// All code systems by URL.
pub(super) type CodeSystems = Table<&'static str, CodeSystem>;

/// Reads the table.
pub(super) fn load(text: &'static str) -> Result<CodeSystems, BrokenTable> {
    let mut all = CodeSystems::default();
    let mut current = None;
    for line in lines("code systems", text) {
        if line.inner {
            let ([parent], codes) = line.cells_and_rest()?;
            let owner = current.and_then(|url| all.get_mut(url));
            owner.ok_or_else(|| line.broken("codes stand before the first code system"))?.concepts.push((parent, codes.collect()));
        } else {
            let [url, version] = line.cells()?;
            current = Some(url);
            all.insert(url, CodeSystem { url, version, concepts: Vec::new() });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use crate::definitions::Definitions;

    /// `code system  parent: codes among those below it`.
    #[test]
    fn concepts_stand_below_their_parents() {
        let cases = "
            http://hl7.org/fhir/administrative-gender : male female other unknown
            http://terminology.hl7.org/CodeSystem/v3-RoleCode FAMMEMB: CHILD PRN SIB
            http://terminology.hl7.org/CodeSystem/v3-RoleCode PRN: FTH MTH
            http://hl7.org/fhir/quantity-comparator : < <= >= >
        ";
        for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (place, codes) = case.rsplit_once(':').unwrap();
            let (url, parent) = place.split_once(' ').unwrap();
            let system = Definitions::embedded().code_system(url).unwrap_or_else(|| panic!("{case}: no such system"));
            assert_eq!(system.url, url);
            let below: Vec<_> = system.concepts().filter(|(above, _)| *above == parent).flat_map(|(_, codes)| codes).collect();
            for code in codes.split_whitespace() {
                assert!(below.iter().any(|found| **found == code), "{case}: {code} is not among {below:?}");
            }
        }
        assert!(Definitions::embedded().code_system("http://snomed.info/sct").is_none());
    }
}
