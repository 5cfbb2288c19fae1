//! `$expand` and `$validate-code` of value sets.
//!
//! Source: <https://hl7.org/fhir/R4/valueset-operation-expand.html>, <https://hl7.org/fhir/R4/valueset-operation-validate-code.html>.

use super::given::{Coding, Given};
use super::{Ground, not_known, parameter, parameters};
use crate::interactions::{Failure, FailureKind, Gateway};
use crate::model::draft::Draft;
use crate::model::outcome::IssueType;
use crate::terminology::check::Status;
use crate::terminology::expand::{Code, Refusal, Wanted};
use crate::terminology::system::{Concept, Designation};
use crate::terminology::{Added, Membership, ValueSet};

/// Most codes in one answer; a part of more is told with `count`.
const MOST: usize = 10_000;
/// Most codes that are gone through for one answer.
const ALTOGETHER: usize = 200_000;

fn asked<'g>(ground: &'g Ground, given: &Given<'_>) -> Result<&'g ValueSet, Failure> {
    if let Some(Added::ValueSet(own)) = &ground.own {
        return Ok(own);
    }
    let url = given.required("url")?;
    let canonical = given.text("valueSetVersion").map_or_else(|| url.to_owned(), |version| format!("{url}|{version}"));
    let found = ground.terminology.set(&canonical).ok_or_else(|| not_known("value set", &canonical))?;
    let wanted = canonical.split_once('|').map(|(_, version)| version);
    if wanted.is_some_and(|wanted| found.version.as_deref() != Some(wanted)) {
        return Err(not_known("value set", &canonical));
    }
    Ok(found)
}

fn failed(refusal: &Refusal) -> Failure {
    let code = match refusal {
        Refusal::Unknown(_) => IssueType::NotFound,
        Refusal::Unlistable(_) => IssueType::NotSupported,
        Refusal::TooCostly(_) => IssueType::TooCostly,
    };
    Failure::new(FailureKind::Unprocessable, code, "", refusal.told())
}

pub(super) fn expand(ground: &Ground, given: &Given<'_>, gateway: &Gateway) -> Result<Draft, Failure> {
    let set = asked(ground, given)?;
    let wanted = Wanted {
        filter: given.text("filter").unwrap_or("").to_owned(),
        active_only: given.flag("activeOnly")?,
        language: given.text("displayLanguage").map(str::to_owned),
    };
    let (offset, count) = (given.number("offset")?.unwrap_or(0), given.number("count")?);
    let designations = given.flag("includeDesignations")?;
    let codes = ground.terminology.expand(set, &wanted, ALTOGETHER).map_err(|refusal| failed(&refusal))?;
    if count.unwrap_or_else(|| codes.len().saturating_sub(offset)) > MOST {
        let told =
            format!("The value set has {} codes, and one answer tells at most {MOST}: ask for a part, with count and offset.", codes.len());
        return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "count", told));
    }
    let language = wanted.language.as_deref();
    let contains = codes.iter().skip(offset).take(count.unwrap_or(MOST)).map(|code| contained(code, language, designations));
    let told: Vec<Draft> = [
        given.text("filter").map(|filter| parameter("filter", "valueString", filter)),
        given.text("displayLanguage").map(|language| parameter("displayLanguage", "valueCode", language)),
        wanted.active_only.then(|| parameter("activeOnly", "valueBoolean", true)),
        Some(parameter("excludeNested", "valueBoolean", true)),
        count.map(|count| parameter("count", "valueInteger", count as u64)),
    ]
    .into_iter()
    .flatten()
    .chain(used(&codes).into_iter().map(|system| parameter("version", "valueUri", system)))
    .collect();
    let expansion = Draft::object()
        .with("identifier", format!("urn:uuid:{}", gateway.new_id()))
        .with("timestamp", gateway.clock.now().to_string())
        .with("total", codes.len() as u64)
        .with_some("offset", (offset > 0 || count.is_some()).then_some(offset as u64))
        .with("parameter", Draft::array(told))
        .with("contains", Draft::array(contains));
    Ok(Draft::object()
        .with("resourceType", "ValueSet")
        .with_some("url", Some(set.url.as_str()).filter(|url| !url.is_empty()))
        .with_some("version", set.version.as_deref())
        .with_some("name", set.name.as_deref())
        .with_some("title", set.title.as_deref())
        .with("status", set.status.as_deref().unwrap_or("unknown"))
        .with("expansion", expansion))
}

