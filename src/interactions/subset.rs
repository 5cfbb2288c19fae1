//! Parts of a resource: `_summary` and `_elements`.
//!
//! Mandatory elements, id and meta always stay; the part is marked with the tag SUBSETTED.
//! Source: <https://hl7.org/fhir/R4/search.html#summary>, <https://hl7.org/fhir/R4/search.html#elements>.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::base::budget::Limits;
use crate::model::codec::read_json;
use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::{ElementFacts, Kind, Name, Schema};
use crate::model::tree::{Node, Shape};
use crate::search::query::Summary;

const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// Says that a read takes no search parameters.
pub(super) fn not_for_a_read(name: &str) -> Issue {
    Issue::error(IssueType::NotSupported, name.to_owned(), format!("A read takes _summary, _elements, _format and _pretty, not {name}."))
}

/// The wanted part; `None` if that is the whole resource.
pub(super) fn of(body: &Bytes, summary: Option<Summary>, elements: &[String], schema: &'static Schema, limits: &Limits) -> Option<Bytes> {
    let summary = summary.unwrap_or(Summary::False);
    if elements.is_empty() && matches!(summary, Summary::False | Summary::Count) {
        return None;
    }
    let resource = read_json(body, schema, limits).ok()?;
    let root = resource.root();
    let mut out = format!("{{\"resourceType\":\"{}\"", resource.kind());
    if root.get("meta").is_none() {
        // A contained resource may have none.
        let _ = write!(out, ",\"meta\":{{\"tag\":[{SUBSETTED}]}}");
    }
    for member in root.members() {
        let Some(facts) = facts(member, root, schema) else { continue };
        let name = schema.name(facts.name);
        let always = facts.min > 0 || matches!(name, "id" | "meta");
        let wanted = if elements.is_empty() {
            match summary {
                Summary::Text => name == "text",
                Summary::Data => name != "text",
                _ => facts.summary,
            }
        } else {
            elements.iter().any(|element| element == name)
        };
        if !(always || wanted) {
            continue;
        }
        out.push(',');
        key(member, resource.text(), &mut out);
        if name == "meta" {
            meta(member, &mut out);
        } else if elements.is_empty() && summary == Summary::True {
            nested(member, resource.text(), schema, &mut out);
        } else {
            out.push_str(member.json());
        }
    }
    out.push('}');
    Some(out.into())
}

fn facts<'s>(member: Node<'_>, parent: Node<'_>, schema: &'s Schema) -> Option<&'s ElementFacts> {
    if member.name() == Name::NONE {
        return None;
    }
    schema.elements(parent.ty()).iter().find(|element| element.name == member.name())
}

/// Appends `"key":` as it stands before the member's value.
fn key(member: Node<'_>, text: &Bytes, out: &mut String) {
    let end = member.range().start;
    let before = text.get(..end.saturating_sub(2)).unwrap_or(&[]);
    let start = before.iter().rposition(|b| *b == b'"').unwrap_or(0);
    out.push_str(text.get(start..end).and_then(|key| std::str::from_utf8(key).ok()).unwrap_or(""));
}

/// A value of which only the summary elements stay: groups of elements are cut down too, data types are kept whole.
fn nested(node: Node<'_>, text: &Bytes, schema: &Schema, out: &mut String) {
    match node.shape() {
        Shape::Array => {
            out.push('[');
            for (i, item) in node.members().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                nested(item, text, schema, out);
            }
            out.push(']');
        }
        Shape::Object if node.kind() == Kind::Backbone => {
            let kept: Vec<_> =
                node.members().filter(|member| facts(*member, node, schema).is_some_and(|f| f.summary || f.min > 0)).collect();
            if kept.is_empty() {
                // Nothing of it belongs to the summary; an empty object would not be FHIR.
                return out.push_str(node.json());
            }
            for (i, member) in kept.into_iter().enumerate() {
                out.push(if i == 0 { '{' } else { ',' });
                key(member, text, out);
                nested(member, text, schema, out);
            }
            out.push('}');
        }
        _ => out.push_str(node.json()),
    }
}

/// The meta element with the tag added.
fn meta(meta: Node<'_>, out: &mut String) {
    let json = meta.json();
    if let Some(tags) = meta.members().find(|member| member.key() == "tag") {
        let end = tags.range().end - meta.range().start - 1;
        out.push_str(json.get(..end).unwrap_or(""));
        out.push(',');
        out.push_str(SUBSETTED);
        out.push_str(json.get(end..).unwrap_or(""));
    } else {
        out.push_str(json.strip_suffix('}').unwrap_or(json));
        out.push_str(",\"tag\":[");
        out.push_str(SUBSETTED);
        out.push_str("]}");
    }
}
