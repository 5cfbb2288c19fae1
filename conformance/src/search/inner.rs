//! What random resources contain.

use serde_json::{Map, Value, json};

use super::pools::Maker;

impl Maker {
    /// A patient `#c`, sometimes with an organization `#o`; in some types an observation `#b` as well.
    pub(super) fn inner(&mut self, kind: &str) -> Value {
        let mut patient = Map::new();
        patient.insert("resourceType".to_owned(), json!("Patient"));
        patient.insert("id".to_owned(), json!("c"));
        self.put(&mut patient, 50, "identifier", |maker| maker.list(2, Self::identifier));
        self.put(&mut patient, 100, "name", |maker| maker.list(2, Self::name));
        self.put(&mut patient, 80, "gender", |maker| json!(maker.chance.one(&["male", "female", "other"])));
        self.put(&mut patient, 80, "birthDate", Self::day);
        self.put(&mut patient, 30, "generalPractitioner", |maker| maker.list(1, |maker| maker.far_reference(&["Practitioner"])));
        let mut all = Vec::new();
        if self.chance.percent(40) {
            patient.insert("managingOrganization".to_owned(), json!({"reference": "#o"}));
            let mut organization = Map::new();
            organization.insert("resourceType".to_owned(), json!("Organization"));
            organization.insert("id".to_owned(), json!("o"));
            self.put(&mut organization, 100, "name", Self::word);
            self.put(&mut organization, 50, "address", |maker| maker.list(1, Self::address));
            self.put(&mut organization, 50, "partOf", |maker| maker.reference("Organization"));
            all.push(Value::Object(organization));
        } else {
            self.put(&mut patient, 40, "managingOrganization", |maker| maker.reference("Organization"));
        }
        all.push(Value::Object(patient));
        if matches!(kind, "Observation" | "DiagnosticReport") && self.chance.percent(60) {
            let mut observation = Map::new();
            observation.insert("resourceType".to_owned(), json!("Observation"));
            observation.insert("id".to_owned(), json!("b"));
            observation.insert("status".to_owned(), json!(self.chance.one(&["final", "amended"])));
            self.put(&mut observation, 100, "code", Self::concept);
            self.put(&mut observation, 70, "subject", |_| json!({"reference": "#c"}));
            self.put(&mut observation, 40, "focus", |_| json!([{"reference": "#"}]));
            self.put(&mut observation, 50, "effectiveDateTime", Self::date);
            self.value(&mut observation);
            all.push(Value::Object(observation));
        }
        Value::Array(all)
    }

    /// References to the contained observation, if there is one.
    pub(super) fn to_inner(body: &Map<String, Value>) -> Option<Value> {
        let inner = body.get("contained").and_then(Value::as_array).into_iter().flatten();
        let has = inner.filter_map(|inner| inner.get("id")).any(|id| id == "b");
        has.then(|| json!([{"reference": "#b"}]))
    }
}
