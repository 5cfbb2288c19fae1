//! Which version of extraction made the index rows of a store, and what follows if it is an older one.
//!
//! The store keeps the version beside the parameters of the server's own, under an id that no SearchParameter may have, and so with
//! a generation: whoever writes with another version is refused. An older version is followed by a walk over all that is stored
//! ([`super::reindex`]); until it is done, parameters whose rows differ cannot be asked for.

use super::Gateway;
use super::reindex::{Standing, Walk};
use crate::model::primitive::Id;
use crate::search::extract::version::{FIRST, PRESENT};
use crate::store::port::{Commit, Definition, Parameters, Progress, StoreError, Unmet};

/// The id under which the version is kept.
const KEPT: &str = "norn.extraction";

/// Whether an id is the one under which the version is kept.
pub(super) fn is_kept(id: &Id) -> bool {
    id.as_str() == KEPT
}

/// What a store tells of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extracted {
    /// The oldest version of which it has rows.
    from: u64,
    /// The version with which rows are made now.
    to: u64,
}

impl Extracted {
    /// Reads `from to`; `None` if nothing is told.
    fn of(parameters: &Parameters) -> Result<Option<(Self, Standing)>, StoreError> {
        let Some(stored) = parameters.stored.iter().find(|stored| is_kept(&stored.progress.id)) else { return Ok(None) };
        let text = String::from_utf8_lossy(&stored.text);
        let mut numbers = text.split(' ').map(str::parse::<u64>);
        let (Some(Ok(from)), Some(Ok(to)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
            return Err(StoreError::Failed(format!("the store tells a version of its index rows that makes no sense: {text}")));
        };
        if to > PRESENT {
            return Err(StoreError::Failed(format!(
                "the store's index rows were made by a later version of Norn ({to}, this one makes {PRESENT}): use that one"
            )));
        }
        Ok(Some((Self { from, to }, Standing::read(&stored.progress.text))))
    }
}

/// The version of the rows and how far they are made anew, if they are not all of the present one.
pub(super) fn outdated(parameters: &Parameters) -> Result<Option<(u64, String)>, StoreError> {
    let Some((extracted, standing)) = Extracted::of(parameters)? else { return Ok(None) };
    let why = standing.unready().map(|why| format!("this version of Norn makes its index anew; {why}"));
    Ok(why.map(|why| (extracted.from, why)))
}

impl Gateway {
    /// Makes sure that the store tells which version of extraction made its rows, and loads its parameters. To be called before
    /// anything is written or asked.
    ///
    /// # Errors
    /// When the store fails, was made by a later version, or holds a definition that this version does not understand.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        loop {
            let parameters = self.store.parameters().await?;
            let (from, done) = match Extracted::of(&parameters)? {
                Some((Extracted { to: PRESENT, .. }, _)) => break,
                Some((Extracted { to, .. }, Standing::Complete(_))) => (to, false),
                Some((Extracted { from, .. }, _)) => (from, false),
                // Nothing was ever written: there are no rows of any version.
                None if self.store.changes(0, 1).await?.is_empty() => (PRESENT, true),
                None => (FIRST, false),
            };
            let id = Id::new(KEPT).ok_or_else(|| StoreError::Failed("the id of the version is none".to_owned()))?;
            let definition = Definition { id: id.clone(), text: Some(format!("{from} {PRESENT}").into()) };
            let standing = if done { Standing::Complete(Walk::default()) } else { Standing::Requested };
            let progress = Progress { id, since: parameters.generation + 1, text: standing.text() };
            let (definitions, progress) = (vec![definition], vec![progress]);
            match self.store.commit(Commit { generation: parameters.generation, definitions, progress, ..Commit::default() }).await {
                // Another gateway was here first.
                Ok(_) | Err(StoreError::Unmet(Unmet::Catalog)) => {}
                Err(error) => return Err(error),
            }
        }
        self.renew().await.map(drop)
    }
}
