//! The rules of FHIR's JSON, held while the nodes get their names and types.
//!
//! Source: <https://hl7.org/fhir/R4/json.html>: known elements only, arrays exactly where an element repeats, no nulls but in
//! arrays of primitives beside their `_` array, no empty objects, arrays or strings, `resourceType` on every resource.

use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Json;
use crate::model::schema::{ElementFacts, Kind, Name, Schema, Slot, TypeId};
use crate::model::tree::{MISSING, Shape, Stored, Tree, unescape};

/// Types all nodes of `tree`; gives at most `most` issues.
pub(super) fn check(tree: &mut Tree, keys: &[(u32, u32)], most: usize) -> Vec<Issue> {
    let schema = tree.schema;
    let text = tree.text.clone();
    let extension = schema.type_named("Element").unwrap_or(TypeId::NONE);
    let mut checker = Checker {
        schema,
        text: std::str::from_utf8(&text).unwrap_or(""),
        nodes: &mut tree.nodes,
        keys,
        path: Vec::new(),
        issues: Vec::new(),
        most,
        shadow: extension,
        saw_null: false,
    };
    checker.resource(0);
    let more = checker.issues.len().saturating_sub(most);
    let mut issues = checker.issues;
    if more > 0 {
        issues.truncate(most);
        issues.push(Issue::error(IssueType::TooLong, "", format!("{more} more errors are not listed.")));
    }
    issues
}

enum Step {
    Key(&'static str),
    Item(usize),
}

struct Checker<'a> {
    schema: &'static Schema,
    text: &'a str,
    nodes: &'a mut Vec<Stored>,
    keys: &'a [(u32, u32)],
    path: Vec<Step>,
    issues: Vec<Issue>,
    most: usize,
    /// The type of what stands beside a primitive under `_name`: `Element`, with id and extension.
    shadow: TypeId,
    /// Set when a null was passed over in an array of primitives, which is right only beside a `_` array.
    saw_null: bool,
}

impl<'a> Checker<'a> {
    fn node(&self, index: u32) -> Stored {
        // Indexes come from the scanner's own `next` links.
        self.nodes.get(index as usize).copied().unwrap_or(MISSING)
    }

