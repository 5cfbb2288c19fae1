//! Transactions: one new Patient, and Observations that refer to it by its `urn:uuid` (FHIR R4, section "transaction").

use norn::base::random::uuid_text;

use crate::Failure;
use crate::patient::Patients;
use crate::sample::chance::Chance;
use crate::sample::observation::Observations;

/// Entries of a transaction.
pub(crate) const ENTRIES: usize = 100;

/// Appends a transaction Bundle with `entries` entries, the first of which is the Patient; gives the numbers in their
/// identifiers.
pub(crate) fn write(out: &mut Vec<u8>, patients: &Patients, observations: &Observations, entries: usize, chance: &mut Chance) -> Vec<u64> {
    let mut numbers = Vec::with_capacity(entries);
    let patient = urn(chance);
    out.extend_from_slice(br#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    open_entry(out, &patient);
    numbers.push(patients.write(out, chance));
    close_entry(out, "Patient");
    for _ in 1..entries {
        out.push(b',');
        open_entry(out, &urn(chance));
        numbers.push(observations.write(out, None, &patient, chance));
        close_entry(out, "Observation");
    }
    out.extend_from_slice(b"]}");
    numbers
}

fn urn(chance: &mut Chance) -> String {
    let random = (u128::from(chance.bits()) << 64) | u128::from(chance.bits());
    // Version 4 of RFC 9562.
    format!("urn:uuid:{}", uuid_text((random & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)))
}

fn open_entry(out: &mut Vec<u8>, url: &str) {
    for piece in [r#"{"fullUrl":""#, url, r#"","resource":"#] {
        out.extend_from_slice(piece.as_bytes());
    }
}

fn close_entry(out: &mut Vec<u8>, kind: &str) {
    for piece in [r#","request":{"method":"POST","url":""#, kind, r#""}}"#] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// The ids that an answer to a transaction names, in the order of its entries.
pub(crate) fn ids(answer: &[u8], entries: usize) -> Result<Vec<String>, Failure> {
    let bundle: serde_json::Value = serde_json::from_slice(answer)?;
    let ids: Vec<_> = bundle
        .get("entry")
        .and_then(|e| e.as_array())
        .into_iter()
        .flatten()
        .filter_map(|entry| id(entry.pointer("/response/location")?.as_str()?).map(str::to_owned))
        .collect();
    if ids.len() == entries { Ok(ids) } else { Err(format!("{} of {entries} entries have a location", ids.len()).into()) }
}

/// The id in a `Location`: `[base/]Observation/ID[/_history/VERSION]`.
pub(crate) fn id(location: &str) -> Option<&str> {
    let resource = location.split_once("/_history").map_or(location, |(resource, _)| resource);
    resource.rsplit_once('/').map(|(_, id)| id)
}
