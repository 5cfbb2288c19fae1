//! search of one type. Source: <https://hl7.org/fhir/R4/http.html#search>, <https://hl7.org/fhir/R4/search.html>.

use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bundle::{Mode, Writer, warnings};
use super::contained::{Entry, Within};
use super::request::{Handling, SearchOf};
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway, refused, subset};
use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::ResourceType;
use crate::search::catalog::Catalog;
use crate::search::plan::Filter;
use crate::search::query::{self, Contained, Include, Query, Summary, Total};
use crate::search::resolve::Search;
use crate::store::port::{Page, StoreError, Unmet, Version};

/// What may stand in a query value as it is.
pub(super) const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',').remove(b':').remove(b'/').remove(b'|').remove(b'$');

impl Gateway {
    pub(super) async fn search(&self, of: SearchOf) -> Result<Answer, Failure> {
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let (answer, own) = self.search_by(&of, &catalog).await?;
            // Rows of a parameter that was changed or deleted meanwhile do not answer.
            if !own || self.is_current(&catalog).await? {
                return Ok(answer);
            }
        }
        Err(StoreError::Unmet(Unmet::Catalog).into())
    }

    /// The answer to a search as a catalog understands it, and whether it rests on parameters of this server's own.
    async fn search_by(&self, of: &SearchOf, catalog: &Arc<Catalog>) -> Result<(Answer, bool), Failure> {
        let SearchOf { kind, around, parameters, handling } = of;
        let kind = *kind;
        let (query, mut issues) = query::read(parameters);
        let kinds = self.kinds(kind, &query)?;
        if query.explain && !self.explain {
            let told = "How a search is run is told only if the server is configured for it ([search] explain = true).";
            issues.push(Issue::error(IssueType::NotSupported, "_explain", told));
        }
        let (mut search, more) = self.resolved(&query, &kinds, catalog).await?;
        issues.extend(more);
        if !issues.is_empty() && *handling == Handling::Strict {
            return Err(refused(FailureKind::Invalid, issues));
        }
        let mut address = self.address(kind, &search.used, search.plan.limit);
        if let Some(key) = around {
            let Some(membership) = kind.and_then(|kind| self.membership(key, kind)) else { return Err(super::read::not_found(key)) };
            search.plan.filter = Filter::All(vec![membership, search.plan.filter]);
            address.insert_str(self.base.len() + 1, &format!("{key}/"));
        }
        if let Some(token) = &query.cursor {
            let place = self.signer.read(&address, token);
            let place = place.filter(|place| place.values.len() == search.plan.sort.len());
            search.plan.after = Some(place.ok_or_else(|| {
                Failure::invalid(query::CURSOR, "This page link is not one of this server for this search: start again without it.")
            })?);
        }
        let within = self.within(&mut search, &query, &kinds).await?;
        if query.explain && self.explain {
            return Ok((self.explain(&search, &address).await.map(Answer::Parameters)?, search.own));
        }
        let mut page = self.store.search(&search.plan).await?;
        if let Some(within) = within.as_ref().filter(|within| within.is_alone() && search.plan.total) {
            page.total = Some(self.count_within(&search.plan, within).await?);
        }
        let bundle = self.searchset((&search, catalog), within.as_ref(), &address, query.cursor.as_deref(), &page, &issues).await?;
        Ok((Answer::Bundle(bundle), search.own))
    }

    /// The types that are searched: that of the address, or those of `_type`, or all.
    fn kinds(&self, kind: Option<ResourceType>, query: &Query) -> Result<Vec<ResourceType>, Failure> {
        let schema = self.schema();
        match (kind, query.types.as_slice()) {
            (Some(kind), []) => Ok(vec![kind]),
            (Some(_), _) => Err(Failure::invalid("_type", "The address names the type already: _type is for searches at the base.")),
            (None, []) => Ok(schema.resource_types().collect()),
            (None, names) => {
                let known = |name: &String| {
                    schema.resource_type(name).ok_or_else(|| Failure::invalid("_type", format!("\"{name}\" is not a resource type.")))
                };
                let mut kinds = names.iter().map(known).collect::<Result<Vec<_>, _>>()?;
                kinds.sort_unstable_by_key(|kind| kind.name());
                kinds.dedup();
                Ok(kinds)
            }
        }
    }

    async fn searchset(
        &self,
        (search, catalog): (&Search, &Catalog),
        within: Option<&Within>,
        address: &str,
        cursor: Option<&str>,
        page: &Page,
        issues: &[Issue],
    ) -> Result<bytes::Bytes, Failure> {
        let matches: Vec<Entry> = match within.filter(|within| within.is_alone()) {
            Some(within) => page.hits.iter().flat_map(|hit| within.entries(&hit.version)).collect(),
            None => page.hits.iter().map(|hit| Entry::of(&hit.version)).collect(),
        };
        // A contained resource has no address that others could refer to.
        let seen = matches.iter().filter(|entry| entry.inner.is_none()).map(|entry| entry.version.key.clone()).collect();
        let around = matches.iter().map(|entry| Arc::clone(&entry.version)).collect();
        let others = self.included(search, around, seen, catalog).await?;
        let with = |token: &str| format!("{address}{}{}={token}", if address.contains('?') { '&' } else { '?' }, query::CURSOR);
        let mut links = vec![("self", cursor.map_or_else(|| address.to_owned(), &with))];
        if let Some(last) = page.hits.last().filter(|_| page.more) {
            links.push(("next", with(&self.signer.write(address, &last.place))));
        }
        let length = |version: &Version| version.body.as_ref().map_or(0, bytes::Bytes::len) + 160;
        let size =
            matches.iter().map(|entry| length(&entry.version)).sum::<usize>() + others.iter().map(|version| length(version)).sum::<usize>();
        // The first page tells the number of matches for nothing when it has them all.
        let whole = (cursor.is_none() && !page.more && search.plan.limit > 0).then_some(matches.len() as u64);
        let mut writer = Writer::new("searchset", self.new_id().as_str(), self.clock.now(), page.total.or(whole), &links, size);
        for entry in &matches {
            self.write(entry, search, Mode::Match, &mut writer);
        }
        for version in &others {
            self.write(&Entry::of(version), search, Mode::Include, &mut writer);
        }
        if !issues.is_empty() {
            writer.found(None, &warnings(issues), Mode::Outcome);
        }
        Ok(writer.finish())
    }

    fn write(&self, entry: &Entry, search: &Search, mode: Mode, writer: &mut Writer) {
        let Some(body) = &entry.version.body else { return };
        let url = entry.url(&self.base);
        let part = subset::of(body, Some(search.summary), &search.elements, self.schema(), &self.limits);
        let body = part.as_ref().unwrap_or(body);
        writer.found(Some(&url), std::str::from_utf8(body).unwrap_or("{}"), mode);
    }

    /// The address of the search as it was understood: the self link, and what a cursor is bound to.
    fn address(&self, kind: Option<ResourceType>, used: &Query, limit: usize) -> String {
        let mut url = self.base.to_string();
        if let Some(kind) = kind {
            let _ = write!(url, "/{kind}");
        }
        let mut separator = '?';
        let mut add = |name: &str, value: &str| {
            let _ = write!(url, "{separator}{name}={}", utf8_percent_encode(value, PLAIN));
            separator = '&';
        };
        if !used.types.is_empty() {
            add("_type", &used.types.join(","));
        }
        for criterion in &used.criteria {
            add(&criterion.name(), &criterion.values.join(","));
        }
        if !used.sort.is_empty() {
            let keys: Vec<_> = used.sort.iter().map(|(code, descending)| format!("{}{code}", if *descending { "-" } else { "" })).collect();
            add("_sort", &keys.join(","));
        }
        for (name, includes) in [("_include", &used.includes), ("_revinclude", &used.revincludes)] {
            for include in includes {
                add(&format!("{name}{}", if include.iterate { ":iterate" } else { "" }), &spelled(include));
            }
        }
        if let Some(total) = used.total {
            add(
                "_total",
                match total {
                    Total::None => "none",
                    Total::Estimate => "estimate",
                    Total::Accurate => "accurate",
                },
            );
        }
        if let Some(summary) = used.summary {
            add(
                "_summary",
                match summary {
                    Summary::True => "true",
                    Summary::Text => "text",
                    Summary::Data => "data",
                    Summary::Count => "count",
                    Summary::False => "false",
                },
            );
        }
        if !used.elements.is_empty() {
            add("_elements", &used.elements.join(","));
        }
        if let Some(contained) = used.contained {
            add("_contained", if contained == Contained::Both { "both" } else { "true" });
            if used.contained_alone {
                add("_containedType", "contained");
            }
        }
        if used.count.is_some() {
            add("_count", &limit.to_string());
        }
        url
    }
}

fn spelled(include: &Include) -> String {
    if include.source == "*" {
        return "*".to_owned();
    }
    let mut text = format!("{}:{}", include.source, include.code);
    if let Some(target) = &include.target {
        text.push(':');
        text.push_str(target);
    }
    text
}
