//! What R4 and the claimed profiles say of each place of a resource: read by this test alone from the table of types and from the
//! StructureDefinitions, without the validator's code.

use std::collections::HashMap;

use serde_json::Value;

/// An element as its type or profile defines it.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    /// `value[x]`.
    pub(super) name: String,
    pub(super) min: u32,
    pub(super) many: bool,
    /// Type names with their targets.
    pub(super) types: Vec<(String, Vec<String>)>,
    /// The value set of a required binding.
    pub(super) required: Option<String>,
}

/// A place in a resource.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// JSON pointer to the object that it is in, and the key there.
    pub(super) parent: String,
    pub(super) key: String,
    /// Which of several occurrences.
    pub(super) index: Option<usize>,
    pub(super) fact: Fact,
    /// The type that stands there.
    pub(super) ty: String,
    /// Its FHIRPath; and the same with the names that JSON has for choices, by which the reader tells places.
    pub(super) place: String,
    pub(super) property: String,
    /// `Observation.component.value[x]`, from the resource that it is in.
    pub(super) path: String,
    /// What that resource claims.
    pub(super) profiles: Vec<String>,
}

impl Spot {
    pub(super) fn pointer(&self) -> String {
        let index = self.index.map(|index| format!("/{index}")).unwrap_or_default();
        format!("{}/{}{index}", self.parent, self.key)
    }
}

/// The types of R4 and the StructureDefinitions of profiles.
pub(super) struct Oracle {
    types: HashMap<String, Vec<Fact>>,
    primitives: Vec<String>,
    profiles: HashMap<String, Vec<Value>>,
}

fn fact(line: &str) -> Fact {
    let cells: Vec<&str> = line.split('\t').collect();
    let types = cells[3].split(' ').map(|ty| {
        let mut parts = ty.split('>');
        let code = parts.next().unwrap().split('^').next().unwrap().to_owned();
        (code, parts.map(str::to_owned).collect())
    });
    Fact {
        name: cells[0].to_owned(),
        min: cells[1].split("..").next().unwrap().parse().unwrap(),
        many: !cells[1].ends_with("..1"),
        types: types.collect(),
        required: cells[4].strip_prefix("required ").map(|set| set.split(['|', ' ']).next().unwrap().to_owned()),
    }
}

impl Oracle {
    pub(super) fn new(table: &str, definitions: impl Iterator<Item = Value>) -> Self {
        let mut own = Self { types: HashMap::new(), primitives: Vec::new(), profiles: HashMap::new() };
        let mut last = String::new();
        for line in table.lines() {
            match line.strip_prefix('\t') {
                Some(element) => own.types.entry(last.clone()).or_default().push(fact(element)),
                None => {
                    let mut cells = line.split('\t');
                    last = cells.next().unwrap().to_owned();
                    if cells.next() == Some("primitive") {
                        own.primitives.push(last.clone());
                    }
                }
            }
        }
        for definition in definitions {
            let rows = ["snapshot", "differential"].iter().find_map(|part| definition[part]["element"].as_array());
            if let (Some(url), Some(rows)) = (definition["url"].as_str(), rows) {
                own.profiles.insert(url.to_owned(), rows.clone());
            }
        }
        own
    }

    pub(super) fn is_primitive(&self, ty: &str) -> bool {
        self.primitives.iter().any(|known| known == ty)
    }

    /// The element that a JSON property of a type stands for, and the type of its value.
    fn find(&self, ty: &str, key: &str) -> Option<(&Fact, &str)> {
        let all = self.types.get(ty)?;
        if let Some(fact) = all.iter().find(|fact| fact.name == key) {
            return Some((fact, &fact.types[0].0));
        }
        all.iter().find_map(|fact| {
            let suffix = key.strip_prefix(fact.name.strip_suffix("[x]")?)?;
            let (ty, _) =
                fact.types.iter().find(|(ty, _)| ty[..1].to_uppercase() == suffix[..1.min(suffix.len())] && ty[1..] == suffix[1..])?;
            Some((fact, ty.as_str()))
        })
    }

    /// All places of a resource.
    pub(super) fn spots(&self, resource: &Value) -> Vec<Spot> {
        let mut spots = Vec::new();
        let kind = resource["resourceType"].as_str().unwrap_or_default();
        self.walk(resource, kind, ("", [kind, kind], kind, &claims(resource)), &mut spots);
        spots
    }

