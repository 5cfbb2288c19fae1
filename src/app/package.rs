//! FHIR packages by name and version: from the package cache of the user, else from the npm registry.
//!
//! The cache is the one that other FHIR tools share: `~/.fhir/packages/NAME#VERSION/package`. What a registry sends is checked against the
//! digest that the registry tells for it, and unpacked only through the bounded reader of packages.
//! Source: <https://confluence.hl7.org/display/FHIR/FHIR+Package+Cache>, <https://docs.npmjs.com/cli/configuring-npm/package-lock-json#packages>.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Ended;
use super::arguments::{PackageCommand, Registry};
use super::packages::{self, Npm};
use crate::definitions::package::{Package, PackageLimits};
use crate::outbound::{Client, GetLimits};

/// The packages that are built in: nothing of them is fetched.
const BUILT_IN: [&str; 4] = ["hl7.fhir.r4.core", "hl7.fhir.r4.examples", "hl7.terminology.r4", "hl7.fhir.uv.extensions.r4"];

/// How many packages one may need in all.
const MOST: usize = 64;

/// `norn package`
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(super) async fn run(command: &PackageCommand) -> Result<(), Ended> {
    match command {
        PackageCommand::Add { packages, registry } => {
            for told in packages {
                for package in closure(told, registry).await? {
                    println!("{}@{}", package.name, package.version);
                }
            }
        }
        PackageCommand::List { registry } => {
            let cache = cache(registry)?;
            let mut names: Vec<String> = std::fs::read_dir(&cache)
                .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
                .unwrap_or_default();
            names.retain(|name| name.contains('#') && cache.join(name).join("package/package.json").is_file());
            names.sort();
            names.iter().for_each(|name| println!("{}", name.replacen('#', "@", 1)));
        }
    }
    Ok(())
}

/// The definitions of a package and of those that it depends on.
pub(super) async fn resources(told: &str, registry: &Registry) -> Result<Vec<Value>, Ended> {
    let mut all = Vec::new();
    // Those that are depended on come first: where two define the same, the later one is right.
    for package in closure(told, registry).await?.into_iter().rev() {
        for kind in ["StructureDefinition", "ValueSet", "CodeSystem"] {
            package.resources(kind, |resource| all.push(resource)).map_err(|error| Ended::Misused(format!("{told}: {error}")))?;
        }
    }
    Ok(all)
}

/// A package with all that it depends on; itself first.
async fn closure(told: &str, registry: &Registry) -> Result<Vec<Package>, Ended> {
    let mut all: Vec<Package> = Vec::new();
    let mut open = vec![told.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        if seen.len() > MOST {
            return Err(Ended::Failed(format!("{told} depends on more than {MOST} packages")));
        }
        let package = one(&next, registry).await?;
        open.extend(
            package
                .dependencies()
                .into_iter()
                .filter(|(name, _)| !BUILT_IN.contains(&name.as_str()))
                .map(|(name, version)| format!("{name}@{version}")),
        );
        all.push(package);
    }
    Ok(all)
}

/// A package by its archive, or by name and version.
async fn one(told: &str, registry: &Registry) -> Result<Package, Ended> {
    let refused = |why: String| Ended::Misused(format!("{told}: {why}"));
    if Path::new(told).extension().is_some_and(|ending| ending == "tgz") {
        let bytes = std::fs::read(told).map_err(|error| refused(format!("it cannot be read: {error}")))?;
        return Package::from_tgz(&bytes, PackageLimits::default()).map_err(|error| refused(error.to_string()));
    }
    let (name, version) = told.split_once('@').ok_or_else(|| refused("say NAME@VERSION, or the path of a .tgz file".to_owned()))?;
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) && !text.contains("..")
    };
    if !plain(name) || !plain(version) {
        return Err(refused("a name or version has letters, digits, dots and hyphens only".to_owned()));
    }
    let folder = cache(registry)?.join(format!("{name}#{version}")).join("package");
    if folder.join("package.json").is_file() {
        let files = packages::json_files(&folder).map_err(|error| refused(error.to_string()))?;
        return Package::from_files(files).map_err(|error| refused(error.to_string()));
    }
    let bytes = fetch(name, version, registry).await?;
    let package = Package::from_tgz(&bytes, PackageLimits::default()).map_err(|error| refused(error.to_string()))?;
    if package.name != name || package.version != version {
        return Err(refused(format!("the registry sent {}@{}", package.name, package.version)));
    }
    keep(&package, &folder).map_err(|error| Ended::Failed(format!("{} cannot be written: {error}", folder.display())))?;
    Ok(package)
}