/// The systems with their versions that codes are of, each once.
fn used(codes: &[Code<'_>]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for code in codes {
        let (Some(system), Some(version)) = (code.system, code.version) else { continue };
        // Codes of a system stand together.
        if !all.iter().rev().take(8).any(|known| known.strip_prefix(system).is_some_and(|rest| rest.strip_prefix('|') == Some(version))) {
            all.push(format!("{system}|{version}"));
        }
    }
    all
}

fn contained(code: &Code<'_>, language: Option<&str>, designations: bool) -> Draft {
    let flag = |told: bool| told.then_some(true);
    let names = code.designations().filter(|_| designations).map(designation);
    Draft::object()
        .with_some("system", code.system)
        .with_some("abstract", flag(code.concept.is_some_and(Concept::is_abstract)))
        .with_some("inactive", flag(code.concept.is_some_and(Concept::inactive)))
        .with_some("version", code.version)
        .with("code", code.code)
        .with_some("display", code.display(language))
        .with("designation", Draft::array(names))
}

/// A designation as R4 writes it.
fn designation(told: &Designation) -> Draft {
    let purpose = told.purpose.as_ref().map(|(system, code)| super::coding(system, code, None));
    Draft::object().with_some("language", told.language.as_deref()).with_some("use", purpose).with("value", &*told.value)
}

pub(super) fn validate(ground: &Ground, given: &Given<'_>) -> Result<Draft, Failure> {
    let set = asked(ground, given)?;
    let codings = given.codings();
    if codings.is_empty() {
        return Err(Failure::new(
            FailureKind::Invalid,
            IssueType::Required,
            "code",
            "Give a code with its system, a coding or a codeableConcept.",
        ));
    }
    let terminology = &ground.terminology;
    let (mut messages, mut unknown) = (Vec::new(), false);
    for coding in &codings {
        let Coding { system, code, display, .. } = coding;
        match terminology.member(set, system.as_deref(), code) {
            Membership::In => {
                let owned = system.clone().or_else(|| terminology.system_of(set, code).map(str::to_owned)).unwrap_or_default();
                return Ok(match terminology.code_in(set, &owned, code, display.as_deref()) {
                    Status::OtherDisplay(names) => {
                        told(false, names.first().map(String::as_str), Some(other(code, display.as_deref(), &names)))
                    }
                    Status::Fine(name) => told(true, name.as_deref(), None),
                    Status::UnknownCode | Status::UnknownSystem => told(true, None, None),
                });
            }
            Membership::Unknown => unknown = true,
            Membership::Out => messages.push(format!(
                "The code \"{code}\" of {} is not in the value set {}.",
                system.as_deref().unwrap_or("no system"),
                set.url
            )),
        }
    }
    if unknown {
        let told = "Whether the code is in the value set cannot be told: a code system or value set that decides it is not known here.";
        return Err(Failure::new(FailureKind::Unprocessable, IssueType::NotSupported, "", told));
    }
    Ok(told(false, None, Some(messages.join(" "))))
}

/// A display that is not one of the names of a code.
pub(super) fn other(code: &str, display: Option<&str>, names: &[String]) -> String {
    format!("The code \"{code}\" is not called \"{}\" but: {}.", display.unwrap_or(""), names.join(", "))
}

/// The answer to a check.
pub(super) fn told(result: bool, display: Option<&str>, message: Option<String>) -> Draft {
    let mut all = vec![parameter("result", "valueBoolean", result)];
    all.extend(message.map(|message| parameter("message", "valueString", message)));
    all.extend(display.map(|display| parameter("display", "valueString", display)));
    parameters(all)
}
