//! The small pools of values that the random resources are made of, and their datatypes.
//!
//! Small, so that queries hit; and full of traps: precision, time zones, letter case, accents, separators, absent systems.

use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::moment;
use super::terminology::{CODES as KIND_CODES, KINDS};
use super::units::UCUM;

/// Words for names and texts.
pub(super) const WORDS: &[&str] = &[
    "Müller",
    "MULLER",
    "Mullersen",
    "muller",
    "Østby",
    "østby",
    "Åse",
    "Ase",
    "Anna Maria",
    "anna",
    "O'Neil",
    "Berg, Ole",
    "Ber",
    "a|b",
    "cost$",
    "back\\slash",
    "Éva",
    "Smith-Jones",
    "日本 太郎",
    "😀 Smile",
    "Şükrü",
    "Łukasz",
    "A\u{30a}ngstro\u{308}m",
    "Ångström",
];
/// Systems of codes and identifiers; an empty one is left out.
pub(super) const SYSTEMS: [&str; 4] = ["https://a.example/codes", "https://b.example/codes", "https://a.example/codes/more", ""];
/// Codes and values of identifiers.
pub(super) const CODES: [&str; 10] = ["x", "X", "y", "a-1", "8480-6", "p|q", "c,d", "m$n", "xx", "0"];
/// Dates of every precision.
pub(super) const DATES: &[&str] = &[
    "1969-07-20",
    "2019",
    "2019-12",
    "2019-12-31",
    "2019-12-31T23:59:59.999Z",
    "2020",
    "2020-01-01",
    "2020-01-01T00:00:00Z",
    "2020-02",
    "2020-02-28",
    "2020-02-29",
    "2020-02-29T23:30:00-05:00",
    "2020-03",
    "2020-03-01",
    "2020-03-01T00:00:00Z",
    "2020-03-01T01:00:00+02:00",
    "2020-03-01T09:30:00Z",
    "2020-03-01T09:30:00.100Z",
    "2020-03-01T09:30:00.200Z",
    "2020-03-01T12:00:00+12:45",
    "2020-03-02",
    "2020-12-31T23:30:00-11:00",
    "2019-12-31T23:59:59+14:00",
    "2019-12-31T12:00:00-12:00",
    "2020-01-01T00:00:00.000001Z",
    "1900-02-28",
    "2016-12-31T23:59:60Z",
    "2017-01-01T00:59:60+01:00",
    "2016-12-31",
    "2017-01-01T00:00:00Z",
    "0001-01-01",
    "2021-01-01",
    "9999-12-31",
];
/// Decimals as they are written.
pub(super) const DECIMALS: &[&str] = &[
    "5.4",
    "5.40",
    "5.44",
    "5.45",
    "5.35",
    "5.349",
    "5",
    "100",
    "1e2",
    "1.00e2",
    "99.5",
    "100.5",
    "-5.4",
    "-0.5",
    "0",
    "0.0054",
    "5400",
    "0.001",
    "60",
    "72.0",
    "1E-245",
    "2e-245",
    "1e245",
    "-1e30",
    "0.00000000000054",
    "123456789012345",
    "12345678901234.5",
    "123456789012345678",
    "123456789012345679",
    "0.12345678901234567890123",
    "1E400",
    "-1e-400",
];
/// Units: what is read, system, code; empty ones are left out.
pub(super) const UNITS: [(&str, &str, &str); 16] = [
    ("milligram", UCUM, "mg"),
    ("mg", UCUM, "mg"),
    ("gram", UCUM, "g"),
    ("", UCUM, "ug"),
    ("g", UCUM, "kg"),
    ("cm", UCUM, "cm"),
    ("bpm", UCUM, "/min"),
    ("bpm", UCUM, "1/min"),
    ("Hz", UCUM, "/s"),
    ("", UCUM, "mL/min/{1.73_m2}"),
    ("", UCUM, "mL/min"),
    ("mg/dL", UCUM, "mg/dL"),
    ("mg", "https://units.example", "mg"),
    ("mg", "", ""),
    ("milligram", "", ""),
    ("", "", ""),
];
/// Cities, which begin alike.
pub(super) const CITIES: [&str; 6] = ["Oslo", "oslo vest", "Tromsø", "Tromsoe", "Bergen", "Århus"];
/// Profiles and sources.
pub(super) const URIS: [&str; 5] = [
    "https://a.example/profiles",
    "https://a.example/profiles/one",
    "https://a.example/profiles/one/more",
    "https://a.example/profilesque",
    "urn:oid:1.2.3",
];

