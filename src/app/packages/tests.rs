//! The commands against a registry on loopback and folders of the test.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Npm, Pin, Step, compile, fetch_pins, pins, sha256};
use crate::definitions::compile::PACKAGES;

/// A registry that has these archives by path.
async fn registry(archives: HashMap<String, &'static [u8]>) -> Npm {
    let archives = Arc::new(archives);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let archives = Arc::clone(&archives);
            let answer = service_fn(move |request: Request<Incoming>| {
                let found = archives.get(request.uri().path()).map(|bytes| Response::new(Full::new(Bytes::from_static(bytes))));
                let found = found.unwrap_or_else(|| Response::builder().status(404).body(Full::default()).unwrap());
                async move { Ok::<_, Infallible>(found) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    Npm { registry: Some(format!("http://{address}/npm")), npmrc: None }
}

fn pin(name: &str, content: &[u8]) -> Pin {
    Pin { name: name.to_owned(), version: "1.0.0".to_owned(), sha256: sha256(content) }
}

#[tokio::test]
async fn packages_are_fetched_once_and_checked() {
    let npm =
        registry(HashMap::from([("/npm/a/-/a-1.0.0.tgz".to_owned(), &b"good"[..]), ("/npm/b/-/b-1.0.0.tgz".to_owned(), b"bad")])).await;
    let folder = tempfile::tempdir().unwrap();
    let good = [pin("a", b"good")];
    let mut heard = Vec::new();
    for _ in 0..2 {
        let archives = fetch_pins(&good, &npm, folder.path(), |step| {
            heard.push(match step {
                Step::Present(_) => "present",
                Step::Received(_, 4, Some(4)) => "4 of 4",
                Step::Received(..) => "part",
                Step::Stored(_) => "stored",
            });
        });
        assert_eq!(fs::read(&archives.await.unwrap()[0]).unwrap(), b"good");
    }
    assert_eq!(heard, ["4 of 4", "stored", "present"]);

    let wrong = fetch_pins(&[pin("b", b"good")], &npm, folder.path(), |_| ()).await.unwrap_err().to_string();
    assert!(wrong.contains(&sha256(b"bad")) && wrong.contains("is pinned in profiles/packages.toml"), "{wrong}");
    let absent = fetch_pins(&[pin("c", b"good")], &npm, folder.path(), |_| ()).await.unwrap_err().to_string();
    assert!(absent.ends_with("/npm/c/-/c-1.0.0.tgz answered with status 404"), "{absent}");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a-1.0.0.tgz"], "nothing else is stored");
}

#[test]
fn the_registry_is_the_one_that_npm_would_use() {
    for (registry, npmrc, expected) in [
        (None, None, "https://registry.npmjs.org/"),
        (Some("https://mirror.example"), Some("registry=https://other.example/"), "https://mirror.example/"),
        (None, Some("fund=false\nregistry = \"https://other.example/npm\"\n"), "https://other.example/npm/"),
        (None, Some("#registry=https://commented.example\n@scope:registry=https://scope.example"), "https://registry.npmjs.org/"),
        (Some(""), None, "https://registry.npmjs.org/"),
    ] {
        let npm = Npm { registry: registry.map(str::to_owned), npmrc: npmrc.map(str::to_owned) };
        assert_eq!(npm.address(), expected, "{registry:?} {npmrc:?}");
    }
}

#[test]
fn the_pins_are_the_packages_that_are_compiled() {
    let pins = pins().unwrap();
    assert_eq!(pins.iter().map(|pin| pin.name.as_str()).collect::<Vec<_>>(), PACKAGES, "same packages, same order");
    assert!(pins.iter().all(|pin| pin.sha256.len() == 64));
}

#[test]
fn a_folder_without_the_pinned_packages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let told = |folder: &std::path::Path| {
        compile(folder, &folder.join("out")).unwrap_err().to_string().replace(&folder.display().to_string(), "FOLDER")
    };
    assert_eq!(told(folder.path()), "FOLDER has no package hl7.fhir.r4.examples 4.0.1; get it with: norn definitions fetch");
    fs::write(folder.path().join("hl7.fhir.r4.examples-4.0.1.tgz"), b"other").unwrap();
    assert!(told(folder.path()).starts_with(&format!("FOLDER/hl7.fhir.r4.examples-4.0.1.tgz has the SHA-256 {}", sha256(b"other"))));
    assert!(!folder.path().join("out").exists(), "nothing is written");
}
