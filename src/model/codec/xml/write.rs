//! XML from typed trees: resource by resource through fhirbolt, with the parts put back.
//!
//! fhirbolt's writer indents, leaves line breaks in attributes as they are, and rewrites narratives. So its output is gone over once:
//! white space between tags is dropped, line breaks and tabs in values become references, and the cut-out parts are filled in.
//!
//! Source: <https://hl7.org/fhir/R4/xml.html>, <https://www.w3.org/TR/xml/#AVNormalize>.

use super::{FHIR, bridge, narrative, syntax};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::Name;
use crate::model::tree::{Node, Shape};

/// Stands before and after the number of a cut-out part. No value can hold it: XML has no such character.
pub(super) const CUT: char = '\u{1}';

/// What XML cannot tell.
pub(super) struct Untold<'t> {
    pub(super) node: Node<'t>,
    pub(super) reason: String,
}

/// A resource as an XML document.
pub(super) fn xml(resource: &Resource) -> Result<Vec<u8>, Issue> {
    let mut out = Vec::with_capacity(resource.text().len() * 2);
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    append(resource.root(), true, &mut out).map_err(|untold| {
        let sentence = format!("This cannot be told in XML: {}.", untold.reason);
        Issue::error(IssueType::NotSupported, path(resource.root(), untold.node), sentence)
    })?;
    Ok(out)
}

/// The value of a primitive, if XML has all its characters.
pub(super) fn text(node: Node<'_>) -> Result<String, Untold<'_>> {
    let text = node.text();
    match syntax::illegal(&text) {
        Some(_) => Err(Untold { node, reason: "a character of this value does not exist in XML".to_owned() }),
        None => Ok(text.into_owned()),
    }
}

/// The JSON property of a member, without the `_` of a shadow.
pub(super) fn key(member: Node<'_>) -> &str {
    let key = member.property();
    if member.is_shadow() { key.strip_prefix('_').unwrap_or(key) } else { key }
}

/// Appends the XML of a resource; only the outermost one declares the namespace.
fn append<'t>(resource: Node<'t>, outermost: bool, out: &mut Vec<u8>) -> Result<(), Untold<'t>> {
    let cut = bridge::xml(resource)?;
    let mut rest = cut.xml.as_slice();
    // fhirbolt writes: declaration, root with the namespace, elements; between tags only white space and the numbers of narratives.
    let mut root = true;
    while let Some(open) = rest.iter().position(|b| matches!(b, b'<') || *b == CUT as u8) {
        rest = rest.get(open..).unwrap_or(&[]);
        if let Some(after) = rest.strip_prefix(&[CUT as u8]) {
            let (number, after) = number(after);
            let div = cut.narratives.get(number).copied().ok_or_else(|| lost(resource))?;
            let fit = narrative::fit(&div.text()).map_err(|reason| Untold { node: div, reason })?;
            out.extend_from_slice(fit.as_bytes());
            rest = after;
        } else if rest.starts_with(b"<?") {
            rest = rest.iter().position(|b| *b == b'>').and_then(|end| rest.get(end + 1..)).unwrap_or(&[]);
        } else {
            let start = out.len();
            let inner = tag(&mut rest, out);
            if std::mem::take(&mut root) && !outermost {
                let declared = format!(" xmlns=\"{FHIR}\"");
                let tag = String::from_utf8_lossy(out.get(start..).unwrap_or(&[])).replacen(&declared, "", 1);
                out.truncate(start);
                out.extend_from_slice(tag.as_bytes());
            }
            if let Some(number) = inner {
                let node = cut.resources.get(number).copied().ok_or_else(|| lost(resource))?;
                // `<contained value="` has been written: the attribute gives way to the resource.
                out.truncate(out.len().saturating_sub(b" value=\"".len()));
                let name = out.get(start + 1..).unwrap_or(&[]).to_vec();
                out.push(b'>');
                append(node, false, out)?;
                out.extend_from_slice(b"</");
                out.extend_from_slice(&name);
                out.push(b'>');
            }
        }
    }
    Ok(())
}

/// Copies a tag with safe attribute values. For the place of an inner resource it stops before its number, which it gives.
fn tag(rest: &mut &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut quoted = false;
    while let Some((byte, after)) = rest.split_first() {
        *rest = after;
        match byte {
            b'\n' if quoted => out.extend_from_slice(b"&#10;"),
            b'\r' if quoted => out.extend_from_slice(b"&#13;"),
            b'\t' if quoted => out.extend_from_slice(b"&#9;"),
            1 if quoted => {
                let (number, after) = number(after);
                let end = after.iter().position(|b| *b == b'>').map_or(after.len(), |end| end + 1);
                *rest = after.get(end..).unwrap_or(&[]);
                return Some(number);
            }
            b'>' if !quoted => {
                out.push(b'>');
                return None;
            }
            byte => {
                quoted ^= *byte == b'"';
                out.push(*byte);
            }
        }
    }
    None
}

/// The number up to the next [`CUT`], and what follows.
fn number(rest: &[u8]) -> (usize, &[u8]) {
    let end = rest.iter().position(|b| *b == CUT as u8).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    (number.unwrap_or(usize::MAX), after.get(1..).unwrap_or(&[]))
}

fn lost(node: Node<'_>) -> Untold<'_> {
    Untold { node, reason: "a part of it got lost".to_owned() }
}

/// The path of `wanted`: `Bundle.entry[0].resource.text.div`.
fn path(root: Node<'_>, wanted: Node<'_>) -> String {
    let mut path = root.type_name().to_owned();
    let mut at = root;
    while at != wanted {
        let inside = at.members().take_while(|member| member.index() <= wanted.index());
        let Some((i, next)) = inside.enumerate().last() else { break };
        if at.shape() == Shape::Array {
            path.extend(["[", &i.to_string(), "]"]);
        } else if next.name() != Name::NONE {
            path.extend([".", key(next)]);
        }
        at = next;
    }
    path
}
