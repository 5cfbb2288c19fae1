//! The packages that the gateway conforms to: fetched, checked, compiled into the tables it is built with.
//!
//! Which packages these are stands in `profiles/packages.toml`, with the checksum of each: what a registry or a folder offers is used
//! only if it is exactly that. How a registry lays out archives: <https://docs.npmjs.com/cli/using-npm/registry>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use serde::Deserialize;

use crate::definitions::compile::{self, CompileError};
use crate::definitions::package::{BadPackage, Package, PackageLimits};
use crate::outbound::{Client, GetLimits, OutboundError};

/// The registry of npm, used when the machine is configured for no other.
const PUBLIC_REGISTRY: &str = "https://registry.npmjs.org/";

/// What went wrong with the definitions.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionsError {
    /// A file or folder cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A package cannot be read.
    #[error("{0}: {1}")]
    Package(PathBuf, BadPackage),
    /// The packages cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The list of packages in the binary is wrong.
    #[error("profiles/packages.toml: {0}")]
    Pins(#[from] toml::de::Error),
    /// A pinned package is not there.
    #[error("{0} has no package {1} {2}; get it with: norn definitions fetch")]
    Missing(PathBuf, String, String),
    /// An archive is not the pinned one.
    #[error("{what} has the SHA-256 {found}, but {pinned} is pinned in profiles/packages.toml")]
    Checksum {
        /// File or address.
        what: String,
        /// Its checksum.
        found: String,
        /// The checksum it should have.
        pinned: String,
    },
    /// The registry does not answer.
    #[error(transparent)]
    Registry(#[from] OutboundError),
}

/// A package that the gateway conforms to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// `hl7.fhir.us.mcode`.
    pub name: String,
    /// `4.0.0`.
    pub version: String,
    /// Checksum of the archive, in lower-case hexadecimal.
    pub sha256: String,
}

impl Pin {
    /// The name of its archive in a folder.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    fn verify(&self, what: String, bytes: &[u8]) -> Result<(), DefinitionsError> {
        let found = sha256(bytes);
        if found == self.sha256 { Ok(()) } else { Err(DefinitionsError::Checksum { what, found, pinned: self.sha256.clone() }) }
    }
}

/// The pinned packages.
///
/// # Errors
/// When the list in the binary cannot be read.
pub fn pins() -> Result<Vec<Pin>, DefinitionsError> {
    #[derive(Deserialize)]
    struct File {
        package: Vec<Pin>,
    }
    let file: File = toml::from_str(include_str!("../../profiles/packages.toml"))?;
    Ok(file.package)
}

/// Compiles the pinned packages in the folder `from` (archives, or folders they were unpacked into) into tables in the folder `to`;
/// returns the files written.
///
/// # Errors
/// When a package is missing, damaged or not the pinned one, or a file cannot be written.
pub fn compile(from: &Path, to: &Path) -> Result<Vec<PathBuf>, DefinitionsError> {
    let packages = pins()?.iter().map(|pin| package(from, pin)).collect::<Result<Vec<_>, _>>()?;
    let tables = compile::tables(&packages)?;
    fs::create_dir_all(to).map_err(|e| DefinitionsError::File(to.to_owned(), e))?;
    let mut written = Vec::new();
    for (name, content) in tables.files {
        let path = to.join(name);
        fs::write(&path, content).map_err(|e| DefinitionsError::File(path.clone(), e))?;
        written.push(path);
    }
    Ok(written)
}

/// A pinned package in a folder: its archive, else a sub-folder with its name and version in `package/package.json`.
/// Only an archive can be checked to the byte.
fn package(from: &Path, pin: &Pin) -> Result<Package, DefinitionsError> {
    let archive = from.join(pin.file_name());
    if archive.is_file() {
        let bytes = fs::read(&archive).map_err(|e| DefinitionsError::File(archive.clone(), e))?;
        pin.verify(archive.display().to_string(), &bytes)?;
        return Package::from_tgz(&bytes, PackageLimits::default()).map_err(|e| DefinitionsError::Package(archive, e));
    }
    for folder in entries(from)?.into_iter().map(|path| path.join("package")).filter(|path| path.join("package.json").is_file()) {
        let manifest = folder.join("package.json");
        let manifest = BTreeMap::from([("package.json".to_owned(), fs::read(&manifest).map_err(|e| DefinitionsError::File(manifest, e))?)]);
        let head = Package::from_files(manifest).map_err(|e| DefinitionsError::Package(folder.clone(), e))?;
        if head.name == pin.name && head.version == pin.version {
            return Package::from_files(json_files(&folder)?).map_err(|e| DefinitionsError::Package(folder, e));
        }
    }
    Err(DefinitionsError::Missing(from.to_owned(), pin.name.clone(), pin.version.clone()))
}

