//! Code systems that a site brings, as their publishers ship them: read into FHIR CodeSystems.
//!
//! Norn ships none of these, since their licences are between their publishers and the site. What is written here is what
//! [`read::system`](super::read::system) reads. Source: <https://hl7.org/fhir/R4/terminologies-systems.html>.

mod hgnc;
mod loinc;
mod obo;
mod oncotree;
mod snomed;

use serde::Serialize;

/// How a publisher ships a code system, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// LOINC's table `Loinc.csv`.
    Loinc,
    /// SNOMED CT, Release Format 2: concepts, descriptions, relationships and a language refset.
    Snomed,
    /// HGNC's complete set as tab-separated text.
    Hgnc,
    /// An ontology in OBO: the Sequence Ontology.
    Obo,
    /// OncoTree's list of tumour types in JSON.
    OncoTree,
}

/// Why a file is not what its first line promised.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A column is missing.
    #[error("the column {0} is missing")]
    Column(&'static str),
    /// It is no table.
    #[error("it cannot be read as a table: {0}")]
    Table(#[from] csv::Error),
    /// It is no JSON of that form.
    #[error("it cannot be read as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Nothing is in it.
    #[error("there are no concepts in it")]
    Empty,
    /// SNOMED CT comes in several files.
    #[error("SNOMED CT needs its files of concepts, descriptions and relationships: the file of {0} is missing")]
    Part(&'static str),
}

impl Format {
    /// What a file is, by its first bytes; `None` when it is none of these.
    #[must_use]
    pub fn of(start: &str) -> Option<Self> {
        let start = start.trim_start_matches('\u{FEFF}');
        let line = start.lines().next().unwrap_or("");
        if line.contains("LOINC_NUM") && line.contains("LONG_COMMON_NAME") {
            Some(Self::Loinc)
        } else if line.starts_with("id\teffectiveTime\tactive\tmoduleId\t") {
            snomed::Part::of(line).map(|_| Self::Snomed)
        } else if line.starts_with("hgnc_id\t") {
            Some(Self::Hgnc)
        } else if line.starts_with("format-version:") {
            Some(Self::Obo)
        } else if start.trim_start().starts_with('[') && start.contains("\"mainType\"") {
            Some(Self::OncoTree)
        } else {
            None
        }
    }

    /// Reads the files of one code system; `version` is taken instead of the one that the files tell.
    ///
    /// # Errors
    /// When a file is not of this format, or one is missing.
    pub fn read(self, files: &[&str], version: Option<&str>) -> Result<System, Broken> {
        let mut system = match self {
            Self::Snomed => snomed::read(files)?,
            Self::Loinc => loinc::read(files)?,
            Self::Hgnc => hgnc::read(files)?,
            Self::Obo => obo::read(files)?,
            Self::OncoTree => oncotree::read(files)?,
        };
        if system.concept.is_empty() {
            return Err(Broken::Empty);
        }
        system.version = version.map(str::to_owned).or(system.version);
        Ok(system)
    }
}

/// A CodeSystem, as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct System {
    resource_type: &'static str,
    /// Canonical URL.
    pub url: &'static str,
    /// Version, if one is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name for programs.
    pub name: &'static str,
    status: &'static str,
    case_sensitive: bool,
    hierarchy_meaning: &'static str,
    content: &'static str,
    /// All concepts, in the order of the files.
    pub concept: Vec<Concept>,
}

impl System {
    fn new(url: &'static str, name: &'static str) -> Self {
        Self {
            resource_type: "CodeSystem",
            url,
            version: None,
            name,
            status: "active",
            case_sensitive: true,
            hierarchy_meaning: "is-a",
            content: "complete",
            concept: Vec::new(),
        }
    }
}

/// A concept.
#[derive(Debug, Default, Serialize)]
pub struct Concept {
    /// Its code.
    pub code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    display: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    definition: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    designation: Vec<Designation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    property: Vec<Property>,
}

impl Concept {
    fn new(code: impl Into<String>, display: impl Into<String>) -> Self {
        Self { code: code.into(), display: display.into(), ..Self::default() }
    }

    /// Adds another name, unless it is empty or the display.
    fn also(&mut self, language: Option<&str>, name: &str) {
        if !name.is_empty() && name != self.display {
            self.designation.push(Designation { language: language.map(str::to_owned), value: name.to_owned() });
        }
    }

    fn parent(&mut self, code: &str) {
        self.property.push(Property { code: "parent", value: Value::Code(code.to_owned()) });
    }

    fn retired(&mut self) {
        self.property.push(Property { code: "inactive", value: Value::Boolean(true) });
    }

    fn tell(&mut self, code: &'static str, text: &str) {
        if !text.is_empty() {
            self.property.push(Property { code, value: Value::String(text.to_owned()) });
        }
    }
}

#[derive(Debug, Serialize)]
struct Designation {
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    value: String,
}

#[derive(Debug, Serialize)]
struct Property {
    code: &'static str,
    #[serde(flatten)]
    value: Value,
}

#[derive(Debug, Serialize)]
enum Value {
    #[serde(rename = "valueCode")]
    Code(String),
    #[serde(rename = "valueString")]
    String(String),
    #[serde(rename = "valueBoolean")]
    Boolean(bool),
}

/// A table with a line of heads, by the names of its columns.
struct Table<'t> {
    rows: csv::Reader<&'t [u8]>,
    heads: csv::StringRecord,
}

impl<'t> Table<'t> {
    /// Tab-separated text has no quotes.
    fn tabs(text: &'t str) -> Result<Self, Broken> {
        Self::of(text, csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).flexible(true))
    }

    fn commas(text: &'t str) -> Result<Self, Broken> {
        Self::of(text, csv::ReaderBuilder::new().flexible(true))
    }

    fn of(text: &'t str, builder: &csv::ReaderBuilder) -> Result<Self, Broken> {
        let mut rows = builder.from_reader(text.trim_start_matches('\u{FEFF}').as_bytes());
        let heads = rows.headers()?.clone();
        Ok(Self { rows, heads })
    }

    fn column(&self, name: &'static str) -> Result<usize, Broken> {
        self.optional(name).ok_or(Broken::Column(name))
    }

    fn optional(&self, name: &str) -> Option<usize> {
        self.heads.iter().position(|head| head == name)
    }

    /// Hands each row to `each`.
    fn each(mut self, mut each: impl FnMut(&csv::StringRecord)) -> Result<(), Broken> {
        let mut row = csv::StringRecord::new();
        while self.rows.read_record(&mut row)? {
            each(&row);
        }
        Ok(())
    }
}

/// A cell of a row; one that is missing is empty.
fn cell(row: &csv::StringRecord, column: Option<usize>) -> &str {
    column.and_then(|column| row.get(column)).unwrap_or("")
}

#[cfg(test)]
mod tests;
