//! Sample Patients: invented names, unique identifiers.

use std::io::Write as _;

use crate::sample::chance::Chance;
use crate::sample::observation::identifier;
use crate::sample::template::Template;

/// Family names; chained searches ask for one of them.
const FAMILIES: &[&str] = &[
    "Abernathy",
    "Ashdown",
    "Birkett",
    "Blackwood",
    "Calloway",
    "Carmody",
    "Dalgleish",
    "Devereux",
    "Eastwick",
    "Everard",
    "Fairbairn",
    "Fotheringay",
    "Garrick",
    "Hathersage",
    "Hollis",
    "Ingleby",
    "Jessop",
    "Kilbride",
    "Langstaff",
    "Lockhart",
    "Merriweather",
    "Nethercott",
    "Oakeshott",
    "Pemberton",
    "Quarrie",
    "Ravenscroft",
    "Selwyn",
    "Thackeray",
    "Underhill",
    "Vavasour",
    "Wetherby",
    "Yardley",
];

const GIVEN: &[&str] = &["Ada", "Bruno", "Clara", "Dorian", "Edith", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Linus"];

/// Writes Patients.
#[derive(Debug)]
pub(crate) struct Patients(Template);

impl Patients {
    /// Reads the template.
    pub(crate) fn new() -> Self {
        Self(Template::new(include_str!("patient.json")))
    }

    /// Appends a Patient with values from `chance`; gives the number in its identifier.
    pub(crate) fn write(&self, out: &mut Vec<u8>, chance: &mut Chance) -> u64 {
        let number = chance.bits();
        self.0.render(out, |hole, out| {
            // Writing into memory cannot fail.
            let _ = match hole {
                "identifier" => write!(out, "{}", identifier(number)),
                "family" => write!(out, "{}", family(chance)),
                "given" => write!(out, "{}", chance.pick(GIVEN).unwrap_or(&"Ada")),
                "phone" => write!(out, "{:06}", chance.below(1_000_000)),
                "gender" => write!(out, "{}", chance.pick(&["female", "male", "other"]).unwrap_or(&"unknown")),
                "birth" => write!(out, "{}-{:02}-{:02}", 1930 + chance.below(80), 1 + chance.below(12), 1 + chance.below(28)),
                _ => write!(out, "{}", 1 + chance.below(200)),
            };
        });
        number
    }
}

/// Any of the family names.
pub(crate) fn family(chance: &mut Chance) -> &'static str {
    chance.pick(FAMILIES).copied().unwrap_or("Abernathy")
}
