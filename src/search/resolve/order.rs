//! `_sort`. Source: <https://hl7.org/fhir/R4/search.html#sort>; our order of kinds without a natural one is in `docs/search.md`.

use super::super::catalog::TypeCatalog;
use super::super::key::{self, Aside};
use super::super::plan::SortBy;
use super::{Resolver, probe};
use crate::definitions::ParameterKind;
use crate::model::outcome::{Issue, IssueType};

impl Resolver<'_> {
    pub(super) fn sort_by(&self, code: &str, types: &[&TypeCatalog]) -> Result<SortBy, Issue> {
        let refuse = |why: String| Issue::error(IssueType::NotSupported, "_sort", why);
        let own = match (code, types) {
            ("_id", _) => return Ok(SortBy::Id),
            (_, [own]) => own,
            ("_lastUpdated", _) => return Ok(SortBy::Updated),
            _ => return Err(refuse(format!("Several types are sorted by _lastUpdated or _id, not by \"{code}\"."))),
        };
        let none = || format!("{} has no search parameter \"{code}\" to sort by.", own.kind);
        let compiled = self.parameter(own, code).map_err(|why| refuse(why.unwrap_or_else(none)))?;
        let number = compiled.parameter.number;
        match compiled.parameter.kind {
            ParameterKind::Date | ParameterKind::Number => Ok(SortBy::Number(number)),
            ParameterKind::Quantity => Ok(SortBy::Number(key::aside(number, Aside::Canonical))),
            ParameterKind::String => Ok(SortBy::Text(number)),
            ParameterKind::Token | ParameterKind::Reference | ParameterKind::Uri => {
                Ok(SortBy::Probe(probe::values(self.catalog, own.kind, &compiled.parameter.code, self.base)))
            }
            kind @ (ParameterKind::Composite | ParameterKind::Special) => {
                Err(refuse(format!("\"{code}\" has no order: it is a {} parameter.", kind.code())))
            }
        }
    }
}
