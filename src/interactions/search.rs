//! search of one type. Source: <https://hl7.org/fhir/R4/http.html#search>, <https://hl7.org/fhir/R4/search.html>.

use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bundle::{Mode, Writer, warnings};
use super::request::{Handling, SearchOf};
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway, refused, subset};
use crate::model::schema::ResourceType;
use crate::search::catalog::Catalog;
use crate::search::plan::Filter;
use crate::search::query::{self, Include, Query, Summary, Total};
use crate::search::resolve::{Search, resolve};
use crate::store::port::{Page, StoreError, Unmet, Version};

/// What may stand in a query value as it is.
pub(super) const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',').remove(b':').remove(b'/').remove(b'|').remove(b'$');

impl Gateway {
    pub(super) async fn search(&self, of: SearchOf) -> Result<Answer, Failure> {
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let (bundle, own) = self.search_by(&of, &catalog).await?;
            // Rows of a parameter that was changed or deleted meanwhile do not answer.
            if !own || self.is_current(&catalog).await? {
                return Ok(Answer::Bundle(bundle));
            }
        }
        Err(StoreError::Unmet(Unmet::Catalog).into())
    }

    /// The answer to a search as a catalog understands it, and whether it rests on parameters of this server's own.
    async fn search_by(&self, of: &SearchOf, catalog: &Arc<Catalog>) -> Result<(bytes::Bytes, bool), Failure> {
        let SearchOf { kind, around, parameters, handling } = of;
        let kind = *kind;
        let (query, mut issues) = query::read(parameters);
        let kinds = self.kinds(kind, &query)?;
        let (mut search, more) = resolve(&query, &kinds, catalog, &self.base, self.page_size);
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
        let page = self.store.search(&search.plan).await?;
        let bundle = self.searchset((&search, catalog), &address, query.cursor.as_deref(), &page, &issues).await?;
        Ok((bundle, search.own))
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
        address: &str,
        cursor: Option<&str>,
        page: &Page,
        issues: &[crate::model::outcome::Issue],
    ) -> Result<bytes::Bytes, Failure> {
        let others = self.included(search, page, catalog).await?;
        let with = |token: &str| format!("{address}{}{}={token}", if address.contains('?') { '&' } else { '?' }, query::CURSOR);
        let mut links = vec![("self", cursor.map_or_else(|| address.to_owned(), &with))];
        if let Some(last) = page.hits.last().filter(|_| page.more) {
            links.push(("next", with(&self.signer.write(address, &last.place))));
        }
        let length = |version: &Version| version.body.as_ref().map_or(0, bytes::Bytes::len) + 160;
        let size =
            page.hits.iter().map(|hit| length(&hit.version)).sum::<usize>() + others.iter().map(|version| length(version)).sum::<usize>();
        // The first page tells the number of matches for nothing when it has them all.
        let whole = (cursor.is_none() && !page.more && search.plan.limit > 0).then_some(page.hits.len() as u64);
        let mut writer = Writer::new("searchset", self.new_id().as_str(), self.clock.now(), page.total.or(whole), &links, size);
        for hit in &page.hits {
            self.write(&hit.version, search, Mode::Match, &mut writer);
        }
        for version in &others {
            self.write(version, search, Mode::Include, &mut writer);
        }
        if !issues.is_empty() {
            writer.found(None, &warnings(issues), Mode::Outcome);
        }
        Ok(writer.finish())
    }

    fn write(&self, version: &Version, search: &Search, mode: Mode, writer: &mut Writer) {
        let Some(body) = &version.body else { return };
        let url = format!("{}/{}", self.base, version.key);
        let part = subset::of(version, Some(search.summary), &search.elements, self.schema(), &self.limits);
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
