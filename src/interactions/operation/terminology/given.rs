//! What a terminology operation is asked with: simple parameters, codings, and a resource.

use super::super::{Operation, OperationOf, simple};
use crate::interactions::request::Handling;
use crate::interactions::{Failure, FailureKind, refused};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::tree::{Node, Shape};

/// A coding of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) system: Option<String>,
    pub(super) version: Option<String>,
    pub(super) code: String,
    pub(super) display: Option<String>,
}

impl Coding {
    fn of(node: Node<'_>) -> Option<Self> {
        let text = |name: &str| node.get_text(name).map(std::borrow::Cow::into_owned);
        Some(Self { system: text("system"), version: text("version"), code: text("code")?, display: text("display") })
    }

    /// Its system as a canonical URL.
    pub(super) fn canonical(&self) -> Option<String> {
        let system = self.system.as_ref()?;
        Some(self.version.as_ref().map_or_else(|| system.clone(), |version| format!("{system}|{version}")))
    }
}

/// The parameters.
pub(super) struct Given<'a> {
    of: &'a OperationOf,
    simple: Vec<(String, String)>,
    /// By the name of their parameter.
    codings: Vec<(String, Coding)>,
    pub(super) resource: Option<Resource>,
}

/// The parameters that are understood.
fn known(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::Expand => &[
            "url",
            "valueSet",
            "valueSetVersion",
            "filter",
            "offset",
            "count",
            "includeDesignations",
            "activeOnly",
            "displayLanguage",
            "excludeNested",
            "excludeNotForUI",
            "includeDefinition",
        ],
        Operation::ValidateCode => &[
            "url",
            "valueSet",
            "valueSetVersion",
            "codeSystem",
            "system",
            "version",
            "systemVersion",
            "code",
            "display",
            "coding",
            "codeableConcept",
            "displayLanguage",
            "abstract",
        ],
        Operation::Lookup => &["system", "version", "code", "coding", "displayLanguage", "property"],
        Operation::Subsumes => &["system", "version", "codeA", "codeB", "codingA", "codingB"],
        _ => &[
            "url",
            "conceptMap",
            "conceptMapVersion",
            "system",
            "version",
            "code",
            "coding",
            "codeableConcept",
            "source",
            "target",
            "targetsystem",
            "reverse",
        ],
    }
}

impl<'a> Given<'a> {
    pub(super) fn read(of: &'a OperationOf) -> Result<Self, Failure> {
        let mut simple_ones = of.parameters.clone();
        let (mut codings, mut resource) = (Vec::new(), None);
        let mut names: Vec<String> = Vec::new();
        if let Some(body) = &of.body {
            if super::types(of.operation).contains(&body.kind().name()) {
                // A resource alone stands for the parameter that would hold it.
                resource = Some(body.clone());
            } else {
                simple_ones.extend(simple(body)?);
                for parameter in body.root().all("parameter") {
                    let name = parameter.get_text("name").unwrap_or_default().into_owned();
                    if let Some(value) = parameter.get("value").filter(|value| value.shape() == Shape::Object) {
                        match value.type_name() {
                            "CodeableConcept" => {
                                codings.extend(value.all("coding").filter_map(Coding::of).map(|coding| (name.clone(), coding)))
                            }
                            _ => codings.extend(Coding::of(value).map(|coding| (name.clone(), coding))),
                        }
                    }
                    if let Some(inner) = parameter.get("resource") {
                        resource = Resource::extract(inner);
                    }
                    names.push(name);
                }
            }
        }
        simple_ones.retain(|(name, value)| !matches!(name.as_str(), "_format" | "_pretty") && !value.is_empty());
        let known = known(of.operation);
        names.extend(simple_ones.iter().map(|(name, _)| name.clone()));
        names.retain(|name| !known.contains(&name.as_str()));
        if !names.is_empty() && of.handling == Handling::Strict {
            let told = format!("${} takes {}.", of.operation.name(), known.join(", "));
            let issues = names.into_iter().map(|name| Issue::error(IssueType::NotSupported, name, told.clone())).collect();
            return Err(refused(FailureKind::Invalid, issues));
        }
        Ok(Self { of, simple: simple_ones, codings, resource })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.simple.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn texts<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.simple.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name).ok_or_else(|| {
            let told = format!("${} needs the parameter {name} here.", self.of.operation.name());
            Failure::new(FailureKind::Invalid, IssueType::Required, name, told)
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Failure::invalid(name, format!("{name} takes true or false."))),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Failure> {
        let wrong = |_| Failure::invalid(name, format!("{name} takes a whole number from 0."));
        self.text(name).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// The codings of a parameter, or the one that `code`, `system`, `version` and `display` tell.
    pub(super) fn codings(&self) -> Vec<Coding> {
        let told: Vec<Coding> = self.codings.iter().map(|(_, coding)| coding.clone()).collect();
        let text = |name: &str| self.text(name).map(str::to_owned);
        let alone = text("code").map(|code| Coding {
            system: text("system"),
            version: text("version").or_else(|| text("systemVersion")),
            code,
            display: text("display"),
        });
        if told.is_empty() { alone.into_iter().collect() } else { told }
    }

    /// The coding of that parameter.
    pub(super) fn coding(&self, name: &str) -> Option<&Coding> {
        self.codings.iter().find(|(own, _)| own == name).map(|(_, coding)| coding)
    }

    /// The code system that is asked, as a canonical URL.
    pub(super) fn system(&self) -> Option<String> {
        if let Some(coding) = self.codings.first() {
            return coding.1.canonical();
        }
        let system = self.text("system").or_else(|| self.text("url"))?;
        Some(self.text("version").map_or_else(|| system.to_owned(), |version| format!("{system}|{version}")))
    }
}
