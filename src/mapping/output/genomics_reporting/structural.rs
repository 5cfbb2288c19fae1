//! Copy-number changes, large rearrangements, fusions and splice variants: Observations of the variant profile.
//!
//! The profile has no place for fold change, breakpoints and reads of fusions (the guide's page on sequencing says that
//! translocations need more modelling), so these are components with codes of our own.

use super::Writer;
use super::code::{
    LOINC, REFSEQ, SEQUENCE_ONTOLOGY, chromosome, complex_extension, concept, extension, gene, norn, plain_quantity, quantity, reads,
    text_concept,
};
use super::negative::Kind;
use super::observation::{ASSEMBLY, CHANGE, CHROMOSOME, COORDINATES, COPIES, GENE, GENOMIC_SEQUENCE, INNER, Observation, VARIATION};
use crate::mapping::finding::variant::{Breakpoint, Direction, Partners};
use crate::mapping::finding::{CopyNumber, Fusion, Rearrangement, Splice, Told};
use crate::mapping::inpred::NucleicAcid;
use crate::model::draft::Draft;

const CONCEPT: &str = "valueCodeableConcept";

impl Writer<'_> {
    /// Adds all structural variants.
    pub(super) fn structural_variants(&mut self) {
        let mut keys = Keys::default();
        let findings = self.findings;
        for found in &findings.copy_numbers.findings {
            self.copy_number(found, &mut keys);
        }
        for found in &findings.rearrangements.findings {
            self.rearrangement(found, &mut keys);
        }
        for found in &findings.fusions.findings {
            self.fusion(found, &mut keys);
        }
        for found in &findings.splices.findings {
            self.splice(found, &mut keys);
        }
    }

    fn start(&mut self, key: String, of: NucleicAcid, kind: Kind, keys: &mut Keys) -> Observation {
        let key = keys.unique(key);
        let mut told = Observation::variant(self, &key, of);
        told.set(CONCEPT, concept(LOINC, "LA9633-4", "Present"));
        self.add_source_class(&mut told);
        self.add_category(&mut told, kind);
        told
    }

    fn genes(&mut self, told: &mut Observation, genes: &Told<String>) {
        for symbol in genes.value.split(';') {
            told.add(self.account, GENE, CONCEPT, gene(symbol), &[genes.field]);
        }
    }

    fn copy_number(&mut self, found: &CopyNumber, keys: &mut Keys) {
        let loss = found.is_loss();
        let key = format!("copy-number|{}|{}", found.gene.value, if loss { "loss" } else { "gain" });
        let mut told = self.start(key, NucleicAcid::Dna, Kind::CopyNumber, keys);
        self.genes(&mut told, &found.gene);
        let from: Vec<_> = found.direction.iter().map(|told| told.field).collect();
        told.add(self.account, CHANGE, CONCEPT, copy_change(loss), &from);
        if let Some(copies) = &found.copies {
            told.add(self.account, COPIES, "valueQuantity", quantity(&copies.value, "copies", "1"), &[copies.field]);
        }
        let fold = &found.fold_change;
        told.add_own(self.account, "fold-change", "Fold change", "valueQuantity", quantity(&fold.value, "1", "1"), &[fold.field]);
        told.extras(self.account, &found.extras);
        self.result(told);
    }

    fn rearrangement(&mut self, found: &Rearrangement, keys: &mut Keys) {
        let key = format!(
            "rearrangement|{}|{}:{}-{}",
            found.gene.value,
            found.chromosome.value,
            found.start.value.text(),
            found.stop.value.text()
        );
        let mut told = self.start(key, NucleicAcid::Dna, Kind::LargeRearrangement, keys);
        self.genes(&mut told, &found.gene);
        let change = match &found.direction {
            Some(direction) => copy_change(direction.value == Direction::Loss),
            None => concept(SEQUENCE_ONTOLOGY, "SO:0001019", "copy_number_variation"),
        };
        let from: Vec<_> = found.direction.iter().map(|told| told.field).collect();
        told.add(self.account, CHANGE, CONCEPT, change, &from);
        told.add(self.account, ASSEMBLY, CONCEPT, super::code::assembly(self.findings.assembly), &[]);
        if let Some(code) = chromosome(found.chromosome.value) {
            told.add(self.account, CHROMOSOME, CONCEPT, code, &[found.chromosome.field]);
        }
        let accession = found.chromosome.value.accession(self.findings.assembly);
        told.add(self.account, GENOMIC_SEQUENCE, CONCEPT, concept(REFSEQ, accession, ""), &[found.chromosome.field]);
        told.add(self.account, COORDINATES, CONCEPT, concept(LOINC, "LA30102-0", "1-based character counting"), &[]);
        let range = Draft::object().with("low", plain_quantity(&found.start.value)).with("high", plain_quantity(&found.stop.value));
        told.add(self.account, INNER, "valueRange", range, &[found.start.field, found.stop.field]);
        if let Some(fold) = &found.fold_change {
            told.add_own(self.account, "fold-change", "Fold change", "valueQuantity", quantity(&fold.value, "1", "1"), &[fold.field]);
        }
        self.exons(&mut told, found.exons.as_ref());
        told.extras(self.account, &found.extras);
        self.result(told);
    }

    fn fusion(&mut self, found: &Fusion, keys: &mut Keys) {
        let [first, second] = &found.breakpoints;
        let key = format!("fusion|{}|{}|{}", found.pair.value, place(first.value), place(second.value));
        let mut told = self.start(key, NucleicAcid::Rna, Kind::Fusion, keys);
        told.map(self.account, "component:variation-code.valueCodeableConcept.text", &[found.pair.field]);
        let name = match &found.partners {
            Some(partners) if partners.is_sure() => format!("{}::{}", partners.first.join(";"), partners.second.join(";")),
            _ => found.pair.value.clone(),
        };
        let value = super::code::concept_text(SEQUENCE_ONTOLOGY, "SO:0001565", "gene_fusion", &name);
        told.add(self.account, VARIATION, CONCEPT, value, &[]);
        match &found.partners {
            Some(partners) => self.partners(&mut told, partners, found),
            None => {
                told.note(self.account, "The gene pair cannot be taken apart for sure; no gene is told as studied.", &[found.pair.field])
            }
        }
        if !found.partners.as_ref().is_some_and(Partners::is_sure) {
            told.note(self.account, &format!("Ambiguous gene pair, as in the file: {}", found.pair.value), &[found.pair.field]);
        }
        self.breakpoints(&mut told, [first, second]);
        let supporting = &found.supporting_reads;
        told.add_own(self.account, "supporting-reads", "Supporting reads", "valueQuantity", reads(&supporting.value), &[supporting.field]);
        for (reference, code, display) in [
            (&found.reference_reads[0], "reference-reads-1", "Reference reads of gene 1"),
            (&found.reference_reads[1], "reference-reads-2", "Reference reads of gene 2"),
        ] {
            told.add_own(self.account, code, display, "valueQuantity", reads(&reference.value), &[reference.field]);
        }
        told.extras(self.account, &found.extras);
        self.result(told);
    }

    /// Both partners, 5' before 3' if the fusion is directional. A candidate among several is marked as such.
    fn partners(&mut self, told: &mut Observation, partners: &Partners, found: &Fusion) {
        let sides = [(&partners.first, "five-prime"), (&partners.second, "three-prime")];
        for (candidates, side) in sides {
            for symbol in candidates {
                let position = if partners.directional { side } else { "undetermined" };
                let parts = vec![
                    extension("position", "valueCode", position.into()),
                    extension("ambiguous", "valueBoolean", (candidates.len() > 1 || !partners.directional).into()),
                ];
                told.map(self.account, "component:gene-studied.valueCodeableConcept", &[found.pair.field]);
                let component = Draft::object()
                    .with("extension", Draft::array([complex_extension(norn!("fusion-partner"), parts)]))
                    .with("code", concept(LOINC, GENE.1, GENE.2))
                    .with(CONCEPT, gene(symbol));
                told.push(component);
            }
        }
    }

    fn splice(&mut self, found: &Splice, keys: &mut Keys) {
        let [first, second] = &found.breakpoints;
        let key = format!("splice|{}|{}|{}", found.gene.value, place(first.value), place(second.value));
        let mut told = self.start(key, NucleicAcid::Rna, Kind::Splice, keys);
        self.genes(&mut told, &found.gene);
        let exons = found.exons.as_ref().map(|told| format!(", affected exon {}", told.value)).unwrap_or_default();
        let text = format!("{} splice variant{exons}", found.gene.value);
        told.add(self.account, VARIATION, CONCEPT, text_concept(&text), &[found.gene.field]);
        self.exons(&mut told, found.exons.as_ref());
        self.breakpoints(&mut told, [first, second]);
        for (number, code, display) in [
            (&found.supporting_reads, "supporting-reads", "Supporting reads"),
            (&found.reference_reads, "reference-reads", "Reference reads of the transcript"),
        ] {
            told.add_own(self.account, code, display, "valueQuantity", reads(&number.value), &[number.field]);
        }
        told.extras(self.account, &found.extras);
        self.result(told);
    }

    fn exons(&mut self, told: &mut Observation, exons: Option<&Told<String>>) {
        if let Some(exons) = exons {
            told.add_own(self.account, "affected-exon", "Affected exon", "valueString", exons.value.as_str().into(), &[exons.field]);
        }
    }

    /// Both breakpoints: as in the file, and as sequence and position.
    fn breakpoints(&mut self, told: &mut Observation, breakpoints: [&Told<Breakpoint>; 2]) {
        told.add(self.account, ASSEMBLY, CONCEPT, super::code::assembly(self.findings.assembly), &[]);
        for (breakpoint, (code, display)) in
            breakpoints.into_iter().zip([("breakpoint-1", "Breakpoint 1"), ("breakpoint-2", "Breakpoint 2")])
        {
            told.map(self.account, &format!("component:{code}.valueString"), &[breakpoint.field]);
            let accession = breakpoint.value.chromosome.accession(self.findings.assembly);
            let parts = vec![
                extension("sequence", "valueCodeableConcept", concept(REFSEQ, accession, "")),
                extension("position", "valuePositiveInt", breakpoint.value.position.into()),
            ];
            let component = Draft::object()
                .with("extension", Draft::array([complex_extension(norn!("genomic-position"), parts)]))
                .with("code", concept(super::code::TSO500, code, display))
                .with("valueString", place(breakpoint.value));
            told.push(component);
        }
    }
}

fn place(breakpoint: Breakpoint) -> String {
    format!("{}:{}", breakpoint.chromosome, breakpoint.position)
}

fn copy_change(loss: bool) -> Draft {
    if loss {
        concept(SEQUENCE_ONTOLOGY, "SO:0001743", "copy_number_loss")
    } else {
        concept(SEQUENCE_ONTOLOGY, "SO:0001742", "copy_number_gain")
    }
}

/// Keys that were given out; the same finding in two rows gets a number.
#[derive(Default)]
struct Keys(std::collections::HashMap<String, usize>);

impl Keys {
    fn unique(&mut self, key: String) -> String {
        let count = self.0.entry(key.clone()).or_default();
        *count += 1;
        if *count == 1 { key } else { format!("{key}#{count}") }
    }
}
