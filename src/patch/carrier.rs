//! The resources that carry a patch where only a resource can stand, as in an entry of a Bundle.
//!
//! Source: <https://hl7.org/fhir/R4/http.html#patch>: a Parameters resource is a FHIRPath Patch; "in a batch or transaction, the
//! patch is encoded as a Binary resource" with the media type of the patch.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Fault, FaultKind, Format};
use crate::model::outcome::IssueType;
use crate::model::resource::Resource;

/// What a resource carries.
pub(super) enum Content {
    /// The resource itself tells the operations.
    Operations,
    /// A patch document.
    Document(Format, Vec<u8>),
}

/// What this resource carries.
pub(super) fn content(resource: &Resource) -> Result<Content, Fault> {
    let root = resource.root();
    let unknown = |expression: &str, told: String| Fault::new(FaultKind::Unknown, IssueType::NotSupported, expression, told);
    match resource.kind().name() {
        "Parameters" => Ok(Content::Operations),
        "Binary" => {
            let told = root.get_text("contentType").unwrap_or_default();
            let name = told.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            let Some(format) = Format::of_media_type(&name) else {
                let told = "A Binary that carries a patch has the contentType application/json-patch+json or application/xml-patch+xml.";
                return Err(unknown("Binary.contentType", told.to_owned()));
            };
            // FHIR lets white space stand between the characters.
            let data: String = root.get_text("data").unwrap_or_default().split_ascii_whitespace().collect();
            let broken = |_| Fault::new(FaultKind::Malformed, IssueType::Value, "Binary.data", "The data is not base64.");
            Ok(Content::Document(format, BASE64.decode(data).map_err(broken)?))
        }
        other => Err(unknown(
            other,
            format!("A {other} is no patch: send a Parameters resource (FHIRPath Patch), or a Binary with a patch document."),
        )),
    }
}
