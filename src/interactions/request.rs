//! A request, from HTTP or from an entry of a Bundle, becomes an [`Interaction`].
//!
//! Source: <https://hl7.org/fhir/R4/http.html>, <https://hl7.org/fhir/R4/bundle.html#Bundle.entry.request>.

use bytes::Bytes;

use super::bundle::{self, Entry};
use super::operation::{Operation, OperationOf};
use super::patch::{self, PatchOf};
use super::route::Route;
use super::{Failure, FailureKind, Gateway, capability};
use crate::base::clock::Instant;
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::patch::Format;
use crate::search::query;
use crate::store::port::{HistoryScope, Idempotency};

/// What is asked to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as in HTTP")]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// `Prefer: handling=`: what becomes of a search parameter that is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Handling {
    /// The search is refused.
    #[default]
    Strict,
    /// It is left out, and the answer says so.
    Lenient,
}

/// A condition on the current version: `W/"1"`, several of them, or `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tags {
    /// Any version.
    Any,
    /// One of these versions; texts that are no version of ours are told as `None`.
    These(Vec<Option<u64>>),
}

impl Tags {
    /// Reads the value of If-Match or If-None-Match; weak and strong tags count alike.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let tag = |tag: &str| {
            let tag = tag.trim();
            let quoted = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
            Some(quoted.parse().ok().filter(|_| quoted.bytes().all(|b| b.is_ascii_digit())))
        };
        text.split(',').map(tag).collect::<Option<Vec<_>>>().map(Self::These)
    }

    /// Whether a version is among them.
    #[must_use]
    pub fn cover(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::These(versions) => versions.contains(&Some(version)),
        }
    }
}

/// A request before its meaning is known.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked.
    pub verb: Verb,
    /// Whether only the head of the answer is wanted.
    pub head: bool,
    /// Path below the base, without a slash at either end: `Patient/1`.
    pub path: String,
    /// Text after the `?`, still encoded.
    pub query: String,
    /// The form of a POST `_search`, still encoded.
    pub form: Option<String>,
    /// The resource in the body.
    pub resource: Option<Resource>,
    /// The patch in the body, if it is not told as a resource.
    pub patch: Option<(Format, Bytes)>,
    /// What is wrong inside the resource: only a batch goes on with it, without the entries that are concerned.
    pub issues: Vec<Issue>,
    /// If-Match
    pub if_match: Option<String>,
    /// If-None-Match
    pub if_none_match: Option<String>,
    /// If-Modified-Since
    pub if_modified_since: Option<Instant>,
    /// If-None-Exist
    pub if_none_exist: Option<String>,
    /// How to treat unknown search parameters.
    pub handling: Handling,
    /// The request's own key.
    pub idempotency: Option<Idempotency>,
}

impl Request {
    /// A request with nothing but a verb and an address.
    #[must_use]
    pub fn new(verb: Verb, path: &str, query: &str) -> Self {
        Self {
            verb,
            head: false,
            path: path.to_owned(),
            query: query.to_owned(),
            form: None,
            resource: None,
            patch: None,
            issues: Vec::new(),
            if_match: None,
            if_none_match: None,
            if_modified_since: None,
            if_none_exist: None,
            handling: Handling::Strict,
            idempotency: None,
        }
    }
}

/// What an update, a patch or a deletion is about.
#[derive(Debug, Clone)]
pub enum Target {
    /// The resource with this identity.
    Only(Key),
    /// What a search of this type finds, encoded.
    Match(ResourceType, String),
}

/// Something that the executor can do.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Interaction {
    Create(Box<Create>),
    Read(Read),
    VersionRead(VersionRead),
    Update(Box<Update>),
    Patch(Box<PatchOf>),
    Delete(Delete),
    History(HistoryOf),
    Search(SearchOf),
    /// With `_summary` and `_elements`, decoded.
    Capabilities(Vec<(String, String)>),
    TerminologyCapabilities,
    Batch(Vec<Entry>),
    Transaction(Transaction),
    Operation(Box<OperationOf>),
    Compartment(CompartmentOf),
    /// HEAD inside a Bundle: another interaction, of which only the head is told.
    Head(Box<Interaction>),
}

/// create, perhaps only if a search finds nothing.
#[derive(Debug, Clone)]
pub struct Create {
    /// The content.
    pub resource: Resource,
    /// The search that has to find nothing (If-None-Exist), encoded.
    pub if_none_exist: Option<String>,
    /// The request's own key.
    pub idempotency: Option<Idempotency>,
}

