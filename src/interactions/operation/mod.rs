//! Operations: what is asked for by a name that begins with `$`.
//!
//! The set is closed; the CapabilityStatement lists it, and an unknown name is answered with what is served.
//! Source: <https://hl7.org/fhir/R4/operations.html>.

mod everything;
mod fhirpath;
mod meta;
mod status;
mod terminology;
mod validate;

use super::parameter::DEFINING;
use super::request::{Handling, Verb};
use super::{Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::{Issue, IssueType};
use crate::model::reference::Key;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;

/// The operations that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Profiles, tags and security labels.
    Meta,
    /// Adds some of them to a resource.
    MetaAdd,
    /// Takes some of them away.
    MetaDelete,
    /// Everything around a patient, or another resource that has much around it.
    Everything,
    /// How far a search parameter of this server's own is indexed.
    Status,
    /// An expression on a resource that comes with it.
    FhirPath,
    /// What is wrong with a resource.
    Validate,
    /// The codes of a value set.
    Expand,
    /// Whether a code is in a value set or code system.
    ValidateCode,
    /// What a code system tells of a code.
    Lookup,
    /// Whether one code is a kind of another.
    Subsumes,
    /// What a code is in another system.
    Translate,
}

/// What an operation is asked of.
#[derive(Debug, Clone)]
pub enum Level {
    /// The whole server.
    System,
    /// A type.
    Type(ResourceType),
    /// A resource.
    Instance(Key),
    /// A version of a resource.
    Version(Key, u64),
}

/// An operation and what it is asked with.
#[derive(Debug, Clone)]
pub struct OperationOf {
    /// Which.
    pub operation: Operation,
    /// Of what.
    pub level: Level,
    /// Parameters with simple values, from the query or a Parameters resource.
    pub parameters: Vec<(String, String)>,
    /// The Parameters resource, or the resource that is asked about.
    pub body: Option<Resource>,
    /// What the reader found wrong in the body; only `$validate` goes on with it.
    pub issues: Vec<Issue>,
    /// How to treat unknown parameters.
    pub handling: Handling,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::MetaAdd,
        Self::MetaDelete,
        Self::Everything,
        Self::Status,
        Self::Validate,
        Self::FhirPath,
        Self::Expand,
        Self::ValidateCode,
        Self::Lookup,
        Self::Subsumes,
        Self::Translate,
    ];

    /// Its name, without the `$`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::MetaAdd => "meta-add",
            Self::MetaDelete => "meta-delete",
            Self::Everything => "everything",
            Self::Status => "status",
            Self::FhirPath => "fhirpath",
            Self::Validate => "validate",
            Self::Expand => "expand",
            Self::ValidateCode => "validate-code",
            Self::Lookup => "lookup",
            Self::Subsumes => "subsumes",
            Self::Translate => "translate",
        }
    }

    /// The canonical URL of its definition for a type; `$everything` is defined for patients alone, elsewhere it is our own.
    pub(super) fn definition(self, kind: &str, base: &str) -> String {
        match (self, kind) {
            (Self::Everything, "Patient") => "http://hl7.org/fhir/OperationDefinition/Patient-everything".to_owned(),
            (Self::Status, kind) => format!("{base}/OperationDefinition/{kind}-status"),
            (Self::FhirPath, _) => format!("{base}/OperationDefinition/fhirpath"),
            (Self::Everything, kind) => format!("{base}/OperationDefinition/{kind}-everything"),
            (Self::Meta | Self::MetaAdd | Self::MetaDelete | Self::Validate, _) => {
                format!("http://hl7.org/fhir/OperationDefinition/Resource-{}", self.name())
            }
            (_, kind) => format!("http://hl7.org/fhir/OperationDefinition/{kind}-{}", self.name()),
        }
    }

    /// Whether it changes something.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::MetaAdd | Self::MetaDelete)
    }

    /// Whether it is asked for by POST alone: it changes something, or takes a resource.
    fn posts(self) -> bool {
        self.writes() || self == Self::FhirPath
    }

    /// Whether it is served there.
    pub(super) fn is_served(self, level: &Level) -> bool {
        match (self, level) {
            (Self::Meta, _) | (Self::MetaAdd | Self::MetaDelete, Level::Instance(_)) | (Self::FhirPath, Level::System) => true,
            (Self::FhirPath, _) => false,
            (Self::MetaAdd | Self::MetaDelete, _) | (Self::Everything, Level::System | Level::Version(..)) => false,
            (Self::Status, Level::Instance(key)) => self.is_served_in(key.kind),
            (Self::Status, _) | (Self::Validate, Level::System | Level::Version(..)) => false,
            (Self::Validate, Level::Type(_) | Level::Instance(_)) => true,
            (Self::Everything, Level::Type(kind)) => everything::TYPES.iter().any(|(name, all)| *all && *name == kind.name()),
            (Self::Everything, Level::Instance(key)) => self.is_served_in(key.kind),
            // A concept is looked up in a type only, as R4 has it.
            (Self::Lookup, Level::Instance(_)) => false,
            (_, Level::Type(kind)) => self.is_served_in(*kind),
            (_, Level::Instance(key)) => self.is_served_in(key.kind),
            (_, Level::System | Level::Version(..)) => false,
        }
    }

    /// Whether it is served for the resources of a type.
    pub(super) fn is_served_in(self, kind: ResourceType) -> bool {
        match self {
            Self::Everything => everything::TYPES.iter().any(|(name, _)| *name == kind.name()),
            Self::Status => kind.name() == DEFINING,
            Self::Meta | Self::MetaAdd | Self::MetaDelete | Self::Validate => true,
            Self::FhirPath => false,
            other => terminology::types(other).contains(&kind.name()),
        }
    }

    /// The operation of that name (with its `$`) at a level, by a method.
    ///
    /// # Errors
    /// When there is none, or it is not asked for by that method.
    pub(super) fn find(name: &str, level: &Level, verb: Verb) -> Result<Self, Failure> {
        let served = || Self::ALL.into_iter().filter(|operation| operation.is_served(level));
        let Some(found) = served().find(|operation| name.strip_prefix('$') == Some(operation.name())) else {
            let known: Vec<String> = served().map(|operation| format!("${}", operation.name())).collect();
            let told = format!("There is no operation \"{}\" here. Served are: {}.", super::request::short(name), known.join(", "));
            return Err(Failure::new(FailureKind::NotFound, IssueType::NotSupported, "", told));
        };
        match verb {
            Verb::Post => Ok(found),
            Verb::Get if !found.posts() => Ok(found),
            _ if found.posts() => Err(super::route::method(&["POST"])),
            _ => Err(super::route::method(&["GET", "HEAD", "POST"])),
        }
    }
}

