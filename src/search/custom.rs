//! Search parameters of this server's own: from a SearchParameter resource to what the catalog holds.
//!
//! The number of such a parameter is a hash of its whole definition, so that rows of an older definition never answer for a newer
//! one. Source: <https://hl7.org/fhir/R4/searchparameter.html>.

use std::collections::HashSet;
use std::hash::Hasher as _;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use super::catalog::{Catalog, Compiled, Origin, Part, Reading};
use super::key::{self, Aside};
use super::plan::ParameterNumber;
use crate::definitions::{Definitions, Parameter, ParameterKind};
use crate::fhirpath::{Expression, Types};
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Id;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;

/// Longest expression that is taken.
const LONGEST: usize = 4000;

/// What an active SearchParameter defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// The id of the SearchParameter.
    pub id: Id,
    /// Its canonical URL.
    pub url: String,
    /// The name in a query.
    pub code: String,
    /// How values are compared.
    pub kind: ParameterKind,
    /// The types that have it.
    pub bases: Vec<ResourceType>,
    /// FHIRPath from the resource to the values.
    pub expression: String,
    /// The types that a reference may lead to.
    pub targets: Vec<ResourceType>,
    /// Of each part of a composite the URL of its parameter, and FHIRPath to its values.
    pub components: Vec<(String, String)>,
}

/// What a SearchParameter resource means for searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing: its status is not active.
    Dormant,
    /// Nothing that R4 does not define already.
    BuiltIn,
    /// A parameter of this server's own.
    Own(Custom),
}

/// Why a parameter cannot be served.
#[derive(Debug, Clone, thiserror::Error)]
#[error("SearchParameter/{id} cannot be served: {issues:?}")]
pub struct Refused {
    /// The id of its SearchParameter.
    pub id: Id,
    /// What is wrong, and where.
    pub issues: Vec<Issue>,
}

/// A number and those of what is kept beside it.
pub(super) fn numbers(number: ParameterNumber) -> [ParameterNumber; 4] {
    [number, key::aside(number, Aside::Identifier), key::aside(number, Aside::Canonical), key::aside(number, Aside::Position)]
}

fn issue(code: IssueType, place: &str, told: impl Into<String>) -> Issue {
    Issue::error(code, format!("SearchParameter.{place}"), told)
}