/// read, perhaps only if it has changed, perhaps only a part.
#[derive(Debug, Clone)]
pub struct Read {
    /// Which resource.
    pub key: Key,
    /// Versions that the client has.
    pub if_none_match: Option<Tags>,
    /// Time of the version that the client has.
    pub if_modified_since: Option<Instant>,
    /// `_summary` and `_elements`, decoded.
    pub view: Vec<(String, String)>,
}

/// vread
#[derive(Debug, Clone)]
pub struct VersionRead {
    /// Which resource.
    pub key: Key,
    /// Which version.
    pub version: u64,
    /// `_summary` and `_elements`, decoded.
    pub view: Vec<(String, String)>,
}

/// update, or create under a given id.
#[derive(Debug, Clone)]
pub struct Update {
    /// Which resource.
    pub target: Target,
    /// The content.
    pub resource: Resource,
    /// Versions that must be current.
    pub if_match: Option<Tags>,
    /// Whether the resource must not be there (`If-None-Match: *`).
    pub only_new: bool,
}

/// delete
#[derive(Debug, Clone)]
pub struct Delete {
    /// Which resource, or which resources.
    pub target: Target,
    /// Versions that must be current.
    pub if_match: Option<Tags>,
}

/// history
#[derive(Debug, Clone)]
pub struct HistoryOf {
    /// Whose.
    pub scope: HistoryScope,
    /// `_count`, `_since`, `_at` and our cursor, decoded.
    pub parameters: Vec<(String, String)>,
    /// How to treat unknown ones.
    pub handling: Handling,
}

/// search of one type, or of several
#[derive(Debug, Clone)]
pub struct SearchOf {
    /// Which type; `None` for those that `_type` names, or all.
    pub kind: Option<ResourceType>,
    /// The resource in whose compartment the matches have to be.
    pub around: Option<Key>,
    /// Names and values, decoded.
    pub parameters: Vec<(String, String)>,
    /// How to treat unknown ones.
    pub handling: Handling,
}

/// search of all types in a compartment
#[derive(Debug, Clone)]
pub struct CompartmentOf {
    /// The resource that the compartment is around.
    pub key: Key,
    /// Names and values, decoded.
    pub parameters: Vec<(String, String)>,
    /// How to treat unknown ones.
    pub handling: Handling,
}

/// transaction
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// The request's own key.
    pub idempotency: Option<Idempotency>,
}

impl Gateway {
    /// Gives a request its meaning.
    ///
    /// # Errors
    /// When there is nothing at that address, the method is not possible there, or body and address do not fit.
    pub fn interpret(&self, request: Request) -> Result<Interaction, Failure> {
        let route = self.route(request.verb, &request.path)?;
        let head = request.head;
        let interaction = self.follow(route, request)?;
        Ok(if head { Interaction::Head(Box::new(interaction)) } else { interaction })
    }

    /// Gives a request its meaning, whose address has been read.
    ///
    /// # Errors
    /// When body, headers or parameters do not fit the address.
    pub fn follow(&self, route: Route, request: Request) -> Result<Interaction, Failure> {
        if !request.issues.is_empty() && !matches!(route, Route::Bundle | Route::Operation(Operation::Validate, _)) {
            return Err(super::refused(FailureKind::Invalid, request.issues));
        }
        if let (Route::Create(_) | Route::Update(_), Some(resource)) = (&route, &request.resource) {
            self.validation.check(resource)?;
        }
        match route {
            Route::Bundle => self.bundle(request),
            Route::Capabilities => Ok(match capability::without_mode(decoded(&request.query)?)? {
                (true, _) => Interaction::TerminologyCapabilities,
                (false, view) => Interaction::Capabilities(view),
            }),
            Route::Search(kind, around) => {
                let (parameters, handling) = (asked(&request)?, request.handling);
                Ok(Interaction::Search(SearchOf { kind, around, parameters, handling }))
            }
            Route::Compartment(key) => {
                let (parameters, handling) = (asked(&request)?, request.handling);
                Ok(Interaction::Compartment(CompartmentOf { key, parameters, handling }))
            }
            Route::Operation(operation, level) => {
                let (parameters, handling) = (decoded(&request.query)?, request.handling);
                let issues = request.issues;
                Ok(Interaction::Operation(Box::new(OperationOf { operation, level, parameters, body: request.resource, issues, handling })))
            }
            Route::Create(kind) => create(request, kind),
            Route::Read(key) => Ok(Interaction::Read(Read {
                key,
                if_none_match: tags(request.if_none_match.as_deref(), "If-None-Match")?,
                if_modified_since: request.if_modified_since,
                view: decoded(&request.query)?,
            })),
            Route::VersionRead(key, version) => Ok(Interaction::VersionRead(VersionRead { key, version, view: decoded(&request.query)? })),
            Route::Update(place) => {
                let target = place.with(&request.query);
                update(request, target)
            }
            Route::Patch(place) => patch::interpret(&request, place.with(&request.query)),
            Route::Delete(place) => {
                let if_match = tags(request.if_match.as_deref(), "If-Match")?;
                Ok(Interaction::Delete(Delete { target: place.with(&request.query), if_match }))
            }
            Route::History(scope) => {
                Ok(Interaction::History(HistoryOf { scope, parameters: decoded(&request.query)?, handling: request.handling }))
            }
        }
    }

