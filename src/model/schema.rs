//! The shape of FHIR R4: which elements each type has, in tables that the reader walks.
//!
//! Filled from the compiled StructureDefinitions by `definitions`; names are `'static` because the tables are embedded.
//! Source: <https://hl7.org/fhir/R4/formats.html>, <https://hl7.org/fhir/R4/elementdefinition.html>.

use std::fmt;

use super::primitive::Primitive;
use crate::base::table::Table;

/// Number of a type in its [`Schema`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(pub u16);

impl TypeId {
    /// Stands for "no known type", before a tree has been typed.
    pub const NONE: Self = Self(u16::MAX);
}

/// Number of an element name (`value` for all of `value[x]`) in its [`Schema`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name(pub u16);

impl Name {
    /// The name of array items and of the root, which have none.
    pub const NONE: Self = Self(u16::MAX);
}

/// What kind of thing a type is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// One of the 146 concrete resource types.
    Resource,
    /// The abstract `Resource`, as in `contained` and `Bundle.entry.resource`: the object names its type itself.
    AnyResource,
    /// A data type such as `HumanName`.
    Complex,
    /// A group of elements inside one type, named by its path: `Patient.contact`.
    Backbone,
    /// A primitive type, told as a JSON string, number or boolean.
    Primitive(Primitive),
}

/// A type and where its elements stand.
#[derive(Debug)]
pub struct TypeFacts {
    /// `Observation`, `HumanName`, `Patient.contact`, `dateTime`.
    pub name: &'static str,
    /// What kind of thing it is.
    pub kind: Kind,
    elements: std::ops::Range<u32>,
    slots: std::ops::Range<u32>,
    /// Numbers of the elements that must be there.
    required: Vec<u32>,
}

/// An element of a type.
#[derive(Debug)]
pub struct ElementFacts {
    /// Name without `[x]`.
    pub name: Name,
    /// Fewest occurrences.
    pub min: u32,
    /// Most occurrences; `None` for `*`.
    pub max: Option<u32>,
    /// Whether the name takes its type as a suffix (`value[x]`).
    pub choice: bool,
    /// The types it may have.
    pub types: Vec<TypeId>,
    /// Whether it belongs to `_summary=true`.
    pub summary: bool,
    /// Whether it is a modifier element.
    pub modifier: bool,
}

impl ElementFacts {
    /// Whether JSON tells it as an array: it can occur more than once.
    #[must_use]
    pub fn many(&self) -> bool {
        self.max != Some(1)
    }
}

/// A JSON property of a type: an element, or one choice of it.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Property name: `valueQuantity`.
    pub key: &'static str,
    /// Name of the element: `value`.
    pub name: Name,
    /// Its type, here `Quantity`.
    pub ty: TypeId,
    /// Number of the element, as [`Schema::element`] takes it.
    pub element: u32,
}

/// An element as the tables tell it, by names.
#[derive(Debug, Clone)]
pub struct ElementDraft {
    /// Name without `[x]`.
    pub name: &'static str,
    /// Fewest occurrences.
    pub min: u32,
    /// Most occurrences; `None` for `*`.
    pub max: Option<u32>,
    /// Whether it is a choice.
    pub choice: bool,
    /// Names of its types; a content reference is told as the name of the backbone it refers to.
    pub types: Vec<&'static str>,
    /// Whether it belongs to the summary.
    pub summary: bool,
    /// Whether it is a modifier element.
    pub modifier: bool,
}

/// A type as the tables tell it; elements stand in the order of the specification, inherited ones included.
#[derive(Debug, Clone)]
pub struct TypeDraft {
    /// Name of the type, or path of the backbone.
    pub name: &'static str,
    /// Kind; for primitives the kind of primitive.
    pub kind: Kind,
    /// Its elements in order.
    pub elements: Vec<ElementDraft>,
}

/// All types of FHIR R4.
#[derive(Debug)]
pub struct Schema {
    types: Vec<TypeFacts>,
    elements: Vec<ElementFacts>,
    slots: Vec<Slot>,
    names: Vec<&'static str>,
    name_ids: Table<&'static str, Name>,
    type_ids: Table<&'static str, TypeId>,
}

/// A type that the tables mention but do not define.
#[derive(Debug, thiserror::Error)]
#[error("type {0} is used but not defined in the compiled tables")]
pub struct UnknownType(pub String);

