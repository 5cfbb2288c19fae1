//! A store in a map: what importing again, correcting and signing do to it.

use std::collections::BTreeMap;

use super::*;
use crate::mapping::{Options, SourceFile, convert, demo};

/// A store that resolves references and counts versions, as a server does.
#[derive(Default)]
struct Store {
    resources: BTreeMap<String, (u32, Json)>,
}

impl Store {
    fn get(&self, kind: &str, id: &str) -> Option<String> {
        self.resources.get(&format!("{kind}/{id}")).map(|(version, resource)| {
            let mut told = resource.clone();
            let mut meta = told.member("meta").cloned().unwrap_or(Json { at: 0, value: Value::Object(Vec::new()) });
            meta.set("versionId", Json::string(&version.to_string()));
            meta.set("lastUpdated", Json::string("2026-11-22T10:00:00.000Z"));
            told.set("meta", meta);
            told.write()
        })
    }

    /// Stores a Bundle; tells how many resources got a new version.
    fn submit(&mut self, bundle: &Bundle) -> usize {
        let mut changes = 0;
        let mut text = bundle.entries.iter().map(|entry| (entry, entry.resource.to_json())).collect::<Vec<_>>();
        for (_, json) in &mut text {
            for entry in &bundle.entries {
                let name = if entry.kind == "Patient" { "Patient/p1".to_owned() } else { format!("{}/{}", entry.kind, entry.id) };
                *json = json.replace(&entry.full_url(), &name);
            }
        }
        for (entry, json) in text {
            let name = if entry.kind == "Patient" { "Patient/p1".to_owned() } else { format!("{}/{}", entry.kind, entry.id) };
            let resource = json::read(&json).unwrap();
            let known = self.resources.get(&name);
            if entry.kind == "Patient" && known.is_some() || known.is_some_and(|(_, known)| known.write() == resource.write()) {
                continue;
            }
            let version = known.map_or(1, |(version, _)| version + 1);
            self.resources.insert(name, (version, resource));
            changes += 1;
        }
        changes
    }

    fn import(&mut self, files: &[SourceFile], requisition: &SourceFile) -> (Reconciled, usize) {
        let bundle = convert(files, Some(requisition), &Options::default()).unwrap().bundle;
        let patient = self.resources.contains_key("Patient/p1").then_some("Patient/p1");
        let reconciled = reconcile(&bundle, patient, &|kind, id| self.get(kind, id));
        let changes = self.submit(&reconciled.bundle);
        (reconciled, changes)
    }

    fn only(&mut self, kind: &str) -> &mut Json {
        let mut found = self.resources.iter_mut().filter(|(name, _)| name.starts_with(kind));
        let (_, (_, resource)) = found.next().unwrap();
        assert!(found.next().is_none());
        resource
    }

    fn status(&mut self) -> String {
        self.only("DiagnosticReport/").member("status").unwrap().text().unwrap().to_owned()
    }
}

fn edited(file: &SourceFile, edit: impl Fn(&str) -> String) -> SourceFile {
    SourceFile { name: file.name.clone(), bytes: edit(std::str::from_utf8(&file.bytes).unwrap()).into_bytes() }
}

#[test]
fn the_same_file_again_changes_nothing() {
    for case in demo::cases() {
        let mut store = Store::default();
        let (first, changes) = store.import(&case.files, &case.requisition);
        assert_eq!((first.effect, changes), (Effect::New, first.bundle.entries.len()), "{}", case.name);
        assert_eq!(store.status(), "preliminary");
        let (second, changes) = store.import(&case.files, &case.requisition);
        assert_eq!((second.effect, changes), (Effect::Unchanged, 0), "{}", case.name);
        assert_eq!(store.status(), "preliminary");
    }
}

#[test]
fn a_corrected_file_amends_the_report_and_withdraws_what_is_gone() {
    let case = demo::cases().swap_remove(0);
    let mut store = Store::default();
    store.import(&case.files, &case.requisition);
    let mut files = case.files.clone();
    // The amplification of MDM2 falls away, and the share of one variant is another.
    files[0] = edited(&files[0], |text| {
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("MDM2\t")).collect();
        format!("{}\n", kept.join("\n")).replace("0.3126", "0.3216")
    });
    let (amended, _) = store.import(&files, &case.requisition);
    assert_eq!((amended.effect, amended.withdrawn.len()), (Effect::Amended, 1));
    assert_eq!(store.status(), "amended");
    let (_, gone) = &store.resources[&amended.withdrawn[0]];
    assert_eq!(gone.member("status").unwrap().text(), Some("entered-in-error"));
    assert!(gone.write().contains("MDM2"));
    let versions = |store: &Store, version: u32| {
        store.resources.values().filter(|(v, r)| *v == version && r.member("resourceType").unwrap().text() == Some("Observation")).count()
    };
    assert_eq!(versions(&store, 2), 2, "the variant and the amplification");
    // The corrected file once more: still amended, and nothing new.
    let (again, changes) = store.import(&files, &case.requisition);
    assert_eq!((again.effect, changes, store.status().as_str()), (Effect::Unchanged, 0, "amended"));
    // The first file again brings the amplification back.
    let (back, _) = store.import(&case.files, &case.requisition);
    assert_eq!((back.effect, store.status().as_str()), (Effect::Amended, "amended"));
    let (_, returned) = &store.resources[&amended.withdrawn[0]];
    assert_eq!(returned.member("status").unwrap().text(), Some("preliminary"));
}

#[test]
fn what_a_tumour_board_adds_is_kept() {
    let case = demo::cases().swap_remove(0);
    let mut store = Store::default();
    store.import(&case.files, &case.requisition);
    let implication = r#"{"resourceType":"Observation","id":"i1","status":"final"}"#;
    store.resources.insert("Observation/i1".to_owned(), (1, json::read(implication).unwrap()));
    let report = store.only("DiagnosticReport/");
    report.set("status", Json::string("final"));
    report.set("conclusion", Json::string("Discussed."));
    let mut results = report.member("result").unwrap().items().to_vec();
    results.push(json::read(r#"{"reference":"Observation/i1"}"#).unwrap());
    report.set("result", Json { at: 0, value: Value::Array(results) });
    let (same, changes) = store.import(&case.files, &case.requisition);
    assert_eq!((same.effect, changes, store.status().as_str()), (Effect::Unchanged, 0, "final"));
    let mut files = case.files.clone();
    files[0] = edited(&files[0], |text| text.replace("0.3126", "0.3216"));
    let (amended, _) = store.import(&files, &case.requisition);
    assert_eq!((amended.effect, amended.withdrawn.len(), store.status().as_str()), (Effect::Amended, 0, "amended"));
    let report = store.only("DiagnosticReport/");
    assert_eq!(report.member("conclusion").unwrap().text(), Some("Discussed."));
    assert!(report.write().contains("Observation/i1"));
}
