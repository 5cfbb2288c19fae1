//! Random resources of the types of `parameters.txt`, which refer to each other. The same seed gives the same resources.

use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::pools::{Maker, URIS};
use super::tokens::CHROMOSOMES;

/// Types, and how many of a hundred resources are of each.
const SHARES: [(&str, usize); 13] = [
    ("Patient", 12),
    ("Observation", 26),
    ("DiagnosticReport", 8),
    ("Specimen", 7),
    ("Organization", 5),
    ("Practitioner", 6),
    ("Encounter", 8),
    ("Condition", 8),
    ("MolecularSequence", 8),
    ("ResearchStudy", 3),
    ("ResearchSubject", 3),
    ("List", 3),
    ("Location", 4),
];

/// About so many resources for a server at `base`, in the order in which they are to be created.
#[must_use]
pub(super) fn resources(base: &str, seed: u64, count: usize) -> Vec<Value> {
    let counts: Vec<(&'static str, usize)> = SHARES.iter().map(|(kind, share)| (*kind, (count * share / 100).max(2))).collect();
    let mut maker = Maker { chance: Chance::new(seed), base: base.to_owned(), counts: counts.clone() };
    let mut all: Vec<Value> = counts
        .into_iter()
        .flat_map(|(kind, count)| (0..count).map(move |number| (kind, number)))
        .map(|(kind, number)| maker.make(kind, number))
        .collect();
    maker.chance.shuffle(&mut all);
    all
}

impl Maker {
    /// A resource. Every type counts its ids from `r0`, so that an id alone names several resources.
    fn make(&mut self, kind: &str, number: usize) -> Value {
        let mut body = Map::new();
        body.insert("resourceType".to_owned(), json!(kind));
        body.insert("id".to_owned(), json!(format!("r{number}")));
        self.put(&mut body, 40, "meta", Self::meta);
        self.put(&mut body, 25, "text", |maker| maker.narrative());
        let repeats = !matches!(kind, "Location" | "Organization");
        if repeats {
            self.put(&mut body, 8, "contained", |maker| maker.inner(kind));
        }
        self.put(&mut body, 70, "identifier", |maker| {
            if kind == "ResearchStudy" { json!([maker.identifier()]) } else { maker.list(2, Self::identifier) }
        });
        match kind {
            "Patient" => self.patient(&mut body),
            "Observation" => self.observation(&mut body),
            "DiagnosticReport" => self.report(&mut body),
            "Specimen" => self.specimen(&mut body),
            "Organization" => self.organization(&mut body),
            "Practitioner" => self.practitioner(&mut body),
            "Encounter" => self.encounter(&mut body),
            "Condition" => self.condition(&mut body),
            "MolecularSequence" => self.sequence(&mut body),
            "ResearchStudy" => self.study(&mut body),
            "ResearchSubject" => self.participant(&mut body),
            "List" => self.members(&mut body),
            _ => self.location(&mut body),
        }
        Value::Object(body)
    }

    fn meta(&mut self) -> Value {
        let mut meta = Map::new();
        self.put(&mut meta, 40, "source", |maker| json!(maker.chance.one(&URIS)));
        self.put(&mut meta, 40, "profile", |maker| maker.list(2, |maker| json!(maker.chance.one(&URIS))));
        self.put(&mut meta, 30, "security", |maker| maker.list(1, Self::coding));
        self.put(&mut meta, 100, "tag", |maker| maker.list(2, Self::coding));
        Value::Object(meta)
    }

    fn patient(&mut self, body: &mut Map<String, Value>) {
        // A reference to the contained resource keeps it in use, and must never be a match.
        if body.contains_key("contained") {
            body.insert("link".to_owned(), json!([{"other": {"reference": "#c"}, "type": "seealso"}]));
        }
        self.put(body, 60, "active", |maker| json!(maker.chance.percent(50)));
        self.put(body, 85, "name", |maker| maker.list(2, Self::name));
        self.put(body, 50, "telecom", |maker| maker.list(2, Self::contact));
        self.put(body, 75, "gender", |maker| json!(maker.chance.one(&["male", "female", "other"])));
        self.put(body, 75, "birthDate", Self::day);
        match self.chance.below(4) {
            0 => drop(body.insert("deceasedBoolean".to_owned(), json!(self.chance.percent(50)))),
            1 => drop(body.insert("deceasedDateTime".to_owned(), self.date())),
            _ => {}
        }
        self.put(body, 50, "address", |maker| maker.list(2, Self::address));
        self.put(body, 30, "communication", |maker| maker.list(2, |maker| json!({"language": maker.concept()})));
        self.put(body, 40, "generalPractitioner", |maker| maker.list(2, |maker| maker.far_reference(&["Practitioner", "Organization"])));
        self.put(body, 60, "managingOrganization", |maker| maker.reference("Organization"));
        if !body.contains_key("link") {
            self.put(body, 15, "link", |maker| json!([{"other": maker.reference("Patient"), "type": "seealso"}]));
        }
    }

    /// A subject; the contained resource if there is one.
    pub(super) fn subject(&mut self, body: &Map<String, Value>) -> Value {
        if body.contains_key("contained") { json!({"reference": "#c"}) } else { self.reference("Patient") }
    }

    fn organization(&mut self, body: &mut Map<String, Value>) {
        self.put(body, 50, "active", |maker| json!(maker.chance.percent(50)));
        self.put(body, 40, "type", |maker| maker.list(2, Self::concept));
        self.put(body, 100, "name", Self::word);
        self.put(body, 30, "alias", |maker| maker.list(2, Self::word));
        self.put(body, 50, "address", |maker| maker.list(2, Self::address));
        self.put(body, 50, "partOf", |maker| maker.reference("Organization"));
    }

    fn practitioner(&mut self, body: &mut Map<String, Value>) {
        if body.remove("contained").is_some() {
            self.put(body, 100, "active", |_| json!(true));
        }
        self.put(body, 80, "name", |maker| maker.list(2, Self::name));
        self.put(body, 60, "gender", |maker| json!(maker.chance.one(&["male", "female"])));
        self.put(body, 50, "telecom", |maker| maker.list(2, Self::contact));
        self.put(body, 30, "address", |maker| maker.list(2, Self::address));
        self.put(body, 30, "communication", |maker| maker.list(2, Self::concept));
    }

    fn sequence(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        self.put(body, 70, "type", |maker| json!(maker.chance.one(&["dna", "rna"])));
        body.insert("coordinateSystem".to_owned(), json!(self.chance.below(2)));
        self.put(body, 80, "patient", |_| subject);
        self.put(body, 85, "referenceSeq", |maker| {
            let start = 90 + maker.chance.below(6);
            let mut own = json!({"strand": "watson", "windowStart": start, "windowEnd": start + 5 + maker.chance.below(3)});
            if let Some(own) = own.as_object_mut() {
                if maker.chance.percent(50) {
                    let code =
                        maker.chance.one(&["NC_000007.14", "NC_000001.10", "NC_000023.11", "NC_000024", "NC_012920.1", "NM_005228.5"]);
                    own.insert(
                        "referenceSeqId".to_owned(),
                        json!({"coding": [{"system": "http://www.ncbi.nlm.nih.gov/nuccore", "code": code}]}),
                    );
                } else {
                    own.insert("genomeBuild".to_owned(), json!("GRCh38"));
                    own.insert(
                        "chromosome".to_owned(),
                        json!({"coding": [{"system": CHROMOSOMES, "code": maker.chance.one(&["7", "X", "1"])}]}),
                    );
                }
            }
            own
        });
        self.put(body, 85, "variant", |maker| {
            maker.list(3, |maker| {
                let start = 98 + maker.chance.below(5);
                json!({"start": start, "end": start + 1 + maker.chance.below(3)})
            })
        });
    }

    fn location(&mut self, body: &mut Map<String, Value>) {
        self.put(body, 60, "status", |maker| json!(maker.chance.one(&["active", "suspended"])));
        self.put(body, 90, "name", Self::word);
        self.put(body, 30, "alias", |maker| maker.list(2, Self::word));
        self.put(body, 50, "type", |maker| maker.list(2, Self::concept));
        self.put(body, 30, "operationalStatus", Self::coding);
        self.put(body, 50, "address", Self::address);
        self.put(body, 75, "position", |maker| {
            let (latitude, longitude) = maker.chance.one(&[
                ("59.9139", "10.7522"),
                ("60.3913", "5.3221"),
                ("-0.5", "179.9"),
                ("0.5", "-179.9"),
                ("69.65", "18.96"),
                ("89.9", "0"),
            ]);
            let number = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
            json!({"longitude": number(longitude), "latitude": number(latitude)})
        });
        self.put(body, 50, "managingOrganization", |maker| maker.reference("Organization"));
        self.put(body, 40, "partOf", |maker| maker.reference("Location"));
    }
}
