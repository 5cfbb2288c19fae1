//! The random resources of the clinical types.

use serde_json::{Map, Value, json};

use super::pools::Maker;

impl Maker {
    pub(super) fn observation(&mut self, body: &mut Map<String, Value>) {
        let own = self.subject(body);
        self.put(body, 100, "status", |maker| json!(maker.chance.one(&["final", "amended", "preliminary"])));
        self.put(body, 50, "category", |maker| maker.list(2, Self::concept));
        self.put(body, 100, "code", Self::concept);
        let contained = body.contains_key("contained");
        self.put(body, if contained { 100 } else { 85 }, "subject", |maker| {
            if contained || maker.chance.percent(85) { own } else { maker.reference("Location") }
        });
        self.put(body, 20, "focus", |maker| {
            maker.list(2, |maker| maker.reference_to(&["Condition", "Patient", "Location", "ResearchStudy"]))
        });
        self.put(body, 10, "device", |maker| maker.reference("Device"));
        self.put(body, 40, "encounter", |maker| maker.reference("Encounter"));
        match self.chance.below(10) {
            0..4 => drop(body.insert("effectiveDateTime".to_owned(), self.date())),
            4..7 => drop(body.insert("effectivePeriod".to_owned(), self.period())),
            7 => drop(body.insert("effectiveInstant".to_owned(), self.instant())),
            8 => drop(body.insert("effectiveTiming".to_owned(), self.timing())),
            _ => {}
        }
        self.put(body, 50, "performer", |maker| maker.list(2, |maker| maker.far_reference(&["Practitioner", "Organization", "Patient"])));
        self.value(body);
        if !body.keys().any(|name| name.starts_with("value")) {
            self.put(body, 40, "dataAbsentReason", Self::concept);
        }
        self.put(body, 20, "method", Self::concept);
        self.put(body, 40, "specimen", |maker| maker.reference("Specimen"));
        match Self::to_inner(body) {
            Some(inner) => drop(body.insert("hasMember".to_owned(), inner)),
            None => self.put(body, 25, "hasMember", |maker| maker.list(2, |maker| maker.reference("Observation"))),
        }
        self.put(body, 25, "derivedFrom", |maker| maker.list(2, |maker| maker.reference_to(&["Observation", "MolecularSequence"])));
        self.put(body, 45, "component", |maker| {
            maker.list(3, |maker| {
                let mut part = Map::new();
                part.insert("code".to_owned(), maker.concept());
                maker.value(&mut part);
                if part.len() == 1 {
                    maker.put(&mut part, 40, "dataAbsentReason", Self::concept);
                }
                Value::Object(part)
            })
        });
    }

    /// A value of one of the types that are searched, or none.
    pub(super) fn value(&mut self, body: &mut Map<String, Value>) {
        let (name, value) = match self.chance.below(10) {
            0..4 => ("valueQuantity", self.quantity()),
            4..6 => ("valueCodeableConcept", self.concept()),
            6 => ("valueString", self.word()),
            7 => ("valueDateTime", self.date()),
            8 => ("valuePeriod", self.period()),
            _ => return,
        };
        body.insert(name.to_owned(), value);
    }

    pub(super) fn report(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        self.put(body, 100, "status", |maker| json!(maker.chance.one(&["final", "partial"])));
        self.put(body, 40, "category", |maker| maker.list(2, Self::concept));
        self.put(body, 100, "code", Self::concept);
        self.put(body, 100, "subject", |_| subject);
        self.put(body, 40, "encounter", |maker| maker.reference("Encounter"));
        if self.chance.percent(50) {
            self.put(body, 70, "effectiveDateTime", Self::date);
        } else {
            self.put(body, 70, "effectivePeriod", Self::period);
        }
        self.put(body, 60, "issued", Self::instant);
        self.put(body, 50, "performer", |maker| maker.list(2, |maker| maker.far_reference(&["Practitioner", "Organization"])));
        self.put(body, 30, "resultsInterpreter", |maker| maker.list(2, |maker| maker.far_reference(&["Practitioner", "Organization"])));
        self.put(body, 40, "specimen", |maker| maker.list(2, |maker| maker.reference("Specimen")));
        match Self::to_inner(body) {
            Some(inner) => drop(body.insert("result".to_owned(), inner)),
            None => self.put(body, 70, "result", |maker| maker.list(3, |maker| maker.reference("Observation"))),
        }
        self.put(body, 30, "conclusionCode", |maker| maker.list(2, Self::concept));
    }

