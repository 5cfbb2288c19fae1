//! `_include` and `_revinclude`: the resources around the matches of a page, each once.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#revinclude>. Included resources never count as matches.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Failure, FailureKind, Gateway};
use crate::model::codec::read_json;
use crate::model::outcome::IssueType;
use crate::model::reference::{self, Key};
use crate::model::resource::Resource;
use crate::model::schema::Schema;
use crate::search::catalog::Catalog;
use crate::search::extract;
use crate::search::key;
use crate::search::plan::{Filter, Plan};
use crate::search::resolve::{Inclusion, Search};
use crate::store::port::Version;

/// More included resources than this are refused: the client should ask for smaller pages.
const MOST: usize = 10_000;

impl Gateway {
    /// What belongs around some resources; those in `seen` are there already.
    pub(super) async fn included(
        &self,
        search: &Search,
        mut around: Vec<Arc<Version>>,
        mut seen: HashSet<Key>,
        catalog: &Catalog,
    ) -> Result<Vec<Arc<Version>>, Failure> {
        let mut found: Vec<Arc<Version>> = Vec::new();
        let (mut includes, mut revincludes): (Vec<_>, Vec<_>) = (search.includes.iter().collect(), search.revincludes.iter().collect());
        while !around.is_empty() {
            if includes.is_empty() && revincludes.is_empty() {
                break;
            }
            let new = found.len();
            self.forth(&includes, &around, catalog, &mut seen, &mut found).await?;
            self.back(&revincludes, &around, &mut seen, &mut found).await?;
            // What was found leads on only by those that say so.
            includes.retain(|inclusion| inclusion.iterate);
            revincludes.retain(|inclusion| inclusion.iterate);
            around = found.get(new..).unwrap_or(&[]).to_vec();
        }
        Ok(found)
    }

    /// Resources to which some others refer.
    async fn forth(
        &self,
        inclusions: &[&Inclusion],
        around: &[Arc<Version>],
        catalog: &Catalog,
        seen: &mut HashSet<Key>,
        found: &mut Vec<Arc<Version>>,
    ) -> Result<(), Failure> {
        if inclusions.is_empty() {
            return Ok(());
        }
        for version in around {
            // Most of a page leads to the same few resources: reading those texts again would tell nothing new.
            if !version.body.as_ref().is_some_and(|body| leads_beyond(body, seen, self.schema(), &self.base)) {
                continue;
            }
            for key in self.targets(version, inclusions, catalog) {
                if seen.insert(key.clone())
                    && let Some(version) = self.store.read(&key).await?.filter(|version| version.body.is_some())
                {
                    found.push(version);
                }
            }
            enough(found.len())?;
        }
        Ok(())
    }