/// The JSON files directly in a folder.
pub(super) fn json_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, DefinitionsError> {
    let mut files = BTreeMap::new();
    for path in entries(folder)? {
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && name.ends_with(".json")
        {
            files.insert(name.to_owned(), fs::read(&path).map_err(|e| DefinitionsError::File(path.clone(), e))?);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, DefinitionsError> {
    let failed = |e| DefinitionsError::File(folder.to_owned(), e);
    let entries = fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// How npm is configured on this machine; `app::config` reads it from the environment.
#[derive(Debug, Clone, Default)]
pub struct Npm {
    /// The value of `npm_config_registry`.
    pub registry: Option<String>,
    /// The content of the user's `.npmrc`.
    pub npmrc: Option<String>,
}

impl Npm {
    /// The address of the registry, with a slash at its end: from the environment, else from `.npmrc`, else the public one.
    #[must_use]
    pub fn address(&self) -> String {
        let lines = self.npmrc.as_deref().unwrap_or("").lines();
        let in_file = lines
            .filter_map(|line| line.split_once('='))
            .filter(|(key, _)| key.trim() == "registry")
            .map(|(_, value)| value.trim())
            .next_back();
        let told = self.registry.as_deref().or(in_file).map(|value| value.trim_matches(['"', '\''])).filter(|value| !value.is_empty());
        let mut address = told.unwrap_or(PUBLIC_REGISTRY).to_owned();
        if !address.ends_with('/') {
            address.push('/');
        }
        address
    }
}

/// A step of [`fetch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The archive is there already, and is the pinned one.
    Present(&'a Pin),
    /// So many bytes have come, of so many if the registry says.
    Received(&'a Pin, u64, Option<u64>),
    /// The archive is complete, checked and stored.
    Stored(&'a Pin),
}

/// Downloads the pinned packages into the folder `to`, each checked before it is stored; returns the archives.
/// Archives that are there already are not downloaded again. `progress` hears what happens.
///
/// # Errors
/// When the registry does not answer, sends something else than what is pinned, or a file cannot be written.
pub async fn fetch(npm: &Npm, to: &Path, progress: impl FnMut(Step<'_>)) -> Result<Vec<PathBuf>, DefinitionsError> {
    fetch_pins(&pins()?, npm, to, progress).await
}

async fn fetch_pins(pins: &[Pin], npm: &Npm, to: &Path, mut progress: impl FnMut(Step<'_>)) -> Result<Vec<PathBuf>, DefinitionsError> {
    fs::create_dir_all(to).map_err(|e| DefinitionsError::File(to.to_owned(), e))?;
    let client = Client::new()?;
    let mut archives = Vec::new();
    for pin in pins {
        let archive = to.join(pin.file_name());
        if fs::read(&archive).is_ok_and(|bytes| sha256(&bytes) == pin.sha256) {
            progress(Step::Present(pin));
        } else {
            let address = format!("{}{}/-/{}", npm.address(), pin.name, pin.file_name());
            let bytes = client.get(&address, GetLimits::default(), |received, of| progress(Step::Received(pin, received, of))).await?;
            pin.verify(address, &bytes)?;
            // Written beside and then moved, so that a file of this name is always a whole archive.
            let part = archive.with_extension("tgz.part");
            fs::write(&part, &bytes).and_then(|()| fs::rename(&part, &archive)).map_err(|e| DefinitionsError::File(archive.clone(), e))?;
            progress(Step::Stored(pin));
        }
        archives.push(archive);
    }
    Ok(archives)
}

/// SHA-256 in lower-case hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in digest::digest(&digest::SHA256, bytes).as_ref() {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests;
