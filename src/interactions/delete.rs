//! delete: what is not there stays so, and that is no failure. Source: <https://hl7.org/fhir/R4/http.html#delete>.

use super::request::{Delete, Tags};
use super::{ATTEMPTS, Answer, Failure, Gateway};
use crate::store::port::{Commit, StoreError, Unmet, Write};

impl Gateway {
    pub(super) async fn delete(&self, delete: Delete) -> Result<Answer, Failure> {
        let Delete { key, if_match } = delete;
        for _ in 0..ATTEMPTS {
            let expect = self.expected(&key, if_match.as_ref()).await?;
            match self.store.commit(Commit { writes: vec![Write::Delete { key: key.clone(), expect }], ..Commit::default() }).await {
                Ok(written) => return Ok(Answer::Deleted(written.into_iter().next().and_then(|w| w.version))),
                Err(StoreError::Unmet(Unmet::Version { .. })) if if_match == Some(Tags::Any) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }
}
