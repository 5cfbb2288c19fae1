//! Value sets: the codes that the required bindings of R4 and of the profiles allow.
//!
//! Reads `value-sets.tsv`: `url  version`, and below it one line per code system: `system  code  code…`, or `system  *` where the
//! codes cannot be listed (languages, media types, units, SNOMED CT …). A value set whose content nobody here knows has `? *`.
//! Source: <https://hl7.org/fhir/R4/valueset.html#compositions>.

use super::table::{BrokenTable, lines};
use crate::base::table::Table;

/// A value set.
#[derive(Debug)]
pub struct ValueSet {
    /// Canonical URL without version.
    pub url: &'static str,
    /// Its version; empty when the packages do not have the value set.
    pub version: &'static str,
    systems: Vec<(&'static str, Codes)>,
}

/// The codes of one system.
#[derive(Debug)]
enum Codes {
    /// Sorted.
    Listed(Vec<&'static str>),
    /// Some codes of the system; which ones stands in no table.
    Unlisted,
}

/// Whether a code belongs to a value set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Membership {
    /// It does.
    In,
    /// It does not.
    Out,
    /// These tables cannot tell.
    Unknown,
}

impl ValueSet {
    /// Whether a code belongs to it. Without a system (elements of type `code`) it may be of any.
    #[must_use]
    pub fn membership(&self, system: Option<&str>, code: &str) -> Membership {
        let mut answer = Membership::Out;
        for (_, codes) in self.systems.iter().filter(|(own, _)| *own == "?" || system.is_none_or(|asked| asked == *own)) {
            match codes {
                Codes::Listed(codes) if codes.binary_search(&code).is_ok() => return Membership::In,
                Codes::Listed(_) => {}
                Codes::Unlisted => answer = Membership::Unknown,
            }
        }
        answer
    }

    /// The system that has this code; `None` if none has, or the codes cannot be listed.
    #[must_use]
    pub fn system_of(&self, code: &str) -> Option<&'static str> {
        let has = |codes: &Codes| matches!(codes, Codes::Listed(codes) if codes.binary_search(&code).is_ok());
        self.systems.iter().find(|(_, codes)| has(codes)).map(|(system, _)| *system)
    }

    /// The systems, each with its codes in order, or with nothing where they cannot be listed.
    pub fn systems(&self) -> impl Iterator<Item = (&'static str, Option<&[&'static str]>)> {
        self.systems.iter().map(|(system, codes)| match codes {
            Codes::Listed(codes) => (*system, Some(codes.as_slice())),
            Codes::Unlisted => (*system, None),
        })
    }

    /// All codes with their systems, in the order of systems; `None` when they cannot be listed.
    #[must_use]
    pub fn codes(&self) -> Option<Vec<(&'static str, &'static str)>> {
        let mut all = Vec::new();
        for (system, codes) in &self.systems {
            let Codes::Listed(codes) = codes else { return None };
            all.extend(codes.iter().map(|code| (*system, *code)));
        }
        Some(all)
    }
}

/// All value sets by URL; where there are several versions, in the order in which they supersede each other.
pub(super) type ValueSets = Table<&'static str, Vec<ValueSet>>;

/// Reads the table.
pub(super) fn load(text: &'static str) -> Result<ValueSets, BrokenTable> {
    let mut all = ValueSets::default();
    let mut current = None;
    for line in lines("value sets", text) {
        if line.inner {
            let ([system], codes) = line.cells_and_rest()?;
            let codes: Vec<_> = codes.collect();
            let codes = if codes == ["*"] { Codes::Unlisted } else { Codes::Listed(codes) };
            let owner = current.and_then(|url| all.get_mut(url)).and_then(|versions| versions.last_mut());
            owner.ok_or_else(|| line.broken("codes stand before the first value set"))?.systems.push((system, codes));
        } else {
            let [url, version] = line.cells()?;
            current = Some(url);
            all.entry(url).or_default().push(ValueSet { url, version, systems: Vec::new() });
        }
    }
    Ok(all)
}

/// The value set of that canonical URL: the version that it names if it is there, else the newest.
pub(super) fn find<'a>(all: &'a ValueSets, url: &str) -> Option<&'a ValueSet> {
    let (url, version) = url.split_once('|').unwrap_or((url, ""));
    let versions = all.get(url)?;
    versions.iter().find(|set| set.version == version).or(versions.last())
}

#[cfg(test)]
mod tests {
    use super::Membership;
    use crate::definitions::Definitions;

    /// `value set  system|code -> answer`; without a system, the code of an element of type `code`.
    #[test]
    fn codes_are_in_or_out() {
        let cases = "
            http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1 female -> In
            http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1 Female -> Out
            http://hl7.org/fhir/ValueSet/administrative-gender http://hl7.org/fhir/administrative-gender|other -> In
            http://hl7.org/fhir/ValueSet/administrative-gender http://example.org|other -> Out
            http://hl7.org/fhir/ValueSet/observation-status|4.0.1 entered-in-error -> In
            http://hl7.org/fhir/ValueSet/observation-status|4.0.1 done -> Out
            http://hl7.org/fhir/ValueSet/resource-types|4.0.1 Observation -> In
            http://hl7.org/fhir/ValueSet/resource-types|4.0.1 Genome -> Out
            http://hl7.org/fhir/ValueSet/condition-clinical|4.0.1 http://terminology.hl7.org/CodeSystem/condition-clinical|active -> In
            http://hl7.org/fhir/ValueSet/mimetypes|4.0.1 application/json -> Unknown
            http://hl7.org/fhir/ValueSet/mimetypes|4.0.1 http://example.org|application/json -> Out
            http://hl7.org/fhir/ValueSet/days-of-week|5.0.0 mon -> In
            http://hl7.org/fhir/uv/genomics-reporting/ValueSet/hgvs-vs http://varnomen.hgvs.org|NM_004333.4:c.1799T>A -> Unknown
            http://hl7.org/fhir/uv/genomics-reporting/ValueSet/hgvs-vs http://loinc.org|LA1-1 -> Out
            http://loinc.org/vs/LL1971-2 http://loinc.org|LA9633-4 -> Unknown
        ";
        for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (asked, expected) = case.split_once(" -> ").unwrap();
            let (set, coding) = asked.split_once(' ').unwrap();
            let (system, code) = coding.split_once('|').map_or((None, coding), |(system, code)| (Some(system), code));
            let set = Definitions::embedded().value_set(set).unwrap_or_else(|| panic!("{asked}: no such value set"));
            assert_eq!(format!("{:?}", set.membership(system, code)), expected, "{asked}");
        }
        assert_ne!(Membership::In, Membership::Out);
    }

    #[test]
    fn listed_codes_are_told_with_their_systems() {
        let gender = Definitions::embedded().value_set("http://hl7.org/fhir/ValueSet/administrative-gender").unwrap();
        let system = "http://hl7.org/fhir/administrative-gender";
        assert_eq!(gender.codes().unwrap(), ["female", "male", "other", "unknown"].map(|code| (system, code)));
        assert!(Definitions::embedded().value_set("http://hl7.org/fhir/ValueSet/mimetypes").unwrap().codes().is_none());
    }
}
