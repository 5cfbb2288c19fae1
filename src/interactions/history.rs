//! history of one resource, of a type, or of everything, newest version first. Source: <https://hl7.org/fhir/R4/http.html#history>.

use std::fmt::Write as _;

use percent_encoding::utf8_percent_encode;

use super::bundle::Writer;
use super::read::not_found;
use super::request::{Handling, HistoryOf};
use super::search::PLAIN;
use super::{Answer, Failure, FailureKind, Gateway, refused};
use crate::base::clock::Instant;
use crate::model::draft::Draft;
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::moment;
use crate::search::plan::Place;
use crate::search::query;
use crate::store::port::{HistoryPlan, HistoryScope, Method, Version};

/// What a history is asked for, read but for the page.
#[derive(Default)]
struct Narrowed {
    since: Option<Instant>,
    at: Option<(Instant, Instant)>,
    /// The conditions as the links tell them: `_since=…&_at=…`.
    told: String,
}

impl Gateway {
    pub(super) async fn history(&self, of: HistoryOf) -> Result<Answer, Failure> {
        let HistoryOf { scope, parameters, handling } = of;
        let (query, mut issues) = query::read(&parameters);
        let narrowed = narrowed(&parameters, self.clock.now(), &mut issues);
        if !issues.is_empty() && handling == Handling::Strict {
            return Err(refused(FailureKind::Invalid, issues));
        }
        let address = match &scope {
            HistoryScope::Instance(key) => format!("{}/{key}/_history", self.base),
            HistoryScope::Type(kind) => format!("{}/{kind}/_history", self.base),
            HistoryScope::System => format!("{}/_history", self.base),
        };
        let bound = format!("{address}?{}", narrowed.told);
        let place = |token: &String| {
            let foreign = || Failure::invalid(query::CURSOR, "This page link is not one of this server for this history.");
            self.signer.read(&bound, token).map(|place| place.row).ok_or_else(foreign)
        };
        let after = query.cursor.as_ref().map(place).transpose()?;
        let count = query.count.unwrap_or(self.page_size.default).min(self.page_size.most);
        let plan = HistoryPlan { scope, since: narrowed.since, at: narrowed.at, after, count };
        let history = self.store.history(&plan).await?;
        if let HistoryScope::Instance(key) = &plan.scope
            && history.total == Some(0)
        {
            return Err(not_found(key));
        }
        let link = |after: Option<i64>| {
            let mut url = format!("{address}?_count={count}{}", narrowed.told);
            if let Some(row) = after {
                let _ = write!(url, "&{}={}", query::CURSOR, self.signer.write(&bound, &Place { values: Vec::new(), row }));
            }
            url
        };
        let mut links = vec![("self", link(after))];
        links.extend(history.next.map(|next| ("next", link(Some(next)))));
        // A first page that is the last has all of them.
        let whole = (after.is_none() && history.next.is_none() && count > 0).then_some(history.versions.len() as u64);
        let size = history.versions.iter().map(|version| version.body.as_ref().map_or(0, bytes::Bytes::len) + 400).sum();
        let mut writer = Writer::new("history", self.new_id().as_str(), self.clock.now(), history.total.or(whole), &links, size);
        for version in &history.versions {
            let body = version.body.as_deref().map(|body| std::str::from_utf8(body).unwrap_or("{}"));
            writer.past(&format!("{}/{}", self.base, version.key), body, &how(version), &outcome(version));
        }
        Ok(Answer::Bundle(writer.finish()))
    }
}

/// Reads `_since` and `_at`; what is not understood becomes an issue.
fn narrowed(parameters: &[(String, String)], now: Instant, issues: &mut Vec<Issue>) -> Narrowed {
    let mut narrowed = Narrowed::default();
    for (name, value) in parameters {
        let mut wrong = |told: &str| issues.push(Issue::error(IssueType::Value, name.clone(), told));
        let understood = match (name.as_str(), moment::search_value(value)) {
            ("_since", Some(interval)) if narrowed.since.is_none() => {
                narrowed.since = Some(Instant(interval.start));
                true
            }
            ("_at", Some(interval)) if narrowed.at.is_none() => {
                if interval.start > now.0 {
                    wrong("This moment has not come yet: what will be current then is not known.");
                }
                narrowed.at = Some((Instant(interval.start), Instant(interval.end)));
                true
            }
            ("_since" | "_at", Some(_)) => {
                wrong("This parameter may stand once.");
                false
            }
            ("_since" | "_at", None) => {
                wrong("This is not a date or time: write for example 2026-11-22T10:15:00Z.");
                false
            }
            ("_count" | query::CURSOR | "_format" | "_pretty", _) => false,
            (other, _) => {
                let told = format!("A history takes _count, _since and _at here, not {other}.");
                issues.push(Issue::error(IssueType::NotSupported, other, told));
                false
            }
        };
        if understood {
            let _ = write!(narrowed.told, "&{name}={}", utf8_percent_encode(value, PLAIN));
        }
    }
    narrowed
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
