//! `$meta`, `$meta-add` and `$meta-delete`: profiles, tags and security labels.
//!
//! They are sets: profiles are the same if their URLs are, tags and labels if system and code are.
//! Source: <https://hl7.org/fhir/R4/resource-operation-meta.html> and its neighbours.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{Level, Operation, OperationOf};
use crate::interactions::create::{alone, lost};
use crate::interactions::read::{alive, not_found};
use crate::interactions::request::{Handling, no_version};
use crate::interactions::{ATTEMPTS, Failure, FailureKind, Gateway, refused};
use crate::model::codec::read_json;
use crate::model::draft::write_string;
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::model::tree::{Node, Shape};
use crate::search::extract;
use crate::search::plan::{Filter, Plan};
use crate::store::port::{Commit, Expect, Method, StoreError, Unmet, Version, Write};

/// The labels of a type or of the server are gathered from at most so many resources.
const MOST: usize = 10_000;

/// The labels of some `meta` elements, each once, as JSON text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Labels {
    profiles: Vec<String>,
    tags: Vec<Label>,
    security: Vec<Label>,
}

/// A Coding: its identity, and its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Label {
    identity: (String, String),
    json: String,
}

impl Labels {
    fn of(meta: Node<'_>) -> Self {
        let mut labels = Self::default();
        labels.add(meta);
        labels
    }

    /// Adds those that are not there yet.
    fn add(&mut self, meta: Node<'_>) {
        for profile in meta.all("profile").filter(|profile| profile.is_primitive()) {
            let url = profile.text().into_owned();
            if !url.is_empty() && !self.profiles.contains(&url) {
                self.profiles.push(url);
            }
        }
        for (name, list) in [("tag", &mut self.tags), ("security", &mut self.security)] {
            for coding in meta.all(name) {
                let text = |name: &str| coding.get_text(name).unwrap_or_default().into_owned();
                let label = Label { identity: (text("system"), text("code")), json: coding.json().to_owned() };
                if !list.iter().any(|other| other.identity == label.identity) {
                    list.push(label);
                }
            }
        }
    }

    /// Takes those away that the other has too.
    fn remove(&mut self, other: &Self) {
        self.profiles.retain(|profile| !other.profiles.contains(profile));
        for (own, others) in [(&mut self.tags, &other.tags), (&mut self.security, &other.security)] {
            own.retain(|label| !others.iter().any(|other| other.identity == label.identity));
        }
    }

    /// The members `"profile":[…],"security":[…],"tag":[…]` that are not empty, each with a comma before it if `out` has members.
    fn write(&self, out: &mut String) {
        let mut list = |name: &str, items: Vec<&str>| {
            if !items.is_empty() {
                let comma = if out.ends_with('{') { "" } else { "," };
                let _ = write!(out, "{comma}\"{name}\":[{}]", items.join(","));
            }
        };
        let quoted: Vec<String> = self.profiles.iter().map(|profile| quote(profile)).collect();
        list("profile", quoted.iter().map(String::as_str).collect());
        list("security", self.security.iter().map(|label| label.json.as_str()).collect());
        list("tag", self.tags.iter().map(|label| label.json.as_str()).collect());
    }
}

fn quote(text: &str) -> String {
    let mut out = String::new();
    write_string(text, &mut out);
    out
}

/// The Parameters resource that returns a Meta.
fn parameters(meta: &str) -> Bytes {
    // An empty object would not be FHIR: nothing is returned when there is nothing.
    if meta == "{}" {
        return Bytes::from_static(b"{\"resourceType\":\"Parameters\"}");
    }
    format!("{{\"resourceType\":\"Parameters\",\"parameter\":[{{\"name\":\"return\",\"valueMeta\":{meta}}}]}}").into()
}

