//! The formats that findings are written in.

pub(super) mod genomics_reporting;
