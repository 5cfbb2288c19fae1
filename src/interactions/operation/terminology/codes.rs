//! `$lookup`, `$subsumes` and `$validate-code` of code systems, and `$translate`.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem-operations.html>, <https://hl7.org/fhir/R4/conceptmap-operation-translate.html>.

use super::given::{Coding, Given};
use super::sets::{other, told};
use super::{Ground, coding, not_known, parameter, parameters};
use crate::interactions::{Failure, FailureKind};
use crate::model::draft::Draft;
use crate::model::outcome::IssueType;
use crate::terminology::check::Status;
use crate::terminology::lookup::subsumption;
use crate::terminology::map::{Asked, Match};
use crate::terminology::system::{Content, Value};
use crate::terminology::{Added, CodeSystem};

/// The code system that is asked.
fn asked<'g>(ground: &'g Ground, given: &Given<'_>) -> Result<&'g CodeSystem, Failure> {
    if let Some(Added::CodeSystem(own)) = &ground.own {
        return Ok(own);
    }
    let told = "Tell the code system: with system, or with a coding that has one.";
    let canonical = given.system().ok_or_else(|| Failure::new(FailureKind::Invalid, IssueType::Required, "system", told))?;
    let found = ground.terminology.system(&canonical).filter(|found| found.content != Content::Absent);
    let wanted = canonical.split_once('|').map(|(_, version)| version);
    found
        .filter(|found| wanted.is_none_or(|wanted| found.version.as_deref() == Some(wanted)))
        .ok_or_else(|| not_known("code system", &canonical))
}

fn one(given: &Given<'_>) -> Result<Coding, Failure> {
    let needed = || Failure::new(FailureKind::Invalid, IssueType::Required, "code", "Give a code with its system, or a coding.");
    given.codings().into_iter().next().ok_or_else(needed)
}

pub(super) fn validate(ground: &Ground, given: &Given<'_>) -> Result<Draft, Failure> {
    let Coding { code, display, .. } = one(given)?;
    let canonical = match &ground.own {
        Some(Added::CodeSystem(own)) => own.version.as_ref().map_or_else(|| own.url.clone(), |version| format!("{}|{version}", own.url)),
        _ => given
            .system()
            .ok_or_else(|| Failure::new(FailureKind::Invalid, IssueType::Required, "url", "Tell the code system: with url."))?,
    };
    match ground.terminology.code(&canonical, &code, display.as_deref()) {
        Status::Fine(name) => Ok(told(true, name.as_deref(), None)),
        Status::OtherDisplay(names) => Ok(told(false, names.first().map(String::as_str), Some(other(&code, display.as_deref(), &names)))),
        Status::UnknownCode => Ok(told(false, None, Some(format!("The code system {canonical} has no code \"{code}\".")))),
        Status::UnknownSystem => {
            let told = format!("Whether {canonical} has the code \"{code}\" cannot be told: it is not known here, or only in part.");
            Err(Failure::new(FailureKind::Unprocessable, IssueType::NotSupported, "", told))
        }
    }
}

pub(super) fn lookup(ground: &Ground, given: &Given<'_>) -> Result<Draft, Failure> {
    let coding = one(given)?;
    let system = asked(ground, given)?;
    let unknown = || {
        let told = format!("The code system {} has no code \"{}\" here.", system.url, coding.code);
        Failure::new(FailureKind::NotFound, IssueType::NotFound, "code", told)
    };
    let found = ground.terminology.lookup(system, &coding.code).ok_or_else(unknown)?;
    let wanted: Vec<&str> = given.texts("property").collect();
    let asked = |name: &str| wanted.is_empty() || wanted.contains(&name);
    let mut all = vec![parameter("name", "valueString", system.name.as_deref().unwrap_or(&system.url))];
    all.extend(system.version.as_deref().map(|version| parameter("version", "valueString", version)));
    let display = found.display(given.text("displayLanguage")).unwrap_or(&found.concept.code);
    all.push(parameter("display", "valueString", display));
    for name in found.designations().filter(|_| asked("designation")) {
        let purpose = name.purpose.as_ref().map(|(system, code)| parameter("use", "valueCoding", super::coding(system, code, None)));
        let language = name.language.as_deref().map(|language| parameter("language", "valueCode", language));
        let value = parameter("value", "valueString", &*name.value);
        all.push(
            Draft::object().with("name", "designation").with("part", Draft::array(language.into_iter().chain(purpose).chain([value]))),
        );
    }
    let mut property = |code: &str, value: Draft| {
        if asked(code) {
            all.push(Draft::object().with("name", "property").with("part", Draft::array([parameter("code", "valueCode", code), value])));
        }
    };
    if let Some(definition) = found.concept.definition.as_deref() {
        property("definition", parameter("value", "valueString", definition));
    }
    property("inactive", parameter("value", "valueBoolean", found.concept.inactive()));
    for parent in system.parents(found.concept) {
        property("parent", parameter("value", "valueCode", &*parent.code));
    }
    for child in system.children(found.concept) {
        property("child", parameter("value", "valueCode", &*child.code));
    }
    for own in found.properties().filter(|own| !matches!(&*own.code, "parent" | "child" | "inactive")) {
        property(&own.code, value(&own.value));
    }
    Ok(parameters(all))
}

