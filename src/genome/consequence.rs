//! Sequence Ontology terms for what a change does to a gene, under the names that annotation tools write.
//!
//! Source: <http://www.sequenceontology.org>; the names are those of Ensembl's variant consequences.

const TERMS: [(&str, &str); 48] = [
    ("transcript_ablation", "SO:0001893"),
    ("splice_acceptor_variant", "SO:0001574"),
    ("splice_donor_variant", "SO:0001575"),
    ("stop_gained", "SO:0001587"),
    ("frameshift_variant", "SO:0001589"),
    ("stop_lost", "SO:0001578"),
    ("start_lost", "SO:0002012"),
    ("initiator_codon_variant", "SO:0001582"),
    ("transcript_amplification", "SO:0001889"),
    ("feature_elongation", "SO:0001907"),
    ("feature_truncation", "SO:0001906"),
    ("inframe_insertion", "SO:0001821"),
    ("inframe_deletion", "SO:0001822"),
    ("conservative_inframe_insertion", "SO:0001823"),
    ("disruptive_inframe_insertion", "SO:0001824"),
    ("conservative_inframe_deletion", "SO:0001825"),
    ("disruptive_inframe_deletion", "SO:0001826"),
    ("missense_variant", "SO:0001583"),
    ("protein_altering_variant", "SO:0001818"),
    ("splice_region_variant", "SO:0001630"),
    ("splice_donor_5th_base_variant", "SO:0001787"),
    ("splice_donor_region_variant", "SO:0002170"),
    ("splice_polypyrimidine_tract_variant", "SO:0002169"),
    ("incomplete_terminal_codon_variant", "SO:0001626"),
    ("start_retained_variant", "SO:0002019"),
    ("stop_retained_variant", "SO:0001567"),
    ("synonymous_variant", "SO:0001819"),
    ("coding_sequence_variant", "SO:0001580"),
    ("mature_miRNA_variant", "SO:0001620"),
    ("5_prime_UTR_variant", "SO:0001623"),
    ("3_prime_UTR_variant", "SO:0001624"),
    ("non_coding_transcript_exon_variant", "SO:0001792"),
    ("intron_variant", "SO:0001627"),
    ("NMD_transcript_variant", "SO:0001621"),
    ("non_coding_transcript_variant", "SO:0001619"),
    ("coding_transcript_variant", "SO:0001968"),
    ("upstream_gene_variant", "SO:0001631"),
    ("downstream_gene_variant", "SO:0001632"),
    ("TFBS_ablation", "SO:0001895"),
    ("TFBS_amplification", "SO:0001892"),
    ("TF_binding_site_variant", "SO:0001782"),
    ("regulatory_region_ablation", "SO:0001894"),
    ("regulatory_region_amplification", "SO:0001891"),
    ("regulatory_region_variant", "SO:0001566"),
    ("intergenic_variant", "SO:0001628"),
    ("transcript_variant", "SO:0001576"),
    ("gene_fusion", "SO:0001565"),
    ("sequence_variant", "SO:0001060"),
];

/// The Sequence Ontology's number of a term such as `missense_variant`.
#[must_use]
pub fn number(term: &str) -> Option<&'static str> {
    TERMS.iter().find(|(name, _)| *name == term).map(|(_, number)| *number)
}

/// The terms of a cell that may hold several, in whatever way the tool joins them.
pub fn terms(text: &str) -> impl Iterator<Item = &str> {
    text.split([':', ';', ',', '&', '|']).filter(|term| !term.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn terms_and_numbers_are_one_to_one() {
        assert_eq!(TERMS.iter().map(|t| t.0).collect::<HashSet<_>>().len(), TERMS.len());
        assert_eq!(TERMS.iter().map(|t| t.1).collect::<HashSet<_>>().len(), TERMS.len());
        assert!(TERMS.iter().all(|(_, n)| n.len() == 10 && n.starts_with("SO:000")));
        assert_eq!(
            terms("missense_variant:splice_region_variant").map(number).collect::<Vec<_>>(),
            [Some("SO:0001583"), Some("SO:0001630")]
        );
        assert_eq!(number("Missense"), None);
    }
}
