//! history of one resource, newest version first. Source: <https://hl7.org/fhir/R4/http.html#history>.

use super::bundle::Writer;
use super::read::not_found;
use super::request::HistoryOf;
use super::{Answer, Failure, FailureKind, Gateway, refused};
use crate::base::clock::Instant;
use crate::model::draft::Draft;
use crate::model::primitive::moment;
use crate::search::plan::Place;
use crate::search::query;
use crate::store::port::{Method, Version};

impl Gateway {
    pub(super) async fn history(&self, of: HistoryOf) -> Result<Answer, Failure> {
        let HistoryOf { key, parameters } = of;
        let (query, mut issues) = query::read(&parameters);
        let mut since = None;
        for (name, value) in &parameters {
            if name == "_since" {
                since = Some(
                    moment::instant(value)
                        .ok_or_else(|| Failure::invalid("_since", "This is not an instant: write for example 2026-11-22T10:15:00Z."))?
                        .start,
                );
            } else if !matches!(name.as_str(), "_count" | query::CURSOR | "_format" | "_pretty") {
                issues.push(crate::model::outcome::Issue::error(
                    crate::model::outcome::IssueType::NotSupported,
                    name.clone(),
                    format!("A history takes _count and _since here, not {name}."),
                ));
            }
        }
        if !issues.is_empty() {
            return Err(refused(FailureKind::Invalid, issues));
        }
        let address = format!("{}/{key}/_history", self.base);
        let before = match &query.cursor {
            None => None,
            Some(token) => {
                let place = self
                    .signer
                    .read(&address, token)
                    .ok_or_else(|| Failure::invalid(query::CURSOR, "This page link is not one of this server for this history."))?;
                Some(place.row.cast_unsigned())
            }
        };
        let count = query.count.unwrap_or(self.page_size.default).min(self.page_size.most);
        let mut history = self.store.history(&key, before, count).await?;
        if history.total == 0 {
            return Err(not_found(&key));
        }
        let read = history.versions.len();
        // Newest come first, so what is older than the moment asked for is the rest of the list.
        history.versions.retain(|version| since.is_none_or(|since| version.updated.0 >= since));
        let total = since.is_none().then_some(history.total);
        let link = |before: Option<u64>| {
            let mut url = format!("{address}?_count={count}");
            if let Some(since) = since {
                url.push_str(&format!("&_since={}", Instant(since)));
            }
            if let Some(before) = before {
                let place = Place { values: Vec::new(), row: before.cast_signed() };
                url.push_str(&format!("&{}={}", query::CURSOR, self.signer.write(&address, &place)));
            }
            url
        };
        let mut links = vec![("self", link(before))];
        if let Some(last) = history.versions.last().filter(|last| last.version > 1 && count > 0 && history.versions.len() == read) {
            links.push(("next", link(Some(last.version))));
        }
        let size = history.versions.iter().map(|version| version.body.as_ref().map_or(0, bytes::Bytes::len) + 400).sum();
        let mut writer = Writer::new("history", self.new_id().as_str(), self.clock.now(), total, &links, size);
        for version in &history.versions {
            let body = version.body.as_deref().map(|body| std::str::from_utf8(body).unwrap_or("{}"));
            writer.past(&format!("{}/{key}", self.base), body, &how(version), &outcome(version));
        }
        Ok(Answer::Bundle(writer.finish()))
    }
}

fn how(version: &Version) -> Draft {
    let url = if version.method == Method::Create { version.key.kind.name().to_owned() } else { version.key.to_string() };
    Draft::object().with("method", version.method.verb()).with("url", url)
}

fn outcome(version: &Version) -> Draft {
    let status = match version.method {
        Method::Create => "201",
        Method::Update if version.version == 1 => "201",
        Method::Update => "200",
        Method::Delete => "204",
    };
    Draft::object()
        .with("status", status)
        .with("etag", format!("W/\"{}\"", version.version))
        .with("lastModified", version.updated.to_string())
}