fn value(of: &Value) -> Draft {
    match of {
        Value::Code(text) => parameter("value", "valueCode", &**text),
        Value::Text(text) => parameter("value", "valueString", &**text),
        Value::Integer(number) => parameter("value", "valueInteger", *number),
        Value::Boolean(truth) => parameter("value", "valueBoolean", *truth),
        Value::DateTime(text) => parameter("value", "valueDateTime", &**text),
        Value::Decimal(text) => parameter("value", "valueDecimal", Draft::number(text.to_string())),
        Value::Coding { system, code, display } => parameter("value", "valueCoding", coding(system, code, display.as_deref())),
    }
}

pub(super) fn subsumes(ground: &Ground, given: &Given<'_>) -> Result<Draft, Failure> {
    let system = asked(ground, given)?;
    let code = |simple: &str, of: &str| -> Result<String, Failure> {
        match given.coding(of) {
            Some(coding) => Ok(coding.code.clone()),
            None => given.required(simple).map(str::to_owned),
        }
    };
    let (a, b) = (code("codeA", "codingA")?, code("codeB", "codingB")?);
    let unknown = || {
        let told = format!("The code system {} does not have both \"{a}\" and \"{b}\".", system.url);
        Failure::new(FailureKind::NotFound, IssueType::NotFound, "", told)
    };
    let outcome = subsumption(system, &a, &b).ok_or_else(unknown)?;
    Ok(parameters(vec![parameter("outcome", "valueCode", outcome.code())]))
}

pub(super) fn translate(ground: &Ground, given: &Given<'_>) -> Result<Draft, Failure> {
    let codings = given.codings();
    let terminology = &ground.terminology;
    let maps: Vec<_> = match (&ground.own, given.text("url")) {
        (Some(Added::ConceptMap(own)), _) => vec![own.as_ref()],
        (_, Some(url)) => vec![terminology.map(url).ok_or_else(|| not_known("concept map", url))?],
        _ => {
            let fits = |wanted: Option<&str>, own: &Option<String>| wanted.is_none_or(|wanted| own.as_deref() == Some(wanted));
            let fitting =
                terminology.maps().filter(|map| fits(given.text("source"), &map.source) && fits(given.text("target"), &map.target));
            fitting.collect()
        }
    };
    if codings.is_empty() {
        return Err(Failure::new(
            FailureKind::Invalid,
            IssueType::Required,
            "code",
            "Give a code with its system, a coding or a codeableConcept.",
        ));
    }
    let reverse = given.flag("reverse")?;
    let mut found: Vec<Match> = Vec::new();
    for coding in &codings {
        let system = coding
            .system
            .as_deref()
            .ok_or_else(|| Failure::new(FailureKind::Invalid, IssueType::Required, "system", "Tell the system of the code."))?;
        let asked = Asked { system, code: &coding.code, target: given.text("targetsystem"), reverse };
        found.extend(maps.iter().flat_map(|map| terminology.translate(map, asked)));
    }
    let result = found.iter().any(Match::holds);
    let mut all = vec![parameter("result", "valueBoolean", result)];
    if !result {
        all.push(parameter("message", "valueString", "No concept map here has a translation of this code."));
    }
    for one in &found {
        let concept = one
            .coding
            .as_ref()
            .map(|(system, code, display)| parameter("concept", "valueCoding", coding(system, code, display.as_deref())));
        let source = Some(one.map.as_str()).filter(|url| !url.is_empty()).map(|url| parameter("source", "valueUri", url));
        let parts = [parameter("equivalence", "valueCode", one.equivalence.as_str())].into_iter().chain(concept).chain(source);
        all.push(Draft::object().with("name", "match").with("part", Draft::array(parts)));
    }
    Ok(parameters(all))
}
