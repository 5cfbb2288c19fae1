//! `norn terminology`: code systems that a site brings, kept in a folder that `norn serve` and `norn validate` read when they start.
//!
//! Each release becomes one compressed FHIR CodeSystem, written beside its place and moved there whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::Ended;
use super::arguments::{TerminologyCommand, TerminologyFolder};
use crate::terminology::source::Format;
use crate::terminology::{Added, Terminology};

/// The types of resources that can be loaded as they are.
const KINDS: [&str; 3] = ["CodeSystem", "ValueSet", "ConceptMap"];

/// How many characters at the start of a file tell what it is.
const START: usize = 4096;

/// `norn terminology`
pub(super) fn run(command: &TerminologyCommand) -> Result<(), Ended> {
    match command {
        TerminologyCommand::Load { files, release, folder } => load(files, release.as_deref(), &place(folder)?),
        TerminologyCommand::List { folder } => list(&place(folder)?),
    }
}

/// Makes what is in a folder known to this process, before anything asks for codes; without a folder, nothing.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub(super) fn install(folder: Option<&Path>) -> Result<(), Ended> {
    let Some(folder) = folder else { return Ok(()) };
    let added = kept(folder)?.into_iter().map(|path| read(&path)).collect::<Result<Vec<_>, _>>()?;
    if Terminology::install(added) { Ok(()) } else { Err(Ended::Failed("terminology is in use already".to_owned())) }
}

/// The folder that is told, or the one in the home folder.
fn place(folder: &TerminologyFolder) -> Result<PathBuf, Ended> {
    let home = || folder.home.as_ref().map(|home| home.join(".norn/terminology"));
    folder.folder.clone().or_else(home).ok_or_else(|| Ended::Misused("HOME is not set: say --folder".to_owned()))
}

/// The same for commands, which need not be told: what is in the home folder is used if it is there.
pub(super) fn install_usual(told: &TerminologyFolder) -> Result<(), Ended> {
    let folder = if told.folder.is_some() { told.folder.clone() } else { place(told).ok().filter(|folder| folder.is_dir()) };
    install(folder.as_deref())
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn load(files: &[PathBuf], version: Option<&str>, folder: &Path) -> Result<(), Ended> {
    let mut found = Vec::new();
    files.iter().try_for_each(|path| gather(path, &mut found))?;
    let (mut releases, mut resources) = (BTreeMap::<Format, Vec<String>>::new(), Vec::new());
    for path in found {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        match Format::of(&start(&text)) {
            Some(format) => releases.entry(format).or_default().push(text),
            None => resources.push((path, text)),
        }
    }
    std::fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    for (format, texts) in releases {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let system = format.read(&texts, version).map_err(|error| Ended::Misused(format!("{format:?}: {error}")))?;
        let name = format!("{}-{}", system.name, system.version.as_deref().unwrap_or("unversioned"));
        write(folder, &name, |out| serde_json::to_writer(out, &system).map_err(Into::into))?;
        println!("{} {}: {} concepts", system.url, system.version.as_deref().unwrap_or(""), system.concept.len());
    }
    for (path, text) in resources {
        let (name, told) = resource(&text).ok_or_else(|| {
            Ended::Misused(format!(
                "{} is not one that can be loaded: LOINC's Loinc.csv, SNOMED CT's RF2 files, HGNC's complete set (.txt), the Sequence \
                 Ontology (.obo), OncoTree's tumour types (.json), or a CodeSystem, ValueSet or ConceptMap in JSON; unpack archives first",
                path.display()
            ))
        })?;
        write(folder, &name, |out| out.write_all(text.as_bytes()))?;
        println!("{told}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn list(folder: &Path) -> Result<(), Ended> {
    for path in kept(folder)? {
        match read(&path)? {
            Added::CodeSystem(system) => {
                println!("CodeSystem {} {}: {} concepts", system.url, system.version.as_deref().unwrap_or(""), system.len());
            }
            Added::ValueSet(set) => println!("ValueSet {}", set.url),
            Added::ConceptMap(map) => println!("ConceptMap {}", map.url),
        }
    }
    Ok(())
}

/// A file, or the files in a folder that can be loaded. Of a release of SNOMED CT in all its forms, the snapshot is enough.
fn gather(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Ended> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let mut inner: Vec<PathBuf> =
        std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?.flatten().map(|entry| entry.path()).collect();
    inner.sort();
    for path in inner {
        if path.is_dir() {
            if !matches!(path.file_name().and_then(|name| name.to_str()), Some("Full" | "Delta")) {
                gather(&path, found)?;
            }
            continue;
        }
        let mut start = Vec::new();
        let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        file.take(START as u64).read_to_end(&mut start).map_err(|error| unreadable(&path, &error))?;
        if Format::of(&String::from_utf8_lossy(&start)).is_some() {
            found.push(path);
        }
    }
    Ok(())
}

/// What a resource is to be called, and how it is told.
fn resource(text: &str) -> Option<(String, String)> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let told = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
    let kind = told("resourceType").filter(|kind| KINDS.contains(kind))?;
    Added::read(kind, text.as_bytes()).ok()??;
    let url = told("url")?;
    let name = url.rsplit('/').next().unwrap_or(kind);
    Some((format!("{kind}-{name}-{}", told("version").unwrap_or("unversioned")), format!("{kind} {url}")))
}

fn start(text: &str) -> String {
    text.chars().take(START).collect()
}

fn write(folder: &Path, name: &str, content: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Ended> {
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let (place, part) = (folder.join(format!("{safe}.json.gz")), folder.join(format!("{safe}.part")));
    let written = || -> std::io::Result<()> {
        let mut out = GzEncoder::new(BufWriter::new(File::create(&part)?), Compression::default());
        content(&mut out)?;
        out.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&part, &place)
    };
    written().map_err(|error| Ended::Failed(format!("{} cannot be written: {error}", place.display())))
}

/// The files in the folder, by name.
fn kept(folder: &Path) -> Result<Vec<PathBuf>, Ended> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_str().is_some_and(|name| name.ends_with(".json.gz") || name.ends_with(".json")));
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Added, Ended> {
    let mut text = Vec::new();
    let file = BufReader::new(File::open(path).map_err(|error| unreadable(path, &error))?);
    let read = if path.extension().is_some_and(|ending| ending == "gz") {
        GzDecoder::new(file).read_to_end(&mut text)
    } else {
        BufReader::into_inner(file).read_to_end(&mut text)
    };
    read.map_err(|error| unreadable(path, &error))?;
    let refused = |why: String| Ended::Misused(format!("{}: {why}", path.display()));
    let added = kind(&text).map(|kind| Added::read(&kind, &text)).transpose().map_err(|error| refused(error.to_string()))?;
    added.flatten().ok_or_else(|| refused("this is no CodeSystem, ValueSet or ConceptMap".to_owned()))
}

/// The type that a JSON text says it is of.
fn kind(text: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(rename = "resourceType")]
        kind: String,
    }
    serde_json::from_slice::<Head>(text).ok().map(|head| head.kind)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Ended {
    Ended::Misused(format!("{} cannot be read: {error}", path.display()))
}
