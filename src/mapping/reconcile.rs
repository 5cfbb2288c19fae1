//! Fits a conversion to what a store holds already: the same file again changes nothing, a corrected one amends the report.
//!
//! A finding that was reported and is no longer in the file is told as entered in error, never dropped. What a tumour
//! board has added to the report since (conclusion, implications, its status) is kept.
//! Source: <https://hl7.org/fhir/R4/diagnosticreport.html#status>, <https://hl7.org/fhir/R4/observation.html#status>.

use std::collections::{BTreeSet, HashMap};

use super::bundle::{Bundle, Entry, Request, TAG};
use crate::model::draft::Draft;
use crate::model::json::{self, Json, Member, Value};

/// What importing the Bundle does to the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// There was no report.
    New,
    /// All that was reported stays as it is.
    Unchanged,
    /// Something that was reported changes.
    Amended,
}

/// The Bundle to submit, and what it does.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The Bundle to submit.
    pub bundle: Bundle,
    /// What it does to the report.
    pub effect: Effect,
    /// Observations that it withdraws, as `Observation/id`.
    pub withdrawn: Vec<String>,
}

/// Extensions of the report whose references this mapping writes anew each time.
const OWN_REFERENCES: [&str; 2] = [
    "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/genomic-study-reference",
    "http://hl7.org/fhir/StructureDefinition/workflow-supportingInfo",
];

/// Fits a Bundle to what is stored.
///
/// `patient` is what the Bundle's Patient resolves to, as `Patient/id`, if it is stored already. `stored` gives the JSON
/// text of a resource by type and id.
#[must_use]
pub fn reconcile(bundle: &Bundle, patient: Option<&str>, stored: &dyn Fn(&str, &str) -> Option<String>) -> Reconciled {
    let mut names = HashMap::new();
    for entry in &bundle.entries {
        match (&entry.request, patient) {
            (Request::Put, _) => names.insert(entry.full_url(), format!("{}/{}", entry.kind, entry.id)),
            (Request::Create { .. }, Some(patient)) => names.insert(entry.full_url(), patient.to_owned()),
            (Request::Create { .. }, None) => None,
        };
    }
    let work = Work { names, stored };
    let mut changed = false;
    let mut out = Vec::with_capacity(bundle.entries.len());
    let mut reports = Vec::new();
    for entry in &bundle.entries {
        if entry.kind == "DiagnosticReport" {
            reports.push(entry);
            continue;
        }
        let (entry, differs) = work.fit(entry);
        changed |= differs && matches!(entry.kind, "Observation" | "MolecularSequence");
        out.push(entry);
    }
    let mut effect = Effect::New;
    let mut withdrawn = Vec::new();
    for report in reports {
        let Some(previous) = work.get("DiagnosticReport", &report.id) else {
            out.push(report.clone());
            continue;
        };
        for gone in work.withdraw(&previous, bundle) {
            withdrawn.push(format!("{}/{}", gone.kind, gone.id));
            out.push(gone);
        }
        let merged = work.merge(report, &previous);
        let same = merged.as_ref().is_some_and(|merged| work.same(merged, &previous));
        let amended = changed || !withdrawn.is_empty() || !same;
        effect = if amended { Effect::Amended } else { Effect::Unchanged };
        let resource = match merged {
            Some(mut merged) if amended => {
                merged.set("status", Json::string("amended"));
                Draft::Raw(merged.write().into())
            }
            _ => submitted(&previous),
        };
        out.push(Entry { resource, ..report.clone() });
    }
    Reconciled { bundle: Bundle { entries: out }, effect, withdrawn }
}

struct Work<'a> {
    /// What the Bundle's URLs stand for in the store.
    names: HashMap<String, String>,
    stored: &'a dyn Fn(&str, &str) -> Option<String>,
}