impl Gateway {
    pub(super) async fn operation(&self, of: OperationOf) -> Result<Answer, Failure> {
        match of.operation {
            Operation::Meta => self.meta(&of).await.map(Answer::Parameters),
            Operation::MetaAdd | Operation::MetaDelete => self.change_meta(&of).await.map(Answer::Parameters),
            Operation::Everything => self.everything(of).await.map(Answer::Bundle),
            Operation::Status => self.status(&of).await.map(Answer::Parameters),
            Operation::FhirPath => self.fhirpath(&of).map(Answer::Parameters),
            Operation::Validate => self.validate(of).await.map(Answer::Parameters),
            Operation::Expand | Operation::ValidateCode | Operation::Lookup | Operation::Subsumes | Operation::Translate => {
                self.terminology(of).await.map(Answer::Parameters)
            }
        }
    }
}

/// The simple values of a Parameters resource.
///
/// # Errors
/// When the body is another resource.
pub(super) fn simple(body: &Resource) -> Result<Vec<(String, String)>, Failure> {
    if body.kind().name() != "Parameters" {
        let told = format!("An operation takes its parameters as a Parameters resource, not as a {}.", body.kind());
        return Err(Failure::invalid(body.kind().name(), told));
    }
    let mut found = Vec::new();
    for parameter in body.root().all("parameter") {
        let name = parameter.get_text("name").unwrap_or_default().into_owned();
        for value in parameter.members().filter(|member| member.is_primitive() && member.key() == "value") {
            found.push((name.clone(), value.text().into_owned()));
        }
    }
    Ok(found)
}
