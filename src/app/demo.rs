//! `norn demo`: three synthetic cases and a trial, served from a fresh store, with requests to try.

mod trial;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Demo;
use super::config::Config;
use super::{Ended, import, lifecycle, telemetry, wire};
use crate::base::clock;
use crate::base::clock::Clock as _;
use crate::http::BASE_PATH;
use crate::interactions::{Gateway, Interaction};
use crate::mapping;

/// A folder that goes away with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Ended> {
        let path = std::env::temp_dir().join(format!("norn-demo-{}-{}", std::process::id(), clock::System.now().0));
        std::fs::create_dir_all(&path).map_err(|error| Ended::Failed(format!("{} cannot be made: {error}", path.display())))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Serves the demo until it is told to stop.
#[expect(clippy::print_stdout, reason = "the demo talks to a person")]
pub(super) async fn run(demo: &Demo) -> Result<(), Ended> {
    let folder = if demo.serving.store.is_none() { Some(Folder::new()?) } else { None };
    let fallback = folder.as_ref().map_or(String::new(), |folder| format!("sqlite:{}", folder.path().join("norn.db").display()));
    let mut config = Config::of(&demo.serving, &fallback)?;
    if demo.serving.log.is_none() {
        config.log = "warn".to_owned();
    }
    telemetry::start(&config.log, config.log_format)?;
    let (listener, address) = lifecycle::listen(config.listen).await?;
    let base = config.base_url.clone().unwrap_or_else(|| format!("http://{address}{BASE_PATH}"));
    let gateway = Arc::new(wire::gateway(&config, &base).await?);
    let mut patients = Vec::new();
    for case in mapping::demo::cases() {
        let imported = import::store(&gateway, &case.files, Some(&case.requisition), &mapping::Options::default()).await?;
        println!("Imported {}: {} resources written, {} unchanged.", case.name, imported.written, imported.unchanged);
        patients.push(imported.patient);
    }
    enrol(&gateway, patients.first().map(String::as_str)).await?;
    println!("Opened the trial IMPRESS-DEMO with three cohorts, and enrolled the first patient.\n");
    println!("Norn serves FHIR R4 at {base} (store: {}).", config.store);
    println!("No authorization is configured: only this machine can connect. Stop with Ctrl-C.\n\nTry, in another terminal:\n");
    for (what, request) in requests(&base, patients.first().map_or("", String::as_str)) {
        println!("# {what}\ncurl -s '{request}'");
    }
    println!();
    lifecycle::serve(listener, gateway, &config).await
}

async fn enrol(gateway: &Gateway, patient: Option<&str>) -> Result<(), Ended> {
    let bundle = trial::bundle(patient).to_json();
    let failed = |why: String| Ended::Failed(format!("the demo's trial cannot be stored: {why}"));
    let interaction = import::transaction(gateway, bundle.as_bytes()).map_err(|failure| failed(format!("{:?}", failure.issues)))?;
    debug_assert!(matches!(interaction, Interaction::Transaction(_)));
    gateway.execute(interaction).await.map_err(|failure| failed(format!("{:?}", failure.issues)))?;
    Ok(())
}

/// What to try: each works when pasted.
fn requests(base: &str, patient: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "The genomic reports, newest first, with their patients and results",
            format!("{base}/DiagnosticReport?_sort=-date&_include=DiagnosticReport:subject&_include=DiagnosticReport:result&_pretty=true"),
        ),
        (
            "One patient's variants (LOINC 69548-6)",
            format!("{base}/Observation?patient={patient}&code=http://loinc.org|69548-6&_pretty=true"),
        ),
        (
            "Everything said about EGFR",
            format!("{base}/Observation?component-value-concept=http://www.genenames.org|HGNC:3236&_pretty=true"),
        ),
        (
            "Tumour mutational burden of 5 or more per megabase",
            format!("{base}/Observation?code=http://loinc.org|94076-7&value-quantity=ge5&_pretty=true"),
        ),
        (
            "The sequences behind the variants of chromosome 7 (GRCh37)",
            format!("{base}/MolecularSequence?referenceseqid=NC_000007.13&_pretty=true"),
        ),
        (
            "The source file of a report, as it was delivered",
            format!("{base}/DocumentReference?patient={patient}&_include=DocumentReference:subject&_pretty=true"),
        ),
        ("The trial's cohorts", format!("{base}/ResearchStudy?partof=ResearchStudy/impress-demo&_pretty=true")),
        ("Who is enrolled, with the study", format!("{base}/ResearchSubject?status=on-study&_include=ResearchSubject:study&_pretty=true")),
        ("A report in XML", format!("{base}/DiagnosticReport?_count=1&_format=xml&_pretty=true")),
        ("What this server can do", format!("{base}/metadata?_summary=true")),
    ]
}
