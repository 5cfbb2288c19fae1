//! batch and transaction. Source: <https://hl7.org/fhir/R4/http.html#transaction>.
//!
//! A transaction is decided first and written after: conditions are searched, identities settled, references replaced, and
//! then everything goes to the store as one commit that holds only if what was searched is still so. If not, it is decided
//! anew. Entries are processed in the order delete, create, update, read, whatever their order in the Bundle.

use super::bundle::Entry;
use super::create::lost;
use super::delete::deleted;
use super::request::{Interaction, Transaction};
use super::settle::{Decision, Fate};
use super::{ATTEMPTS, Answer, Failure, Gateway};
use crate::store::port::{Commit, StoreError, Unmet, Written};

/// An entry with its meaning.
pub(super) struct Step {
    pub(super) full_url: Option<String>,
    pub(super) interaction: Interaction,
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
            if matches!(&interaction, Interaction::Operation(of) if of.operation.writes()) {
                let told = "An operation that writes is not possible inside a transaction: send it alone, or in a batch.";
                return Err(Failure::invalid(format!("Bundle.entry[{i}]"), told));
            }
            steps.push(Step { full_url: entry.full_url, interaction });
        }
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let Decision { writes, matches, fates, renewable } = self.decide(&steps, &catalog).await?;
            let entry_of = |write: usize| {
                let own = |fate: &Fate| match fate {
                    Fate::Write(number) => *number == write,
                    Fate::Delete(range) => range.contains(&write),
                    Fate::Existing(_) | Fate::Read => false,
                };
                fates.iter().position(own).unwrap_or(0)
            };
            let commit = Commit { writes, matches, idempotency: transaction.idempotency.clone(), ..Commit::default() };
            let inside = |(write, failure): (usize, Failure)| failure.inside(&format!("Bundle.entry[{}]", entry_of(write)));
            match self.commit(&catalog, commit).await.map_err(inside)? {
                Ok(written) => return self.answers(&steps, &fates, &written).await,
                Err(StoreError::Unmet(Unmet::Match(_) | Unmet::Catalog)) => {}
                Err(StoreError::Unmet(Unmet::Version { write, .. })) => {
                    let entry = entry_of(write);
                    // What was worked out on a version that is gone is worked out anew, and then perhaps refused.
                    if !renewable.contains(&entry) {
                        let unmet = StoreError::Unmet(Unmet::Version { write, current: None });
                        return Err(Failure::from(unmet).inside(&format!("Bundle.entry[{entry}]")));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// The answers in the order of the entries; reads see what was just written.
    async fn answers(&self, steps: &[Step], fates: &[Fate], written: &[Written]) -> Result<Answer, Failure> {
        let mut answers = Vec::with_capacity(steps.len());
        for (i, (step, fate)) in steps.iter().zip(fates).enumerate() {
            answers.push(match fate {
                Fate::Existing(version) => Ok(Answer::Written { version: version.clone(), created: false }),
                Fate::Write(number) => {
                    let written = written.get(*number).ok_or_else(lost)?;
                    let version = written.version.clone().ok_or_else(lost)?;
                    Ok(Answer::Written { version, created: written.created })
                }
                Fate::Delete(range) => Ok(deleted(written.get(range.clone()).ok_or_else(lost)?)),
                Fate::Read => {
                    Box::pin(self.execute(step.interaction.clone())).await.map_err(|failure| failure.inside(&format!("Bundle.entry[{i}]")))
                }
            });
        }
        Ok(Answer::Transaction(answers))
    }
}