/// Reads a SearchParameter resource.
///
/// # Errors
/// What is missing or has no meaning here.
pub fn read(id: &Id, resource: &Resource, definitions: &Definitions) -> Result<Meaning, Refused> {
    let root = resource.root();
    let text = |name: &str| root.get_text(name).map(|text| text.trim().to_owned()).unwrap_or_default();
    if text("status") != "active" {
        return Ok(Meaning::Dormant);
    }
    let mut issues = Vec::new();
    let (url, code, expression) = (text("url"), text("code"), text("expression"));
    let mut bases = Vec::new();
    for name in root.all("base").map(|base| base.text()) {
        let heirs = definitions.heirs(&name);
        if heirs.is_empty() {
            issues.push(issue(IssueType::CodeInvalid, "base", format!("\"{name}\" is not a resource type of R4.")));
        }
        bases.extend(heirs);
    }
    bases.sort_unstable();
    bases.dedup();
    let Some(kind) = ParameterKind::named(&text("type")) else {
        issues.push(issue(IssueType::CodeInvalid, "type", "This is not a type of search parameters."));
        return Err(Refused { id: id.clone(), issues });
    };
    let same = |kind_of: &ResourceType| {
        let built_in = definitions.parameter(*kind_of, &code);
        built_in.is_some_and(|built_in| built_in.kind == kind && squeezed(&built_in.expression) == squeezed(&expression))
    };
    let by_url = || bases.iter().any(|base| definitions.parameters(*base).iter().any(|parameter| parameter.url == url));
    if by_url() || (!bases.is_empty() && bases.iter().all(same)) {
        return Ok(Meaning::BuiltIn);
    }
    if code.is_empty() || code.starts_with('_') || !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        let told = "A code has letters, digits, hyphens and underscores, and does not begin with an underscore.";
        issues.push(issue(IssueType::Value, "code", told));
    }
    if expression.is_empty() {
        issues.push(issue(IssueType::Required, "expression", "Without an expression nothing can be found."));
    }
    if !matches!(text("xpathUsage").as_str(), "" | "normal") {
        issues.push(issue(IssueType::NotSupported, "xpathUsage", "Only \"normal\" is served: values are compared as they are."));
    }
    if kind == ParameterKind::Special {
        issues.push(issue(IssueType::NotSupported, "type", "A special parameter has rules of its own, which no resource can tell."));
    }
    let mut targets = Vec::new();
    for name in root.all("target").map(|target| target.text()) {
        let heirs = definitions.heirs(&name);
        if heirs.is_empty() {
            issues.push(issue(IssueType::CodeInvalid, "target", format!("\"{name}\" is not a resource type of R4.")));
        }
        targets.extend(heirs);
    }
    if kind == ParameterKind::Reference && targets.is_empty() {
        targets.extend(definitions.schema.resource_types());
    }
    targets.sort_unstable();
    targets.dedup();
    let component = |node: crate::model::tree::Node<'_>| {
        let text = |name: &str| node.get_text(name).unwrap_or_default().trim().to_owned();
        (text("definition"), text("expression"))
    };
    let components: Vec<_> = root.all("component").map(component).collect();
    if kind == ParameterKind::Composite && components.len() < 2 {
        issues.push(issue(IssueType::Required, "component", "A composite has two components at least."));
    }
    if kind != ParameterKind::Composite && !components.is_empty() {
        issues.push(issue(IssueType::Invalid, "component", "Only a composite has components."));
    }
    if issues.is_empty() {
        return Ok(Meaning::Own(Custom { id: id.clone(), url, code, kind, bases, expression, targets, components }));
    }
    Err(Refused { id: id.clone(), issues })
}

/// An expression without the white space in it.
fn squeezed(expression: &str) -> String {
    expression.split_whitespace().collect()
}

impl Custom {
    /// What it is for each of its types, beside what the catalog has already. `taken` are the numbers that are not free.
    pub(super) fn compile(
        &self,
        catalog: &Catalog,
        unready: Option<&Arc<str>>,
        taken: &mut HashSet<ParameterNumber>,
    ) -> Result<Vec<(ResourceType, Compiled)>, Refused> {
        let (mut compiled, mut issues) = (Vec::new(), Vec::new());
        if let Some(other) = catalog.own().iter().find(|other| other.entry.custom.url == self.url) {
            let told =
                format!("SearchParameter/{}, which is active, has the same URL: choose another, or retire it.", other.entry.custom.id);
            issues.push(issue(IssueType::Duplicate, "url", told));
        }
        for kind in &self.bases {
            match self.for_type(*kind, catalog, unready, taken) {
                Ok(own) => compiled.push((*kind, own)),
                // What is wrong for one type is so for others too: once is enough.
                Err(issue) if issues.iter().any(|known: &Issue| known.expression == issue.expression) => {}
                Err(issue) => issues.push(issue),
            }
        }
        if issues.is_empty() { Ok(compiled) } else { Err(Refused { id: self.id.clone(), issues }) }
    }

