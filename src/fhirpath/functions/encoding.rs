//! Strings in other notations: base64, hexadecimal, HTML and JSON. Source: <http://hl7.org/fhirpath/#additional-string-functions>.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::{Call, Function};
use crate::fhirpath::eval::{Found, Scope, Step};
use crate::fhirpath::value::Value;
use crate::model::draft;
use crate::model::tree::unescape;

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(text) = call.text(scope)? else { return Ok(()) };
    let Some(format) = call.given_text(0, scope)? else { return Ok(()) };
    scope.run.write(text.len())?;
    let result = match (call.function, &*format) {
        (Function::Encode, "base64") => Some(STANDARD.encode(text.as_bytes())),
        (Function::Encode, "urlbase64") => Some(URL_SAFE.encode(text.as_bytes())),
        (Function::Encode, "hex") => Some(text.bytes().map(|byte| format!("{byte:02x}")).collect()),
        (Function::Decode, "base64") => STANDARD.decode(text.as_bytes()).ok().and_then(utf8),
        (Function::Decode, "urlbase64") => URL_SAFE.decode(text.as_bytes()).ok().and_then(utf8),
        (Function::Decode, "hex") => unhex(&text).and_then(utf8),
        (Function::Escape, "html") => Some(escape_html(&text)),
        (Function::Unescape, "html") => Some(unescape_html(&text)),
        (Function::Escape, "json") => {
            let mut quoted = String::new();
            draft::write_string(&text, &mut quoted);
            quoted.get(1..quoted.len() - 1).map(str::to_owned)
        }
        (Function::Unescape, "json") => Some(unescape(&text)),
        _ => None,
    };
    result.map_or(Ok(()), |text| found(Value::text_of(text)))
}

fn utf8(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.len().is_multiple_of(2).then_some(())?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn unescape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
