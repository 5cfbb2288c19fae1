//! batch and transaction. Source: <https://hl7.org/fhir/R4/http.html#transaction>.
//!
//! A transaction is decided first and written after: conditions are searched, identities settled, references replaced, and
//! then everything goes to the store as one commit that holds only if what was searched is still so. If not, it is decided
//! anew. Entries are processed in the order delete, create, update, read, whatever their order in the Bundle.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::bundle::Entry;
use super::create::lost;
use super::patch::Patched;
use super::reference::{Identities, conditions, replace};
use super::request::{Create, Interaction, Transaction};
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::search::extract;
use crate::store::port::{Commit, Expect, Match, Method, StoreError, Unmet, Version, Write};

/// An entry with its meaning.
struct Step {
    full_url: Option<String>,
    interaction: Interaction,
}

impl Gateway {
    /// Runs each entry by itself; one that fails does not hold up the others.
    pub(super) async fn batch(&self, entries: Vec<Entry>) -> Result<Answer, Failure> {
        let mut answers = Vec::with_capacity(entries.len());
        for (i, entry) in entries.into_iter().enumerate() {
            let interaction = entry.request.and_then(|request| self.interpret(request));
            let answer = match interaction {
                Ok(Interaction::Batch(_) | Interaction::Transaction(_)) => {
                    Err(Failure::invalid("request.url", "A batch inside a batch is not possible."))
                }
                Ok(interaction) => Box::pin(self.execute(interaction)).await,
                Err(failure) => Err(failure),
            };
            answers.push(answer.map_err(|failure| failure.inside(&format!("Bundle.entry[{i}]"))));
        }
        Ok(Answer::Batch(answers))
    }