    /// Where the references of a resource lead, in the order in which they stand.
    fn targets(&self, version: &Version, inclusions: &[&Inclusion], catalog: &Catalog) -> Vec<Key> {
        let wanted: Vec<_> = inclusions.iter().filter(|inclusion| inclusion.source == version.key.kind).collect();
        let Some(resource) = self.parsed(version).filter(|_| !wanted.is_empty()) else { return Vec::new() };
        let schema = self.schema();
        let mut keys = Vec::new();
        for inclusion in wanted {
            for target in extract::targets(&resource, catalog, &inclusion.parameter.code, &self.base) {
                let Some((key, _)) = reference::local(&target, schema) else { continue };
                if inclusion.target.is_none_or(|wanted| wanted == key.kind) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// Resources that refer to some others: one search for each type that may.
    async fn back(
        &self,
        inclusions: &[&Inclusion],
        around: &[Arc<Version>],
        seen: &mut HashSet<Key>,
        found: &mut Vec<Arc<Version>>,
    ) -> Result<(), Failure> {
        for of_source in inclusions.chunk_by(|a, b| a.source == b.source) {
            let Some(source) = of_source.first().map(|inclusion| inclusion.source) else { continue };
            let to = |inclusion: &Inclusion, version: &Version| {
                inclusion.target.is_none_or(|target| target == version.key.kind)
                    && (inclusion.parameter.targets.is_empty() || inclusion.parameter.targets.contains(&version.key.kind))
            };
            let posts = of_source.iter().flat_map(|inclusion| {
                let targets = around.iter().filter(|version| to(inclusion, version));
                targets.map(|version| Filter::Post(key::reference(inclusion.parameter.number, &version.key.to_string())))
            });
            let filter = Filter::Any(posts.collect());
            if filter == Filter::Any(Vec::new()) {
                continue;
            }
            let of = vec![self.catalog().of(source).searched()];
            let mut plan = Plan { of, filter, sort: Vec::new(), after: None, limit: 1000, total: false };
            loop {
                let next = self.store.search(&plan).await?;
                plan.after = next.hits.last().map(|hit| hit.place.clone());
                found.extend(next.hits.into_iter().map(|hit| hit.version).filter(|version| seen.insert(version.key.clone())));
                enough(found.len())?;
                if !next.more {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A stored resource read again.
    pub(super) fn parsed(&self, version: &Version) -> Option<Resource> {
        read_json(version.body.as_ref()?, self.schema(), &self.limits).ok()
    }
}

/// Whether a text may refer to a resource of this server that is not among those seen. Says so too often rather than too seldom.
fn leads_beyond(text: &[u8], seen: &HashSet<Key>, schema: &Schema, base: &str) -> bool {
    strings(text).any(|(string, is_escaped)| {
        // No reference has spaces or tags, as narratives do.
        if is_escaped {
            return !string.iter().any(|byte| matches!(byte, b' ' | b'<'));
        }
        if !string.contains(&b'/') {
            return false;
        }
        let Ok(string) = std::str::from_utf8(string) else { return true };
        let relative = string.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(string);
        // A canonical reference may name a version.
        let bare = relative.split_once('|').map_or(relative, |(bare, _)| bare);
        reference::local(bare, schema).is_some_and(|(key, _)| !seen.contains(&key))
    })
}

/// What stands between quotes in a JSON text, and whether there are escapes in it.
fn strings(text: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.iter().position(|byte| *byte == b'"')? + 1;
        rest = rest.get(begin..)?;
        let (mut end, mut is_escaped) = (0, false);
        loop {
            end += rest.get(end..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            if rest.get(end) == Some(&b'"') {
                break;
            }
            // Whatever is escaped takes a byte at least.
            (end, is_escaped) = (end + 2, true);
        }
        let (string, others) = rest.split_at_checked(end)?;
        rest = others.get(1..)?;
        Some((string, is_escaped))
    })
}

fn enough(count: usize) -> Result<(), Failure> {
    if count <= MOST {
        return Ok(());
    }
    let told = format!("More than {MOST} resources would be included: ask for smaller pages with _count.");
    Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "_include", told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::primitive::Id;

    #[test]
    fn a_text_is_read_only_if_it_may_lead_on() {
        let schema = &crate::definitions::Definitions::embedded().schema;
        let key = |id: &str| Key { kind: schema.resource_type("Patient").unwrap(), id: Id::new(id).unwrap() };
        let seen = HashSet::from([key("a")]);
        for (text, expected) in [
            (r#"{"subject":{"reference":"Patient/a"},"code":{"coding":[{"system":"http://loinc.org"}]}}"#, false),
            (r#"{"subject":{"reference":"http://base/fhir/Patient/a/_history/2"}}"#, false),
            (r#"{"text":{"div":"<div class=\"x\">Patient/b</div>"},"subject":{"reference":"Patient/a"}}"#, false),
            (r#"{"subject":{"display":"ends with a backslash \\"},"focus":[{"reference":"Patient/a"}]}"#, false),
            (r#"{"subject":{"reference":"http://other/fhir/Patient/b"}}"#, false),
            (r#"{"subject":{"reference":"Patient/b"}}"#, true),
            (r#"{"performer":[{"reference":"Patient/a"},{"reference":"Patient/b/_history/1"}]}"#, true),
            (r#"{"subject":{"display":"ends with a backslash \\"},"focus":[{"reference":"Patient/b"}]}"#, true),
            (r#"{"subject":{"reference":"http://base/fhir/Patient/b"}}"#, true),
            (r#"{"library":["Library/b|2"]}"#, true),
            (r#"{"subject":{"reference":"Patient\/b"}}"#, true),
        ] {
            assert_eq!(leads_beyond(text.as_bytes(), &seen, schema, "http://base/fhir"), expected, "{text}");
        }
    }
}