/// Fetches an archive and checks it against the digest that the registry tells.
async fn fetch(name: &str, version: &str, registry: &Registry) -> Result<Vec<u8>, Ended> {
    let failed = |error: String| Ended::Failed(format!("{name}@{version} cannot be fetched: {error}"));
    let client = Client::new().map_err(|error| failed(error.to_string()))?;
    let npm = npm(registry);
    let about = client
        .get(&format!("{}{name}", npm.address()), GetLimits::default(), |_, _| {})
        .await
        .map_err(|error| failed(error.to_string()))?;
    let about: Value =
        serde_json::from_slice(&about).map_err(|error| failed(format!("what the registry says of it is not JSON: {error}")))?;
    let dist = about.pointer(&format!("/versions/{version}/dist")).ok_or_else(|| failed("the registry has no such version".to_owned()))?;
    let text = |key: &str| dist.get(key).and_then(Value::as_str);
    let address = text("tarball").ok_or_else(|| failed("the registry tells no address".to_owned()))?;
    let bytes = client.get(address, GetLimits::default(), |_, _| {}).await.map_err(|error| failed(error.to_string()))?;
    verify(&bytes, text("integrity"), text("shasum")).map_err(|why| failed(why.to_owned()))?;
    Ok(bytes.to_vec())
}

/// Checks an archive against the digest told for it: the strongest of `integrity`, else `shasum`.
fn verify(bytes: &[u8], integrity: Option<&str>, shasum: Option<&str>) -> Result<(), &'static str> {
    let told = integrity.into_iter().flat_map(str::split_ascii_whitespace);
    for (prefix, algorithm) in [("sha512-", &digest::SHA512), ("sha384-", &digest::SHA384), ("sha256-", &digest::SHA256)] {
        if let Some(expected) = told.clone().find_map(|one| one.strip_prefix(prefix)) {
            let right = STANDARD.encode(digest::digest(algorithm, bytes)) == expected;
            return if right { Ok(()) } else { Err("the archive is not the one that the registry tells the digest of") };
        }
    }
    let expected = shasum.ok_or("the registry tells no digest of it")?;
    let found: String =
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected.to_ascii_lowercase() { Ok(()) } else { Err("the archive is not the one that the registry tells the digest of") }
}

/// How npm is configured on this machine.
pub(super) fn npm(registry: &Registry) -> Npm {
    let file = registry.npmrc.clone().or_else(|| registry.home.as_ref().map(|home| home.join(".npmrc")));
    Npm { registry: registry.registry.clone(), npmrc: file.and_then(|path| std::fs::read_to_string(path).ok()) }
}

fn cache(registry: &Registry) -> Result<PathBuf, Ended> {
    let home = registry.home.as_ref().ok_or_else(|| Ended::Misused("HOME is not set, so there is no place for packages".to_owned()))?;
    Ok(home.join(".fhir/packages"))
}

/// Writes a package beside its place and then moves it there, so that what is in the cache is always whole.
fn keep(package: &Package, folder: &Path) -> std::io::Result<()> {
    let Some(place) = folder.parent() else { return Ok(()) };
    let part = place.with_extension("part");
    let inner = part.join("package");
    std::fs::create_dir_all(&inner)?;
    for (name, content) in package.files() {
        std::fs::write(inner.join(name), content)?;
    }
    std::fs::rename(part, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests are those that `sha256sum` and `sha1sum` tell of `norn`.
    #[test]
    fn only_the_archive_that_was_told_is_taken() {
        let sha256 = "sha256-LZPpRJveInGKKkM5E/3QD5yV8jzvYik7h/h3UCjV6Sc=";
        let sha1 = "ea57a68a593782c95bf438bb809d4257f44ea620";
        for (bytes, integrity, shasum, right) in [
            (b"norn", Some(sha256), None, true),
            (b"norm", Some(sha256), None, false),
            (b"norn", None, Some(sha1), true),
            (b"norm", None, Some(sha1), false),
            // The strongest digest decides, and without any nothing is taken.
            (b"norn", Some("sha512-AAAA sha256-LZPpRJveInGKKkM5E/3QD5yV8jzvYik7h/h3UCjV6Sc="), Some(sha1), false),
            (b"norn", None, None, false),
        ] {
            assert_eq!(verify(bytes, integrity, shasum).is_ok(), right, "{bytes:?} {integrity:?} {shasum:?}");
        }
    }
}
