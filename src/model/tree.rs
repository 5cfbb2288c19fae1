//! A resource as a tree of elements over its JSON text.
//!
//! The text is kept once; a node is a span of it with the name and type of its element. Nodes stand in document order,
//! so a subtree is a slice and walking needs no pointers. Strings are kept as written, escapes and all.
//!
//! Source: `docs/decisions/0002-tree.md`; <https://hl7.org/fhir/R4/json.html>.

use std::borrow::Cow;

use bytes::Bytes;

use super::schema::{Kind, Name, Schema, TypeId};

/// The JSON shape of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`; the span is the content between the quotes, which holds no escape.
    String,
    /// `"…"` with at least one escape inside.
    Escaped,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`, legal only inside arrays of primitives.
    Null,
}

/// A node as stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Index of the first node after this subtree.
    pub(super) next: u32,
    /// Index of the object or array around it; its own for the root.
    pub(super) around: u32,
    pub(super) name: Name,
    pub(super) ty: TypeId,
    pub(super) shape: Shape,
    /// Whether the property's key starts with `_`: the id and extensions of a primitive.
    pub(super) shadow: bool,
}

/// The tree of one resource.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(super) text: Bytes,
    pub(super) nodes: Vec<Stored>,
    pub(super) schema: &'static Schema,
}

impl Tree {
    /// The root: the resource's object.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { tree: self, index: 0 }
    }

    /// The minified JSON text.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The schema that typed it.
    #[must_use]
    pub fn schema(&self) -> &'static Schema {
        self.schema
    }
}

/// A place in a [`Tree`].
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    index: u32,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}={}", self.key(), self.type_name(), self.json())
    }
}

impl PartialEq for Node<'_> {
    /// Whether both are the same place of the same tree.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.tree, other.tree) && self.index == other.index
    }
}

/// What stands at an index that no node has.
pub(super) const MISSING: Stored =
    Stored { start: 0, end: 0, next: u32::MAX, around: u32::MAX, name: Name::NONE, ty: TypeId::NONE, shape: Shape::Null, shadow: false };

impl<'t> Node<'t> {
    fn stored(self) -> &'t Stored {
        self.tree.nodes.get(self.index as usize).unwrap_or(&MISSING)
    }

    /// The tree it is in.
    #[must_use]
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Its number in document order: equal only for the same place.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// Its JSON shape.
    #[must_use]
    pub fn shape(self) -> Shape {
        self.stored().shape
    }

    /// Its type; for an array, that of its items.
    #[must_use]
    pub fn ty(self) -> TypeId {
        self.stored().ty
    }

    /// The name of its type.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        self.tree.schema.type_name(self.ty())
    }

    /// The kind of its type.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.tree.schema.kind(self.ty())
    }

    /// The name of its element; items of an array have the array's.
    #[must_use]
    pub fn name(self) -> Name {
        self.stored().name
    }

    /// The text of its element's name, without the type suffix of a choice.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.tree.schema.name(self.name())
    }

    /// Its JSON property as it is written, with the type suffix of a choice and the `_` of a shadow; empty for items and the root.
    #[must_use]
    pub fn property(self) -> &'t str {
        // `"key":` stands right before the value.
        let Some(before) = self.tree.text.get(..self.range().start).and_then(|text| text.strip_suffix(b"\":")) else { return "" };
        let start = before.iter().rposition(|b| *b == b'"').map_or(0, |quote| quote + 1);
        before.get(start..).and_then(|key| std::str::from_utf8(key).ok()).unwrap_or("")
    }

    /// Whether it holds the id and extensions of a primitive (its JSON key starts with `_`).
    #[must_use]
    pub fn is_shadow(self) -> bool {
        self.stored().shadow
    }

    /// The content of a string without unescaping, the digits of a number, `true` or `false`; empty for others.
    #[must_use]
    pub fn raw(self) -> &'t str {
        let stored = self.stored();
        match stored.shape {
            Shape::Object | Shape::Array | Shape::Null => "",
            _ => span(&self.tree.text, stored.start, stored.end),
        }
    }

    /// The value of a primitive as text, unescaped.
    #[must_use]
    pub fn text(self) -> Cow<'t, str> {
        match self.shape() {
            Shape::Escaped => Cow::Owned(unescape(self.raw())),
            _ => Cow::Borrowed(self.raw()),
        }
    }

    /// Whether it has a primitive value.
    #[must_use]
    pub fn is_primitive(self) -> bool {
        !matches!(self.shape(), Shape::Object | Shape::Array | Shape::Null)
    }

    /// Its JSON text as it stands in the resource.
    #[must_use]
    pub fn json(self) -> &'t str {
        let stored = self.stored();
        match stored.shape {
            Shape::String | Shape::Escaped => span(&self.tree.text, stored.start.saturating_sub(1), stored.end + 1),
            _ => span(&self.tree.text, stored.start, stored.end),
        }
    }

    /// The byte range of its JSON text in [`Tree::text`].
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        let stored = self.stored();
        let quote = usize::from(matches!(stored.shape, Shape::String | Shape::Escaped));
        stored.start as usize - quote..stored.end as usize + quote
    }

    /// Its direct children in JSON: members of an object, items of an array.
    #[must_use]
    pub fn members(self) -> Members<'t> {
        let stored = self.stored();
        let end = if matches!(stored.shape, Shape::Object | Shape::Array) { stored.next } else { self.index + 1 };
        Members { tree: self.tree, at: self.index + 1, end }
    }

    /// Its child elements as FHIR sees them: arrays are opened, shadows and nulls passed over.
    pub fn children(self) -> impl Iterator<Item = Node<'t>> {
        self.members().filter(|member| !member.is_shadow()).flat_map(Node::opened)
    }

    /// The object that it is an element of, arrays passed over; `None` for the root.
    #[must_use]
    pub fn parent(self) -> Option<Node<'t>> {
        let around = |node: Self| Some(Node { tree: self.tree, index: node.stored().around }).filter(|above| above.index < node.index);
        // Arrays do not stand in arrays.
        around(self).and_then(|above| if above.shape() == Shape::Array { around(above) } else { Some(above) })
    }

    /// The items of an array without nulls, or the node itself.
    pub fn opened(self) -> Opened<'t> {
        match self.shape() {
            Shape::Array => Opened { one: None, many: self.members() },
            Shape::Null => Opened { one: None, many: Members { tree: self.tree, at: 0, end: 0 } },
            _ => Opened { one: Some(self), many: Members { tree: self.tree, at: 0, end: 0 } },
        }
    }

    /// The child elements of that name, arrays opened.
    pub fn named(self, name: Name) -> impl Iterator<Item = Node<'t>> {
        self.members().filter(move |member| member.name() == name && !member.is_shadow()).flat_map(Node::opened)
    }

    /// The child elements of that name.
    pub fn all(self, name: &str) -> impl Iterator<Item = Node<'t>> {
        // A name that no type has matches no member: NONE is never a member's name.
        let id = self.tree.schema.name_id(name).unwrap_or(Name::NONE);
        self.members().filter(move |member| id != Name::NONE && member.name() == id && !member.is_shadow()).flat_map(Node::opened)
    }

    /// The first child element of that name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Node<'t>> {
        self.all(name).next()
    }

    /// The text of the first child element of that name.
    #[must_use]
    pub fn get_text(self, name: &str) -> Option<Cow<'t, str>> {
        self.get(name).filter(|node| node.is_primitive()).map(Node::text)
    }

    /// The resource type that an object with a `resourceType` says it is.
    #[must_use]
    pub fn resource_type(self) -> Option<super::schema::ResourceType> {
        self.tree.schema.resource(self.ty())
    }
}

/// Iterates over the direct children of a node.
#[derive(Clone)]
pub struct Members<'t> {
    tree: &'t Tree,
    at: u32,
    end: u32,
}

impl<'t> Iterator for Members<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node { tree: self.tree, index: self.at };
        self.at = node.stored().next;
        Some(node)
    }
}

/// Iterates over the items of an array, or over one node.
pub struct Opened<'t> {
    one: Option<Node<'t>>,
    many: Members<'t>,
}

impl<'t> Iterator for Opened<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        self.one.take().or_else(|| self.many.find(|item| item.shape() != Shape::Null))
    }
}

fn span(text: &Bytes, start: u32, end: u32) -> &str {
    // The reader checked the whole text, and spans lie on character borders.
    text.get(start as usize..end as usize).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
}

/// Turns the content of a JSON string into the text that it stands for. The reader has checked the escapes.
#[must_use]
pub fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let unit = hex(chars.as_str());
                chars = chars.as_str().get(4..).unwrap_or("").chars();
                if (0xD800..0xDC00).contains(&unit) {
                    let low = chars.as_str().get(2..).map_or(0, hex);
                    chars = chars.as_str().get(6..).unwrap_or("").chars();
                    out.push(char::from_u32(0x10000 + ((unit - 0xD800) << 10) + low.wrapping_sub(0xDC00)).unwrap_or('\u{FFFD}'));
                } else {
                    out.push(char::from_u32(unit).unwrap_or('\u{FFFD}'));
                }
            }
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

fn hex(text: &str) -> u32 {
    text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
