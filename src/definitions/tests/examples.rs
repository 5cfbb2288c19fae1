//! The official examples, for tests of whichever floor.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// The examples of a package by file name, if packages are at hand.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told where packages lie; the gateway itself reads its environment in app::config"
)]
pub(crate) fn examples(package: &str, folder: &str) -> Option<BTreeMap<String, Vec<u8>>> {
    let packages = PathBuf::from(std::env::var_os("NORN_PACKAGES").filter(|path| !path.is_empty())?);
    let file = std::fs::File::open(packages.join(package)).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(name) =
            path.strip_prefix(folder).filter(|name| name.ends_with(".json") && !name.starts_with('.') && !name.contains('/'))
        {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.insert(name.to_owned(), content);
        }
    }
    Some(found)
}
