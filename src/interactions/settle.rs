//! What each entry of a transaction will do, decided before anything is written.
//!
//! Entries are settled in the order in which they take effect: deletions, creates, updates and patches, reads; references by a
//! search last. A condition therefore does not see what the same transaction deletes, and a reference by a search does see
//! what it writes. Two entries that write the same resource fail. Source: <https://hl7.org/fhir/R4/http.html#trules>.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::condition::{OnlyMatch, several};
use super::reference::{Condition, Identities, conditions, replace, versioned};
use super::request::{Create, Interaction, Target};
use super::transaction::Step;
use super::{Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::model::resource::Resource;
use crate::search::catalog::Catalog;
use crate::search::extract;
use crate::store::evaluate::{Candidate, Nowhere, is_alone};
use crate::store::port::{Expect, Match, Method, Version, Write};

/// What a transaction will do.
#[derive(Default)]
pub(super) struct Decision {
    pub(super) writes: Vec<Write>,
    pub(super) matches: Vec<Match>,
    /// One per entry.
    pub(super) fates: Vec<Fate>,
    /// Entries that may be decided anew when the version they were decided on is gone.
    pub(super) renewable: HashSet<usize>,
}

/// What becomes of an entry.
pub(super) enum Fate {
    /// It is the write with this number.
    Write(usize),
    /// It is these deletions.
    Delete(Range<usize>),
    /// Its condition found this resource: nothing is written.
    Existing(Arc<Version>),
    /// It only reads, after the writes.
    Read,
}

/// The part that an entry has in the transaction.
enum Part {
    Put { key: Key, method: Method, expect: Expect, patched: Option<Resource> },
    Delete(Vec<(Key, Expect)>),
    Existing(Arc<Version>),
    Read,
}

impl Part {
    /// The identity that other entries may refer to.
    fn key(&self) -> Option<&Key> {
        match self {
            Self::Put { key, .. } => Some(key),
            Self::Existing(version) => Some(&version.key),
            Self::Delete(_) | Self::Read => None,
        }
    }

    /// What is written.
    fn written(&self) -> impl Iterator<Item = &Key> {
        let (put, deleted) = match self {
            Self::Put { key, .. } => (Some(key), &[][..]),
            Self::Delete(keys) => (None, keys.as_slice()),
            Self::Existing(_) | Self::Read => (None, &[][..]),
        };
        put.into_iter().chain(deleted.iter().map(|(key, _)| key))
    }

    /// The content that an entry writes.
    fn content<'s>(&'s self, step: &'s Step) -> Option<&'s Resource> {
        match (self, &step.interaction) {
            (Self::Put { patched: Some(patched), .. }, _) => Some(patched),
            (Self::Put { .. }, Interaction::Create(create)) => Some(&create.resource),
            (Self::Put { .. }, Interaction::Update(update)) => Some(&update.resource),
            _ => None,
        }
    }
}

/// What was settled so far.
#[derive(Default)]
struct Settled {
    matches: Vec<Match>,
    renewable: HashSet<usize>,
    gone: HashSet<Key>,
    /// Conditions under which an entry creates.
    creating: HashSet<Condition>,
}

/// The order in which entries take effect.
fn order(interaction: &Interaction) -> u8 {
    match interaction {
        Interaction::Delete(_) => 0,
        Interaction::Create(_) => 1,
        Interaction::Update(_) | Interaction::Patch(_) => 2,
        _ => 3,
    }
}

fn place(i: usize) -> String {
    format!("Bundle.entry[{i}]")
}

impl Gateway {
    /// Settles identities, replaces references, and lays out the writes.
    pub(super) async fn decide(&self, steps: &[Step], catalog: &Catalog) -> Result<Decision, Failure> {
        let mut settled = Settled::default();
        let mut parts: Vec<(usize, Part)> = Vec::with_capacity(steps.len());
        let mut in_order: Vec<(usize, &Step)> = steps.iter().enumerate().collect();
        in_order.sort_by_key(|(_, step)| order(&step.interaction));
        for (i, step) in in_order {
            let part = self.part(i, &step.interaction, &mut settled).await.map_err(|failure| failure.inside(&place(i)))?;
            if let Part::Delete(keys) = &part {
                settled.gone.extend(keys.iter().map(|(key, _)| key.clone()));
            }
            parts.push((i, part));
        }
        parts.sort_by_key(|(i, _)| *i);
        let mut parts: Vec<Part> = parts.into_iter().map(|(_, part)| part).collect();
        unique(&parts)?;
        let mut identities = Identities { full_urls: full_urls(steps, &parts)?, ..Identities::default() };
        self.refer_by_search(steps, &parts, &mut identities, &mut settled).await?;
        self.refer_to_versions(steps, &mut parts, &mut identities, &mut settled).await?;
        self.rehearse(steps, &parts).await?;
        self.lay_out(steps, parts, &identities, settled, catalog)
    }

    async fn part(&self, i: usize, interaction: &Interaction, settled: &mut Settled) -> Result<Part, Failure> {
        match interaction {
            Interaction::Create(create) => self.creation(create, settled).await,
            Interaction::Update(update) => {
                let aimed = self.aim(update, &settled.gone).await?;
                if update.may_change() {
                    settled.renewable.insert(i);
                }
                if let (Target::Match(kind, condition), false) = (&update.target, aimed.found) {
                    once(settled, (*kind, condition.trim().to_owned()))?;
                }
                settled.matches.extend(aimed.expectation);
                Ok(Part::Put { key: aimed.key, method: Method::Update, expect: aimed.expect, patched: None })
            }
            Interaction::Patch(patch) => {
                let (patched, found) = self.patched(patch).await?;
                settled.matches.extend(found);
                settled.renewable.insert(i);
                let expect = Expect::Version(patched.version);
                Ok(Part::Put { key: patched.key, method: Method::Update, expect, patched: Some(patched.resource) })
            }
            Interaction::Delete(delete) => {
                let deletion = self.deletion(delete).await?;
                if delete.may_change() {
                    settled.renewable.insert(i);
                }
                settled.matches.extend(deletion.expectation);
                Ok(Part::Delete(deletion.keys))
            }
            _ => Ok(Part::Read),
        }
    }

    /// A create makes a new resource, or finds by its condition that there is one.
    async fn creation(&self, create: &Create, settled: &mut Settled) -> Result<Part, Failure> {
        let kind = create.resource.kind();
        if let Some(condition) = &create.if_none_exist {
            let OnlyMatch { version, expectation } = self.only_match_but(kind, condition, "request.ifNoneExist", &settled.gone).await?;
            settled.matches.push(expectation);
            if let Some(version) = version {
                return Ok(Part::Existing(version));
            }
            once(settled, (kind, condition.trim().to_owned()))?;
        }
        let key = Key { kind, id: self.new_id() };
        Ok(Part::Put { key, method: Method::Create, expect: Expect::Absent, patched: None })
    }

    /// Finds what the references by a search mean, among what will be there after the transaction.
    async fn refer_by_search(
        &self,
        steps: &[Step],
        parts: &[Part],
        identities: &mut Identities,
        settled: &mut Settled,
    ) -> Result<(), Failure> {
        for (i, (step, part)) in steps.iter().zip(parts).enumerate() {
            let Some(resource) = part.content(step) else { continue };
            for condition in conditions(resource, &self.base) {
                if identities.conditions.contains_key(&condition) {
                    continue;
                }
                let key = self.referred(&condition, steps, parts, settled).await.map_err(|failure| failure.inside(&place(i)))?;
                identities.conditions.insert(condition, key.to_string());
            }
        }
        Ok(())
    }

    async fn referred(&self, condition: &Condition, steps: &[Step], parts: &[Part], settled: &mut Settled) -> Result<Key, Failure> {
        let (kind, query) = (condition.0, &condition.1);
        let understood = self.condition(kind, query, "reference").await?;
        // What the transaction writes is judged by its new content.
        let rewritten: HashSet<&Key> = parts.iter().flat_map(Part::written).filter(|key| key.kind == kind).collect();
        if !rewritten.is_empty() && !is_alone(&understood.plan.filter) {
            let told = format!(
                "{kind}?{query} looks at more than the {kind} itself, while this transaction writes one: refer by a parameter of its own, such as identifier."
            );
            return Err(Failure::invalid("reference", told));
        }
        let found = self.matching(understood, rewritten.len() + 2).await?;
        let mut keys: Vec<Key> = found.versions.iter().map(|version| version.key.clone()).filter(|key| !rewritten.contains(key)).collect();
        for (step, part) in steps.iter().zip(parts) {
            if let (Part::Put { key, .. }, Some(resource)) = (part, part.content(step))
                && key.kind == kind
            {
                let rows = extract::rows(resource, &self.catalog(), &self.base);
                let candidate = Candidate { row: 0, id: key.id.as_str(), rows: &rows, updated: self.clock.now() };
                if candidate.holds(&found.expectation.plan.filter, &Nowhere)? {
                    keys.push(key.clone());
                }
            }
        }
        if keys.len() > 1 {
            return Err(several(kind, query, "reference"));
        }
        settled.matches.push(found.expectation);
        keys.pop().ok_or_else(|| {
            let told = format!("The conditional reference {kind}?{query} finds nothing.");
            Failure::new(FailureKind::Precondition, IssueType::NotFound, "", told)
        })
    }

    /// Settles which versions will be written of those resources to whose versions others refer.
    async fn refer_to_versions(
        &self,
        steps: &[Step],
        parts: &mut [Part],
        identities: &mut Identities,
        settled: &mut Settled,
    ) -> Result<(), Failure> {
        let mut wanted: HashSet<String> = HashSet::new();
        for (step, part) in steps.iter().zip(&*parts) {
            if let Some(resource) = part.content(step) {
                wanted.extend(versioned(resource, step.full_url.as_deref(), identities));
            }
        }
        for (i, (step, part)) in steps.iter().zip(parts).enumerate() {
            let Some(key) = part.key().filter(|key| wanted.contains(&key.to_string())).cloned() else { continue };
            let same = |current: &Version| {
                let stored = current.body.as_ref();
                part.content(step).is_some_and(|resource| stored.is_some_and(|stored| resource.body(&key.id).same_content(stored)))
            };
            let version = match &*part {
                Part::Existing(version) => version.version,
                Part::Put { expect: Expect::Absent, .. } => 1,
                _ => match self.store.read(&key).await? {
                    None => 1,
                    Some(current) if same(&current) => current.version,
                    Some(current) => current.version + 1,
                },
            };
            // The number holds only if nobody writes in between.
            if let Part::Put { expect: expect @ Expect::Anything, .. } = part {
                *expect = if version == 1 { Expect::Absent } else { self.pin(&key).await? };
                settled.renewable.insert(i);
            }
            identities.versions.insert(key.to_string(), version);
        }
        Ok(())
    }

    async fn pin(&self, key: &Key) -> Result<Expect, Failure> {
        Ok(self.store.read(key).await?.map_or(Expect::Absent, |current| Expect::Version(current.version)))
    }

    /// Runs the reads before anything is written: one that cannot succeed fails the transaction while nothing has happened.
    async fn rehearse(&self, steps: &[Step], parts: &[Part]) -> Result<(), Failure> {
        let written = |key: &Key| parts.iter().flat_map(Part::written).any(|other| other == key);
        for (i, (step, _)) in steps.iter().zip(parts).enumerate().filter(|(_, (_, part))| matches!(part, Part::Read)) {
            let asked = if let Interaction::Head(inner) = &step.interaction { inner } else { &step.interaction };
            if !matches!(asked, Interaction::Read(read) if written(&read.key)) {
                Box::pin(self.execute(step.interaction.clone())).await.map_err(|failure| failure.inside(&place(i)))?;
            }
        }
        Ok(())
    }

    fn lay_out(
        &self,
        steps: &[Step],
        parts: Vec<Part>,
        identities: &Identities,
        settled: Settled,
        catalog: &Catalog,
    ) -> Result<Decision, Failure> {
        let mut decision = Decision { matches: settled.matches, renewable: settled.renewable, ..Decision::default() };
        let mut fates: Vec<(usize, Fate)> = Vec::with_capacity(steps.len());
        let mut sorted: Vec<(usize, (&Step, Part))> = steps.iter().zip(parts).enumerate().collect();
        sorted.sort_by_key(|(_, (step, _))| order(&step.interaction));
        for (i, (step, part)) in sorted {
            let number = decision.writes.len();
            let content = part.content(step).map(|resource| {
                replace(resource.clone(), step.full_url.as_deref(), identities, &self.base, &self.limits)
                    .map_err(|failure| failure.inside(&place(i)))
            });
            let fate = match (part, content.transpose()?) {
                (Part::Put { key, method, expect, .. }, Some(resource)) => {
                    let body = resource.body(&key.id);
                    let rows = Box::new(extract::rows(&resource, catalog, &self.base));
                    decision.writes.push(Write::Put { key, method, body, rows, expect });
                    Fate::Write(number)
                }
                (Part::Delete(keys), _) => {
                    decision.writes.extend(keys.into_iter().map(|(key, expect)| Write::Delete { key, expect }));
                    Fate::Delete(number..decision.writes.len())
                }
                (Part::Existing(version), _) => Fate::Existing(version),
                (Part::Read | Part::Put { .. }, _) => Fate::Read,
            };
            fates.push((i, fate));
        }
        fates.sort_by_key(|(i, _)| *i);
        decision.fates = fates.into_iter().map(|(_, fate)| fate).collect();
        Ok(decision)
    }
}

/// Two entries with the same condition would both create.
fn once(settled: &mut Settled, condition: Condition) -> Result<(), Failure> {
    if settled.creating.contains(&condition) {
        let told = format!("Another entry creates under the same condition {}?{} too: keep one of them.", condition.0, condition.1);
        return Err(Failure::new(FailureKind::Invalid, IssueType::Duplicate, "", told));
    }
    settled.creating.insert(condition);
    Ok(())
}

/// Refuses two entries that write the same resource.
fn unique(parts: &[Part]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for (i, part) in parts.iter().enumerate() {
        for key in part.written() {
            if !seen.insert(key) {
                let told = format!("{key} is written by another entry too: a transaction may write a resource once.");
                return Err(Failure::new(FailureKind::Invalid, IssueType::Duplicate, place(i), told));
            }
        }
    }
    Ok(())
}

/// What the fullUrls of the entries turned out to be.
fn full_urls(steps: &[Step], parts: &[Part]) -> Result<HashMap<String, String>, Failure> {
    let mut found = HashMap::new();
    for (i, (step, part)) in steps.iter().zip(parts).enumerate() {
        if let (Some(url), Some(key)) = (&step.full_url, part.key())
            && found.insert(url.clone(), key.to_string()).is_some()
        {
            let told = format!("\"{url}\" is the fullUrl of another entry too.");
            return Err(Failure::new(FailureKind::Invalid, IssueType::Duplicate, format!("{}.fullUrl", place(i)), told));
        }
    }
    Ok(found)
}