/// How many versions the resource with this number in its id gets: some are written twice, with other content at first.
#[must_use]
pub(super) fn versions(number: usize) -> usize {
    1 + usize::from(number % 7 == 3)
}

/// Makes values, and counts how many resources of a type there will be.
#[derive(Debug)]
pub(super) struct Maker {
    /// Where its choices come from.
    pub(super) chance: Chance,
    /// Base URL of the server.
    pub(super) base: String,
    /// How many resources there are of each type.
    pub(super) counts: Vec<(&'static str, usize)>,
}

impl Maker {
    /// A member, in so many of a hundred cases.
    pub(super) fn put(&mut self, body: &mut Map<String, Value>, share: usize, name: &str, make: impl FnOnce(&mut Self) -> Value) {
        if self.chance.percent(share) {
            let value = make(self);
            body.insert(name.to_owned(), value);
        }
    }

    /// A list of one item or several.
    pub(super) fn list(&mut self, most: usize, make: impl Fn(&mut Self) -> Value) -> Value {
        let count = 1 + self.chance.below(most);
        (0..count).map(|_| make(self)).collect()
    }

    /// A text.
    pub(super) fn word(&mut self) -> Value {
        json!(self.chance.one(WORDS))
    }

    /// A date of any precision.
    pub(super) fn date(&mut self) -> Value {
        json!(self.chance.one(DATES))
    }

    /// A day.
    pub(super) fn day(&mut self) -> Value {
        json!(self.chance.one(&["1969-07-20", "2019", "2020", "2020-02", "2020-02-28", "2020-02-29", "2020-03", "2020-03-01"]))
    }

    /// An instant.
    pub(super) fn instant(&mut self) -> Value {
        json!(self.chance.one(&[
            "2020-02-29T23:30:00-05:00",
            "2020-03-01T09:30:00Z",
            "2020-03-01T09:30:00.100Z",
            "2019-12-31T23:59:59.999Z"
        ]))
    }

    /// A Period, open at one side sometimes.
    pub(super) fn period(&mut self) -> Value {
        let (one, other) = (self.chance.one(DATES), self.chance.one(DATES));
        let low = |text: &str| moment::parse(text).map_or(0, |span| span.low);
        let (start, end) = if low(one) <= low(other) { (one, other) } else { (other, one) };
        match self.chance.below(10) {
            0 | 1 => json!({"start": start}),
            2 | 3 => json!({"end": end}),
            _ => json!({"start": start, "end": end}),
        }
    }

    /// A Timing with a few events, or bounds.
    pub(super) fn timing(&mut self) -> Value {
        if self.chance.percent(50) {
            json!({"event": self.list(2, Self::date)})
        } else {
            json!({"repeat": {"boundsPeriod": self.period()}})
        }
    }

    /// A Coding; it lacks its system or its code sometimes.
    pub(super) fn coding(&mut self) -> Value {
        let mut body = Map::new();
        if self.chance.percent(12) {
            return json!({"system": KINDS, "code": self.chance.one(&KIND_CODES)});
        }
        let system = self.chance.one(&SYSTEMS);
        self.put(&mut body, if system.is_empty() { 0 } else { 100 }, "system", |_| json!(system));
        self.put(&mut body, 96, "code", |maker| json!(maker.chance.one(&CODES)));
        let bare = body.is_empty();
        self.put(&mut body, if bare { 100 } else { 30 }, "display", Self::word);
        Value::Object(body)
    }

    /// A CodeableConcept of several codings, or of a text.
    pub(super) fn concept(&mut self) -> Value {
        let mut body = Map::new();
        self.put(&mut body, 90, "coding", |maker| maker.list(2, Self::coding));
        let bare = body.is_empty();
        self.put(&mut body, if bare { 100 } else { 30 }, "text", Self::word);
        Value::Object(body)
    }

    /// An Identifier.
    pub(super) fn identifier(&mut self) -> Value {
        let mut body = Map::new();
        let system = self.chance.one(&SYSTEMS);
        self.put(&mut body, 30, "type", Self::concept);
        self.put(&mut body, if system.is_empty() { 0 } else { 100 }, "system", |_| json!(system));
        self.put(&mut body, 100, "value", |maker| json!(maker.chance.one(&CODES)));
        Value::Object(body)
    }

    /// A narrative.
    pub(super) fn narrative(&mut self) -> Value {
        let words: Vec<&str> = (0..4).map(|_| self.chance.one(&["zebra", "Blå", "himmel", "quick", "fox", "purpura", "&amp;"])).collect();
        let [one, two, three, four] = words.as_slice() else { return Value::Null };
        json!({
            "status": "generated",
            "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{one} <b>{two}</b></p><p title=\"oslo\">{three} {four}</p></div>")
        })
    }

