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
        let rows = Box::new(extract::rows(&resource, &self.catalog, &self.base));
        let write = Write::Put { key, method: Method::Create, body, rows, expect: Expect::Absent };
        for _ in 0..ATTEMPTS {
            let mut matches = Vec::new();
            if let Some(condition) = &if_none_exist {
                let found = self.only_match(kind, condition, "If-None-Exist").await?;
                if let Some(version) = found.version {
                    return Ok(Answer::Written { version, created: false });
                }
                matches.push(found.expectation);
            }
            match self.store.commit(Commit { writes: vec![write.clone()], matches, idempotency: idempotency.clone() }).await {
                Ok(written) => {
                    return written
                        .into_iter()
                        .next()
                        .and_then(|w| w.version)
                        .map(|version| Answer::Written { version, created: true })
                        .ok_or_else(lost);
                }
                Err(StoreError::Unmet(Unmet::Match(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }
}

/// A write that came back without its version: the store broke its contract.
pub(super) fn lost() -> Failure {
    StoreError::Failed("a write was acknowledged without a version".into()).into()
}
