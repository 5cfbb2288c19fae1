//! Vital signs: FHIR's profile for a vital sign holds whether or not the resource claims it.
//!
//! An Observation that is filed among the vital signs, and whose code says which one it is, follows the profile of that one.
//! Source: <https://hl7.org/fhir/R4/observation-vitalsigns.html>.

use super::checker::Checker;
use super::element::Element;
use crate::definitions::rules::canonical;

/// The profiles, with the codes by which vital signs are known: of LOINC, and those of SNOMED CT that often stand beside or instead.
const PROFILES: [(&str, &[&str], &[&str]); 10] = [
    ("vitalspanel", &["85353-1"], &["46680005"]),
    ("resprate", &["9279-1"], &["86290005"]),
    ("heartrate", &["8867-4"], &["364075005"]),
    ("oxygensat", &["2708-6"], &["431314004"]),
    ("bodytemp", &["8310-5"], &["386725007", "276885007"]),
    ("bodyheight", &["8302-2"], &["50373000"]),
    ("headcircum", &["9843-4"], &["363812007"]),
    ("bodyweight", &["29463-7"], &["27113001"]),
    ("bmi", &["39156-5"], &["60621009"]),
    ("bp", &["85354-9", "76534-7", "76535-4"], &["75367002"]),
];

impl<'c> Checker<'c> {
    /// Checks an Observation against the profile of the vital sign that it is.
    pub(super) fn vital_sign(&mut self, observation: Element<'c>) {
        let node = observation.node;
        if node.type_name() != "Observation" || !self.looks_closer() || self.validator.lenient {
            return;
        }
        let filed = node.all("category").flat_map(|category| category.all("coding"));
        if !filed.into_iter().any(|coding| coding.get_text("code").is_some_and(|code| code == "vital-signs")) {
            return;
        }
        for coding in node.get("code").into_iter().flat_map(|code| code.all("coding")) {
            let (system, code) = (coding.get_text("system").unwrap_or_default(), coding.get_text("code").unwrap_or_default());
            let known = PROFILES.iter().find(|(_, loinc, snomed)| match &*system {
                "http://loinc.org" => loinc.contains(&&*code),
                "http://snomed.info/sct" => snomed.contains(&&*code),
                _ => false,
            });
            if let Some((profile, ..)) = known {
                return self.against(observation, &canonical(profile), false);
            }
        }
    }
}
