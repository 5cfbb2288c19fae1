//! The keys under which values are found by equality.
//!
//! A key is a 64-bit hash of what kind of value it is, the parameter and the parts of the value. What extraction writes and
//! what resolution asks for meet here and nowhere else. The hash must never change: stored rows hold it.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::plan::ParameterNumber;
use crate::model::schema::ResourceType;

/// What a post says of a resource.
#[derive(Clone, Copy)]
enum Space {
    Type = 1,
    Present = 2,
    Token = 3,
    TokenCode = 4,
    TokenSystem = 5,
    Reference = 6,
    Exact = 7,
    Uri = 8,
    Wide = 9,
    OfType = 10,
    Contains = 11,
}

/// Beside its values a parameter may have others, kept under a number of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aside {
    /// `Reference.identifier`, as tokens (`:identifier`).
    Identifier = 0x1D3A_52C1,
    /// Quantities in canonical units, so that those of one dimension can be compared.
    Canonical = 0x2B67_94E3,
    /// Positions in sequences counted from 1, which composites ask for.
    Position = 0x36E1_0F5B,
}

/// The number of what is kept beside a parameter. The tests prove it unique over all parameters.
#[must_use]
pub fn aside(parameter: ParameterNumber, what: Aside) -> ParameterNumber {
    parameter.rotate_left(7) ^ what as u32
}

struct Key(SipHasher13);

impl Key {
    fn new(space: Space, parameter: ParameterNumber) -> Self {
        let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x706f_7374);
        hasher.write_u8(space as u8);
        hasher.write_u32(parameter);
        Self(hasher)
    }

    /// Parts carry their length, so that ("ab", "c") and ("a", "bc") differ.
    fn part(mut self, part: &str) -> Self {
        self.0.write_u64(part.len() as u64);
        self.0.write(part.as_bytes());
        self
    }

    fn done(self) -> u64 {
        self.0.finish()
    }
}

/// Every resource of the type.
#[must_use]
pub fn of_type(kind: ResourceType) -> u64 {
    Key::new(Space::Type, 0).part(kind.name()).done()
}

/// Resources that contain one of the type (`_contained`).
#[must_use]
pub fn contains(kind: ResourceType) -> u64 {
    Key::new(Space::Contains, 0).part(kind.name()).done()
}

/// Resources in which the parameter's element is there (`:missing=false`).
#[must_use]
pub fn present(parameter: ParameterNumber) -> u64 {
    Key::new(Space::Present, parameter).done()
}

/// Resources with several intervals of the parameter, or a wide one: see [`super::plan::Rows::mark_wide`].
#[must_use]
pub fn wide(parameter: ParameterNumber) -> u64 {
    Key::new(Space::Wide, parameter).done()
}

/// `system|code`; an absent system is the empty one (`|code`).
#[must_use]
pub fn token(parameter: ParameterNumber, system: &str, code: &str) -> u64 {
    Key::new(Space::Token, parameter).part(system).part(code).done()
}

/// `code` of whatever system.
#[must_use]
pub fn token_code(parameter: ParameterNumber, code: &str) -> u64 {
    Key::new(Space::TokenCode, parameter).part(code).done()
}

/// `system|`: any code of the system.
#[must_use]
pub fn token_system(parameter: ParameterNumber, system: &str) -> u64 {
    Key::new(Space::TokenSystem, parameter).part(system).done()
}

/// `system|code|value` of an identifier and of a coding of its type (`:of-type`).
#[must_use]
pub fn of_type_token(parameter: ParameterNumber, system: &str, code: &str, value: &str) -> u64 {
    Key::new(Space::OfType, parameter).part(system).part(code).part(value).done()
}

/// A reference: `Type/id`, or a URL of another server.
#[must_use]
pub fn reference(parameter: ParameterNumber, target: &str) -> u64 {
    Key::new(Space::Reference, parameter).part(target).done()
}

/// A string to the letter (`:exact`).
#[must_use]
pub fn exact(parameter: ParameterNumber, text: &str) -> u64 {
    Key::new(Space::Exact, parameter).part(text).done()
}

/// A URI to the letter.
#[must_use]
pub fn uri(parameter: ParameterNumber, uri: &str) -> u64 {
    Key::new(Space::Uri, parameter).part(uri).done()
}

/// The unit of a quantity as interval rows hold it: its system above, its code below.
#[must_use]
pub fn unit(system: &str, code: &str) -> u64 {
    (u64::from(half(system)) << 32) | u64::from(unit_code(code))
}

/// The lower half of [`unit()`].
#[must_use]
pub fn unit_code(code: &str) -> u32 {
    half(code)
}

fn half(text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x756e_6974);
    hasher.write(text.as_bytes());
    // Zero means "none", so no text may have it.
    u32::try_from(hasher.finish() & 0xFFFF_FFFF).unwrap_or(1).max(1)
}

/// Folds a string for comparison: accents and letter case go, white space becomes single spaces.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() && !text.contains("  ") && !text.contains(['\n', '\t', '\r']) {
        return text.trim().to_ascii_lowercase();
    }
    let bare: String = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    let mut folded = String::with_capacity(bare.len());
    for word in bare.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}