    fn set(&mut self, index: u32, name: Name, ty: TypeId, shadow: bool) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.name = name;
            node.ty = ty;
            node.shadow = shadow;
        }
    }

    fn key(&self, index: u32) -> &'a str {
        let (start, end) = self.keys.get(index as usize).copied().unwrap_or((0, 0));
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn children(&self, index: u32) -> impl Iterator<Item = u32> {
        let (mut at, end) = (index + 1, self.node(index).next);
        std::iter::from_fn(move || {
            let child = at;
            at = self.node(child).next;
            Some(child).filter(|child| *child < end)
        })
    }

    fn fail(&mut self, code: IssueType, diagnostics: String) {
        if self.issues.len() > self.most {
            return;
        }
        let mut expression = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if expression.is_empty() => expression.push_str(key),
                Step::Key(key) => {
                    expression.push('.');
                    expression.push_str(key);
                }
                Step::Item(i) => {
                    expression.push('[');
                    expression.push_str(&i.to_string());
                    expression.push(']');
                }
            }
        }
        self.issues.push(Issue::error(code, expression, diagnostics));
    }

    /// An object that names its own type: the root, a contained resource, a Bundle's entry.
    fn resource(&mut self, index: u32) {
        if self.node(index).shape != Shape::Object {
            return self.fail(IssueType::Structure, "A resource must be a JSON object.".into());
        }
        let said = self.children(index).find(|child| self.key(*child) == "resourceType");
        let Some(said) = said else {
            return self.fail(
                IssueType::Structure,
                "The property resourceType is missing: say which resource this is, for example \"resourceType\": \"Patient\".".into(),
            );
        };
        let node = self.node(said);
        let name = self.text.get(node.start as usize..node.end as usize).unwrap_or("");
        let Some(ty) = self.schema.resource_type(name).filter(|_| node.shape == Shape::String) else {
            let told: String = name.chars().take(60).collect();
            return self.fail(IssueType::Structure, format!("\"{told}\" is not a resource type of FHIR R4."));
        };
        let element = self.node(index).name;
        self.set(index, element, ty.id(), false);
        let root = self.path.is_empty();
        if root {
            self.path.push(Step::Key(ty.name()));
        }
        self.object(index, ty.id(), true);
        if root {
            self.path.pop();
        }
    }

    fn object(&mut self, index: u32, ty: TypeId, is_resource: bool) {
        let slots = self.schema.slots(ty);
        let mut seen = Seen::new(slots.len() * 2);
        let mut shadows: Vec<(u32, &'static Slot)> = Vec::new();
        let mut nulls: Vec<&'static Slot> = Vec::new();
        let mut chosen: Vec<&'static Slot> = Vec::new();
        let (mut at, end) = (index + 1, self.node(index).next);
        if at == end {
            return self.fail(IssueType::Structure, "An object must not be empty: leave the element out.".into());
        }
        while at < end {
            let child = at;
            let node = self.node(child);
            at = node.next;
            let key = self.key(child);
            if is_resource && key == "resourceType" {
                self.set(child, Name::NONE, TypeId::NONE, true);
                if !seen.first(slots.len() * 2) {
                    self.fail(IssueType::Structure, "The property resourceType stands here twice.".into());
                }
                continue;
            }
            let (shadow, plain) = key.strip_prefix('_').map_or((false, key), |rest| (true, rest));
            let slot = slots.binary_search_by(|slot| slot.key.cmp(plain)).ok().and_then(|i| Some((i, slots.get(i)?)));
            let Some((number, slot)) = slot else {
                self.unknown(key, ty);
                continue;
            };
            self.path.push(Step::Key(slot.key));
            if !seen.first(number * 2 + usize::from(shadow)) {
                self.fail(IssueType::Structure, format!("The property \"{key}\" stands in this object twice: send it once."));
            }
            if shadow {
                if matches!(self.schema.kind(slot.ty), Kind::Primitive(_)) {
                    shadows.push((child, slot));
                } else {
                    self.fail(
                        IssueType::Structure,
                        format!("\"{key}\" is not possible: {} is not a primitive type.", self.schema.type_name(slot.ty)),
                    );
                }
            } else {
                let facts = self.schema.element(slot.element);
                if facts.is_some_and(|facts| facts.choice) {
                    chosen.push(slot);
                }
                self.element(child, slot, facts.is_some_and(ElementFacts::many));
                if std::mem::take(&mut self.saw_null) {
                    nulls.push(slot);
                }
            }
            self.path.pop();
        }
        self.choices(&chosen);
        self.required(index, ty);
        for slot in nulls.into_iter().filter(|slot| shadows.iter().all(|(_, shadow)| shadow.key != slot.key)) {
            self.path.push(Step::Key(slot.key));
            self.fail(
                IssueType::Structure,
                format!("null is not a value in FHIR, unless \"_{}\" has an extension at the same place.", slot.key),
            );
            self.path.pop();
        }
        for (child, slot) in shadows {
            self.path.push(Step::Key(slot.key));
            self.shadow(index, child, slot);
            self.path.pop();
        }
    }

    fn unknown(&mut self, key: &str, ty: TypeId) {
        let key: String = key.chars().take(60).collect();
        let name = self.schema.type_name(ty);
        let near = self.schema.slots(ty).iter().find(|slot| slot.key.eq_ignore_ascii_case(&key) || slot.name_starts(self.schema, &key));
        let hint = near.map_or(String::new(), |slot| format!(" Did you mean \"{}\"?", slot.key));
        self.fail(IssueType::Structure, format!("{name} has no element \"{key}\" in FHIR R4.{hint}"));
    }

    /// Refuses two choices of one element in one object (`valueString` beside `valueQuantity`).
    fn choices(&mut self, chosen: &[&Slot]) {
        for (i, slot) in chosen.iter().enumerate() {
            let before = chosen.get(..i).unwrap_or(&[]);
            if before.iter().any(|other| other.element == slot.element && other.ty != slot.ty) {
                let name = self.schema.name(slot.name);
                self.fail(IssueType::Structure, format!("{name}[x] has more than one type here: send only one."));
            }
        }
    }

    /// Tells the elements that the type needs and the object lacks.
    fn required(&mut self, index: u32, ty: TypeId) {
        let schema = self.schema;
        for element in schema.required(ty) {
            // What stands only under its name with '_' has no name yet here, but a key.
            let name = schema.name(element.name);
            let found = self.children(index).any(|child| self.node(child).name == element.name)
                || self.children(index).any(|child| self.key(child).strip_prefix('_').is_some_and(|key| key.starts_with(name)));
            if !found {
                let choice = if element.choice { "[x]" } else { "" };
                self.fail(IssueType::Required, format!("The element {name}{choice} is missing: {} needs it.", schema.type_name(ty)));
            }
        }
    }

    fn element(&mut self, index: u32, slot: &Slot, many: bool) {
        self.set(index, slot.name, slot.ty, false);
        let node = self.node(index);
        match (many, node.shape) {
            (true, Shape::Array) => {
                let (mut item, end) = (index + 1, node.next);
                if item == end {
                    return self.fail(IssueType::Structure, "An array must not be empty: leave the element out.".into());
                }
                for i in 0.. {
                    if item >= end {
                        break;
                    }
                    self.path.push(Step::Item(i));
                    self.set(item, slot.name, slot.ty, false);
                    self.value(item, slot.ty, true);
                    self.path.pop();
                    item = self.node(item).next;
                }
            }
            (true, _) => self.fail(IssueType::Structure, "This element repeats, so its value must be a JSON array: [ … ].".into()),
            (false, Shape::Array) => {
                self.fail(IssueType::Structure, "This element does not repeat, so its value must not be a JSON array.".into())
            }
            (false, _) => self.value(index, slot.ty, false),
        }
    }

    fn value(&mut self, index: u32, ty: TypeId, in_array: bool) {
        let node = self.node(index);
        match (self.schema.kind(ty), node.shape) {
            (Kind::Primitive(_), Shape::Null) if in_array => self.saw_null = true,
            (_, Shape::Null) => self.fail(IssueType::Structure, "null is not a value in FHIR: leave the element out.".into()),
            (Kind::Primitive(primitive), shape) => {
                let fits = match primitive.json() {
                    Json::String => matches!(shape, Shape::String | Shape::Escaped),
                    Json::Number => shape == Shape::Number,
                    Json::Boolean => shape == Shape::Boolean,
                };
                let name = self.schema.type_name(ty);
                if !fits {
                    let wanted = match primitive.json() {
                        Json::String => "string",
                        Json::Number => "number",
                        Json::Boolean => "true or false",
                    };
                    return self.fail(IssueType::Structure, format!("The type {name} is told as a JSON {wanted} here."));
                }
                let raw = self.text.get(node.start as usize..node.end as usize).unwrap_or("");
                let checked = if shape == Shape::Escaped { primitive.check(&unescape(raw)) } else { primitive.check(raw) };
                if let Err(reason) = checked {
                    let told: String = raw.chars().take(60).collect();
                    self.fail(IssueType::Value, format!("\"{told}\" is not a {name}: {reason}."));
                }
            }
            (Kind::AnyResource, _) => self.resource(index),
            (_, Shape::Object) => self.object(index, ty, false),
            (_, _) => self.fail(IssueType::Structure, format!("{} is told as a JSON object: {{ … }}.", self.schema.type_name(ty))),
        }
    }

    /// The id and extensions of a primitive; for arrays, aligned with the array of values.
    fn shadow(&mut self, parent: u32, index: u32, slot: &Slot) {
        self.set(index, slot.name, self.shadow, true);
        let many = self.schema.element(slot.element).is_some_and(ElementFacts::many);
        let node = self.node(index);
        if !many {
            return match node.shape {
                Shape::Object => self.object(index, self.shadow, false),
                _ => self.fail(
                    IssueType::Structure,
                    "What stands beside a primitive under its name with '_' must be an object with id or extension.".into(),
                ),
            };
        }
        if node.shape != Shape::Array {
            return self
                .fail(IssueType::Structure, "This element repeats, so what stands under its name with '_' must be an array.".into());
        }
        let values = self.children(parent).find(|child| *child != index && self.key(*child) == slot.key);
        let values: Option<Vec<u32>> = values.map(|child| self.children(child).collect());
        let items: Vec<u32> = self.children(index).collect();
        if let Some(values) = &values
            && values.len() != items.len()
        {
            self.fail(IssueType::Structure, format!("\"{}\" and \"_{}\" must have the same number of items.", slot.key, slot.key));
        }
        for (i, item) in items.iter().enumerate() {
            self.path.push(Step::Item(i));
            self.set(*item, slot.name, self.shadow, true);
            let valued = values.as_ref().and_then(|values| values.get(i)).is_some_and(|value| self.node(*value).shape != Shape::Null);
            match self.node(*item).shape {
                Shape::Object => self.object(*item, self.shadow, false),
                Shape::Null if valued => {}
                Shape::Null => {
                    self.fail(IssueType::Structure, "Neither a value nor an extension stands at this place of the array.".into())
                }
                _ => self.fail(
                    IssueType::Structure,
                    "What stands beside a primitive under its name with '_' must be an object with id or extension.".into(),
                ),
            }
            self.path.pop();
        }
    }
}

impl Slot {
    fn name_starts(&self, schema: &Schema, key: &str) -> bool {
        let name = schema.name(self.name);
        name != self.key && key == name
    }
}

/// Which slots of an object have been seen; small objects need no allocation.
struct Seen {
    small: u128,
    large: Vec<u64>,
}

impl Seen {
    fn new(bits: usize) -> Self {
        Self { small: 0, large: if bits >= 128 { vec![0; bits / 64 + 1] } else { Vec::new() } }
    }

    /// Whether `bit` is seen for the first time.
    fn first(&mut self, bit: usize) -> bool {
        if let Some(word) = self.large.get_mut(bit / 64) {
            let mask = 1 << (bit % 64);
            let first = *word & mask == 0;
            *word |= mask;
            return first;
        }
        let mask = 1_u128.checked_shl(u32::try_from(bit).unwrap_or(127)).unwrap_or(0);
        let first = self.small & mask == 0;
        self.small |= mask;
        first
    }
}
