//! An Observation in the making: every component and note is put down in the ledger with the fields that it came from.

use super::Writer;
use super::code::{LOINC, MAPPING, OBSERVATION_CATEGORY, SECTION, TSO500, concept, reference};
use crate::mapping::bundle::{derived_id, urn};
use crate::mapping::finding::Extra;
use crate::mapping::inpred::NucleicAcid;
use crate::mapping::ledger::{Account, FieldId};
use crate::model::draft::Draft;

/// A component of the variant profile: name of its slice, LOINC code, display.
#[derive(Clone, Copy)]
pub(super) struct Slice(pub(super) &'static str, pub(super) &'static str, pub(super) &'static str);

pub(super) const GENE: Slice = Slice("gene-studied", "48018-6", "Gene studied [ID]");
pub(super) const CHROMOSOME: Slice = Slice("chromosome-identifier", "48000-4", "Chromosome [ID]");
pub(super) const ASSEMBLY: Slice = Slice("reference-sequence-assembly", "62374-4", "Human reference sequence assembly version");
pub(super) const GENOMIC_SEQUENCE: Slice = Slice("genomic-ref-seq", "48013-7", "Genomic reference sequence [ID]");
pub(super) const EXACT: Slice = Slice("exact-start-end", "81254-5", "Genomic allele start-end");
pub(super) const INNER: Slice = Slice("inner-start-end", "81302-2", "Structural variant inner start and end");
pub(super) const COORDINATES: Slice = Slice("coordinate-system", "92822-6", "Genomic coord system");
pub(super) const REFERENCE: Slice = Slice("ref-allele", "69547-8", "Genomic ref allele [ID]");
pub(super) const ALTERNATIVE: Slice = Slice("alt-allele", "69551-0", "Genomic alt allele [ID]");
pub(super) const CHANGE: Slice = Slice("coding-change-type", "48019-4", "DNA change type");
pub(super) const SOURCE_CLASS: Slice = Slice("genomic-source-class", "48002-0", "Genomic source class [Type]");
pub(super) const FREQUENCY: Slice = Slice("sample-allelic-frequency", "81258-6", "Sample variant allelic frequency [NFr]");
pub(super) const DEPTH: Slice = Slice("allelic-read-depth", "82121-5", "Allelic read depth");
pub(super) const COPIES: Slice = Slice("copy-number", "82155-3", "Genomic structural variant copy number");
pub(super) const VARIATION: Slice = Slice("variation-code", "81252-9", "Discrete genetic variant");
pub(super) const GENOMIC_HGVS: Slice = Slice("genomic-hgvs", "81290-9", "Genomic DNA change (gHGVS)");
pub(super) const CODING_HGVS: Slice = Slice("representative-coding-hgvs", "48004-6", "DNA change (c.HGVS)");
pub(super) const PROTEIN_HGVS: Slice = Slice("representative-protein-hgvs", "48005-3", "Amino acid change (pHGVS)");
pub(super) const TRANSCRIPT: Slice = Slice("representative-transcript-ref-seq", "51958-7", "Transcript reference sequence [ID]");

/// An Observation while components are added.
pub(super) struct Observation {
    pub(super) id: String,
    body: Draft,
    components: Vec<Draft>,
    notes: Vec<Draft>,
}

impl Observation {
    /// An Observation with what all have: profile, tag, categories, code, subject, specimen, times, device.
    pub(super) fn new(writer: &Writer<'_>, key: &str, profile: Option<&'static str>, code: Draft, of: Option<NucleicAcid>) -> Self {
        // Under the sample's name, so that a finding is the same resource in whichever report it stands.
        let sample = of.map(|of| writer.sample_key(of)).filter(|sample| !sample.is_empty());
        let id = derived_id("Observation", &format!("{}|{key}", sample.as_ref().unwrap_or(&writer.key)));
        let mut meta = Draft::object();
        if let Some(profile) = profile {
            meta.set("profile", Draft::array([profile]));
        }
        let mut categories = vec![concept(OBSERVATION_CATEGORY, "laboratory", "Laboratory")];
        if profile.is_some_and(|profile| profile.ends_with("molecular-biomarker")) {
            categories.push(concept(super::code::TBD, "biomarker-category", ""));
        }
        categories.push(concept(SECTION, "GE", "Genetics"));
        let run = of.and_then(|of| writer.findings.run_of(of)).or_else(|| writer.findings.runs.first());
        let body = Draft::object()
            .with("resourceType", "Observation")
            .with("id", id.as_str())
            .with("meta", meta.with("tag", Draft::array([tag()])))
            .with("partOf", Draft::array([reference(&writer.study)]))
            .with("status", "preliminary")
            .with("category", Draft::Array(categories))
            .with("code", code)
            .with("subject", reference(&writer.patient))
            .with("effectiveDateTime", writer.effective())
            .with_some("issued", run.map(crate::mapping::finding::Run::instant))
            .with_some("specimen", of.and_then(|of| writer.specimen(of)).map(|urn| reference(&urn)))
            .with_some("device", run.map(|run| reference(&writer.pipeline(run))));
        Self { id, body, components: Vec::new(), notes: Vec::new() }
    }

    /// An Observation of the variant profile, without its value.
    pub(super) fn variant(writer: &Writer<'_>, key: &str, of: NucleicAcid) -> Self {
        let code = concept(LOINC, "69548-6", "Genetic variant assessment");
        let mut observation = Self::new(writer, key, Some(super::code::reporting!("variant")), code, Some(of));
        observation.set("method", concept(LOINC, "LA26398-0", "Sequencing"));
        observation
    }

    /// The URL by which others refer to it.
    pub(super) fn urn(&self) -> String {
        urn(&self.id)
    }

    /// A place in it, for the ledger.
    pub(super) fn target(&self, path: &str) -> String {
        format!("Observation/{}.{path}", self.id)
    }

    /// Adds an element.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Draft>) {
        self.body.set(name, value);
    }

    /// Adds an element and puts down the fields that it came from.
    pub(super) fn set_from(&mut self, account: &mut Account, name: &'static str, value: Draft, from: &[FieldId]) {
        self.map(account, name, from);
        self.body.set(name, value);
    }

    /// Puts down that fields are told at a place.
    pub(super) fn map(&self, account: &mut Account, path: &str, from: &[FieldId]) {
        for field in from {
            account.mapped(*field, &self.target(path));
        }
    }

    /// Adds a component of the profile.
    pub(super) fn add(&mut self, account: &mut Account, slice: Slice, value_name: &'static str, value: Draft, from: &[FieldId]) {
        self.component(account, slice.0, concept(LOINC, slice.1, slice.2), value_name, value, from);
    }

    /// Adds a component with a code of our own.
    pub(super) fn add_own(
        &mut self,
        account: &mut Account,
        code: &str,
        display: &str,
        value_name: &'static str,
        value: Draft,
        from: &[FieldId],
    ) {
        self.component(account, code, concept(TSO500, code, display), value_name, value, from);
    }

    /// Adds a component.
    pub(super) fn component(
        &mut self,
        account: &mut Account,
        slice: &str,
        code: Draft,
        value_name: &'static str,
        value: Draft,
        from: &[FieldId],
    ) {
        self.map(account, &format!("component:{slice}.{value_name}"), from);
        self.components.push(Draft::object().with("code", code).with(value_name, value));
    }

    /// Adds a component that is put together elsewhere.
    pub(super) fn push(&mut self, component: Draft) {
        self.components.push(component);
    }

    /// Adds a note; its fields are carried word for word.
    pub(super) fn note(&mut self, account: &mut Account, text: &str, from: &[FieldId]) {
        for field in from {
            account.carried(*field, &self.target("note.text"));
        }
        self.notes.push(Draft::object().with("text", text));
    }

    /// Adds a note for each column or key that is not known.
    pub(super) fn extras(&mut self, account: &mut Account, extras: &[Extra]) {
        for extra in extras {
            self.note(account, &format!("{}: {}", extra.name, extra.text.value), &[extra.text.field]);
        }
    }

    /// The resource.
    pub(super) fn finish(self) -> Draft {
        let mut body = self.body;
        if !self.notes.is_empty() {
            body.set("note", Draft::Array(self.notes));
        }
        if !self.components.is_empty() {
            body.set("component", Draft::Array(self.components));
        }
        body
    }
}

/// The tag that says that this mapping made a resource.
pub(super) fn tag() -> Draft {
    Draft::object().with("system", MAPPING).with("code", crate::mapping::bundle::TAG)
}
