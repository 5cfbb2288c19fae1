//! What FHIR lets a client do: one closed set of interactions and one executor, whoever asks.
//!
//! An HTTP request and an entry of a batch become the same [`Interaction`] (by [`request`]); [`Gateway::execute`] runs it.
//! Source: <https://hl7.org/fhir/R4/http.html>.
//!
//! Invariant: no HTTP type, no status code (there is one table of them, in `http::respond`), no SQL.

pub mod bundle;
mod capability;
mod compartment;
mod condition;
mod contained;
mod create;
mod delete;
mod explain;
mod extraction;
pub mod failure;
mod history;
mod include;
pub mod operation;
mod parameter;
pub mod patch;
mod read;
mod reference;
mod reindex;
pub mod request;
pub mod route;
mod search;
mod settle;
mod subset;
mod terms;
mod transaction;
mod update;
mod validation;

use std::sync::Arc;

use bytes::Bytes;

pub use failure::{Failure, FailureKind};
pub use parameter::Catalogs;
pub use request::{Handling, Interaction, Request};
pub use validation::{Enforcement, Validation};

use crate::base::budget::Limits;
use crate::base::clock::Clock;
use crate::base::random::{Random, uuid_text};
use crate::model::outcome::Issue;
use crate::model::primitive::Id;
use crate::search::cursor::Signer;
use crate::search::resolve::PageSize;
use crate::store::port::{Store, Version};

/// How often a conditional interaction is decided anew when others write in between.
const ATTEMPTS: usize = 16;

/// Everything an interaction needs.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Where resources live.
    pub store: Arc<dyn Store>,
    /// The search parameters of all types.
    pub catalogs: Arc<Catalogs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for ids.
    pub random: Arc<dyn Random>,
    /// This server's base URL as clients see it, without a slash at its end.
    pub base: Arc<str>,
    /// Limits on input.
    pub limits: Limits,
    /// How large pages are.
    pub page_size: PageSize,
    /// Whether `_explain` tells how a search is run.
    pub explain: bool,
    /// Signs the places in next links.
    pub signer: Arc<Signer>,
    /// How writes are validated.
    pub validation: Arc<Validation>,
    /// Whether scripts of other origins are served, for the CapabilityStatement.
    pub cross_origin: bool,
}

/// What an interaction came to.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A resource as it is stored.
    Resource(Arc<Version>),
    /// A part of a resource (`_summary`, `_elements`).
    Subset(Arc<Version>, Bytes),
    /// The client has this version already.
    NotModified(Arc<Version>),
    /// A resource was written, or found to be so already.
    Written {
        /// The version that is current now.
        version: Arc<Version>,
        /// Whether it was not there before.
        created: bool,
    },
    /// A resource is deleted; with the version that says so, if it was ever there.
    Deleted(Option<Arc<Version>>),
    /// So many resources are deleted.
    DeletedAll(usize),
    /// Another answer without its body.
    Head(Box<Answer>),
    /// A searchset or history Bundle.
    Bundle(Bytes),
    /// What an operation returns.
    Parameters(Bytes),
    /// The CapabilityStatement.
    Capabilities(Bytes),
    /// The answers of a batch.
    Batch(Vec<Result<Answer, Failure>>),
    /// The answers of a transaction. All writes went well; a read may still have failed if others deleted what it asked for.
    Transaction(Vec<Result<Answer, Failure>>),
}

impl Gateway {
    /// Runs an interaction.
    ///
    /// # Errors
    /// A [`Failure`] that says what the client did wrong or what went wrong here; then nothing was stored.
    pub async fn execute(&self, interaction: Interaction) -> Result<Answer, Failure> {
        match interaction {
            Interaction::Create(create) => self.create(create).await,
            Interaction::Read(read) => self.read(read).await,
            Interaction::VersionRead(read) => self.version_read(read).await,
            Interaction::Update(update) => self.update(update).await,
            Interaction::Patch(patch) => self.patch(*patch).await,
            Interaction::Delete(delete) => self.delete(delete).await,
            Interaction::History(history) => self.history(history).await,
            Interaction::Search(search) => self.search(search).await,
            Interaction::Capabilities(view) => {
                let statement = self.statement();
                Ok(Answer::Capabilities(self.excerpt(&statement, &view)?.unwrap_or(statement)))
            }
            Interaction::TerminologyCapabilities => Ok(Answer::Capabilities(capability::terminology(self))),
            Interaction::Batch(entries) => self.batch(entries).await,
            Interaction::Transaction(transaction) => self.transaction(transaction).await,
            Interaction::Operation(operation) => self.operation(*operation).await,
            Interaction::Compartment(compartment) => self.search_compartment(compartment).await,
            Interaction::Head(interaction) => Box::pin(self.execute(*interaction)).await.map(|answer| Answer::Head(Box::new(answer))),
        }
    }

    /// A new id that sorts by time: a UUID of version 7 (RFC 9562), so that new rows stand side by side in every index.
    pub(crate) fn new_id(&self) -> Id {
        let mut chance = [0_u8; 16];
        self.random.fill(&mut chance);
        let chance = u128::from_be_bytes(chance) & ((1 << 80) - 1);
        let milliseconds = u128::from(self.clock.now().0.div_euclid(1000).cast_unsigned() & 0xFFFF_FFFF_FFFF);
        let bits = (milliseconds << 80) | chance;
        let text = uuid_text((bits & !(0xF << 76) & !(0x3 << 62)) | (0x7 << 76) | (0x2 << 62));
        // Hexadecimal digits and hyphens are an id; the other branch cannot be.
        Id::new(&text).unwrap_or_else(|| self.new_id())
    }
}

/// Several issues as a failure of one kind.
fn refused(kind: FailureKind, issues: Vec<Issue>) -> Failure {
    Failure { kind, issues, cause: None }
}
