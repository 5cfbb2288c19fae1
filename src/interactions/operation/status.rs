//! `$status` of a SearchParameter: how far what is stored is indexed by it, as a Task.
//!
//! The Task is made for the answer; it is not stored, so indexing leaves no versions behind.
//! Source: <https://hl7.org/fhir/R4/task.html>.

use bytes::Bytes;

use super::{Level, OperationOf};
use crate::interactions::parameter::DEFINING;
use crate::interactions::read::{alive, not_found};
use crate::interactions::reindex::{Standing, Walk};
use crate::interactions::request::Handling;
use crate::interactions::{Failure, FailureKind, Gateway, refused};
use crate::model::draft::Draft;
use crate::model::outcome::{Issue, IssueType};
use crate::search::custom::{self, Meaning};

impl Gateway {
    pub(super) async fn status(&self, of: &OperationOf) -> Result<Bytes, Failure> {
        let unknown = of.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "_format" | "_pretty"));
        let issues: Vec<_> = unknown.map(|(name, _)| Issue::error(IssueType::NotSupported, name, "$status takes no parameters.")).collect();
        if !issues.is_empty() && of.handling == Handling::Strict {
            return Err(refused(FailureKind::Invalid, issues));
        }
        let Level::Instance(key) = &of.level else { return Err(Failure::invalid("", format!("$status is asked of one {DEFINING}."))) };
        let version = alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
        let parameters = self.renew().await?;
        let standing = match parameters.stored.iter().find(|stored| stored.progress.id == key.id) {
            Some(stored) => Ok(Standing::read(&stored.progress.text)),
            None => Err(match custom::read(&key.id, &self.stored(&version)?, self.definitions()) {
                Ok(Meaning::BuiltIn) => ("completed", "R4 defines this parameter: it is always served, and this resource changes nothing."),
                Ok(Meaning::Dormant) => ("cancelled", "Its status is not active: it is stored, and changes nothing."),
                Ok(Meaning::Own(_)) | Err(_) => ("cancelled", "It was stored before it could be served: write it again."),
            }),
        };
        let (status, reason, walk) = match &standing {
            Err((status, reason)) => (*status, Some((*reason).to_owned()), None),
            Ok(standing @ Standing::Requested) => ("requested", standing.unready(), None),
            Ok(standing @ Standing::Indexing(walk)) => ("in-progress", standing.unready(), Some(walk)),
            Ok(Standing::Complete(walk)) => ("completed", None, Some(walk)),
            Ok(standing @ Standing::Failed(walk, _)) => ("failed", standing.unready(), Some(walk)),
        };
        let task = Draft::object()
            .with("resourceType", "Task")
            .with("id", self.new_id().to_string())
            .with("status", status)
            .with_some("statusReason", reason.map(|reason| Draft::object().with("text", reason)))
            .with("intent", "order")
            .with("description", "Index what is stored by a search parameter")
            .with("focus", Draft::object().with("reference", key.to_string()))
            .with("lastModified", self.clock.now().to_string())
            .with_some("output", walk.map(output));
        Ok(task.to_json().into())
    }
}

fn output(walk: &Walk) -> Draft {
    let one = |name: &str, value: u64| {
        let text = Draft::object().with("text", name);
        // An integer of FHIR has 31 bits.
        Draft::object().with("type", text).with("valueDecimal", value)
    };
    Draft::array([one("indexed", walk.done), one("total", walk.total.max(walk.done)), one("rate", walk.rate())])
}
