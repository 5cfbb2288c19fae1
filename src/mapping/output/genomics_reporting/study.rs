//! The genomic study, its DNA and RNA analyses, and the devices that did them.
//!
//! Profiles: genomic-study, genomic-study-analysis. An analysis that was not run has no Procedure.

use super::Writer;
use super::code::{
    CHANGE_TYPE, DATA_FORMAT, METHOD_TYPE, OBSERVATION_CATEGORY, SEQUENCE_ONTOLOGY, SNOMED, assembly, complex_extension, concept,
    extension, plain_quantity, reference, reporting, text_concept,
};
use super::observation::tag;
use crate::mapping::bundle::{derived_id, urn};
use crate::mapping::finding::quality::Subject;
use crate::mapping::finding::{Extra, Run};
use crate::mapping::inpred::NucleicAcid;
use crate::model::draft::Draft;

/// Keys of `[Sequencing Run Details]` that describe the instrument.
const INSTRUMENT: [&str; 4] = ["Instrument ID", "Instrument Type", "Instrument Control Software Version", "RTA Version"];

impl Writer<'_> {
    /// Adds devices, analyses and the study.
    pub(super) fn study(&mut self) {
        let runs: Vec<Run> = self.findings.runs.clone();
        for run in &runs {
            self.pipeline_device(run);
        }
        let mut analyses = Vec::new();
        for of in [NucleicAcid::Dna, NucleicAcid::Rna] {
            let Some(run) = self.findings.run_of(of).cloned() else { continue };
            let sequencer = self.sequencer(&run);
            let id = self.analysis_id(of);
            let procedure = self.analysis(of, &run, &id, sequencer);
            analyses.push(extension(reporting!("genomic-study-analysis-ext"), "valueReference", reference(&urn(&id))));
            self.put("Procedure", id, procedure);
        }
        let Some(run) = runs.first() else { return };
        let id = self.study.trim_start_matches("urn:uuid:").to_owned();
        let mut study = Draft::object()
            .with("resourceType", "Procedure")
            .with("id", id.as_str())
            .with("meta", meta(reporting!("genomic-study")))
            .with("extension", Draft::Array(analyses))
            .with("basedOn", Draft::array([reference(&self.order_url())]))
            .with("status", "completed")
            .with("category", concept(OBSERVATION_CATEGORY, "laboratory", "Laboratory"))
            .with("code", text_concept("TruSight Oncology 500"))
            .with("subject", reference(&self.patient))
            .with("performedDateTime", run.instant());
        for run in &runs {
            self.account.mapped(run.date.field, &format!("Procedure/{id}.performedDateTime"));
            if let Some(time) = &run.time {
                self.account.mapped(time.field, &format!("Procedure/{id}.performedDateTime"));
            }
        }
        let notes = self.study_notes(&runs, &id);
        study.set("note", Draft::Array(notes));
        self.put("Procedure", id, study);
    }

    /// What the files say of themselves that has no element of its own.
    fn study_notes(&mut self, runs: &[Run], id: &str) -> Vec<Draft> {
        let mut notes = Vec::new();
        let target = format!("Procedure/{id}.note.text");
        for run in runs {
            let kit = run.library_kit.iter().map(|told| ("Library Prep Kit", told));
            let pair = run.pair.iter().map(|told| ("Pair ID", told));
            let extras = run.extras.iter().map(|extra| (extra.name.as_str(), &extra.text));
            for (name, told) in pair.chain(kit).chain(extras) {
                self.account.carried(told.field, &target);
                notes.push(Draft::object().with("text", format!("{name}: {}", told.value)));
            }
        }
        notes
    }

    /// The id of the analysis of DNA or RNA.
    pub(super) fn analysis_id(&self, of: NucleicAcid) -> String {
        derived_id("Procedure", &format!("{}|analysis", self.sample_key(of)))
    }

    fn pipeline_device(&mut self, run: &Run) {
        let id = self.pipeline(run).trim_start_matches("urn:uuid:").to_owned();
        self.account.mapped(run.banner.field, &format!("Device/{id}.deviceName"));
        let mut versions = Vec::new();
        for (told, what) in [(&run.pipeline_version, "pipeline"), (&run.module_version, "module")] {
            let Some(told) = told else { continue };
            self.account.mapped(told.field, &format!("Device/{id}.version"));
            versions.push(Draft::object().with("type", text_concept(what)).with("value", told.value.as_str()));
        }
        if self.entries.iter().any(|entry| entry.id == id) {
            return;
        }
        let device = Draft::object()
            .with("resourceType", "Device")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("status", "active")
            .with("manufacturer", "Illumina")
            .with("deviceName", Draft::array([Draft::object().with("name", run.pipeline.name()).with("type", "manufacturer-name")]))
            .with("type", concept(SNOMED, "706687001", "Software"))
            .with("version", Draft::Array(versions));
        self.put("Device", id, device);
    }

    /// The instrument that the file tells of. It is the same device in every report.
    fn sequencer(&mut self, run: &Run) -> Option<String> {
        let told = |name: &str| run.sequencing.iter().find(|extra| extra.name == name && extra.text.value != "NA");
        let serial = told("Instrument ID")?.clone();
        let text = |name: &str| told(name).map(|extra| extra.text.value.clone()).unwrap_or_default();
        let key: Vec<String> = INSTRUMENT.iter().map(|name| text(name)).collect();
        let id = derived_id("Device", &key.join("|"));
        let mut device = Draft::object()
            .with("resourceType", "Device")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("status", "active")
            .with("manufacturer", "Illumina")
            .with("serialNumber", serial.text.value.as_str());
        self.account.mapped(serial.text.field, &format!("Device/{id}.serialNumber"));
        if let Some(model) = told("Instrument Type") {
            self.account.mapped(model.text.field, &format!("Device/{id}.modelNumber"));
            device.set("modelNumber", model.text.value.as_str());
        }
        let mut versions = Vec::new();
        for (name, what) in [("Instrument Control Software Version", "control software"), ("RTA Version", "real-time analysis")] {
            let Some(extra) = told(name) else { continue };
            self.account.mapped(extra.text.field, &format!("Device/{id}.version"));
            versions.push(Draft::object().with("type", text_concept(what)).with("value", extra.text.value.as_str()));
        }
        device.set("type", text_concept("Sequencer"));
        device.set("version", Draft::Array(versions));
        let url = urn(&id);
        if !self.entries.iter().any(|entry| entry.id == id) {
            self.put("Device", id, device);
        }
        Some(url)
    }

    fn analysis(&mut self, of: NucleicAcid, run: &Run, id: &str, sequencer: Option<String>) -> Draft {
        let rna = of == NucleicAcid::Rna;
        let title =
            if rna { "RNA analysis: gene fusions and splice variants" } else { "DNA analysis: small variants, copy number, TMB and MSI" };
        let methods: &[(&str, &str)] = if rna {
            &[("ngs-mps", "Next-Generation (NGS)/Massively parallel sequencing (MPS)"), ("rna-analysis", "RNA analysis")]
        } else {
            &[
                ("ngs-mps", "Next-Generation (NGS)/Massively parallel sequencing (MPS)"),
                ("deletion-duplication-analysis", "Deletion/duplication analysis"),
                ("msi", "Microsatellite instability testing (MSI)"),
            ]
        };
        let changes: &[(&str, &str, &str)] = if rna {
            &[(CHANGE_TYPE, "RNA", "RNA change"), (SEQUENCE_ONTOLOGY, "SO:0001565", "gene_fusion")]
        } else {
            &[
                (SEQUENCE_ONTOLOGY, "SO:0001483", "SNV"),
                (SEQUENCE_ONTOLOGY, "SO:0002007", "MNV"),
                (SEQUENCE_ONTOLOGY, "SO:1000032", "delins"),
                (CHANGE_TYPE, "CNV", "Copy number variations"),
            ]
        };
        let mut extensions: Vec<Draft> = Vec::new();
        extensions.extend(methods.iter().map(|(code, display)| {
            extension(reporting!("genomic-study-analysis-method-type"), "valueCodeableConcept", concept(METHOD_TYPE, code, display))
        }));
        extensions.extend(changes.iter().map(|(system, code, display)| {
            extension(reporting!("genomic-study-analysis-change-type"), "valueCodeableConcept", concept(system, code, display))
        }));
        extensions.push(extension(
            reporting!("genomic-study-analysis-genome-build"),
            "valueCodeableConcept",
            assembly(self.findings.assembly),
        ));
        let target = |name: &str| format!("Procedure/{id}.extension:{name}");
        if let Some(build) = &self.requisition.build {
            self.account.mapped(build.field, &target("genome-build"));
        }
        if let Some(class) = &self.requisition.source_class {
            self.account.mapped(class.field, &target("genomic-source-class"));
        }
        if let Some(class) = self.source_class() {
            extensions.push(extension(reporting!("genomic-study-analysis-genomic-source-class"), "valueCodeableConcept", class));
        }
        extensions.push(extension(reporting!("genomic-study-analysis-title"), "valueString", title.into()));
        if let Some(specimen) = self.specimen(of) {
            extensions.push(extension(reporting!("genomic-study-analysis-specimen"), "valueReference", reference(&specimen)));
        }
        extensions.extend(self.metrics(of));
        extensions.push(self.regions(of));
        for device in [Some(self.pipeline(run)), sequencer].into_iter().flatten() {
            let part = extension("device", "valueReference", reference(&device));
            extensions.push(complex_extension(reporting!("genomic-study-analysis-device"), vec![part]));
        }
        extensions.push(complex_extension(
            reporting!("genomic-study-analysis-output"),
            vec![
                extension("file", "valueReference", reference(&self.document_url(run.file))),
                extension("type", "valueCodeableConcept", concept(DATA_FORMAT, "custom-file-formats", "Custom-File-Formats")),
            ],
        ));
        let notes = self.sequencing_notes(run, id);
        Draft::object()
            .with("resourceType", "Procedure")
            .with("id", id)
            .with("meta", meta(reporting!("genomic-study-analysis")))
            .with("extension", Draft::Array(extensions))
            .with("status", "completed")
            .with("category", concept(OBSERVATION_CATEGORY, "laboratory", "Laboratory"))
            .with("subject", reference(&self.patient))
            .with("performedDateTime", run.instant())
            .with("note", Draft::Array(notes))
    }

    /// The keys of the sequencing run that describe no instrument: run name, dates, indexes, lots of reagents.
    fn sequencing_notes(&mut self, run: &Run, id: &str) -> Vec<Draft> {
        let keep = |extra: &&Extra| extra.text.value != "NA" && !INSTRUMENT.contains(&extra.name.as_str());
        let target = format!("Procedure/{id}.note.text");
        let mut notes = Vec::new();
        for extra in run.sequencing.iter().filter(keep) {
            self.account.carried(extra.text.field, &target);
            notes.push(Draft::object().with("text", format!("{}: {}", extra.name, extra.text.value)));
        }
        notes
    }

    /// Depth and coverage, as far as the metrics tell them.
    fn metrics(&self, of: NucleicAcid) -> Option<Draft> {
        let quality = &self.findings.quality;
        let number = |name| quality.metric(Subject::Dna, name).filter(|_| of != NucleicAcid::Rna).map(|metric| &metric.value.value);
        let mut parts = Vec::new();
        if let Some(depth) = number("MEDIAN_EXON_COVERAGE") {
            parts.push(extension("read-depth", "valueQuantity", plain_quantity(depth)));
        }
        if let Some(coverage) = number("PCT_EXON_50X") {
            parts.push(extension("sequencing-coverage", "valueQuantity", plain_quantity(coverage).with("unit", "%")));
            parts.push(extension(
                "metrics-description",
                "valueString",
                "read depth: median over exons; coverage: share of exon bases read at least 50 times".into(),
            ));
        }
        (!parts.is_empty()).then(|| complex_extension(reporting!("genomic-study-analysis-metrics"), parts))
    }

    /// What was looked at, in words, and genes that were looked at without result.
    fn regions(&self, of: NucleicAcid) -> Draft {
        let text = if of == NucleicAcid::Rna {
            "Transcripts on the RNA panel of TruSight Oncology 500: fusions, and splice variants of EGFR, MET and AR"
        } else {
            "Regions of the DNA panel of TruSight Oncology 500 (523 genes)"
        };
        let mut parts = vec![extension("description", "valueString", text.into())];
        if of != NucleicAcid::Rna {
            let genes = self.findings.rearrangements.genes.iter();
            parts.extend(genes.map(|told| extension("studied", "valueCodeableConcept", super::code::gene(&told.value))));
        }
        complex_extension(reporting!("genomic-study-analysis-regions"), parts)
    }
}

fn meta(profile: &'static str) -> Draft {
    Draft::object().with("profile", Draft::array([profile])).with("tag", Draft::array([tag()]))
}