    fn walk(&self, object: &Value, ty: &str, at: (&str, [&str; 2], &str, &[String]), spots: &mut Vec<Spot>) {
        let (pointer, [place, property], path, profiles) = at;
        for (key, value) in object.as_object().into_iter().flatten().filter(|(key, _)| *key != "resourceType" && !key.starts_with('_')) {
            let Some((fact, child)) = self.find(ty, key) else { continue };
            let stem = fact.name.trim_end_matches("[x]");
            let several = value.as_array().map(|items| items.iter().enumerate().map(|(i, item)| (Some(i), item)).collect::<Vec<_>>());
            for (index, item) in several.unwrap_or_else(|| vec![(None, value)]) {
                let at = index.map(|index| format!("[{index}]")).unwrap_or_default();
                let spot = Spot {
                    parent: pointer.to_owned(),
                    key: key.clone(),
                    index,
                    fact: fact.clone(),
                    ty: child.to_owned(),
                    place: format!("{place}.{stem}{at}"),
                    property: format!("{property}.{key}{at}"),
                    path: format!("{path}.{}", fact.name),
                    profiles: profiles.to_vec(),
                };
                let pointer = spot.pointer();
                match item["resourceType"].as_str().filter(|_| child == "Resource") {
                    Some(kind) => self.walk(item, kind, (&pointer, [&spot.place, &spot.property], kind, &claims(item)), spots),
                    None => self.walk(item, child, (&pointer, [&spot.place, &spot.property], &spot.path, profiles), spots),
                }
                if child != "xhtml" && !item.is_null() {
                    spots.push(spot);
                }
            }
        }
    }

    /// The rows of the claimed profiles for a path, slices left out.
    pub(super) fn rows<'o>(&'o self, spot: &'o Spot) -> impl Iterator<Item = &'o Value> {
        self.all_rows(spot).filter(|row| row["id"] == spot.path.as_str())
    }

    fn all_rows<'o>(&'o self, spot: &'o Spot) -> impl Iterator<Item = &'o Value> {
        let known = spot.profiles.iter().filter_map(|url| self.profiles.get(url.split('|').next().unwrap()));
        known.flatten()
    }

    /// A slice that must be there, and to which this occurrence belongs by a pattern or a fixed value.
    pub(super) fn is_needed_slice(&self, spot: &Spot, item: &Value) -> bool {
        let slicing = self.rows(spot).find_map(|row| row.get("slicing"));
        let Some(discriminators) = slicing.and_then(|slicing| slicing["discriminator"].as_array()) else { return false };
        let [only] = &discriminators[..] else { return false };
        let told = only["path"].as_str().unwrap_or_default();
        if !matches!(only["type"].as_str(), Some("value" | "pattern")) || told.contains('(') || told.contains('.') {
            return false;
        }
        let prefix = format!("{}:", spot.path);
        self.all_rows(spot).filter(|row| row["min"].as_u64() > Some(0)).any(|row| {
            let id = row["id"].as_str().unwrap_or_default();
            let Some(slice) = id.strip_prefix(&prefix).filter(|slice| !slice.contains(['.', '/', ':'])) else { return false };
            let at = if told == "$this" { format!("{prefix}{slice}") } else { format!("{prefix}{slice}.{told}") };
            let demand = self.all_rows(spot).find(|row| row["id"] == at.as_str()).and_then(demand);
            let value = if told == "$this" { item } else { &item[told] };
            demand.is_some_and(|demand| contains(value, demand))
        })
    }
}

fn claims(resource: &Value) -> Vec<String> {
    let claimed = resource["meta"]["profile"].as_array().into_iter().flatten();
    claimed.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The pattern or fixed value of a row.
pub(super) fn demand(row: &Value) -> Option<&Value> {
    row.as_object()?.iter().find(|(key, _)| key.starts_with("pattern") || key.starts_with("fixed")).map(|(_, value)| value)
}

/// Whether a value has all that a pattern has.
pub(super) fn contains(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::Object(value), Value::Object(pattern)) => {
            pattern.iter().all(|(key, wanted)| value.get(key).is_some_and(|own| contains(own, wanted)))
        }
        (Value::Array(value), Value::Array(pattern)) => pattern.iter().all(|wanted| value.iter().any(|own| contains(own, wanted))),
        (Value::Array(value), wanted) => value.iter().any(|own| contains(own, wanted)),
        _ => value == pattern,
    }
}
