//! Holds the house in order: floors, homes of packages, sizes, heads, names, documents.
//!
//! The rules stand in ARCHITECTURE.md; this file is what keeps them true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every module and its floor: a module imports only floors with a smaller number.
const FLOORS: [(&str, u32); 16] = [
    ("base", 0),
    ("model", 10),
    ("definitions", 20),
    ("fhirpath", 30),
    ("genome", 30),
    ("search", 35),
    ("store", 40),
    ("outbound", 40),
    ("interactions", 50),
    ("mapping", 60),
    ("http", 70),
    ("app", 80),
    ("terminology", 32),
    ("validate", 35),
    ("access", 35),
    ("patch", 35),
];

/// Packages and the only places that may name them.
const HOMES: [(&str, &[&str]); 16] = [
    ("fhirbolt", &["src/model/codec/"]),
    ("quick_xml", &["src/model/codec/"]),
    ("ucum", &["src/model/primitive/unit"]),
    ("hyper", &["src/http/", "src/outbound/"]),
    ("hyper_util", &["src/http/", "src/outbound/"]),
    ("rustls", &["src/http/tls.rs", "src/outbound/", "src/store/postgres/connect.rs"]),
    ("tokio_rustls", &["src/http/"]),
    ("moka", &["src/store/cache"]),
    ("rusqlite", &["src/store/sqlite"]),
    ("zstd", &["src/base/packed.rs", "src/store/squeeze.rs"]),
    ("tokio_postgres", &["src/store/postgres/"]),
    ("tokio_postgres_rustls", &["src/store/postgres/connect.rs"]),
    ("clap", &["src/app/"]),
    ("indicatif", &["src/app/"]),
    ("tar", &["src/definitions/package.rs"]),
    ("regex", &["src/fhirpath/functions/pattern", "src/terminology/set.rs"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with that ending, with their text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    found.sort();
    let text = |path: &PathBuf| (path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap());
    found.iter().map(text).collect()
}

/// Production files of the gateway.
fn sources() -> Vec<(String, String)> {
    files("src", ".rs").into_iter().filter(|(path, _)| !is_test(path)).collect()
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("/contract.rs") || path.contains("/contract/")
}

/// The text before an inline test module.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

#[test]
fn modules_import_only_lower_floors() {
    let floors: BTreeMap<_, _> = FLOORS.into_iter().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(own) =
            path.strip_prefix("src/").and_then(|rest| rest.split(['/', '.']).next()).filter(|own| !matches!(*own, "lib" | "main"))
        else {
            continue;
        };
        let Some(floor) = floors.get(own) else {
            wrong.push(format!("{path}: {own} has no floor"));
            continue;
        };
        for line in production(&text).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for import in line.split("crate::").skip(1) {
                let module = import.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
                match floors.get(module) {
                    Some(other) if module != own && other >= floor => {
                        wrong.push(format!("{path}: {own} ({floor}) imports {module} ({other})"))
                    }
                    _ => {}
                }
            }
        }
    }
    none(&wrong, "a module imports only floors with a smaller number");
}

#[test]
fn packages_stay_in_their_homes() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (package, homes) in HOMES {
            let named = production(&text).lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//")
                    && line
                        .match_indices(&format!("{package}::"))
                        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
            });
            if named && !homes.iter().any(|home| path.starts_with(home)) {
                wrong.push(format!("{path} names {package}, whose home is {}", homes.join(", ")));
            }
        }
    }
    none(&wrong, "every package has one home");
}

#[test]
fn files_are_small() {
    let mut sizes: Vec<(usize, String)> = sources().into_iter().map(|(path, text)| (production(&text).lines().count(), path)).collect();
    sizes.sort();
    let median = sizes[sizes.len() / 2].0;
    let large = sizes[sizes.len() * 95 / 100].0;
    let over: Vec<String> = sizes.iter().filter(|(lines, _)| *lines > 600).map(|(lines, path)| format!("{path}: {lines}")).collect();
    none(&over, "no file has more than 600 lines");
    assert!(median <= 150, "the median file has {median} lines; 150 are enough");
    assert!(large <= 400, "95 % of the files have at most {large} lines; 400 are enough");
    for (path, text) in files("tests", ".rs").into_iter().chain(files("conformance", ".rs")) {
        assert!(text.lines().count() <= 600, "{path} has more than 600 lines");
    }
}

#[test]
fn files_say_what_they_are_for() {
    let all = files("src", ".rs").into_iter().chain(files("tests", ".rs")).chain(files("conformance", ".rs"));
    let wrong: Vec<String> = all.filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    none(&wrong, "each file opens with //! and what it is for");
    let roots = FLOORS.iter().map(|(module, _)| format!("src/{module}/mod.rs")).filter(|path| root().join(path).exists());
    let silent: Vec<String> = roots.filter(|path| !std::fs::read_to_string(root().join(path)).unwrap().contains("Invariant:")).collect();
    none(&silent, "the root of a floor says what is absent in it");
}

#[test]
fn files_are_named_for_what_they_serve() {
    let vague = ["util", "utils", "helper", "helpers", "common", "manager", "misc"];
    let all = files("src", ".rs").into_iter().chain(files("conformance", ".rs"));
    let wrong: Vec<String> = all.map(|(path, _)| path).filter(|path| path.split(['/', '.']).any(|part| vague.contains(&part))).collect();
    none(&wrong, "files are named for a word of the field");
}

#[test]
fn the_documents_are_true() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("{path} is missing"));
    let architecture = read("ARCHITECTURE.md");
    assert!(architecture.lines().count() < 300, "ARCHITECTURE.md is under 300 lines");
    for (module, floor) in FLOORS.iter().filter(|(module, _)| root().join("src").join(module).exists()) {
        let told = architecture.lines().any(|line| line.contains(&format!("`{module}`")) && line.contains(&floor.to_string()));
        assert!(told, "ARCHITECTURE.md does not tell module {module} with floor {floor}");
    }
    let configuration = read("docs/configuration.md");
    for key in [
        "listen",
        "store",
        "base_url",
        "log",
        "log_format",
        "certificate",
        "key",
        "body_bytes",
        "entries",
        "connections",
        "deletes",
        "most",
        "at_once",
        "seconds",
        "keep_seconds",
        "origins",
        "credentials",
        "max_age",
        "mode",
        "types",
        "default_count",
        "max_count",
        "max_read",
        "explain",
        "cache_mib",
        "password_file",
        "writers",
        "searchers",
    ] {
        assert!(configuration.contains(&format!("`{key}`")), "docs/configuration.md does not tell the key {key}");
    }
    let readme = read("README.md");
    let ci = read(".ci/run");
    let test_command = "cargo test --workspace";
    for (name, text) in [("README.md", &readme), (".ci/run", &ci), ("justfile", &read("justfile"))] {
        assert!(text.contains(test_command), "{name} does not have the test command: {test_command}");
    }
    assert!(readme.contains("cargo run --release -- demo"));
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")) {
        assert!(root().join(link.split('#').next().unwrap()).exists(), "README.md links to {link}, which is not there");
    }
}