    fn for_type(
        &self,
        kind: ResourceType,
        catalog: &Catalog,
        unready: Option<&Arc<str>>,
        taken: &mut HashSet<ParameterNumber>,
    ) -> Result<Compiled, Issue> {
        let own = catalog.of(kind);
        let is_special = matches!(self.code.as_str(), "near");
        if is_special || catalog.definitions().parameter(kind, &self.code).is_some() || own.known(&self.code).is_some() {
            let url = own.known(&self.code).map(|other| format!(" ({})", other.parameter.url)).unwrap_or_default();
            let told = format!("{kind} has another parameter of the code \"{}\" already{url}: choose another code.", self.code);
            return Err(issue(IssueType::Duplicate, "code", told));
        }
        let resource = Types::resource(kind);
        let (expression, types) = self.expression(&self.expression, (&resource, &resource), "expression", kind, catalog)?;
        if self.kind != ParameterKind::Composite {
            self.reads(self.kind, &types, "expression", kind, catalog)?;
        }
        let mut definition = format!("{kind}\n{}\n{}\n{}\n{}", self.code, self.url, self.kind.code(), self.expression);
        let mut parts = Vec::new();
        for (i, (url, text)) in self.components.iter().enumerate() {
            let bare = url.split_once('|').map_or(url.as_str(), |(bare, _)| bare);
            let place = format!("component[{i}].definition");
            let Some(of) = own.all().find(|known| known.parameter.url == bare) else {
                return Err(issue(IssueType::NotFound, &place, format!("{kind} has no search parameter with the URL \"{url}\".")));
            };
            let alone = matches!(of.parameter.kind, ParameterKind::Composite | ParameterKind::Special) || of.expression.is_none();
            if alone {
                let told = format!("\"{}\" cannot be part of a composite.", of.parameter.code);
                return Err(issue(IssueType::NotSupported, &place, told));
            }
            let place = format!("component[{i}].expression");
            let (expression, types) = self.expression(text, (&types, &resource), &place, kind, catalog)?;
            self.reads(of.parameter.kind, &types, &place, kind, catalog)?;
            definition += &format!("\n{}\n{text}", of.parameter.number);
            parts.push(Part { expression, code: (*of.parameter.code).into(), number: 0, own: true });
        }
        let number = free(&definition, taken);
        for (i, part) in parts.iter_mut().enumerate() {
            part.number = free(&format!("{definition}\n{i}"), taken);
        }
        let parameter = Parameter {
            code: self.code.clone().into(),
            kind: self.kind,
            expression: self.expression.clone().into(),
            url: self.url.clone().into(),
            targets: self.targets.clone(),
            components: Vec::new(),
            number,
        };
        let origin = unready.map_or(Origin::Own, |why| Origin::Unready(Arc::clone(why)));
        Ok(Compiled { parameter: Arc::new(parameter), expression: Some(expression), parts, reading: Reading::Plain, origin })
    }

    /// Compiles an expression on what it starts from, and tells what it finds.
    fn expression(
        &self,
        text: &str,
        (focus, resource): (&Types, &Types),
        place: &str,
        kind: ResourceType,
        catalog: &Catalog,
    ) -> Result<(Expression, Types), Issue> {
        if text.len() > LONGEST {
            return Err(issue(IssueType::TooLong, place, format!("An expression has {LONGEST} characters at most.")));
        }
        let compiled = Expression::compile_foreign(text, catalog.schema())
            .map_err(|invalid| issue(IssueType::Invalid, place, format!("{invalid}.")))?;
        let types = compiled.types(focus, resource, catalog.schema());
        let types = types.map_err(|told| issue(IssueType::Invalid, place, format!("On {kind}: {told}.")))?;
        if types.is_empty() {
            return Err(issue(IssueType::Invalid, place, format!("This can find nothing on {kind}: name an element of it.")));
        }
        Ok((compiled, types))
    }

    /// Some of what is found must be of a type that the kind of parameter reads.
    fn reads(&self, of: ParameterKind, types: &Types, place: &str, kind: ResourceType, catalog: &Catalog) -> Result<(), Issue> {
        let names = types.names(catalog.schema());
        if names.iter().any(|name| of.reads(name)) {
            return Ok(());
        }
        let found = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let told = format!("On {kind} this finds {found}; a {} parameter reads {}.", of.code(), of.types().join(", "));
        Err(issue(IssueType::Value, place, told))
    }
}

/// The number of a definition. Salted until it is free: with as many numbers as R4 takes, some definition would meet one of them.
fn free(definition: &str, taken: &mut HashSet<ParameterNumber>) -> ParameterNumber {
    let mut salt = 0_u64;
    loop {
        let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x0070_6172_616d);
        hasher.write_u64(salt);
        hasher.write(definition.as_bytes());
        let number = u32::try_from(hasher.finish() & 0xFFFF_FFFF).unwrap_or_default();
        if numbers(number).iter().all(|number| !taken.contains(number)) {
            taken.extend(numbers(number));
            return number;
        }
        salt += 1;
    }
}
