//! The words of a resource: `_text` looks at its narrative, `_content` at everything that is written in it.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#text>. A word is a run of letters and digits, without letter case and accents.

use std::collections::HashSet;

use serde_json::Value;

use super::folding::fold;

/// Whether every word of `asked` stands in the narrative, or with `everywhere` in any text of the resource.
#[must_use]
pub(super) fn stand(resource: &Value, everywhere: bool, asked: &str) -> bool {
    let mut texts = Vec::new();
    if everywhere {
        gather(resource, &mut texts);
    } else {
        texts.extend(resource.get("text").and_then(|text| text.get("div")).and_then(Value::as_str).map(read));
    }
    let own: HashSet<String> = texts.iter().flat_map(|text| words(text)).collect();
    words(asked).iter().all(|word| own.contains(word))
}

/// The words of a text.
#[must_use]
pub(super) fn words(text: &str) -> Vec<String> {
    fold(text).split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// All texts of a value; markup is none.
fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("<div") => texts.push(read(text)),
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(members) => members.values().for_each(|member| gather(member, texts)),
        _ => {}
    }
}

/// What a reader of XHTML sees: no tags, and `&` and `<` where they are meant.
fn read(markup: &str) -> String {
    let pieces = markup.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<Vec<_>>().join(" ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_word_has_to_stand() {
        let resource = json!({
            "resourceType": "Patient", "name": [{"family": "O'Neil"}],
            "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Quick <b>brøwn</b> fox</p>&amp; hound</div>"}
        });
        let check = |everywhere: bool, asked: &str, expected: bool| assert_eq!(stand(&resource, everywhere, asked), expected, "{asked}");
        for asked in ["fox", "FOX quick", "hound", "brøwn"] {
            check(false, asked, true);
            check(true, asked, true);
        }
        for asked in ["neil", "fo", "div", "amp", "fox cat"] {
            check(false, asked, false);
        }
        check(true, "neil hound", true);
        check(true, "fo", false);
    }
}
