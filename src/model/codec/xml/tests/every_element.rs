//! Resources made by chance that together hold every element of every type of FHIR R4, in any order of members.
//!
//! They find what the official examples do not: an element that fhirbolt's own tables type, repeat or order otherwise than the specification.

use std::collections::HashSet;

use super::*;
use crate::model::draft::write_string;
use crate::model::primitive::Primitive;
use crate::model::schema::{ElementFacts, Slot};

/// Elements that no instance has: those of types that only other types build upon.
const ABSTRACT: [&str; 4] = ["Element", "BackboneElement", "DomainResource", "Resource"];

struct Maker {
    schema: &'static Schema,
    seed: u64,
    made: HashSet<(TypeId, &'static str)>,
    shadows: HashSet<(TypeId, &'static str)>,
    /// How many resources stand around the one being made: only the outermost one is asked to be complete.
    around: usize,
}

impl Maker {
    /// A number below `most`.
    fn chance(&mut self, most: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).unwrap() % most
    }

    fn object(&mut self, ty: TypeId, depth: usize, resource: bool) -> String {
        let schema = self.schema;
        let mut members: Vec<String> = Vec::new();
        if resource {
            members.push(format!("\"resourceType\":\"{}\"", schema.type_name(ty)));
        }
        let mut elements: Vec<u32> = schema.slots(ty).iter().map(|slot| slot.element).collect();
        elements.sort_unstable();
        elements.dedup();
        let is_extension = schema.type_name(ty) == "Extension";
        for number in elements {
            let facts = schema.element(number).unwrap();
            let name = schema.name(facts.name);
            let attribute = (name == "id" && !resource) || (name == "url" && is_extension);
            let slots: Vec<&'static Slot> = schema.slots(ty).iter().filter(|slot| slot.element == number).collect();
            let fresh: Vec<&'static Slot> =
                slots.iter().copied().filter(|slot| self.around == 0 && depth > 0 && !self.made.contains(&(ty, slot.key))).collect();
            let slot = if fresh.is_empty() {
                // Deep down little is made, so that it ends; an object needs one member.
                let wanted = self.chance(3 + 4 * (6 - depth.min(6))) == 0 && depth > 0;
                let needed = members.is_empty() && matches!(schema.kind(slots[0].ty), Kind::Primitive(_));
                if !wanted && !needed {
                    continue;
                }
                slots[self.chance(slots.len())]
            } else {
                fresh[self.chance(fresh.len())]
            };
            if self.around == 0 {
                self.made.insert((ty, slot.key));
            }
            self.element(slot, facts, attribute, depth, &mut members);
        }
        // The writer has to find the order itself.
        for i in (1..members.len()).rev() {
            let other = self.chance(i + 1);
            members.swap(i, other);
        }
        format!("{{{}}}", members.join(","))
    }

    fn element(&mut self, slot: &'static Slot, facts: &ElementFacts, attribute: bool, depth: usize, members: &mut Vec<String>) {
        let count = if facts.many() { 1 + self.chance(3) } else { 1 };
        let wrap = |items: Vec<String>| if facts.many() { format!("[{}]", items.join(",")) } else { items.concat() };
        let next = depth.saturating_sub(1);
        if let Kind::Primitive(primitive) = self.schema.kind(slot.ty) {
            let bare = attribute || primitive == Primitive::Xhtml;
            let fresh = !bare && depth > 0 && self.shadows.insert((slot.ty, slot.key));
            let shadowed = fresh || (!bare && depth > 0 && self.chance(10) == 0);
            let (mut values, mut shadows) = (Vec::new(), Vec::new());
            for _ in 0..count {
                let kind = if shadowed { self.chance(3) } else { 0 };
                values.push(if kind == 1 { "null".to_owned() } else { self.value(primitive) });
                shadows.push(if kind == 0 { "null".to_owned() } else { self.shadow(next) });
            }
            if values.iter().any(|value| value != "null") {
                members.push(format!("\"{}\":{}", slot.key, wrap(values)));
            }
            if shadows.iter().any(|shadow| shadow != "null") {
                members.push(format!("\"_{}\":{}", slot.key, wrap(shadows)));
            }
            return;
        }
        let items = (0..count)
            .map(|_| match self.schema.kind(slot.ty) {
                Kind::AnyResource => {
                    let ty = self.schema.resource_types().nth(self.chance(146)).unwrap();
                    self.around += 1;
                    let made = self.object(ty.id(), next.min(2), true);
                    self.around -= 1;
                    made
                }
                _ => self.object(slot.ty, next, false),
            })
            .collect();
        members.push(format!("\"{}\":{}", slot.key, wrap(items)));
    }

    fn shadow(&mut self, depth: usize) -> String {
        let extension = self.schema.type_named("Extension").unwrap();
        match self.chance(3) {
            0 => "{\"id\":\"x1\"}".to_owned(),
            1 => format!("{{\"extension\":[{}]}}", self.object(extension, depth.min(1), false)),
            _ => format!("{{\"extension\":[{0},{0}],\"id\":\"x2\"}}", self.object(extension, 0, false)),
        }
    }

    fn value(&mut self, primitive: Primitive) -> String {
        let choices: &[&str] = match primitive {
            Primitive::Boolean => &["true", "false"],
            Primitive::Integer => &["0", "-2147483648", "42"],
            Primitive::UnsignedInt => &["0", "2147483647"],
            Primitive::PositiveInt => &["1", "2147483647"],
            Primitive::Decimal => &["1.50", "-0.000", "1.5E5", "2e-7", "3E+2", "12345678901234567890.123456789012345678900"],
            Primitive::String | Primitive::Markdown => {
                &["a", "<b> & \"c\" 'd' >", "line\nbreak\r\nand\ttab", "  space  ", "\u{1F600} \u{a0}\u{2028}", "&#10; &amp;"]
            }
            Primitive::Code => &["a-b", "a b", "<=", "&"],
            Primitive::Id => &["A-1.b"],
            Primitive::Uri | Primitive::Url | Primitive::Canonical => &["http://a.no/x?y=1&z=<2>#q", "urn:oid:1.2"],
            Primitive::Oid => &["urn:oid:1.2.3"],
            Primitive::Uuid => &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
            Primitive::Base64Binary => &["AAAA", "AQ==", "AA AA\nAA=="],
            Primitive::Instant => &["2015-02-07T13:28:17.239+02:00"],
            Primitive::Date => &["1905-08-23", "1973-06"],
            Primitive::DateTime => &["2018", "2015-02-07T13:28:17-05:00"],
            Primitive::Time => &["14:35:00"],
            Primitive::Xhtml => &[
                "<div xmlns=\"http://www.w3.org/1999/xhtml\">\n  <p>a &lt; b &#160; </p>\r\n <pre> 1\t2 </pre> <br/></div>",
                "<div xmlns=\"http://www.w3.org/1999/xhtml\" id='x' xml:lang=\"nb\"><!-- c --><b >x</b ><div>&amp;</div> <![CDATA[<x>]]></div>",
            ],
        };
        let value = choices[self.chance(choices.len())];
        let mut out = String::new();
        match primitive.json() {
            Json::String => write_string(value, &mut out),
            Json::Number | Json::Boolean => out.push_str(value),
        }
        out
    }
}

/// All properties of all types that instances have.
fn all(schema: &'static Schema) -> Vec<(TypeId, &'static str)> {
    let types = (0..u16::MAX).map(TypeId).take_while(|ty| schema.facts(*ty).is_some());
    let types = types.filter(|ty| !matches!(schema.kind(*ty), Kind::Primitive(_) | Kind::AnyResource));
    let types = types.filter(|ty| !ABSTRACT.contains(&schema.type_name(*ty)));
    types.flat_map(|ty| schema.slots(ty).iter().map(move |slot| (ty, slot.key))).collect()
}

/// Whether an instance of `ty` can hold something of which `wanted` holds, outside of inner resources.
fn holds(schema: &'static Schema, ty: TypeId, wanted: &HashSet<TypeId>, seen: &mut HashSet<TypeId>) -> bool {
    wanted.contains(&ty) || seen.insert(ty) && schema.slots(ty).iter().any(|slot| holds(schema, slot.ty, wanted, seen))
}

#[test]
fn every_element_of_every_type_survives_the_way_to_xml_and_back() {
    let schema = schema();
    let mut maker = Maker { schema, seed: 1, made: HashSet::new(), shadows: HashSet::new(), around: 0 };
    let limits = Limits { issues: usize::MAX, ..Limits::default() };
    let (mut count, mut failures) = (0, Vec::new());
    let mut left: HashSet<TypeId> = all(schema).into_iter().map(|(ty, _)| ty).collect();
    while !left.is_empty() && count < 20_000 {
        let holders: Vec<_> = schema.resource_types().filter(|ty| holds(schema, ty.id(), &left, &mut HashSet::new())).collect();
        for ty in holders.iter().cycle().take(holders.len().max(50)) {
            let json = maker.object(ty.id(), 6, true);
            count += 1;
            if let Err(failure) = there_and_back(json.as_bytes(), &limits) {
                failures.push(format!("{ty}: {failure}"));
            }
        }
        left = all(schema).into_iter().filter(|slot| !maker.made.contains(slot)).map(|(ty, _)| ty).collect();
    }
    eprintln!("{count} resources with all {} properties of all types", maker.made.len());
    let left: Vec<_> = left.into_iter().map(|ty| schema.type_name(ty)).collect();
    assert!(left.is_empty(), "no instance of these was complete: {left:?}");
    assert!(failures.is_empty(), "{}", failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
}