impl Gateway {
    pub(super) async fn meta(&self, of: &OperationOf) -> Result<Bytes, Failure> {
        let unknown = of.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "_format" | "_pretty"));
        let issues: Vec<_> = unknown.map(|(name, _)| Issue::error(IssueType::NotSupported, name, "$meta takes no parameters.")).collect();
        if !issues.is_empty() && of.handling == Handling::Strict {
            return Err(refused(FailureKind::Invalid, issues));
        }
        match &of.level {
            Level::Instance(key) => {
                let version = alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
                Ok(parameters(self.stored(&version)?.root().get("meta").map_or("{}", Node::json)))
            }
            Level::Version(key, number) => {
                let version = self.store.read_version(key, *number).await?.ok_or_else(|| no_version(key, number))?;
                let version = alive(version)?;
                Ok(parameters(self.stored(&version)?.root().get("meta").map_or("{}", Node::json)))
            }
            Level::Type(kind) => self.labels(&[*kind]).await,
            Level::System => self.labels(&self.schema().resource_types().collect::<Vec<_>>()).await,
        }
    }

    /// The labels in use by the resources of these types.
    async fn labels(&self, kinds: &[ResourceType]) -> Result<Bytes, Failure> {
        let (mut labels, mut seen) = (Labels::default(), 0);
        for kind in kinds {
            let filter = Filter::All(Vec::new());
            let mut plan =
                Plan { of: vec![self.catalog().of(*kind).searched()], filter, sort: Vec::new(), after: None, limit: 1000, total: false };
            loop {
                let page = self.store.search(&plan).await?;
                seen += page.hits.len();
                if seen > MOST {
                    let told =
                        format!("There are more than {MOST} resources to gather labels from: ask for a type, or for single resources.");
                    return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "", told));
                }
                for hit in &page.hits {
                    self.stored(&hit.version)?.root().get("meta").into_iter().for_each(|meta| labels.add(meta));
                }
                plan.after = page.hits.last().map(|hit| hit.place.clone());
                if !page.more {
                    break;
                }
            }
        }
        let mut meta = "{".to_owned();
        labels.write(&mut meta);
        meta.push('}');
        Ok(parameters(&meta))
    }

    /// Writes the resource with labels added or taken away: a new version, if that changes anything.
    pub(super) async fn change_meta(&self, of: &OperationOf) -> Result<Bytes, Failure> {
        let Level::Instance(key) = &of.level else { return Err(Failure::invalid("", "This operation changes one resource.")) };
        let given = of.body.as_ref().and_then(given).ok_or_else(|| {
            let told = format!("${} needs a Parameters resource with a parameter \"meta\" that has a valueMeta.", of.operation.name());
            Failure::new(FailureKind::Invalid, IssueType::Required, "Parameters.parameter", told)
        })?;
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let current = alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
            let resource = self.labelled(&current, |labels| match of.operation {
                Operation::MetaDelete => labels.remove(&Labels::of(given)),
                _ => labels.add(given),
            })?;
            let rows = Box::new(extract::rows(&resource, &catalog, &self.base));
            let (key, body) = (key.clone(), resource.body(&key.id));
            let write = Write::Put { key, method: Method::Update, body, rows, expect: Expect::Version(current.version) };
            match self.commit(&catalog, Commit { writes: vec![write], ..Commit::default() }).await.map_err(alone)? {
                Ok(written) => {
                    let version = written.into_iter().next().and_then(|written| written.version).ok_or_else(lost)?;
                    return Ok(parameters(self.stored(&version)?.root().get("meta").map_or("{}", Node::json)));
                }
                // Others wrote in between: the same change on what is there now.
                Err(StoreError::Unmet(Unmet::Version { .. } | Unmet::Catalog)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// The resource with other labels.
    fn labelled(&self, current: &Version, change: impl FnOnce(&mut Labels)) -> Result<Resource, Failure> {
        let stored = self.stored(current)?;
        let Some(meta) = stored.root().get("meta") else { return Err(lost()) };
        if meta.members().any(|member| member.is_shadow() && member.key() == "profile") {
            let told = "A profile in this resource has extensions, which the operation cannot keep in their place: use a patch.";
            return Err(Failure::new(
                FailureKind::Unprocessable,
                IssueType::NotSupported,
                format!("{}.meta.profile", current.key.kind),
                told,
            ));
        }
        let mut labels = Labels::of(meta);
        change(&mut labels);
        let mut json = "{".to_owned();
        for member in meta.members().filter(|member| !matches!(member.key(), "profile" | "tag" | "security")) {
            let comma = if json.ends_with('{') { "" } else { "," };
            let _ = write!(json, "{comma}\"{}\":{}", member.property(), member.json());
        }
        labels.write(&mut json);
        json.push('}');
        let (text, range) = (stored.text(), meta.range());
        let around = (text.get(..range.start).unwrap_or(&[]), text.get(range.end..).unwrap_or(&[]));
        let new = [around.0, json.as_bytes(), around.1].concat();
        read_json(&new, self.schema(), &self.limits).map_err(|issues| refused(FailureKind::Unprocessable, issues))
    }

    /// A stored version, parsed.
    pub(in crate::interactions) fn stored(&self, version: &Version) -> Result<Resource, Failure> {
        let read = read_json(version.body.as_deref().unwrap_or_default(), self.schema(), &self.limits);
        read.map_err(|issues| StoreError::Failed(format!("{} as stored cannot be read: {issues:?}", version.key)).into())
    }
}

/// The Meta that an operation was given.
fn given(body: &Resource) -> Option<Node<'_>> {
    let parameter = body.root().all("parameter").find(|parameter| parameter.get_text("name").as_deref() == Some("meta"))?;
    parameter.get("value").filter(|meta| meta.shape() == Shape::Object && meta.type_name() == "Meta")
}