    /// Runs all entries or none.
    pub(super) async fn transaction(&self, transaction: Transaction) -> Result<Answer, Failure> {
        let mut steps = Vec::with_capacity(transaction.entries.len());
        for (i, entry) in transaction.entries.into_iter().enumerate() {
            let interaction = entry
                .request
                .and_then(|request| self.interpret(request))
                .map_err(|failure| failure.inside(&format!("Bundle.entry[{i}]")))?;
            if matches!(interaction, Interaction::Batch(_) | Interaction::Transaction(_)) {
                return Err(Failure::invalid(format!("Bundle.entry[{i}]"), "A batch or transaction inside a transaction is not possible."));
            }
            steps.push(Step { full_url: entry.full_url, interaction });
        }
        for _ in 0..ATTEMPTS {
            let plan = self.decide(&steps).await?;
            let commit = Commit { writes: plan.writes, matches: plan.matches, idempotency: transaction.idempotency.clone() };
            match self.store.commit(commit).await {
                Ok(written) => return self.answers(&steps, &plan.fates, &written).await,
                Err(StoreError::Unmet(Unmet::Match(_))) => {}
                Err(StoreError::Unmet(Unmet::Version { write, .. })) => {
                    let entry = plan.fates.iter().position(|fate| matches!(fate, Fate::Write(number) if *number == write)).unwrap_or(0);
                    // A patch was worked out on a version that is gone: it is done anew, or refused by its If-Match.
                    if matches!(steps.get(entry).map(|step| &step.interaction), Some(Interaction::Patch(_))) {
                        continue;
                    }
                    return Err(
                        Failure::from(StoreError::Unmet(Unmet::Version { write, current: None })).inside(&format!("Bundle.entry[{entry}]"))
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// Settles identities, replaces references, and lays out the writes.
    async fn decide(&self, steps: &[Step]) -> Result<Decision, Failure> {
        let place = |i: usize| format!("Bundle.entry[{i}]");
        let mut decision = Decision::default();
        let mut identities = Identities::default();
        let mut keys: Vec<Option<Key>> = Vec::with_capacity(steps.len());
        let mut existing: HashMap<usize, Arc<Version>> = HashMap::new();
        for (i, step) in steps.iter().enumerate() {
            let key = match &step.interaction {
                Interaction::Create(create) => Some(
                    self.identity(create, i, &mut existing, &mut decision.matches).await.map_err(|failure| failure.inside(&place(i)))?,
                ),
                Interaction::Update(update) => Some(update.key.clone()),
                Interaction::Patch(patch) => {
                    let (patched, found) = self.patched(patch).await.map_err(|failure| failure.inside(&place(i)))?;
                    decision.matches.extend(found);
                    let key = patched.key.clone();
                    decision.patched.insert(i, patched);
                    Some(key)
                }
                Interaction::Delete(delete) => Some(delete.key.clone()),
                _ => None,
            };
            if let (Some(url), Some(key)) = (&step.full_url, &key)
                && !matches!(step.interaction, Interaction::Delete(_))
                && identities.full_urls.insert(url.clone(), key.to_string()).is_some()
            {
                return Err(Failure::new(
                    FailureKind::Invalid,
                    IssueType::Duplicate,
                    format!("{}.fullUrl", place(i)),
                    format!("\"{url}\" is the fullUrl of another entry too."),
                ));
            }
            keys.push(key);
        }
        unique(&keys, &existing)?;
        for (i, step) in steps.iter().enumerate() {
            let patched = decision.patched.get(&i).map(|patched| &patched.resource);
            let Some(resource) = patched.or_else(|| content(&step.interaction)) else { continue };
            for condition in conditions(resource, &self.base) {
                if identities.conditions.contains_key(&condition) {
                    continue;
                }
                let found = self.only_match(condition.0, &condition.1, "reference").await.map_err(|failure| failure.inside(&place(i)))?;
                let Some(version) = found.version else {
                    let told = format!("The conditional reference {}?{} finds nothing.", condition.0, condition.1);
                    return Err(Failure::new(FailureKind::Precondition, IssueType::NotFound, place(i), told));
                };
                decision.matches.push(found.expectation);
                identities.conditions.insert(condition, version.key.to_string());
            }
        }
        self.rehearse(steps, &keys).await?;
        self.lay_out(steps, keys, existing, &identities, &mut decision).await?;
        Ok(decision)
    }

    /// Runs the reads before anything is written: one that cannot succeed fails the transaction while nothing has happened.
    async fn rehearse(&self, steps: &[Step], keys: &[Option<Key>]) -> Result<(), Failure> {
        for (i, step) in steps.iter().enumerate().filter(|(i, _)| keys.get(*i).is_none_or(Option::is_none)) {
            let written = |key: &Key| keys.iter().flatten().any(|other| other == key);
            if !matches!(&step.interaction, Interaction::Read(read) if written(&read.key)) {
                Box::pin(self.execute(step.interaction.clone())).await.map_err(|failure| failure.inside(&format!("Bundle.entry[{i}]")))?;
            }
        }
        Ok(())
    }

    /// The identity that a create will have: that of the resource its condition finds, or a new one.
    async fn identity(
        &self,
        create: &Create,
        i: usize,
        existing: &mut HashMap<usize, Arc<Version>>,
        matches: &mut Vec<Match>,
    ) -> Result<Key, Failure> {
        if let Some(condition) = &create.if_none_exist {
            let found = self.only_match(create.resource.kind(), condition, "request.ifNoneExist").await?;
            matches.push(found.expectation);
            if let Some(version) = found.version {
                let key = version.key.clone();
                existing.insert(i, version);
                return Ok(key);
            }
        }
        Ok(Key { kind: create.resource.kind(), id: self.new_id() })
    }

    async fn lay_out(
        &self,
        steps: &[Step],
        keys: Vec<Option<Key>>,
        mut existing: HashMap<usize, Arc<Version>>,
        identities: &Identities,
        decision: &mut Decision,
    ) -> Result<(), Failure> {
        let mut writes: Vec<(u8, usize, Write)> = Vec::with_capacity(steps.len());
        for (i, (step, key)) in steps.iter().zip(keys).enumerate() {
            decision.fates.push(match existing.remove(&i) {
                Some(version) => Fate::Existing(version),
                None => Fate::Read,
            });
            let Some(key) = key.filter(|_| matches!(decision.fates.last(), Some(Fate::Read))) else { continue };
            let place = |failure: Failure| failure.inside(&format!("Bundle.entry[{i}]"));
            let (order, write) = match &step.interaction {
                Interaction::Create(create) => {
                    (1, self.put(&create.resource, step, key, Method::Create, Expect::Absent, identities).map_err(place)?)
                }
                Interaction::Update(update) => {
                    let expect = if update.only_new {
                        Expect::Current(None)
                    } else {
                        self.expected(&update.key, update.if_match.as_ref()).await.map_err(place)?
                    };
                    (2, self.put(&update.resource, step, key, Method::Update, expect, identities).map_err(place)?)
                }
                Interaction::Patch(_) => {
                    let Some(patched) = decision.patched.remove(&i) else { continue };
                    let expect = Expect::Version(patched.version);
                    (2, self.put(&patched.resource, step, key, Method::Update, expect, identities).map_err(place)?)
                }
                Interaction::Delete(delete) => {
                    (0, Write::Delete { key, expect: self.expected(&delete.key, delete.if_match.as_ref()).await.map_err(place)? })
                }
                _ => continue,
            };
            writes.push((order, i, write));
        }
        writes.sort_by_key(|(order, i, _)| (*order, *i));
        for (number, (_, i, write)) in writes.into_iter().enumerate() {
            if let Some(fate) = decision.fates.get_mut(i) {
                *fate = Fate::Write(number);
            }
            decision.writes.push(write);
        }
        Ok(())
    }

    fn put(
        &self,
        resource: &crate::model::resource::Resource,
        step: &Step,
        key: Key,
        method: Method,
        expect: Expect,
        identities: &Identities,
    ) -> Result<Write, Failure> {
        let resource = replace(resource.clone(), step.full_url.as_deref(), identities, &self.base, &self.limits)?;
        let body = resource.body(&key.id);
        let rows = Box::new(extract::rows(&resource, &self.catalog, &self.base));
        Ok(Write::Put { key, method, body, rows, expect })
    }

    /// The answers in the order of the entries; reads see what was just written.
    async fn answers(&self, steps: &[Step], fates: &[Fate], written: &[crate::store::port::Written]) -> Result<Answer, Failure> {
        let mut answers = Vec::with_capacity(steps.len());
        for (i, (step, fate)) in steps.iter().zip(fates).enumerate() {
            answers.push(Ok(match fate {
                Fate::Existing(version) => Answer::Written { version: version.clone(), created: false },
                Fate::Write(number) => {
                    let written = written.get(*number).ok_or_else(lost)?;
                    match (&step.interaction, &written.version) {
                        (Interaction::Delete(_), version) => Answer::Deleted(version.clone()),
                        (_, Some(version)) => Answer::Written { version: version.clone(), created: written.created },
                        _ => return Err(lost()),
                    }
                }
                Fate::Read => {
                    answers.push(
                        Box::pin(self.execute(step.interaction.clone()))
                            .await
                            .map_err(|failure| failure.inside(&format!("Bundle.entry[{i}]"))),
                    );
                    continue;
                }
            }));
        }
        Ok(Answer::Transaction(answers))
    }
}

/// What a transaction will do.
#[derive(Default)]
struct Decision {
    writes: Vec<Write>,
    matches: Vec<Match>,
    /// What the patches among the entries have made.
    patched: HashMap<usize, Patched>,
    /// One per entry.
    fates: Vec<Fate>,
}

/// What becomes of an entry.
enum Fate {
    /// It is the write with this number.
    Write(usize),
    /// Its condition found this resource: nothing is written.
    Existing(Arc<Version>),
    /// It only reads, after the writes.
    Read,
}

fn content(interaction: &Interaction) -> Option<&crate::model::resource::Resource> {
    match interaction {
        Interaction::Create(create) => Some(&create.resource),
        Interaction::Update(update) => Some(&update.resource),
        _ => None,
    }
}

/// Refuses two entries that write the same resource.
fn unique(keys: &[Option<Key>], existing: &HashMap<usize, Arc<Version>>) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for (i, key) in keys.iter().enumerate() {
        if let Some(key) = key
            && !existing.contains_key(&i)
            && !seen.insert(key)
        {
            return Err(Failure::new(
                FailureKind::Invalid,
                IssueType::Duplicate,
                format!("Bundle.entry[{i}]"),
                format!("{key} is written by another entry too: a transaction may write a resource once."),
            ));
        }
    }
    Ok(())
}
