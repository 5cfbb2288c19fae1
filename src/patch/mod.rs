//! Patches: a resource and a list of changes give the changed resource, or a reason why not.
//!
//! There are three languages. `json` is JSON Patch over the JSON text, `xml` is XML Patch over the XML text, `path` is
//! FHIRPath Patch over the tree of elements. Whatever the language, the outcome is read again by the strict reader, and all
//! operations are done or none. Source: <https://hl7.org/fhir/R4/http.html#patch>, <https://hl7.org/fhir/R4/fhirpatch.html>.
//!
//! Invariant: pure; no clock, no I/O. The number of operations, their size and the depth of what they build are bounded.

mod carrier;
mod element;
mod json;
mod path;
mod pointer;
mod value;
mod xml;

use crate::base::budget::Limits;
use crate::model::codec::{read_json, read_xml, write_xml};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;

/// Most operations of one patch: FHIRPath Patch reads the resource anew after each.
const MOST_OPERATIONS: usize = 1000;

/// Largest JSON Patch or XML Patch in bytes, and most that its copies may add.
const LARGEST: usize = 8 << 20;

/// The languages of patches that are documents of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// JSON Patch (RFC 6902).
    Json,
    /// XML Patch (RFC 5261).
    Xml,
}

impl Format {
    /// The format of a media type without parameters.
    #[must_use]
    pub fn of_media_type(name: &str) -> Option<Self> {
        match name {
            "application/json-patch+json" => Some(Self::Json),
            "application/xml-patch+xml" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// The media types in which a patch can be sent: those of patch documents, and those of a Parameters resource.
pub const MEDIA_TYPES: [&str; 4] =
    ["application/json-patch+json", "application/xml-patch+xml", "application/fhir+json", "application/fhir+xml"];

/// A list of changes to a resource.
#[derive(Debug, Clone)]
pub struct Patch(Language);

#[derive(Debug, Clone)]
enum Language {
    Json(json::Patch),
    Xml(xml::Patch),
    Path(path::Patch),
}

/// Why a patch was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// What is wrong, and where.
    pub issues: Vec<Issue>,
}

/// The kinds of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// It is in no language of patches.
    Unknown,
    /// It is no patch: the language is not kept.
    Malformed,
    /// It is more than a patch may have.
    TooLarge,
    /// It is a patch, and does not fit to the resource.
    Unfit,
}

impl Fault {
    fn new(kind: FaultKind, code: IssueType, expression: &str, diagnostics: impl Into<String>) -> Self {
        Self { kind, issues: vec![Issue::error(code, expression, diagnostics)] }
    }

    fn malformed(diagnostics: impl Into<String>) -> Self {
        Self::new(FaultKind::Malformed, IssueType::Structure, "", diagnostics)
    }

    fn too_large(diagnostics: impl Into<String>) -> Self {
        Self::new(FaultKind::TooLarge, IssueType::TooLong, "", diagnostics)
    }

    fn unfit(expression: &str, diagnostics: impl Into<String>) -> Self {
        Self::new(FaultKind::Unfit, IssueType::Processing, expression, diagnostics)
    }
}

/// A sentence about an operation, counted from 0; people count from 1.
fn failed(number: usize, name: &str, reason: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    format!("Operation {} of the patch{name} fails: {reason}.", number + 1)
}

impl Patch {
    /// Reads a patch document.
    ///
    /// # Errors
    /// When it is no patch in this language, or too large.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > LARGEST {
            return Err(Fault::too_large(format!("A patch has {LARGEST} bytes at most; this one has {}.", bytes.len())));
        }
        match format {
            Format::Json => {
                let text = std::str::from_utf8(bytes).map_err(|_| Fault::malformed("The patch is not UTF-8."))?;
                json::Patch::read(text.strip_prefix('\u{FEFF}').unwrap_or(text)).map(Language::Json).map(Self)
            }
            Format::Xml => xml::Patch::read(bytes).map(Language::Xml).map(Self),
        }
    }

    /// Takes the patch out of the resource that carries it: a Parameters resource is a FHIRPath Patch, a Binary holds a patch document.
    ///
    /// # Errors
    /// When the resource carries no patch, or the patch is none.
    pub fn carried_by(resource: &Resource) -> Result<Self, Fault> {
        match carrier::content(resource)? {
            carrier::Content::Operations => path::Patch::read(resource).map(Language::Path).map(Self),
            carrier::Content::Document(format, bytes) => Self::read(format, &bytes),
        }
    }

    /// The resource with all operations done, fit to be stored under the same identity.
    ///
    /// # Errors
    /// When an operation cannot be done, or when what comes of them all is not a resource of this type with this id.
    pub fn apply(&self, resource: &Resource, limits: &Limits) -> Result<Resource, Fault> {
        let schema = resource.tree().schema();
        let invalid = |issues: Vec<Issue>| Fault { kind: FaultKind::Unfit, issues };
        let patched = match &self.0 {
            Language::Json(patch) => {
                let text = String::from_utf8_lossy(resource.text());
                let document = crate::model::json::read(&text).map_err(|fault| Fault::unfit("", fault.message))?;
                let before = document.write();
                let after = patch.apply(document)?.write();
                if before == after { None } else { Some(read_json(after.as_bytes(), schema, limits).map_err(invalid)?) }
            }
            Language::Xml(patch) => {
                let before = write_xml(resource.text(), schema, limits).map_err(invalid)?;
                let after = patch.apply(&before)?;
                after.map(|after| read_xml(after.as_bytes(), schema, limits).map_err(invalid)).transpose()?
            }
            Language::Path(patch) => patch.apply(resource, limits)?,
        };
        // What changes nothing must not make a new version by being written a little differently.
        let Some(patched) = patched else { return Ok(resource.clone()) };
        if patched.text().len() > limits.bytes {
            return Err(Fault::too_large(format!("The patch makes the resource larger than {} bytes.", limits.bytes)));
        }
        if patched.kind() != resource.kind() || patched.id() != resource.id() {
            let id = resource.id().map_or("", |id| id.as_str());
            let told = format!("A patch must not change the type and the id of a resource: this one is {}/{id}.", resource.kind());
            return Err(Fault::unfit(&format!("{}.id", resource.kind()), told));
        }
        Ok(patched)
    }
}

#[cfg(test)]
mod tests;