    fn bundle(&self, request: Request) -> Result<Interaction, Failure> {
        let resource = body(request.resource)?;
        let kind = resource.root().get_text("type").unwrap_or_default().into_owned();
        if resource.kind().name() != "Bundle" || !matches!(kind.as_str(), "batch" | "transaction") {
            return Err(Failure::invalid(
                "Bundle.type",
                "Send a Bundle of type batch or transaction here; other resources go to their type's address.",
            ));
        }
        let mut entries = bundle::entries(&resource, &self.limits)?;
        if kind == "batch" {
            bundle::exclude(&mut entries, request.issues)?;
            return Ok(Interaction::Batch(entries));
        }
        if !request.issues.is_empty() {
            return Err(super::refused(FailureKind::Invalid, request.issues));
        }
        Ok(Interaction::Transaction(Transaction { entries, idempotency: request.idempotency }))
    }
}

/// The parameters in the query and in a form.
fn asked(request: &Request) -> Result<Vec<(String, String)>, Failure> {
    let mut parameters = decoded(&request.query)?;
    parameters.extend(decoded(request.form.as_deref().unwrap_or(""))?);
    Ok(parameters)
}

fn create(request: Request, kind: ResourceType) -> Result<Interaction, Failure> {
    let resource = body(request.resource)?;
    same_kind(&resource, kind)?;
    Ok(Interaction::Create(Box::new(Create { resource, if_none_exist: request.if_none_exist, idempotency: request.idempotency })))
}

fn update(request: Request, target: Target) -> Result<Interaction, Failure> {
    let resource = body(request.resource)?;
    match (&target, resource.id()) {
        (Target::Match(kind, _), _) => same_kind(&resource, *kind)?,
        (Target::Only(key), id) => {
            same_kind(&resource, key.kind)?;
            same_id(id, key)?;
        }
    }
    let only_new = match tags(request.if_none_match.as_deref(), "If-None-Match")? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(_)) => {
            return Err(Failure::invalid(
                "If-None-Match",
                "For an update, only If-None-Match: * is possible; use If-Match to name a version.",
            ));
        }
    };
    let if_match = tags(request.if_match.as_deref(), "If-Match")?;
    Ok(Interaction::Update(Box::new(Update { target, resource, if_match, only_new })))
}

/// The id in a resource must be the one in its address.
fn same_id(id: Option<&Id>, key: &Key) -> Result<(), Failure> {
    let told = match id {
        Some(id) if *id == key.id => return Ok(()),
        Some(id) => format!("The resource says that its id is \"{id}\", but it was sent to {key}: make them the same."),
        None => format!("The resource has no id: set it to \"{}\", the id in its address.", key.id),
    };
    Err(Failure::invalid(format!("{}.id", key.kind), told))
}

fn body(resource: Option<Resource>) -> Result<Resource, Failure> {
    resource.ok_or_else(|| Failure::new(FailureKind::Invalid, IssueType::Required, "", "The request has no resource in its body."))
}

fn same_kind(resource: &Resource, kind: ResourceType) -> Result<(), Failure> {
    if resource.kind() == kind {
        return Ok(());
    }
    let told = format!("This is a {}, but it was sent to the address of {kind}.", resource.kind());
    Err(Failure::invalid(format!("{}.resourceType", resource.kind()), told))
}

pub(super) fn tags(text: Option<&str>, name: &str) -> Result<Option<Tags>, Failure> {
    let read = |text| {
        Tags::read(text)
            .ok_or_else(|| Failure::invalid(name, format!("\"{}\" is not an entity tag: write for example W/\"3\".", short(text))))
    };
    text.map(read).transpose()
}

fn decoded(text: &str) -> Result<Vec<(String, String)>, Failure> {
    query::decode(text).map_err(|name| Failure::invalid(short(&name), "This parameter is not percent-encoded UTF-8."))
}

pub(super) fn no_version(key: &Key, version: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::NotFound, IssueType::NotFound, "", format!("{key} has no version {version}."))
}

/// Foreign text cut to what a message can bear.
pub(super) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
