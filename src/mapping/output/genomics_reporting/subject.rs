//! Patient, ServiceRequest and Specimens.

use super::Writer;
use super::code::{
    INPRED_PATIENT, INPRED_SAMPLE, SNOMED, complex_extension, concept, concept_text, extension, norn, reference, text_concept,
};
use super::observation::tag;
use crate::mapping::bundle::{Entry, Request, derived_id, urn};
use crate::mapping::finding::Told;
use crate::mapping::inpred::{NucleicAcid, SampleId};
use crate::mapping::ledger::FieldId;
use crate::mapping::requisition::Identifier;
use crate::model::draft::Draft;

impl Writer<'_> {
    /// Adds Patient, Specimens and ServiceRequest.
    pub(super) fn subject(&mut self) {
        self.patient_entry();
        let tissue = self.tissue();
        let samples: Vec<Told<SampleId>> = [self.findings.dna(), self.findings.rna()].into_iter().flatten().cloned().collect();
        for sample in &samples {
            self.specimen_entry(sample, tissue.as_deref());
        }
        self.order(tissue);
    }

    fn patient_entry(&mut self) {
        let id = self.patient.trim_start_matches("urn:uuid:").to_owned();
        let code = self.findings.sample().map(|sample| sample.patient().to_owned()).unwrap_or_default();
        let own = Draft::object().with("system", INPRED_PATIENT).with("value", code.as_str());
        let (identifiers, query) = match &self.requisition.patient_identifier {
            Some(told) => {
                self.account.mapped(told.field, &format!("Patient/{id}.identifier"));
                let told = &told.value;
                (vec![identifier(told), own], search(told.system.as_deref(), &told.value))
            }
            None => (vec![own], search(Some(INPRED_PATIENT), &code)),
        };
        let mut patient = Draft::object().with("resourceType", "Patient").with("identifier", Draft::Array(identifiers));
        if let Some(told) = &self.requisition.patient_name {
            self.account.mapped(told.field, &format!("Patient/{id}.name"));
            patient.set("name", Draft::array([human_name(&told.value)]));
        }
        if let Some(told) = &self.requisition.sex {
            self.account.mapped(told.field, &format!("Patient/{id}.gender"));
            patient.set("gender", told.value);
        }
        if let Some(told) = &self.requisition.birth_date {
            self.account.mapped(told.field, &format!("Patient/{id}.birthDate"));
            patient.set("birthDate", told.value.as_str());
        }
        self.entries.push(Entry { kind: "Patient", id, resource: patient, request: Request::Create { if_none_exist: query } });
    }

    /// The tissue that the requisition tells of, as the parent of the extracts. None if it names one of the extracts itself.
    fn tissue(&mut self) -> Option<String> {
        let requisition = self.requisition;
        let told = requisition.specimen_identifier.is_some() || requisition.specimen_type.is_some() || requisition.collected.is_some();
        let extract =
            [self.findings.dna(), self.findings.rna()].into_iter().flatten().any(|sample| requisition.names_sample(&sample.value));
        if !told || extract {
            return None;
        }
        let id = self.id("Specimen", "tissue");
        let mut specimen = Draft::object()
            .with("resourceType", "Specimen")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("status", "available");
        self.requisition_on(&mut specimen, &id);
        specimen.set("subject", reference(&self.patient));
        let url = urn(&id);
        self.put("Specimen", id, specimen);
        Some(url)
    }

    /// What the requisition says on the specimen: identifier, type, time of collection.
    fn requisition_on(&mut self, specimen: &mut Draft, id: &str) {
        if let Some(told) = &self.requisition.specimen_identifier {
            self.account.mapped(told.field, &format!("Specimen/{id}.identifier"));
            specimen.set("identifier", Draft::array([identifier(&told.value)]));
        }
        if let Some(told) = &self.requisition.specimen_type {
            self.account.mapped(told.field, &format!("Specimen/{id}.type"));
            let kind = match told.value.split_once('|') {
                Some((system, code)) if system.contains(':') => concept(system, code, ""),
                _ => text_concept(&told.value),
            };
            specimen.set("type", kind);
        }
        if let Some(told) = &self.requisition.collected {
            self.account.mapped(told.field, &format!("Specimen/{id}.collection.collectedDateTime"));
            specimen.set("collection", Draft::object().with("collectedDateTime", told.value.as_str()));
        }
    }

    fn specimen_entry(&mut self, sample: &Told<SampleId>, tissue: Option<&str>) {
        let id = derived_id("Specimen", sample.value.text());
        self.account.mapped(sample.field, &format!("Specimen/{id}.identifier"));
        let kind = match sample.value.nucleic_acid {
            NucleicAcid::Dna => concept_text(SNOMED, "258566005", "", "DNA extract"),
            NucleicAcid::CellFreeDna => concept_text(SNOMED, "726740008", "", "Cell-free DNA extract"),
            NucleicAcid::Rna => concept_text(SNOMED, "441673008", "", "RNA extract"),
        };
        let named = self.requisition.names_sample(&sample.value);
        let mut specimen = Draft::object()
            .with("resourceType", "Specimen")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("extension", Draft::array([parts(&sample.value)]))
            .with("identifier", Draft::array([Draft::object().with("system", INPRED_SAMPLE).with("value", sample.value.text())]))
            .with("status", "available")
            .with("type", kind)
            .with("subject", reference(&self.patient));
        if let Some(tissue) = tissue {
            specimen.set("parent", Draft::array([reference(tissue)]));
        }
        if named {
            self.requisition_on_extract(&mut specimen, &id);
        }
        self.put("Specimen", id, specimen);
    }

    /// The requisition names the extract: its type is that of the tissue, so it stands as a note beside the extract's own.
    fn requisition_on_extract(&mut self, specimen: &mut Draft, id: &str) {
        let mut map = |field: FieldId, element: &str| self.account.mapped(field, &format!("Specimen/{id}.{element}"));
        if let Some(told) = &self.requisition.specimen_identifier {
            map(told.field, "identifier");
        }
        if let Some(told) = &self.requisition.collected {
            map(told.field, "collection.collectedDateTime");
            specimen.set("collection", Draft::object().with("collectedDateTime", told.value.as_str()));
        }
        if let Some(told) = &self.requisition.specimen_type {
            map(told.field, "note.text");
            specimen.set("note", Draft::array([Draft::object().with("text", format!("Taken from: {}", told.value))]));
        }
    }

    fn order(&mut self, tissue: Option<String>) {
        let id = self.id("ServiceRequest", "order");
        let specimens = [NucleicAcid::Dna, NucleicAcid::Rna].into_iter().filter_map(|of| self.specimen(of));
        let specimens = Draft::array(tissue.into_iter().chain(specimens).map(|url| reference(&url)));
        let mut order = Draft::object()
            .with("resourceType", "ServiceRequest")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])));
        if let Some(told) = &self.requisition.order_identifier {
            self.account.mapped(told.field, &format!("ServiceRequest/{id}.identifier"));
            order.set("identifier", Draft::array([identifier(&told.value)]));
        }
        let mut order = order
            .with("status", "active")
            .with("intent", "order")
            .with("code", text_concept("Comprehensive genomic profiling of a tumour, TruSight Oncology 500"))
            .with("subject", reference(&self.patient));
        if let Some(told) = &self.requisition.requester {
            self.account.mapped(told.field, &format!("ServiceRequest/{id}.requester"));
            order.set("requester", requester(&told.value));
        }
        order.set("specimen", specimens);
        self.put("ServiceRequest", id, order);
    }

    /// The URL of the ServiceRequest.
    pub(super) fn order_url(&self) -> String {
        urn(&self.id("ServiceRequest", "order"))
    }
}

