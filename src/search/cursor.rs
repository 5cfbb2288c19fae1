//! The token in a next link: where the page ended, bound to the search, signed so that nobody can forge one.
//!
//! Layout before base64url: 16 bytes of HMAC-SHA-256 over the rest and the search, then the row id (8 bytes, big endian),
//! then per sort key a tag (0 none, 1 number, 2 text) with its value.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use super::plan::{Place, SortValue};

const SIGNATURE: usize = 16;

/// Signs and reads cursors.
#[derive(Debug)]
pub struct Signer(hmac::Key);

impl Signer {
    /// A signer with a secret of 32 bytes; cursors are good as long as the secret is.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn signature(&self, search: &str, place: &[u8]) -> [u8; SIGNATURE] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(search.len() as u64).to_be_bytes());
        context.update(search.as_bytes());
        context.update(place);
        let tag = context.sign();
        let mut short = [0; SIGNATURE];
        short.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        short
    }

    /// Writes a place in the results of `search` (the canonical text of the query, with type and caller).
    #[must_use]
    pub fn write(&self, search: &str, place: &Place) -> String {
        let mut bytes = place.row.to_be_bytes().to_vec();
        for value in &place.values {
            match value {
                None => bytes.push(0),
                Some(SortValue::Number(number)) => {
                    bytes.push(1);
                    bytes.extend(number.to_be_bytes());
                }
                Some(SortValue::Text(text)) => {
                    bytes.push(2);
                    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }
        let mut token = self.signature(search, &bytes).to_vec();
        token.extend(bytes);
        BASE64.encode(token)
    }

    /// Reads a cursor back; `None` if it was not written by us for this search.
    #[must_use]
    pub fn read(&self, search: &str, token: &str) -> Option<Place> {
        let bytes = BASE64.decode(token).ok()?;
        let (signature, mut rest) = bytes.split_at_checked(SIGNATURE)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(signature, &self.signature(search, rest)).ok()?;
        let row = i64::from_be_bytes(take(&mut rest)?);
        let mut values = Vec::new();
        while let Some((tag, after)) = rest.split_first() {
            rest = after;
            values.push(match tag {
                0 => None,
                1 => Some(SortValue::Number(i64::from_be_bytes(take(&mut rest)?))),
                _ => {
                    let length = u32::from_be_bytes(take(&mut rest)?) as usize;
                    let (text, after) = rest.split_at_checked(length)?;
                    rest = after;
                    Some(SortValue::Text(String::from_utf8(text.to_vec()).ok()?))
                }
            });
        }
        Some(Place { values, row })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_at_checked(N)?;
    *bytes = rest;
    head.try_into().ok()
}
