//! Small variants: Observation (variant), MolecularSequence, Observation (molecular-consequence).
//!
//! The alleles stay as the caller wrote them, with the anchor base of indels. In the variant, positions count bases from 1,
//! as in the file; in the MolecularSequence, they count the gaps between bases from 0.

use super::Writer;
use super::code::{
    HGVS, LOINC, REFSEQ, SEQUENCE_ONTOLOGY, TBD, assembly, base, chromosome, concept, gene, quantity, reads, reference, reporting,
    text_concept,
};
use super::observation::{
    ALTERNATIVE, ASSEMBLY, CHANGE, CHROMOSOME, CODING_HGVS, COORDINATES, DEPTH, EXACT, FREQUENCY, GENE, GENOMIC_HGVS, GENOMIC_SEQUENCE,
    Observation, PROTEIN_HGVS, REFERENCE, Slice, TRANSCRIPT, VARIATION, tag,
};
use crate::genome::{Change, consequence, hgvs, spdi};
use crate::mapping::bundle::{derived_id, urn};
use crate::mapping::finding::variant::Notation;
use crate::mapping::finding::{SmallVariant, Told};
use crate::mapping::inpred::NucleicAcid;
use crate::model::draft::Draft;

const CONCEPT: &str = "valueCodeableConcept";