impl Work<'_> {
    fn get(&self, kind: &str, id: &str) -> Option<Json> {
        json::read(&(self.stored)(kind, id)?).ok()
    }

    /// The entry as it is to be submitted, and whether it changes or adds something.
    fn fit(&self, entry: &Entry) -> (Entry, bool) {
        let unfit = |differs| (entry.clone(), differs);
        if entry.request != Request::Put {
            return unfit(false);
        }
        let Some(previous) = self.get(entry.kind, &entry.id) else { return unfit(true) };
        let Ok(mut new) = json::read(&entry.resource.to_json()) else { return unfit(true) };
        let status = previous.member("status").and_then(Json::text).unwrap_or_default();
        if self.same(&new, &previous) && status != "entered-in-error" {
            return (Entry { resource: submitted(&previous), ..entry.clone() }, false);
        }
        if entry.kind == "Observation" && matches!(status, "final" | "amended" | "corrected") {
            new.set("status", Json::string("amended"));
            return (Entry { resource: Draft::Raw(new.write().into()), ..entry.clone() }, true);
        }
        unfit(true)
    }

    /// Observations of this mapping that the stored report tells and the Bundle does not, as entered in error.
    fn withdraw(&self, report: &Json, bundle: &Bundle) -> Vec<Entry> {
        let kept: BTreeSet<&str> = bundle.entries.iter().map(|entry| entry.id.as_str()).collect();
        let mut gone = Vec::new();
        for id in references(report.member("result")).filter_map(|url| local(&url, "Observation")) {
            let Some(mut stored) = self.get("Observation", &id).filter(is_own) else { continue };
            if kept.contains(id.as_str()) || stored.member("status").and_then(Json::text) == Some("entered-in-error") {
                continue;
            }
            stored.set("status", Json::string("entered-in-error"));
            gone.push(Entry { kind: "Observation", resource: submitted(&stored), id, request: Request::Put });
        }
        gone
    }

    /// The new report with what others have added to the stored one.
    fn merge(&self, entry: &Entry, previous: &Json) -> Option<Json> {
        let mut new = json::read(&entry.resource.to_json()).ok()?;
        let foreign = |item: &&Json| {
            let url = item
                .member("reference")
                .or_else(|| item.member("valueReference").and_then(|value| value.member("reference")))
                .and_then(Json::text);
            url.and_then(|url| local(url, "Observation"))
                .is_some_and(|id| self.get("Observation", &id).is_some_and(|stored| !is_own(&stored)))
        };
        let stored = |name: &str| previous.member(name).map(Json::items).unwrap_or_default();
        let own = |item: &Json| item.member("url").and_then(Json::text).is_some_and(|url| OWN_REFERENCES.contains(&url));
        let known: BTreeSet<String> =
            new.member("extension").map(Json::items).unwrap_or_default().iter().map(|item| self.canonical(item)).collect();
        let results: Vec<Json> = stored("result").iter().filter(foreign).cloned().collect();
        let extensions =
            stored("extension").iter().filter(|item| if own(item) { foreign(item) } else { !known.contains(&self.canonical(item)) });
        for (name, added) in [("result", results), ("extension", extensions.cloned().collect())] {
            let mut items = new.member(name).map(|value| value.items().to_vec()).unwrap_or_default();
            items.extend(added);
            if !items.is_empty() {
                new.set(name, Json { at: 0, value: Value::Array(items) });
            }
        }
        for member in previous.members() {
            if new.member(&member.name).is_none() {
                new.set(&member.name, member.value.clone());
            }
        }
        Some(new)
    }

    /// Whether two resources say the same, status and the store's own marks aside.
    fn same(&self, a: &Json, b: &Json) -> bool {
        let plain = |json: &Json| {
            let mut json = json.clone();
            json.remove("status");
            clean(&mut json);
            self.canonical(&json)
        };
        plain(a) == plain(b)
    }

    /// The text of a value with members in order of name and references as the store has them.
    fn canonical(&self, json: &Json) -> String {
        self.sorted(json).write()
    }

    fn sorted(&self, json: &Json) -> Json {
        let value = match &json.value {
            Value::Object(members) => {
                let mut members: Vec<Member> = members
                    .iter()
                    .map(|member| {
                        let value = match (member.name.as_str(), member.value.text()) {
                            ("reference", Some(url)) => Json::string(&self.resolved(url)),
                            _ => self.sorted(&member.value),
                        };
                        Member { name: member.name.clone(), at: 0, value }
                    })
                    .collect();
                members.sort_by(|a, b| a.name.cmp(&b.name));
                Value::Object(members)
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.sorted(item)).collect()),
            other => other.clone(),
        };
        Json { at: 0, value }
    }

    fn resolved(&self, url: &str) -> String {
        let url = self.names.get(url).map_or(url, String::as_str);
        url.split("/_history/").next().unwrap_or(url).to_owned()
    }
}

/// Takes away what the store itself writes into `meta`.
fn clean(resource: &mut Json) {
    let Some(mut meta) = resource.member("meta").cloned() else { return };
    meta.remove("versionId");
    meta.remove("lastUpdated");
    if meta.members().is_empty() {
        resource.remove("meta");
    } else {
        resource.set("meta", meta);
    }
}

/// A stored resource as an entry's resource.
fn submitted(stored: &Json) -> Draft {
    let mut stored = stored.clone();
    clean(&mut stored);
    Draft::Raw(stored.write().into())
}

/// Whether this mapping made a resource.
fn is_own(resource: &Json) -> bool {
    let tags = resource.member("meta").and_then(|meta| meta.member("tag")).map(Json::items).unwrap_or_default();
    tags.iter().any(|tag| {
        tag.member("code").and_then(Json::text) == Some(TAG)
            && tag.member("system").and_then(Json::text).is_some_and(|system| system.starts_with("https://norn.health/"))
    })
}

/// The URLs of an array of references.
fn references(array: Option<&Json>) -> impl Iterator<Item = String> {
    array.map(Json::items).unwrap_or_default().iter().filter_map(|item| item.member("reference")?.text().map(str::to_owned))
}

/// The id of a reference to a resource of that type in the same store.
fn local(url: &str, kind: &str) -> Option<String> {
    let id = url.strip_prefix(kind)?.strip_prefix('/')?;
    Some(id.split('/').next().unwrap_or(id).to_owned())
}

#[cfg(test)]
mod tests;
