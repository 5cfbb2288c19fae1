//! The sample data of both benchmarks: one realistic Observation of about 2.5 kB, filled with values from a seed.
//!
//! The load driver sends it, the bare server answers with it, so that both move the same bytes.

pub(crate) mod analyte;
pub(crate) mod chance;
pub(crate) mod observation;
pub(crate) mod template;
