//! create and conditional create. Source: <https://hl7.org/fhir/R4/http.html#create>.

use super::request::Create;
use super::{ATTEMPTS, Answer, Failure, Gateway};
use crate::model::reference::Key;
use crate::search::extract;
use crate::store::port::{Commit, Expect, Method, StoreError, Unmet, Write};

impl Gateway {
    pub(super) async fn create(&self, create: Box<Create>) -> Result<Answer, Failure> {
        let Create { resource, if_none_exist, idempotency } = *create;
        let kind = resource.kind();
        let key = Key { kind, id: self.new_id() };
        let body = resource.body(&key.id);
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let mut matches = Vec::new();
            if let Some(condition) = &if_none_exist {
                let found = self.only_match(kind, condition, "If-None-Exist").await?;
                if let Some(version) = found.version {
                    return Ok(Answer::Written { version, created: false });
                }
                matches.push(found.expectation);
            }
            let rows = Box::new(extract::rows(&resource, &catalog, &self.base));
            let write = Write::Put { key: key.clone(), method: Method::Create, body: body.clone(), rows, expect: Expect::Absent };
            let commit = Commit { writes: vec![write], matches, idempotency: idempotency.clone(), ..Commit::default() };
            match self.commit(&catalog, commit).await.map_err(alone)? {
                Ok(written) => {
                    return written
                        .into_iter()
                        .next()
                        .and_then(|w| w.version)
                        .map(|version| Answer::Written { version, created: true })
                        .ok_or_else(lost);
                }
                Err(StoreError::Unmet(Unmet::Match(_) | Unmet::Catalog)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }
}

/// A failure of the only write.
pub(super) fn alone((_, failure): (usize, Failure)) -> Failure {
    failure
}

/// A write that came back without its version: the store broke its contract.
pub(super) fn lost() -> Failure {
    StoreError::Failed("a write was acknowledged without a version".into()).into()
}