    pub(super) fn specimen(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        self.put(body, 40, "accessionIdentifier", Self::identifier);
        self.put(body, 60, "status", |maker| json!(maker.chance.one(&["available", "unavailable"])));
        self.put(body, 60, "type", Self::concept);
        self.put(body, 100, "subject", |_| subject);
        self.put(body, 40, "parent", |maker| maker.list(2, |maker| maker.reference("Specimen")));
        self.put(body, 70, "collection", |maker| {
            let mut own = Map::new();
            if maker.chance.percent(50) {
                maker.put(&mut own, 100, "collectedDateTime", Self::date);
            } else {
                maker.put(&mut own, 100, "collectedPeriod", Self::period);
            }
            maker.put(&mut own, 50, "collector", |maker| maker.reference("Practitioner"));
            maker.put(&mut own, 30, "bodySite", Self::concept);
            Value::Object(own)
        });
        self.put(body, 30, "container", |maker| {
            maker.list(2, |maker| json!({"identifier": [maker.identifier()], "type": maker.concept()}))
        });
    }

    pub(super) fn encounter(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        self.put(body, 100, "status", |maker| json!(maker.chance.one(&["finished", "in-progress"])));
        self.put(body, 100, "class", Self::coding);
        self.put(body, 40, "type", |maker| maker.list(2, Self::concept));
        self.put(body, 100, "subject", |_| subject);
        self.put(body, 50, "participant", |maker| {
            maker.list(2, |maker| {
                let mut own = Map::new();
                maker.put(&mut own, 40, "type", |maker| maker.list(1, Self::concept));
                let bare = own.is_empty();
                maker.put(&mut own, if bare { 100 } else { 70 }, "individual", |maker| maker.reference("Practitioner"));
                Value::Object(own)
            })
        });
        self.put(body, 60, "period", Self::period);
        self.put(body, 30, "reasonCode", |maker| maker.list(2, Self::concept));
        self.put(body, 30, "reasonReference", |maker| maker.list(2, |maker| maker.reference_to(&["Condition", "Observation"])));
        self.put(body, 20, "hospitalization", |maker| json!({"specialArrangement": [maker.concept(), maker.concept()]}));
        self.put(body, 40, "length", Self::time);
        self.put(body, 40, "diagnosis", |maker| maker.list(2, |maker| json!({"condition": maker.reference("Condition")})));
        self.put(body, 40, "location", |maker| {
            maker.list(2, |maker| {
                let mut own = Map::new();
                maker.put(&mut own, 100, "location", |maker| maker.reference("Location"));
                maker.put(&mut own, 60, "period", Self::period);
                Value::Object(own)
            })
        });
        self.put(body, 30, "serviceProvider", |maker| maker.reference("Organization"));
        self.put(body, 30, "partOf", |maker| maker.reference("Encounter"));
    }

