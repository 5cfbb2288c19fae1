//! `norn definitions`: compiles the packages that the gateway conforms to into the tables it is built with.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::definitions::compile::{self, CompileError};
use crate::definitions::package::{BadPackage, Package, PackageLimits};

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
}

/// Compiles the packages in the folder `from` (`.tgz` files, or unpacked ones) into tables in the folder `to`; returns the files written.
///
/// # Errors
/// When a package is missing or damaged, or a file cannot be written.
pub fn compile(from: &Path, to: &Path) -> Result<Vec<PathBuf>, DefinitionsError> {
    let tables = compile::tables(&packages(from)?)?;
    fs::create_dir_all(to).map_err(|e| DefinitionsError::File(to.to_owned(), e))?;
    let mut written = Vec::new();
    for (name, content) in tables.files {
        let path = to.join(name);
        fs::write(&path, content).map_err(|e| DefinitionsError::File(path.clone(), e))?;
        written.push(path);
    }
    Ok(written)
}

/// The packages in a folder, in the order of their file names.
fn packages(from: &Path) -> Result<Vec<Package>, DefinitionsError> {
    let mut found = Vec::new();
    for path in entries(from)? {
        let unpacked = path.join("package");
        let package = if path.extension().is_some_and(|extension| extension == "tgz") {
            let bytes = fs::read(&path).map_err(|e| DefinitionsError::File(path.clone(), e))?;
            Package::from_tgz(&bytes, PackageLimits::default())
        } else if unpacked.join("package.json").is_file() {
            Package::from_files(json_files(&unpacked)?)
        } else {
            continue;
        };
        found.push(package.map_err(|e| DefinitionsError::Package(path, e))?);
    }
    Ok(found)
}

fn json_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, DefinitionsError> {
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
    let mut paths = fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}
