//! The transaction that a conversion gives, kept as its entries until it is written.
//!
//! Source: <https://hl7.org/fhir/R4/http.html#transaction>. Ids are derived from business keys (UUID version 8 over
//! SHA-256), so that the same finding of the same sample is the same resource each time it is imported.

use aws_lc_rs::digest;

use crate::base::random::uuid_text;
use crate::model::draft::Draft;

/// Code of the tag that all resources of this mapping bear.
pub(crate) const TAG: &str = "tso500";

/// How an entry asks to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// `PUT Type/id`: the resource under its own id.
    Put,
    /// `POST Type` unless a search with this query finds one.
    Create {
        /// The search, without `?`.
        if_none_exist: String,
    },
}

/// A resource of the transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Resource type.
    pub kind: &'static str,
    /// Id in lower-case UUID form; the entry's fullUrl is `urn:uuid:` and this.
    pub id: String,
    /// The resource.
    pub resource: Draft,
    /// How it is to be stored.
    pub request: Request,
}

impl Entry {
    /// The URL by which other entries refer to it.
    #[must_use]
    pub fn full_url(&self) -> String {
        urn(&self.id)
    }
}

/// A transaction Bundle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bundle {
    /// Its entries.
    pub entries: Vec<Entry>,
}

impl Bundle {
    /// The resource as a draft.
    #[must_use]
    pub fn to_draft(&self) -> Draft {
        let entries = self.entries.iter().map(|entry| {
            let request = match &entry.request {
                Request::Put => Draft::object().with("method", "PUT").with("url", format!("{}/{}", entry.kind, entry.id)),
                Request::Create { if_none_exist } => {
                    Draft::object().with("method", "POST").with("url", entry.kind).with("ifNoneExist", if_none_exist.as_str())
                }
            };
            Draft::object().with("fullUrl", entry.full_url()).with("resource", entry.resource.clone()).with("request", request)
        });
        Draft::object().with("resourceType", "Bundle").with("type", "transaction").with("entry", Draft::array(entries))
    }

    /// The JSON text on several lines, for people and for diffs.
    #[must_use]
    pub fn to_json(&self) -> String {
        pretty(&self.to_draft().to_json())
    }
}

/// `urn:uuid:` and the id.
pub(crate) fn urn(id: &str) -> String {
    format!("urn:uuid:{id}")
}

/// The id of a resource type and business key.
pub(crate) fn derived_id(kind: &str, key: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("https://norn.health/fhir/id\n{kind}\n{key}").as_bytes());
    let bits = hash.as_ref().iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    // RFC 9562: version 8 is for ids that are derived in a way of one's own.
    uuid_text((bits & !(0xF << 76) & !(0x3 << 62)) | (0x8 << 76) | (0x2 << 62))
}

/// Breaks JSON text without white space into lines, two spaces per level.
pub(crate) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for c in json.chars() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                depth += 1;
                out.push(c);
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                quoted = true;
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_the_same_value() {
        let json = r#"{"a":[1,{"b":"x,\"{y}\\"}],"c":true}"#;
        let told: serde_json::Value = serde_json::from_str(&pretty(json)).unwrap();
        assert_eq!(told, serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert_eq!(pretty(r#"{"a":1}"#), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn ids_are_uuids_of_version_8() {
        let id = derived_id("Observation", "IPD0001-D01-P01-A15|TMB");
        assert_eq!(id, derived_id("Observation", "IPD0001-D01-P01-A15|TMB"));
        assert_ne!(id, derived_id("Observation", "IPD0001-D01-P01-A15|MSI"));
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "8");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
    }
}