impl Writer<'_> {
    /// Adds all small variants.
    pub(super) fn small_variants(&mut self) {
        let mut seen = std::collections::HashMap::<String, usize>::new();
        for variant in &self.findings.small_variants.findings {
            let accession = variant.chromosome.value.accession(self.findings.assembly);
            let name = spdi::write(accession, &variant.allele);
            // The same change may stand in two rows, with two genes; the first row keeps the plain key.
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            let key = if *count == 1 { name.clone() } else { format!("{name}#{count}") };
            let sequence = self.sequence(variant, accession, &key);
            let observation = self.small_variant(variant, accession, &name, &key, &sequence);
            let url = observation.urn();
            self.result(observation);
            if variant.consequences.is_some() {
                self.consequence(variant, &key, &url);
            }
        }
    }

    /// The linked MolecularSequence; gives its URL.
    fn sequence(&mut self, variant: &SmallVariant, accession: &str, key: &str) -> String {
        let id = derived_id("MolecularSequence", &format!("{}|{key}", self.sample_key(NucleicAcid::Dna)));
        let at = variant.allele.at();
        let target = |element: &str| format!("MolecularSequence/{id}.{element}");
        self.account.mapped(variant.chromosome.field, &target("referenceSeq.referenceSeqId"));
        self.account.mapped(variant.position.field, &target("variant.start"));
        self.account.mapped(variant.reference.field, &target("variant.referenceAllele"));
        self.account.mapped(variant.alternative.field, &target("variant.observedAllele"));
        let change = Draft::object()
            .with("start", at.start())
            .with("end", at.end())
            .with("observedAllele", variant.allele.alternative())
            .with("referenceAllele", variant.allele.reference());
        let resource = Draft::object()
            .with("resourceType", "MolecularSequence")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("type", "dna")
            .with("coordinateSystem", 0_u64)
            .with("patient", reference(&self.patient))
            .with_some("specimen", self.specimen(NucleicAcid::Dna).map(|url| reference(&url)))
            .with(
                "referenceSeq",
                Draft::object()
                    .with("referenceSeqId", concept(REFSEQ, accession, ""))
                    .with("strand", "watson")
                    .with("windowStart", at.start())
                    .with("windowEnd", at.end()),
            )
            .with("variant", Draft::array([change]));
        let url = urn(&id);
        self.put("MolecularSequence", id, resource);
        url
    }

    fn small_variant(&mut self, variant: &SmallVariant, accession: &str, name: &str, key: &str, sequence: &str) -> Observation {
        let mut told = Observation::variant(self, key, NucleicAcid::Dna);
        told.set(CONCEPT, concept(LOINC, "LA9633-4", "Present"));
        told.set("derivedFrom", Draft::array([reference(sequence)]));
        if let Some(genes) = &variant.gene {
            for symbol in genes.value.split(';') {
                told.add(self.account, GENE, CONCEPT, gene(symbol), &[genes.field]);
            }
        }
        told.add(self.account, ASSEMBLY, CONCEPT, assembly(self.findings.assembly), &[]);
        if let Some(code) = chromosome(variant.chromosome.value) {
            told.add(self.account, CHROMOSOME, CONCEPT, code, &[variant.chromosome.field]);
        }
        told.add(self.account, GENOMIC_SEQUENCE, CONCEPT, concept(REFSEQ, accession, ""), &[variant.chromosome.field]);
        told.add(self.account, COORDINATES, CONCEPT, concept(LOINC, "LA30102-0", "1-based character counting"), &[]);
        if let Some(span) = variant.allele.at().span() {
            let range = Draft::object().with("low", base(span.first())).with("high", base(span.last()));
            told.add(self.account, EXACT, "valueRange", range, &[variant.position.field]);
        }
        told.add(self.account, REFERENCE, "valueString", variant.reference.value.as_str().into(), &[variant.reference.field]);
        told.add(self.account, ALTERNATIVE, "valueString", variant.alternative.value.as_str().into(), &[variant.alternative.field]);
        told.add(self.account, CHANGE, CONCEPT, change(variant.allele.change()), &[]);
        if let Some(name) = hgvs::genomic(accession, &variant.allele) {
            told.add(self.account, GENOMIC_HGVS, CONCEPT, concept(HGVS, &name, &name), &[]);
        }
        told.add(self.account, VARIATION, CONCEPT, text_concept(&format!("SPDI {name}")), &[]);
        self.notations(variant, &mut told, true);
        told.add(self.account, FREQUENCY, "valueQuantity", quantity(&variant.frequency.value, "1", "1"), &[variant.frequency.field]);
        told.add(self.account, DEPTH, "valueQuantity", reads(&variant.depth.value), &[variant.depth.field]);
        self.add_source_class(&mut told);
        self.add_category(&mut told, super::negative::Kind::SmallVariant);
        if let Some(exons) = variant.exons.as_ref().filter(|_| variant.consequences.is_none()) {
            told.add_own(self.account, "affected-exon", "Affected exon", "valueString", exons.value.as_str().into(), &[exons.field]);
        }
        told.extras(self.account, &variant.extras);
        told
    }

    /// Coding and protein names; a text that is no HGVS name becomes a note, in the variant only.
    fn notations(&mut self, variant: &SmallVariant, told: &mut Observation, in_variant: bool) {
        if let Some(coding) = &variant.coding {
            let slice = if in_variant { CODING_HGVS } else { Slice("coding-hgvs", CODING_HGVS.1, CODING_HGVS.2) };
            if let Some(transcript) = self.notation(coding, "C-Dot Notation", slice, told, in_variant) {
                let slice = if in_variant { TRANSCRIPT } else { Slice("transcript-ref-seq", TRANSCRIPT.1, TRANSCRIPT.2) };
                told.add(self.account, slice, CONCEPT, concept(REFSEQ, &transcript, ""), &[coding.field]);
            }
        }
        if let Some(protein) = &variant.protein {
            let slice = if in_variant { PROTEIN_HGVS } else { Slice("protein-hgvs", PROTEIN_HGVS.1, PROTEIN_HGVS.2) };
            if let Some(sequence) = self.notation(protein, "P-Dot Notation", slice, told, in_variant) {
                let name = if in_variant { "representative-protein-ref-seq" } else { "protein-ref-seq" };
                told.component(
                    self.account,
                    name,
                    concept(TBD, "protein-ref-seq", ""),
                    CONCEPT,
                    concept(REFSEQ, &sequence, ""),
                    &[protein.field],
                );
            }
        }
    }

    /// One name; gives the accession of its reference sequence.
    fn notation(
        &mut self,
        notation: &Told<Notation>,
        column: &str,
        slice: Slice,
        told: &mut Observation,
        in_variant: bool,
    ) -> Option<String> {
        let text = notation.value.text.as_str();
        if notation.value.reference.is_some() {
            told.add(self.account, slice, CONCEPT, concept(HGVS, text, text), &[notation.field]);
        } else if in_variant {
            told.note(self.account, &format!("{column}, not an HGVS name, as in the file: {text}"), &[notation.field]);
        }
        notation.value.reference.clone()
    }

    fn consequence(&mut self, variant: &SmallVariant, key: &str, url: &str) {
        let profile = reporting!("molecular-consequence");
        let mut told = Observation::new(
            self,
            &format!("{key}|consequence"),
            Some(profile),
            concept(TBD, "molecular-consequence", ""),
            Some(NucleicAcid::Dna),
        );
        told.set("derivedFrom", Draft::array([reference(url)]));
        self.notations(variant, &mut told, false);
        if let Some(consequences) = &variant.consequences {
            for term in consequence::terms(&consequences.value) {
                let value = match consequence::number(term) {
                    Some(number) => concept(SEQUENCE_ONTOLOGY, number, term),
                    None => text_concept(term),
                };
                told.component(
                    self.account,
                    "feature-consequence",
                    concept(TBD, "feature-consequence", ""),
                    CONCEPT,
                    value,
                    &[consequences.field],
                );
            }
        }
        if let Some(exons) = &variant.exons {
            told.add_own(self.account, "affected-exon", "Affected exon", "valueString", exons.value.as_str().into(), &[exons.field]);
        }
        self.result(told);
    }
}

fn change(change: Change) -> Draft {
    let (code, display) = match change {
        Change::Snv => ("SO:0001483", "SNV"),
        Change::Mnv => ("SO:0002007", "MNV"),
        Change::Insertion => ("SO:0000667", "insertion"),
        Change::Deletion => ("SO:0000159", "deletion"),
        Change::Delins => ("SO:1000032", "delins"),
    };
    concept(SEQUENCE_ONTOLOGY, code, display)
}
