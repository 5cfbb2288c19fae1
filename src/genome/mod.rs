//! Genomic vocabulary: assemblies, coordinates, alleles, HGVS and SPDI names, gene symbols.
//!
//! Coordinates have two types, since most mistakes in this field are off by one:
//! [`Interbase`] counts the gaps between bases from 0, half-open; [`Span`] counts bases from 1, both ends inside.
//!
//! Invariant: knows no FHIR, no file format, and no reference sequence; it only says what can be said without one.

pub mod allele;
pub mod assembly;
pub mod consequence;
pub mod coordinate;
pub mod gene;
pub mod hgvs;
pub mod spdi;

pub use allele::{Allele, Change};
pub use assembly::{Assembly, Chromosome};
pub use coordinate::{Interbase, Span};
