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
        Format::Xml => codec::read_xml_parts(bytes, schema, limits),
    }
}

/// Writes a resource that is JSON of ours.
pub(super) fn write(json: Bytes, format: Format, pretty: bool, schema: &'static Schema, limits: &Limits) -> Result<Bytes, Vec<Issue>> {
    match format {
        Format::Json if pretty => Ok(codec::pretty(&json).into()),
        Format::Json => Ok(json),
        Format::Xml => codec::write_xml(&json, schema, limits).map(Bytes::from),
    }
}
