//! Archives that a hostile or broken registry could send.

use std::io::Write;

use super::{Package, PackageLimits};

const MANIFEST: &[u8] = br#"{"name":"a.b","version":"1.0.0"}"#;

/// A gzipped tar archive of these entries. Names are written raw, since the builder itself refuses bad ones.
fn tgz(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&builder.into_inner().unwrap()).unwrap();
    gz.finish().unwrap()
}

fn check(entries: &[(&str, tar::EntryType, &[u8])], expected: &str) {
    let limits = PackageLimits { file: 1000, total: 3000, entries: 5 };
    let told = match Package::from_tgz(&tgz(entries), limits) {
        Ok(package) => format!("{} {} {:?}", package.name, package.version, package.files.keys().collect::<Vec<_>>()),
        Err(error) => error.to_string(),
    };
    assert_eq!(told, expected);
}

#[test]
fn only_json_files_of_the_package_folder_are_read() {
    use tar::EntryType as E;
    let manifest = ("package/package.json", E::Regular, MANIFEST);
    check(
        &[
            manifest,
            ("package/A-1.json", E::Regular, b"{}"),
            ("package/other/B-1.json", E::Regular, b"{}"),
            ("package/x.xml", E::Regular, b"<x/>"),
        ],
        r#"a.b 1.0.0 ["A-1.json", "package.json"]"#,
    );
    check(&[("./package/package.json", E::Regular, MANIFEST), ("package", E::Directory, b"")], r#"a.b 1.0.0 ["package.json"]"#);
    check(&[("package/A-1.json", E::Regular, b"{}")], "package.json with a name and a version is missing");
    check(&[("package/package.json", E::Regular, b"{")], "package.json is not JSON: EOF while parsing an object at line 1 column 1");
}

#[test]
fn hostile_archives_are_refused() {
    use tar::EntryType as E;
    let manifest = ("package/package.json", E::Regular, MANIFEST);
    let entry = |name: &str| format!("the archive has an entry that a package must not have: {name}");
    check(&[manifest, ("package/../../evil.json", E::Regular, b"{}")], &entry("package/../../evil.json"));
    check(&[manifest, ("/etc/evil.json", E::Regular, b"{}")], &entry("/etc/evil.json"));
    check(&[manifest, ("package/..\\evil.json", E::Regular, b"{}")], &entry("package/..\\evil.json"));
    check(&[manifest, ("package/link.json", E::Symlink, b"")], &entry("package/link.json"));
    check(&[manifest, ("package/link.json", E::Link, b"")], &entry("package/link.json"));
    check(
        &[manifest, ("package/A-1.json", E::Regular, &[b' '; 1001])],
        "the archive unpacks to more than 1000 bytes in a file or 3000 in all",
    );
    let file = |name| (name, E::Regular, &[b' '; 900][..]);
    check(
        &[file("package/1.json"), file("package/2.json"), file("package/3.json"), file("x/4")],
        "the archive unpacks to more than 1000 bytes in a file or 3000 in all",
    );
    check(&[manifest; 6], "the archive unpacks to more than 5 entries");
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [&b""[..], b"not gzip", &tgz(&[("package/package.json", tar::EntryType::Regular, MANIFEST)])[..40]] {
        assert!(Package::from_tgz(bytes, PackageLimits::default()).is_err());
    }
}
