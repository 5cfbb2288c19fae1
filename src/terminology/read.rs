//! CodeSystem, ValueSet and ConceptMap as JSON: what of them terminology needs, read into closed types.
//!
//! What comes here was read by the strict reader before, or is built in; members that are missing read as empty.

use serde::Deserialize;

use super::map::{ConceptMap, Element, Group, Target};
use super::set::{Filter, Listed, Operator, Part, ValueSet};
use super::system::{CodeSystem, Concept, Content, Designation, Property, Value};

/// A resource that terminology cannot use.
#[derive(Debug, thiserror::Error)]
#[error("the {0} cannot be read: {1}")]
pub struct Unreadable(&'static str, serde_json::Error);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Coded {
    system: String,
    code: String,
    display: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DesignationOf {
    language: Option<Box<str>>,
    #[serde(rename = "use")]
    purpose: Option<Coded>,
    value: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PropertyOf {
    code: Box<str>,
    value_code: Option<Box<str>>,
    value_string: Option<Box<str>>,
    value_integer: Option<i64>,
    value_boolean: Option<bool>,
    value_date_time: Option<Box<str>>,
    value_decimal: Option<serde_json::Number>,
    value_coding: Option<Coded>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConceptOf {
    code: Box<str>,
    display: Option<Box<str>>,
    definition: Option<Box<str>>,
    designation: Vec<DesignationOf>,
    property: Vec<PropertyOf>,
    concept: Vec<ConceptOf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SystemOf {
    url: String,
    version: Option<String>,
    name: Option<String>,
    status: Option<String>,
    case_sensitive: Option<bool>,
    hierarchy_meaning: Option<String>,
    content: String,
    supplements: Option<String>,
    concept: Vec<ConceptOf>,
}

/// Reads a CodeSystem.
///
/// # Errors
/// When it is not JSON of that form.
pub fn system(text: &[u8]) -> Result<CodeSystem, Unreadable> {
    let read: SystemOf = serde_json::from_slice(text).map_err(|e| Unreadable("CodeSystem", e))?;
    let mut system = CodeSystem {
        url: read.url,
        version: read.version.filter(|version| !version.is_empty()),
        name: read.name,
        draft: read.status.is_some_and(|status| status != "active"),
        case_sensitive: read.case_sensitive.unwrap_or(false),
        content: Content::named(&read.content),
        supplements: read.supplements,
        ..CodeSystem::default()
    };
    // Other hierarchies do not say that one concept is a kind of another.
    let kinds = read.hierarchy_meaning.is_none_or(|meaning| meaning == "is-a");
    let mut links = Vec::new();
    for concept in read.concept {
        concept_of(concept, None, kinds, &mut system, &mut links);
    }
    system.link(links);
    Ok(system)
}

/// A concept that is a kind of another, by their codes.
pub(super) type Link = (Box<str>, Box<str>);

fn concept_of(told: ConceptOf, parent: Option<&str>, kinds: bool, system: &mut CodeSystem, links: &mut Vec<Link>) {
    if let Some(parent) = parent.filter(|_| kinds) {
        links.push((told.code.clone(), parent.into()));
    }
    let properties: Vec<Property> = told.property.into_iter().filter_map(property_of).collect();
    for property in &properties {
        let (Value::Code(value) | Value::Text(value)) = &property.value else { continue };
        match &*property.code {
            "subsumedBy" => links.push((told.code.clone(), value.clone())),
            "parent" if kinds => links.push((told.code.clone(), value.clone())),
            "child" if kinds => links.push((value.clone(), told.code.clone())),
            _ => {}
        }
    }
    let designations = told.designation.into_iter().map(designation_of).collect();
    let concept = Concept {
        code: told.code.clone(),
        display: told.display,
        definition: told.definition,
        designations,
        properties,
        ..Concept::default()
    };
    system.add(concept);
    for inner in told.concept {
        concept_of(inner, Some(&told.code), kinds, system, links);
    }
}

fn property_of(told: PropertyOf) -> Option<Property> {
    let value = if let Some(code) = told.value_code {
        Value::Code(code)
    } else if let Some(text) = told.value_string {
        Value::Text(text)
    } else if let Some(number) = told.value_integer {
        Value::Integer(number)
    } else if let Some(truth) = told.value_boolean {
        Value::Boolean(truth)
    } else if let Some(moment) = told.value_date_time {
        Value::DateTime(moment)
    } else if let Some(number) = told.value_decimal {
        Value::Decimal(number.to_string().into())
    } else {
        let coding = told.value_coding?;
        Value::Coding { system: coding.system.into(), code: coding.code.into(), display: coding.display }
    };
    Some(Property { code: told.code, value })
}

fn designation_of(told: DesignationOf) -> Designation {
    let purpose = told.purpose.map(|purpose| (purpose.system.into(), purpose.code.into()));
    Designation { language: told.language, purpose, value: told.value }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FilterOf {
    property: String,
    op: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PartOf {
    system: Option<String>,
    version: Option<String>,
    concept: Vec<ConceptOf>,
    filter: Vec<FilterOf>,
    value_set: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ComposeOf {
    inactive: Option<bool>,
    include: Vec<PartOf>,
    exclude: Vec<PartOf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainsOf {
    system: Option<String>,
    #[serde(rename = "abstract")]
    group: bool,
    code: Option<Box<str>>,
    display: Option<Box<str>>,
    designation: Vec<DesignationOf>,
    contains: Vec<ContainsOf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExpansionOf {
    total: Option<usize>,
    offset: Option<usize>,
    contains: Vec<ContainsOf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SetOf {
    url: String,
    version: Option<String>,
    name: Option<String>,
    title: Option<String>,
    status: Option<String>,
    compose: Option<ComposeOf>,
    expansion: Option<ExpansionOf>,
}

/// Reads a ValueSet; `package` is the number of the package that it is of.
///
/// # Errors
/// When it is not JSON of that form.
pub fn set(text: &[u8], package: Option<u8>) -> Result<ValueSet, Unreadable> {
    let read: SetOf = serde_json::from_slice(text).map_err(|e| Unreadable("ValueSet", e))?;
    let mut set = ValueSet {
        url: read.url,
        version: read.version.filter(|version| !version.is_empty()),
        name: read.name,
        title: read.title,
        status: read.status,
        package,
        inactive: true,
        ..ValueSet::default()
    };
    match (read.compose, read.expansion) {
        (Some(compose), _) => {
            set.inactive = compose.inactive.unwrap_or(true);
            set.includes = compose.include.into_iter().map(part_of).collect();
            set.excludes = compose.exclude.into_iter().map(part_of).collect();
        }
        (None, Some(expansion)) => {
            let (mut parts, mut count) = (Vec::new(), 0);
            expanded(expansion.contains, &mut parts, &mut count);
            set.includes = parts;
            set.partial = expansion.offset.unwrap_or(0) > 0 || expansion.total.is_some_and(|total| total > count);
        }
        (None, None) => set.partial = true,
    }
    Ok(set)
}

fn part_of(told: PartOf) -> Part {
    let filters = told.filter.into_iter().map(|filter| Filter::new(filter.property, Operator::named(&filter.op), filter.value)).collect();
    let listed = told.concept.into_iter().map(|concept| Listed {
        code: concept.code,
        display: concept.display,
        designations: concept.designation.into_iter().map(designation_of).collect(),
    });
    Part::new(told.system, told.version, listed.collect(), filters, told.value_set)
}

/// An expansion as parts that list codes. What is abstract groups others, and is no code to be used.
fn expanded(contains: Vec<ContainsOf>, parts: &mut Vec<Part>, count: &mut usize) {
    let mut by_system: Vec<(Option<String>, Vec<Listed>)> = Vec::new();
    let mut open: Vec<ContainsOf> = contains.into_iter().rev().collect();
    while let Some(one) = open.pop() {
        *count += 1;
        open.extend(one.contains.into_iter().rev());
        let Some(code) = one.code.filter(|_| !one.group) else { continue };
        let listed = Listed { code, display: one.display, designations: one.designation.into_iter().map(designation_of).collect() };
        match by_system.last_mut().filter(|(system, _)| *system == one.system) {
            Some((_, codes)) => codes.push(listed),
            None => by_system.push((one.system, vec![listed])),
        }
    }
    parts.extend(by_system.into_iter().map(|(system, listed)| Part::new(system, None, listed, Vec::new(), Vec::new())));
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TargetOf {
    code: Option<String>,
    display: Option<String>,
    equivalence: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ElementOf {
    code: String,
    display: Option<String>,
    target: Vec<TargetOf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UnmappedOf {
    mode: String,
    code: Option<String>,
    display: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GroupOf {
    source: Option<String>,
    target: Option<String>,
    target_version: Option<String>,
    element: Vec<ElementOf>,
    unmapped: Option<UnmappedOf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MapOf {
    url: String,
    version: Option<String>,
    source_uri: Option<String>,
    source_canonical: Option<String>,
    target_uri: Option<String>,
    target_canonical: Option<String>,
    group: Vec<GroupOf>,
}

/// Reads a ConceptMap.
///
/// # Errors
/// When it is not JSON of that form.
pub fn map(text: &[u8]) -> Result<ConceptMap, Unreadable> {
    let read: MapOf = serde_json::from_slice(text).map_err(|e| Unreadable("ConceptMap", e))?;
    let target = |told: TargetOf| Target {
        code: told.code,
        display: told.display,
        // R4 requires one; what does not say how it fits only relates.
        equivalence: told.equivalence.unwrap_or_else(|| "relatedto".to_owned()),
    };
    let element =
        |told: ElementOf| Element { code: told.code, display: told.display, targets: told.target.into_iter().map(target).collect() };
    let group = |told: GroupOf| Group {
        source: told.source,
        target: told.target,
        target_version: told.target_version,
        elements: told.element.into_iter().map(element).collect(),
        unmapped: told.unmapped.map(|told| (told.mode, told.code, told.display, told.url)),
    };
    Ok(ConceptMap {
        url: read.url,
        version: read.version,
        source: read.source_canonical.or(read.source_uri),
        target: read.target_canonical.or(read.target_uri),
        groups: read.group.into_iter().map(group).collect(),
    })
}
