//! FHIR packages: npm archives whose folder `package/` holds one JSON file per resource.
//!
//! Archives are foreign bytes. Nothing is unpacked to disk, only `package/*.json` is read, and its size is limited.
//! Source: <https://hl7.org/fhir/packages.html>, <https://confluence.hl7.org/display/FHIR/NPM+Package+Specification>.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy)]
pub struct PackageLimits {
    /// Most bytes of one file.
    pub file: u64,
    /// Most bytes of all files.
    pub total: u64,
    /// Most entries.
    pub entries: usize,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self { file: 64 << 20, total: 1 << 30, entries: 50_000 }
    }
}

/// A package that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadPackage {
    /// The bytes are not a gzipped tar archive.
    #[error("not a readable package archive: {0}")]
    Archive(#[from] std::io::Error),
    /// An entry is a link, a device, or points out of the archive.
    #[error("the archive has an entry that a package must not have: {0}")]
    Entry(String),
    /// It unpacks to more than allowed.
    #[error("the archive unpacks to more than {0}")]
    TooLarge(String),
    /// A file is not JSON.
    #[error("{0} is not JSON: {1}")]
    Json(String, serde_json::Error),
    /// `package.json` lacks a name or version.
    #[error("package.json with a name and a version is missing")]
    Unnamed,
}

/// A package in memory.
#[derive(Debug)]
pub struct Package {
    /// `hl7.fhir.r4.examples`.
    pub name: String,
    /// `4.0.1`.
    pub version: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Reads a `.tgz`.
    ///
    /// # Errors
    /// When it is damaged, too large, or has entries that a package must not have.
    pub fn from_tgz(bytes: &[u8], limits: PackageLimits) -> Result<Self, BadPackage> {
        // The stream ends at the limit even when the sizes that entries tell are lies; each entry has a header and is padded to blocks.
        let overhead = u64::try_from(limits.entries).unwrap_or(u64::MAX).saturating_mul(2048);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes).take(limits.total.saturating_add(overhead)));
        let (mut files, mut entries, mut total) = (BTreeMap::new(), 0_usize, 0_u64);
        for entry in archive.entries()? {
            let entry = entry?;
            entries += 1;
            total = total.saturating_add(entry.size());
            if entries > limits.entries {
                return Err(BadPackage::TooLarge(format!("{} entries", limits.entries)));
            }
            if entry.size() > limits.file || total > limits.total {
                return Err(BadPackage::TooLarge(format!("{} bytes in a file or {} in all", limits.file, limits.total)));
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = entry.header().entry_type();
            if kind.is_dir() || kind.is_pax_global_extensions() {
                continue;
            }
            if !kind.is_file() || path.starts_with('/') || path.split(['/', '\\']).any(|part| part == "..") {
                return Err(BadPackage::Entry(path));
            }
            if let Some(name) = resource_file(&path) {
                let mut content = Vec::new();
                entry.take(limits.file).read_to_end(&mut content)?;
                files.insert(name.to_owned(), content);
            }
        }
        Self::from_files(files)
    }

    /// A package whose `package/` folder holds these files.
    ///
    /// # Errors
    /// When `package.json` does not name it.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, BadPackage> {
        let manifest = files.get("package.json").ok_or(BadPackage::Unnamed)?;
        let manifest: Value = serde_json::from_slice(manifest).map_err(|e| BadPackage::Json("package.json".to_owned(), e))?;
        let text = |key| manifest.get(key).and_then(Value::as_str).map(str::to_owned).ok_or(BadPackage::Unnamed);
        Ok(Self { name: text("name")?, version: text("version")?, files })
    }

    /// The packages that it depends on: name and version.
    #[must_use]
    pub fn dependencies(&self) -> Vec<(String, String)> {
        let manifest: Option<Value> = self.files.get("package.json").and_then(|manifest| serde_json::from_slice(manifest).ok());
        let told = manifest.as_ref().and_then(|manifest| manifest.get("dependencies")).and_then(Value::as_object);
        told.into_iter().flatten().filter_map(|(name, version)| Some((name.clone(), version.as_str()?.to_owned()))).collect()
    }

    /// Its files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, content)| (name.as_str(), content.as_slice()))
    }

    /// Calls `each` with every resource of a type, in the order of file names (`Type-id.json`).
    ///
    /// # Errors
    /// When a file is not JSON.
    pub fn resources(&self, ty: &str, mut each: impl FnMut(Value)) -> Result<(), BadPackage> {
        let prefix = format!("{ty}-");
        for (name, content) in self.files.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix)) {
            let resource: Value = serde_json::from_slice(content).map_err(|e| BadPackage::Json(name.clone(), e))?;
            if resource.get("resourceType").and_then(Value::as_str) == Some(ty) {
                each(resource);
            }
        }
        Ok(())
    }
}

/// The file name, when the path is that of a JSON file directly in `package/`.
fn resource_file(path: &str) -> Option<&str> {
    let name = path.strip_prefix("./").unwrap_or(path).strip_prefix("package/")?;
    (name.ends_with(".json") && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests;