impl Schema {
    /// Builds the tables. `camel` joins a choice's name and type (`value`, `dateTime` -> `valueDateTime`) into a static string.
    ///
    /// # Errors
    /// When an element has a type that no draft defines.
    pub fn build(drafts: &[TypeDraft], mut camel: impl FnMut(&'static str, &'static str) -> &'static str) -> Result<Self, UnknownType> {
        let mut schema = Self {
            types: Vec::with_capacity(drafts.len()),
            elements: Vec::new(),
            slots: Vec::new(),
            names: Vec::new(),
            name_ids: Table::default(),
            type_ids: Table::default(),
        };
        for (i, draft) in drafts.iter().enumerate() {
            schema.type_ids.insert(draft.name, TypeId(narrow(i)));
        }
        for draft in drafts {
            let (first_element, first_slot) = (schema.elements.len(), schema.slots.len());
            for element in &draft.elements {
                let name = schema.intern(element.name);
                let number = u32::try_from(schema.elements.len()).unwrap_or(u32::MAX);
                let mut types = Vec::with_capacity(element.types.len());
                for type_name in &element.types {
                    let ty = schema.type_named(type_name).ok_or_else(|| UnknownType((*type_name).to_owned()))?;
                    types.push(ty);
                    let key = if element.choice { camel(element.name, type_name) } else { element.name };
                    if element.choice || types.len() == 1 {
                        schema.slots.push(Slot { key, name, ty, element: number });
                    }
                }
                schema.elements.push(ElementFacts {
                    name,
                    min: element.min,
                    max: element.max,
                    choice: element.choice,
                    types,
                    summary: element.summary,
                    modifier: element.modifier,
                });
            }
            if let Some(own) = schema.slots.get_mut(first_slot..) {
                own.sort_unstable_by_key(|slot| slot.key);
            }
            schema.types.push(TypeFacts {
                name: draft.name,
                kind: draft.kind,
                elements: range(first_element, schema.elements.len()),
                slots: range(first_slot, schema.slots.len()),
                required: (first_element..)
                    .zip(&draft.elements)
                    .filter(|(_, element)| element.min > 0)
                    .filter_map(|(i, _)| u32::try_from(i).ok())
                    .collect(),
            });
        }
        Ok(schema)
    }

    fn intern(&mut self, name: &'static str) -> Name {
        if let Some(known) = self.name_ids.get(name) {
            return *known;
        }
        let id = Name(narrow(self.names.len()));
        self.names.push(name);
        self.name_ids.insert(name, id);
        id
    }

    /// The type of that name or backbone path.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        self.type_ids.get(name).copied()
    }

    /// The facts of a type.
    #[must_use]
    pub fn facts(&self, ty: TypeId) -> Option<&TypeFacts> {
        self.types.get(usize::from(ty.0))
    }

    /// The name of a type; empty for [`TypeId::NONE`].
    #[must_use]
    pub fn type_name(&self, ty: TypeId) -> &'static str {
        self.facts(ty).map_or("", |facts| facts.name)
    }

    /// The kind of a type.
    #[must_use]
    pub fn kind(&self, ty: TypeId) -> Kind {
        self.facts(ty).map_or(Kind::Complex, |facts| facts.kind)
    }

    /// The text of an element name; empty for [`Name::NONE`].
    #[must_use]
    pub fn name(&self, name: Name) -> &'static str {
        self.names.get(usize::from(name.0)).copied().unwrap_or("")
    }

    /// The number of an element name, if any type has such an element.
    #[must_use]
    pub fn name_id(&self, name: &str) -> Option<Name> {
        self.name_ids.get(name).copied()
    }

    /// An element by its number.
    #[must_use]
    pub fn element(&self, number: u32) -> Option<&ElementFacts> {
        self.elements.get(usize::try_from(number).ok()?)
    }

    /// The elements of a type in the order of the specification.
    #[must_use]
    pub fn elements(&self, ty: TypeId) -> &[ElementFacts] {
        self.facts(ty).and_then(|facts| self.elements.get(wide(&facts.elements))).unwrap_or(&[])
    }

    /// The elements of a type that must be there.
    pub fn required(&self, ty: TypeId) -> impl Iterator<Item = &ElementFacts> {
        self.facts(ty).into_iter().flat_map(|facts| &facts.required).filter_map(|number| self.element(*number))
    }

    /// The properties of a type, sorted by key.
    #[must_use]
    pub fn slots(&self, ty: TypeId) -> &[Slot] {
        self.facts(ty).and_then(|facts| self.slots.get(wide(&facts.slots))).unwrap_or(&[])
    }

    /// The property `key` of a type.
    #[must_use]
    pub fn slot(&self, ty: TypeId, key: &str) -> Option<&Slot> {
        let slots = self.slots(ty);
        slots.binary_search_by(|slot| slot.key.cmp(key)).ok().and_then(|i| slots.get(i))
    }

    /// The concrete resource type of that name.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<ResourceType> {
        self.resource(self.type_named(name)?)
    }

    /// The concrete resource type that a type is, if it is one.
    #[must_use]
    pub fn resource(&self, ty: TypeId) -> Option<ResourceType> {
        let facts = self.facts(ty)?;
        (facts.kind == Kind::Resource).then_some(ResourceType { id: ty, name: facts.name })
    }

    /// All concrete resource types, in the order of the tables.
    pub fn resource_types(&self) -> impl Iterator<Item = ResourceType> {
        self.types
            .iter()
            .zip(0_u16..)
            .filter(|(facts, _)| facts.kind == Kind::Resource)
            .map(|(facts, i)| ResourceType { id: TypeId(i), name: facts.name })
    }
}

/// One of the 146 concrete resource types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceType {
    id: TypeId,
    name: &'static str,
}

impl ResourceType {
    /// Its number in the schema.
    #[must_use]
    pub fn id(self) -> TypeId {
        self.id
    }

    /// Its name: `Patient`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn narrow(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

fn range(from: usize, to: usize) -> std::ops::Range<u32> {
    u32::try_from(from).unwrap_or(u32::MAX)..u32::try_from(to).unwrap_or(u32::MAX)
}

fn wide(range: &std::ops::Range<u32>) -> std::ops::Range<usize> {
    range.start as usize..range.end as usize
}
