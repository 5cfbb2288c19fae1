//! Resources in the format of the wire. JSON goes out as it is stored.

use bytes::Bytes;

use super::negotiate::Format;
use crate::base::budget::Limits;
use crate::model::codec;
use crate::model::outcome::Issue;
use crate::model::resource::Resource;
use crate::model::schema::Schema;

/// Reads a resource, with what is wrong inside.
pub(super) fn read(bytes: &[u8], format: Format, schema: &'static Schema, limits: &Limits) -> Result<(Resource, Vec<Issue>), Vec<Issue>> {
    match format {
        Format::Json => codec::read_json_parts(bytes, schema, limits),
        Format::Xml => codec::read_xml(bytes, schema, limits).map(|resource| (resource, Vec::new())),
    }
}

/// Writes a resource that is JSON of ours.
pub(super) fn write(json: Bytes, format: Format, pretty: bool, schema: &'static Schema, limits: &Limits) -> Result<Bytes, Vec<Issue>> {
    match format {
        Format::Json if pretty => Ok(indent(&json).into()),
        Format::Json => Ok(json),
        Format::Xml => codec::write_xml(&json, schema, limits).map(Bytes::from),
    }
}

/// Breaks minified JSON into lines with two spaces of indentation; strings and numbers stay as they are.
fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 3 / 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for byte in json {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            out.push(*byte);
            continue;
        }
        match byte {
            b'{' | b'[' => {
                depth += 1;
                out.push(*byte);
                line(&mut out, depth);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            other => {
                in_string = *other == b'"';
                out.push(*other);
            }
        }
    }
    out.push(b'\n');
    out
}