    pub(super) fn condition(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        let status = "http://terminology.hl7.org/CodeSystem/condition-clinical";
        let sure = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
        body.insert(
            "clinicalStatus".to_owned(),
            json!({"coding": [{"system": status, "code": self.chance.one(&["active", "recurrence"])}]}),
        );
        self.put(
            body,
            50,
            "verificationStatus",
            |maker| json!({"coding": [{"system": sure, "code": maker.chance.one(&["confirmed", "provisional"])}]}),
        );
        self.put(body, 50, "category", |maker| maker.list(2, Self::concept));
        self.put(body, 30, "severity", Self::concept);
        self.put(body, 85, "code", Self::concept);
        self.put(body, 40, "bodySite", |maker| maker.list(2, Self::concept));
        self.put(body, 100, "subject", |_| subject);
        self.put(body, 40, "encounter", |maker| maker.reference("Encounter"));
        match self.chance.below(5) {
            0 => drop(body.insert("onsetDateTime".to_owned(), self.date())),
            1 => drop(body.insert("onsetPeriod".to_owned(), self.period())),
            2 => drop(body.insert("onsetAge".to_owned(), self.time())),
            3 => drop(body.insert("onsetString".to_owned(), self.word())),
            _ => {}
        }
        match self.chance.below(6) {
            0 => drop(body.insert("abatementDateTime".to_owned(), self.date())),
            1 => drop(body.insert("abatementPeriod".to_owned(), self.period())),
            2 => drop(body.insert("abatementAge".to_owned(), self.time())),
            3 => drop(body.insert("abatementString".to_owned(), self.word())),
            _ => {}
        }
        self.put(body, 20, "stage", |maker| maker.list(2, |maker| json!({"summary": maker.concept()})));
        self.put(body, 50, "recordedDate", Self::date);
        self.put(body, 40, "asserter", |maker| maker.reference_to(&["Practitioner", "Patient"]));
        self.put(body, 30, "evidence", |maker| {
            maker.list(2, |maker| json!({"code": [maker.concept()], "detail": [maker.reference("Observation")]}))
        });
    }

    pub(super) fn study(&mut self, body: &mut Map<String, Value>) {
        body.remove("contained");
        self.put(body, 80, "title", Self::word);
        self.put(body, 40, "partOf", |maker| maker.list(1, |maker| maker.reference("ResearchStudy")));
        self.put(body, 100, "status", |maker| json!(maker.chance.one(&["active", "completed"])));
        self.put(body, 40, "category", |maker| maker.list(2, Self::concept));
        self.put(body, 40, "focus", |maker| maker.list(2, Self::concept));
        self.put(body, 40, "keyword", |maker| maker.list(2, Self::concept));
        self.put(body, 40, "location", |maker| maker.list(2, Self::concept));
        self.put(body, 60, "period", Self::period);
        self.put(body, 50, "sponsor", |maker| maker.reference("Organization"));
        self.put(body, 50, "principalInvestigator", |maker| maker.reference("Practitioner"));
        self.put(body, 50, "site", |maker| maker.list(2, |maker| maker.reference("Location")));
    }

    pub(super) fn participant(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        self.put(body, 100, "status", |maker| json!(maker.chance.one(&["on-study", "candidate"])));
        self.put(body, 60, "period", Self::period);
        self.put(body, 100, "study", |maker| maker.reference("ResearchStudy"));
        self.put(body, 100, "individual", |_| subject);
    }

    pub(super) fn members(&mut self, body: &mut Map<String, Value>) {
        let subject = self.subject(body);
        self.put(body, 100, "status", |maker| json!(maker.chance.one(&["current", "retired"])));
        self.put(body, 100, "mode", |_| json!("working"));
        self.put(body, 60, "title", Self::word);
        self.put(body, 60, "code", Self::concept);
        let contained = body.contains_key("contained");
        self.put(body, if contained { 100 } else { 60 }, "subject", |_| subject);
        self.put(body, 60, "date", Self::date);
        self.put(body, 40, "source", |maker| maker.reference_to(&["Practitioner", "Patient"]));
        self.put(body, 30, "note", |maker| maker.list(2, |maker| json!({"text": maker.word()})));
        if self.chance.percent(10) {
            self.put(body, 100, "emptyReason", Self::concept);
            return;
        }
        self.put(body, 90, "entry", |maker| {
            maker.list(6, |maker| json!({"item": maker.reference_to(&["Patient", "Observation", "Specimen", "Condition", "List"])}))
        });
    }
}
