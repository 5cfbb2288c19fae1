//! Random documents: what one patch does another one undoes, and any text at all gets an answer.

use proptest::prelude::*;

use crate::model::codec::xml::document::{self, Node};
use crate::model::json::{Json, Member, Value};
use crate::patch::json::Patch;
use crate::patch::pointer::Pointer;
use crate::patch::xml;

/// Documents of a few levels; names hold the characters that a pointer escapes.
fn document() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        "[a-z/~]{0,3}".prop_map(|text| Json::string(&text)),
        (-9..99_i32).prop_map(|number| Json::new(Value::Plain(number.to_string()))),
        Just(Json::null()),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let members = proptest::collection::btree_map("[a-c/~]{0,2}", inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|items| Json::new(Value::Array(items))),
            members.prop_map(|members| {
                let member = |(name, value)| Member { name, at: 0, value };
                Json::new(Value::Object(members.into_iter().map(member).collect()))
            }),
        ]
    })
}

/// The places of all values in a document, but for the whole.
fn places(json: &Json, outer: &[String], found: &mut Vec<Pointer>) {
    let mut inner = |step: String, value: &Json| {
        let steps = [outer, &[step]].concat();
        found.push(Pointer(steps.clone()));
        places(value, &steps, found);
    };
    json.members().iter().for_each(|member| inner(member.name.clone(), &member.value));
    json.items().iter().enumerate().for_each(|(i, item)| inner(i.to_string(), item));
}

fn apply(operations: &str, document: &Json) -> Result<Json, String> {
    let text = format!("[{operations}]");
    Patch::read(&text).and_then(|patch| patch.apply(document.clone())).map_err(|fault| fault.issues[0].to_string())
}

fn quoted(pointer: &Pointer) -> String {
    Json::string(&pointer.to_string()).write()
}

/// JSON whose members have no order.
fn canonical(json: &Json) -> serde_json::Value {
    serde_json::from_str(&json.write()).unwrap()
}

/// XML documents of a few levels.
fn xml_document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![Just("<a/>"), Just("<b c=\"1\">t</b>"), Just("<!-- x -->"), Just("t")].prop_map(str::to_owned);
    let inner = leaf.prop_recursive(3, 12, 3, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(|children| format!("<a>{}</a>", children.concat()))
    });
    proptest::collection::vec(inner, 0..4).prop_map(|children| format!("<r>{}</r>", children.concat()))
}

/// Selectors of all elements.
fn selectors(nodes: &[Node], outer: &str, found: &mut Vec<String>) {
    for (i, element) in nodes.iter().filter(|node| node.element().is_some()).enumerate() {
        let selector = format!("{outer}/*[{}]", i + 1);
        found.push(selector.clone());
        selectors(element.children(), &selector, found);
    }
}

fn xml_patch(operations: &str, document: &str) -> Result<Option<String>, crate::patch::Fault> {
    xml::Patch::read(format!("<diff>{operations}</diff>").as_bytes())?.apply(document.as_bytes())
}

proptest! {
    #[test]
    fn what_is_added_to_xml_and_removed_again_is_the_same(document in xml_document(), choice in any::<prop::sample::Index>(), first: bool) {
        let mut all = Vec::new();
        selectors(&document::read(document.as_bytes()).unwrap(), "", &mut all);
        let place = choice.get(&all);
        let (pos, new) = if first { (" pos=\"prepend\"", "*[1]") } else { ("", "*[last()]") };
        let add = format!("<add sel=\"{place}\"{pos}><n><m/></n></add>");
        prop_assert!(xml_patch(&add, &document).unwrap().is_some());
        prop_assert_eq!(xml_patch(&format!("{add}<remove sel=\"{place}/{new}\"/>"), &document).unwrap(), None);
    }

    #[test]
    fn any_text_as_a_patch_gets_an_answer(selector in "[ab:/@\\[\\]='.*0-9() ]{0,24}", text in "[\\[\\]{}\",:a-z/~]{0,24}") {
        let _ = xml_patch(&format!("<remove sel=\"{selector}\"/>"), "<a b=\"1\"><b>2</b><b/></a>");
        let _ = Patch::read(&text).map(|patch| patch.apply(Json::null()));
    }

    #[test]
    fn what_is_removed_and_added_again_is_the_same(document in document(), choice in any::<prop::sample::Index>()) {
        let mut all = Vec::new();
        places(&document, &[], &mut all);
        prop_assume!(!all.is_empty());
        let place = choice.get(&all);
        let value = place.find(&document).unwrap().write();
        let path = quoted(place);
        prop_assert_eq!(&Pointer::read(&place.to_string()).unwrap(), place);
        let operations = format!(
            r#"{{"op":"test","path":{path},"value":{value}}},{{"op":"remove","path":{path}}},{{"op":"add","path":{path},"value":{value}}}"#
        );
        prop_assert_eq!(canonical(&apply(&operations, &document).unwrap()), canonical(&document));
        let removed = apply(&format!(r#"{{"op":"remove","path":{path}}}"#), &document).unwrap();
        prop_assert_ne!(canonical(&removed), canonical(&document));
    }

    #[test]
    fn a_move_is_a_remove_and_an_add(document in document(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let mut all = Vec::new();
        places(&document, &[], &mut all);
        prop_assume!(!all.is_empty());
        let (from, to) = (a.get(&all), b.get(&all));
        let value = from.find(&document).unwrap().write();
        let (from_path, to_path) = (quoted(from), quoted(to));
        let moved = apply(&format!(r#"{{"op":"move","from":{from_path},"path":{to_path}}}"#), &document);
        if to.is_inside(from) {
            prop_assert!(moved.is_err());
        } else {
            let by_hand = apply(
                &format!(r#"{{"op":"remove","path":{from_path}}},{{"op":"add","path":{to_path},"value":{value}}}"#),
                &document,
            );
            prop_assert_eq!(moved.ok().map(|json| canonical(&json)), by_hand.ok().map(|json| canonical(&json)));
        }
    }

    #[test]
    fn any_document_is_replaced_by_any_other(a in document(), b in document()) {
        let patched = apply(&format!(r#"{{"op":"replace","path":"","value":{}}},{{"op":"test","path":"","value":{}}}"#, b.write(), b.write()), &a);
        prop_assert_eq!(canonical(&patched.unwrap()), canonical(&b));
    }
}