fn identifier(identifier: &Identifier) -> Draft {
    Draft::object().with_some("system", identifier.system.as_deref()).with("value", identifier.value.as_str())
}

/// `Family, Given Given` has its parts told; another name is told as it stands, since parts would be guessed.
fn human_name(name: &str) -> Draft {
    let whole = Draft::object().with("text", name);
    match name.split_once(',') {
        Some((family, given)) if !family.trim().is_empty() && !given.trim().is_empty() => {
            whole.with("family", family.trim()).with("given", Draft::array(given.split_whitespace()))
        }
        _ => whole,
    }
}

/// The requester: a name, or an identifier as `system|value`, which stands for whoever has it.
fn requester(text: &str) -> Draft {
    match text.split_once('|') {
        Some((system, value)) if system.contains(':') && !value.is_empty() => {
            let kind = match system {
                "urn:oid:2.16.578.1.12.4.1.4.4" => Some("Practitioner"),
                "urn:oid:2.16.578.1.12.4.1.4.101" | "urn:oid:2.16.578.1.12.4.1.4.102" => Some("Organization"),
                _ => None,
            };
            Draft::object().with_some("type", kind).with("identifier", Draft::object().with("system", system).with("value", value))
        }
        _ => Draft::object().with("display", text),
    }
}

/// The search for an identifier, with what has a meaning in URLs and in search values escaped.
fn search(system: Option<&str>, value: &str) -> String {
    let escape = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => out.push(char::from(byte)),
                b',' | b'$' | b'\\' => out.push_str(&format!("%5C%{byte:02X}")),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    };
    format!("identifier={}|{}", escape(system.unwrap_or_default()), escape(value))
}

/// The parts of a sample id, each as a code with its meaning.
fn parts(sample: &SampleId) -> Draft {
    let part = |name: &'static str, (code, meaning): (&str, Option<&str>)| {
        // The same letter means another thing in each part, so each has a system of its own.
        let told = concept(&format!("https://norn.health/fhir/CodeSystem/inpred-{name}"), code, "").with_some("text", meaning);
        extension(name, "valueCodeableConcept", told)
    };
    let acid = match sample.nucleic_acid {
        NucleicAcid::Dna => ("D", Some("DNA")),
        NucleicAcid::CellFreeDna => ("C", Some("cell-free DNA")),
        NucleicAcid::Rna => ("R", Some("RNA")),
    };
    let parts = vec![
        extension("patient", "valueString", sample.patient().into()),
        part("nucleic-acid", acid),
        part("assay", sample.assay()),
        part("sample-type", sample.sample_type()),
        extension("attempt", "valueString", sample.attempt().into()),
        extension("replicate", "valueString", sample.replicate().into()),
        part("material", sample.material()),
        part("tumour-site", sample.site()),
    ];
    complex_extension(norn!("inpred-sample-id"), parts)
}
