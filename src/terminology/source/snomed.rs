//! SNOMED CT, Release Format 2: concepts, their descriptions, and which is a kind of which.
//!
//! Snapshots and full releases are both read: of each row the newest one counts. The display is the preferred term if a language refset
//! is among the files, else the fully specified name; all other active descriptions are designations.
//! Source: <https://confluence.ihtsdotools.org/display/DOCRELFMT>, <https://hl7.org/fhir/R4/snomedct.html>.

use std::collections::{BTreeMap, HashMap};

use super::{Broken, Concept, System, Table, cell};

const IS_A: &str = "116680003";
const FULLY_SPECIFIED: &str = "900000000000003001";
const PREFERRED: &str = "900000000000548007";
/// Modules of the international edition.
const INTERNATIONAL: [&str; 2] = ["900000000000207008", "900000000000012004"];

/// What a file of a release tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Concepts,
    Descriptions,
    Relationships,
    Language,
}

impl Part {
    /// By the line of heads.
    pub(super) fn of(heads: &str) -> Option<Self> {
        let has = |name: &str| heads.split('\t').any(|head| head.trim() == name);
        if has("definitionStatusId") {
            Some(Self::Concepts)
        } else if has("term") && has("languageCode") && has("conceptId") {
            Some(Self::Descriptions)
        } else if has("destinationId") {
            Some(Self::Relationships)
        } else if has("acceptabilityId") {
            Some(Self::Language)
        } else {
            None
        }
    }
}

/// The newest row of each id, by a choice of its columns.
struct Newest<const N: usize>(BTreeMap<u64, ([String; N], String, bool)>);

impl<const N: usize> Newest<N> {
    fn read(files: &[&str], part: Part, columns: [&'static str; N]) -> Result<Self, Broken> {
        let mut rows = BTreeMap::new();
        // The ids of refset members are UUIDs.
        let mut numbers: HashMap<String, u64> = HashMap::new();
        for text in files.iter().filter(|text| Part::of(text.lines().next().unwrap_or("")) == Some(part)) {
            let table = Table::tabs(text)?;
            let (id, time, active) = (table.column("id")?, table.column("effectiveTime")?, table.column("active")?);
            let mut wanted = [0; N];
            for (place, name) in wanted.iter_mut().zip(columns) {
                *place = table.column(name)?;
            }
            table.each(|row| {
                let told = cell(row, Some(id));
                let next = numbers.len() as u64;
                let id = told.parse().unwrap_or_else(|_| *numbers.entry(told.to_owned()).or_insert(next));
                let time = cell(row, Some(time));
                if rows.get(&id).is_none_or(|(_, known, _): &([String; N], String, bool)| known.as_str() <= time) {
                    rows.insert(
                        id,
                        (wanted.map(|column| cell(row, Some(column)).to_owned()), time.to_owned(), cell(row, Some(active)) == "1"),
                    );
                }
            })?;
        }
        Ok(Self(rows))
    }

    /// The rows that are active.
    fn active(&self) -> impl Iterator<Item = (u64, &[String; N])> {
        self.0.iter().filter(|(_, (_, _, active))| *active).map(|(id, (cells, ..))| (*id, cells))
    }

    fn some(self, what: &'static str) -> Result<Self, Broken> {
        if self.0.is_empty() { Err(Broken::Part(what)) } else { Ok(self) }
    }
}

pub(super) fn read(files: &[&str]) -> Result<System, Broken> {
    let concepts = Newest::read(files, Part::Concepts, ["moduleId"])?.some("concepts")?;
    let descriptions = Newest::read(files, Part::Descriptions, ["conceptId", "languageCode", "typeId", "term"])?.some("descriptions")?;
    let relationships = Newest::read(files, Part::Relationships, ["sourceId", "destinationId", "typeId"])?.some("relationships")?;
    let language = Newest::read(files, Part::Language, ["referencedComponentId", "acceptabilityId"])?;
    let preferred: std::collections::HashSet<u64> =
        language.active().filter(|(_, cells)| cells[1] == PREFERRED).filter_map(|(_, cells)| cells[0].parse().ok()).collect();

    let mut system = System::new("http://snomed.info/sct", "SNOMED_CT");
    system.version = Some(version(&concepts));
    let mut places: HashMap<u64, usize> = HashMap::with_capacity(concepts.0.len());
    for (id, (_, _, active)) in &concepts.0 {
        let mut concept = Concept::new(id.to_string(), "");
        if !active {
            concept.retired();
        }
        places.insert(*id, system.concept.len());
        system.concept.push(concept);
    }
    let place = |id: &str| places.get(&id.parse().ok()?).copied();
    // The best name first, since the display is left out of the designations.
    let mut names: Vec<(u8, u64, &[String; 4])> = descriptions
        .active()
        .map(|(id, cells)| {
            let full = cells[2] == FULLY_SPECIFIED;
            (
                if preferred.contains(&id) && !full {
                    0
                } else if full {
                    1
                } else {
                    2
                },
                id,
                cells,
            )
        })
        .collect();
    names.sort_unstable_by_key(|(rank, id, _)| (*rank, *id));
    for (_, _, [concept, language, _, term]) in names {
        let Some(concept) = place(concept).and_then(|place| system.concept.get_mut(place)) else { continue };
        if concept.display.is_empty() { concept.display.clone_from(term) } else { concept.also(Some(language), term) }
    }
    for (_, [source, target, kind]) in relationships.active() {
        if kind == IS_A
            && let Some(concept) = place(source).and_then(|place| system.concept.get_mut(place))
        {
            concept.parent(target);
        }
    }
    Ok(system)
}

/// The edition and its date as FHIR tells them: the international edition, unless another module has concepts of its own.
fn version(concepts: &Newest<1>) -> String {
    let mut modules: HashMap<&str, usize> = HashMap::new();
    for (module, ..) in concepts.0.values().map(|(cells, ..)| (cells[0].as_str(),)) {
        *modules.entry(module).or_default() += 1;
    }
    let own = modules.iter().filter(|(module, _)| !INTERNATIONAL.contains(module)).max_by_key(|(module, count)| (**count, **module));
    let module = own.map_or(INTERNATIONAL[0], |(module, _)| module);
    let date = concepts.0.values().map(|(_, time, _)| time.as_str()).max().unwrap_or("");
    format!("http://snomed.info/sct/{module}/version/{date}")
}
