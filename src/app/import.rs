//! `norn import`: converts, fits the result to what is stored, and stores it as one transaction.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::{Import, Serving};
use super::config::Config;
use super::{Ended, convert, wire};
use crate::interactions::request::Verb;
use crate::interactions::{Answer, Failure, Gateway, Interaction, Request};
use crate::mapping::bundle::{Bundle, Request as Wanted};
use crate::mapping::reconcile::{Effect, Reconciled, reconcile};
use crate::mapping::{self, Conversion, Options, SourceFile};
use crate::model::codec::read_json;
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::store::port::Version;

/// What an import did.
#[derive(Debug)]
pub(super) struct Imported {
    /// Id of the patient.
    pub(super) patient: String,
    /// Resources that got a new version.
    pub(super) written: usize,
    /// Resources that stayed as they were.
    pub(super) unchanged: usize,
    /// What became of the report.
    pub(super) effect: Effect,
    /// Observations that were withdrawn.
    pub(super) withdrawn: Vec<String>,
}

/// Imports what the arguments name.
#[expect(clippy::print_stderr, reason = "messages to a person")]
pub(super) async fn run(command: &Import) -> Result<(), Ended> {
    let (files, requisition, options) = convert::read(&command.source)?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar.set_message("converting");
    let conversion = mapping::convert(&files, requisition.as_ref(), &options).map_err(|refusals| convert::told(&refusals))?;
    let serving = Serving { store: Some(command.store.clone()), base_url: Some(command.base_url.clone()), ..Serving::default() };
    let config = Config::of(&serving, "")?;
    let gateway = wire::gateway(&config, command.base_url.trim_end_matches('/')).await?;
    bar.set_message("storing");
    let imported = submit(&gateway, &conversion).await;
    bar.finish_and_clear();
    let closed = gateway.store.close().await;
    let imported = imported?;
    closed.map_err(|error| Ended::Failed(error.to_string()))?;
    convert::finish(&conversion, &command.source)?;
    let report = match imported.effect {
        Effect::New => "a new preliminary report",
        Effect::Unchanged => "the report is unchanged",
        Effect::Amended => "the report is amended",
    };
    eprintln!("Patient/{}: {report}; {} resources written, {} unchanged.", imported.patient, imported.written, imported.unchanged);
    for withdrawn in &imported.withdrawn {
        eprintln!("{withdrawn} is no longer in the file and is now entered-in-error.");
    }
    Ok(())
}

/// Converts and stores files that are in memory.
pub(super) async fn store(
    gateway: &Gateway,
    files: &[SourceFile],
    requisition: Option<&SourceFile>,
    options: &Options,
) -> Result<Imported, Ended> {
    let conversion = mapping::convert(files, requisition, options).map_err(|refusals| convert::told(&refusals))?;
    submit(gateway, &conversion).await
}

async fn submit(gateway: &Gateway, conversion: &Conversion) -> Result<Imported, Ended> {
    let patient = find_patient(gateway, &conversion.bundle).await?;
    let (fitted, before) = fit(gateway, &conversion.bundle, patient.as_deref()).await?;
    let interaction = transaction(gateway, fitted.bundle.to_draft().to_json().as_bytes()).map_err(refused)?;
    let Answer::Transaction(answers) = gateway.execute(interaction).await.map_err(refused)? else {
        return Err(Ended::Failed("a transaction was not answered as one".to_owned()));
    };
    let (mut written, mut unchanged, mut id) = (0, 0, String::new());
    for answer in answers {
        let Answer::Written { version, .. } = answer.map_err(refused)? else { continue };
        let known = before.get(&version.key.to_string()).is_some_and(|old| *old == Some(version.version));
        let found = version.key.kind.name() == "Patient" && patient.is_some();
        *(if known || found { &mut unchanged } else { &mut written }) += 1;
        if version.key.kind.name() == "Patient" {
            version.key.id.as_str().clone_into(&mut id);
        }
    }
    Ok(Imported { patient: id, written, unchanged, effect: fitted.effect, withdrawn: fitted.withdrawn })
}

/// The transaction that a Bundle's JSON text asks for.
pub(super) fn transaction(gateway: &Gateway, json: &[u8]) -> Result<Interaction, Failure> {
    let refuse = |issues| Failure { kind: crate::interactions::FailureKind::Invalid, issues, cause: None };
    let resource = read_json(json, gateway.schema(), &gateway.limits).map_err(refuse)?;
    gateway.interpret(Request { resource: Some(resource), ..Request::new(Verb::Post, "", "") })
}

/// The patient that the Bundle would find, as `Patient/id`.
async fn find_patient(gateway: &Gateway, bundle: &Bundle) -> Result<Option<String>, Ended> {
    for entry in &bundle.entries {
        let Wanted::Create { if_none_exist } = &entry.request else { continue };
        if let Some(version) = gateway.find(entry.kind, if_none_exist).await.map_err(refused)? {
            return Ok(Some(version.key.to_string()));
        }
    }
    Ok(None)
}

/// Fits the Bundle to the store; also gives the versions that were there before, by `Type/id`.
async fn fit(gateway: &Gateway, bundle: &Bundle, patient: Option<&str>) -> Result<(Reconciled, HashMap<String, Option<u64>>), Ended> {
    let mut known: HashMap<String, Option<Arc<Version>>> = HashMap::new();
    loop {
        // The mapping is pure: it says what it misses, that is read, and it is asked again.
        let missing: RefCell<BTreeSet<(String, String)>> = RefCell::default();
        let look = |kind: &str, id: &str| match known.get(&format!("{kind}/{id}")) {
            Some(version) => {
                version.as_ref().and_then(|version| version.body.as_ref()).map(|body| String::from_utf8_lossy(body).into_owned())
            }
            None => {
                missing.borrow_mut().insert((kind.to_owned(), id.to_owned()));
                None
            }
        };
        let fitted = reconcile(bundle, patient, &look);
        let missing = missing.into_inner();
        if missing.is_empty() {
            return Ok((fitted, known.into_iter().map(|(key, version)| (key, version.map(|version| version.version))).collect()));
        }
        for (kind, id) in missing {
            let key = gateway.schema().resource_type(&kind).zip(Id::new(&id)).map(|(kind, id)| Key { kind, id });
            let version = match &key {
                Some(key) => gateway.store.read(key).await.map_err(|error| Ended::Failed(error.to_string()))?,
                None => None,
            };
            known.insert(format!("{kind}/{id}"), version);
        }
    }
}

fn refused(failure: Failure) -> Ended {
    let issues: Vec<_> = failure.issues.iter().map(ToString::to_string).collect();
    let cause = failure.cause.map_or(String::new(), |cause| format!(" ({cause})"));
    Ended::Failed(format!("the store refused the import: {}{cause}", issues.join("; ")))
}
