//! `_explain=true`: how a search was run, instead of what it found. For those who run the server; off unless it is configured.

use bytes::Bytes;

use super::{Failure, Gateway};
use crate::model::draft::Draft;
use crate::search::explain::Names;
use crate::search::resolve::Search;
use crate::store::port::Role;

impl Gateway {
    /// Runs a search and tells how.
    pub(super) async fn explain(&self, search: &Search, address: &str) -> Result<Bytes, Failure> {
        let begun = self.clock.now();
        let explanation = self.store.explain(&search.plan).await?;
        let took = self.clock.now().0.saturating_sub(begun.0);
        let names = Names::of(&self.catalog(), &search.conditions);
        let text = |name: &'static str, value: String| Draft::object().with("name", name).with("valueString", value);
        let number = |name: &'static str, value: u64| {
            // Integers of FHIR have 32 bits; decimals have room.
            Draft::object().with("name", name).with("valueDecimal", Draft::number(value.to_string()))
        };
        let mut parts = vec![text("search", address.to_owned()), text("plan", names.plan(&search.plan).trim_end().to_owned())];
        for used in &explanation.uses {
            let role = match used.role {
                Role::Source => "source",
                Role::Test => "test",
            };
            let mut part = vec![text("condition", names.tree(&used.filter).trim_end().to_owned())];
            part.extend(used.rows.map(|rows| number("rows", rows)));
            parts.push(Draft::object().with("name", role).with("part", Draft::array(part)));
        }
        parts.extend(explanation.tested.map(|tested| number("tested", tested)));
        parts.push(number("read", u64::try_from(search.budget.used()).unwrap_or(u64::MAX)));
        parts.push(number("found", explanation.page.hits.len() as u64));
        parts.push(Draft::object().with("name", "more").with("valueBoolean", Draft::Boolean(explanation.page.more)));
        parts.extend(explanation.page.total.map(|total| number("total", total)));
        parts.push(number("microseconds", u64::try_from(took).unwrap_or(0)));
        Ok(Draft::object().with("resourceType", "Parameters").with("parameter", Draft::array(parts)).to_json().into())
    }
}