    /// A HumanName.
    pub(super) fn name(&mut self) -> Value {
        let mut body = Map::new();
        self.put(&mut body, 20, "text", Self::word);
        self.put(&mut body, 85, "family", Self::word);
        self.put(&mut body, 10, "prefix", |_| json!(["Dr"]));
        let bare = body.is_empty();
        self.put(&mut body, if bare { 100 } else { 70 }, "given", |maker| maker.list(2, Self::word));
        Value::Object(body)
    }

    /// An Address.
    pub(super) fn address(&mut self) -> Value {
        let mut body = Map::new();
        self.put(&mut body, 40, "use", |maker| json!(maker.chance.one(&["home", "work", "old"])));
        self.put(&mut body, 40, "line", |maker| json!([format!("{} gate 1", maker.chance.one(&CITIES))]));
        self.put(&mut body, 90, "city", |maker| json!(maker.chance.one(&CITIES)));
        self.put(&mut body, 50, "postalCode", |maker| json!(maker.chance.one(&["0155", "01", "9008"])));
        self.put(&mut body, 30, "state", |maker| json!(maker.chance.one(&["Troms", "Tromsø", "O'Neil", "nord"])));
        self.put(&mut body, 100, "country", |maker| json!(maker.chance.one(&["NO", "no", "DK"])));
        Value::Object(body)
    }

    /// A ContactPoint.
    pub(super) fn contact(&mut self) -> Value {
        let system = self.chance.one(&["phone", "email", "fax"]);
        json!({"system": system, "value": self.chance.one(&["555", "a@x.example", "A@x.example", "5551"])})
    }

    /// A decimal with its digits.
    pub(super) fn decimal(&mut self) -> Value {
        serde_json::from_str(self.chance.one(DECIMALS)).unwrap_or_default()
    }

    /// A Quantity; it lacks its value rarely.
    pub(super) fn quantity(&mut self) -> Value {
        let (unit, system, code) = self.chance.one(&UNITS);
        let mut body = Map::new();
        self.put(&mut body, 96, "value", Self::decimal);
        let valued = body.contains_key("value");
        self.put(&mut body, if valued { 10 } else { 0 }, "comparator", |maker| json!(maker.chance.one(&["<", "<=", ">", ">="])));
        for (name, text) in [("unit", unit), ("system", system), ("code", code)] {
            self.put(&mut body, if text.is_empty() { 0 } else { 100 }, name, |_| json!(text));
        }
        if body.is_empty() { json!({"value": 5}) } else { Value::Object(body) }
    }

    /// A span of time, as an Age or Duration.
    pub(super) fn time(&mut self) -> Value {
        let code = self.chance.one(&["a", "mo", "d", "wk", "h", "min"]);
        let value: Value = serde_json::from_str(self.chance.one(&["1", "2", "24", "60", "7", "365.25", "12", "1.5"])).unwrap_or_default();
        json!({"value": value, "unit": code, "system": UCUM, "code": code})
    }

    /// A reference to one of the resources of a type, in one of its many forms.
    pub(super) fn reference(&mut self, kind: &str) -> Value {
        let count = self.counts.iter().find(|(name, _)| *name == kind).map_or(0, |(_, count)| *count);
        let number = self.chance.below(count.max(1));
        let name = format!("{kind}/r{number}");
        match self.chance.below(100) {
            0..12 => json!({"reference": format!("{}/{name}", self.base)}),
            12..19 => json!({"reference": format!("{name}/_history/{}", versions(number))}),
            19..24 => json!({"identifier": self.identifier()}),
            24..27 => json!({"reference": format!("{kind}/nobody")}),
            27..29 => json!({"display": "r1"}),
            29..32 => json!({"reference": name, "identifier": self.identifier()}),
            _ => json!({"reference": name}),
        }
    }

    /// A reference to a resource of one of these types.
    pub(super) fn reference_to(&mut self, kinds: &[&str]) -> Value {
        let kind = self.chance.one(kinds);
        self.reference(kind)
    }

    /// A reference that leads to another server sometimes.
    pub(super) fn far_reference(&mut self, kinds: &[&str]) -> Value {
        if self.chance.percent(6) {
            json!({"reference": format!("https://elsewhere.example/fhir/{}/r1", self.chance.one(kinds))})
        } else {
            self.reference_to(kinds)
        }
    }
}
