//! The CapabilityStatement, made from what is really served.
//!
//! Source: <https://hl7.org/fhir/R4/capabilitystatement.html>, <https://hl7.org/fhir/R4/http.html#capabilities>.

use bytes::Bytes;

use super::operation::{Level, Operation};
use super::{Failure, Gateway};
use crate::definitions::ParameterKind;
use crate::model::draft::Draft;
use crate::model::schema::ResourceType;
use crate::patch;
use crate::search::catalog::{Catalog, Compiled};
use crate::terminology::Terminology;

/// Interactions of every type, as `request` routes them.
const INTERACTIONS: [&str; 9] = ["read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"];

/// Takes `mode` from the parameters, and tells whether it asks for terminology. Of the rest all that is served is told whatever it says:
/// `normative` may leave things out, and does not.
///
/// # Errors
/// When it asks for something else.
pub(super) fn without_mode(parameters: Vec<(String, String)>) -> Result<(bool, Vec<(String, String)>), Failure> {
    let mut terminology = false;
    let (modes, rest): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|(name, _)| name == "mode");
    for (_, mode) in modes {
        match mode.as_str() {
            "full" | "normative" | "" => {}
            "terminology" => terminology = true,
            _ => return Err(Failure::invalid("mode", "mode takes full, normative or terminology.")),
        }
    }
    Ok((terminology, rest))
}

/// The TerminologyCapabilities: the code systems that are built in, each with its versions, and how value sets are told.
pub(super) fn terminology(gateway: &Gateway) -> Bytes {
    let mut systems: Vec<(&str, Vec<&str>)> = Vec::new();
    for (url, version) in Terminology::embedded().built_in_systems() {
        match systems.last_mut().filter(|(last, _)| *last == url) {
            Some((_, versions)) => versions.push(version),
            None => systems.push((url, vec![version])),
        }
    }
    let system = |(url, mut versions): (&str, Vec<&str>)| {
        versions.retain(|version| !version.is_empty());
        versions.dedup();
        let versions = versions.into_iter().map(|version| Draft::object().with("code", version));
        Draft::object().with("uri", url).with("version", Draft::array(versions))
    };
    let parameters = ["activeOnly", "count", "displayLanguage", "filter", "includeDesignations", "offset"];
    let expansion = Draft::object()
        .with("hierarchical", false)
        .with("paging", true)
        .with("parameter", Draft::array(parameters.map(|name| Draft::object().with("name", name))));
    Draft::object()
        .with("resourceType", "TerminologyCapabilities")
        .with("url", format!("{}/metadata?mode=terminology", gateway.base))
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("name", "NornTerminology")
        .with("status", "active")
        .with("date", gateway.clock.now().to_string())
        .with("kind", "instance")
        .with("software", Draft::object().with("name", "Norn").with("version", env!("CARGO_PKG_VERSION")))
        .with("implementation", Draft::object().with("description", "The terminology of the Norn gateway").with("url", &*gateway.base))
        .with("codeSystem", Draft::array(systems.into_iter().map(system)))
        .with("expansion", expansion)
        .with("codeSearch", "all")
        .with("validateCode", Draft::object().with("translations", true))
        .with("translation", Draft::object().with("needsMap", false))
        .to_json()
        .into()
}

/// Makes the statement.
pub(super) fn statement(gateway: &Gateway, catalog: &Catalog) -> Bytes {
    let resources = catalog.schema().resource_types().map(|kind| resource(gateway, catalog, kind));
    let security = Draft::object()
        .with("cors", gateway.cross_origin)
        .with("description", "No authorization is configured: the server listens on the loopback interface only.");
    let rest = Draft::object()
        .with("mode", "server")
        .with("security", security)
        .with("resource", Draft::array(resources))
        .with("interaction", Draft::array(["transaction", "batch", "history-system"].map(coded)))
        .with("operation", Draft::array(operations(&Level::System, "Resource", gateway)))
        .with("compartment", Draft::array(catalog.definitions().compartments().iter().map(|compartment| compartment.url)));
    Draft::object()
        .with("resourceType", "CapabilityStatement")
        .with("url", format!("{}/metadata", gateway.base))
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("name", "Norn")
        .with("title", "Norn FHIR gateway")
        .with("status", "active")
        .with("date", gateway.clock.now().to_string())
        .with("kind", "instance")
        .with("software", Draft::object().with("name", "Norn").with("version", env!("CARGO_PKG_VERSION")))
        .with(
            "implementation",
            Draft::object().with("description", "FHIR R4 gateway for genomic reports and trials").with("url", &*gateway.base),
        )
        .with("fhirVersion", "4.0.1")
        .with("format", Draft::array(["application/fhir+json", "application/fhir+xml", "json", "xml"]))
        .with("patchFormat", Draft::array(patch::MEDIA_TYPES))
        .with("rest", Draft::array([rest]))
        .to_json()
        .into()
}

fn coded(code: &str) -> Draft {
    Draft::object().with("code", code)
}

fn resource(gateway: &Gateway, catalog: &Catalog, kind: ResourceType) -> Draft {
    let own = catalog.of(kind);
    let parameters = own.parameters().map(|compiled| {
        let parameter = &compiled.parameter;
        Draft::object().with("name", &*parameter.code).with("definition", &*parameter.url).with("type", parameter.kind.code())
    });
    let references = || own.parameters().filter(|compiled| compiled.parameter.kind == ParameterKind::Reference);
    let includes = references().map(|compiled| format!("{kind}:{}", compiled.parameter.code));
    let back = gateway.schema().resource_types().flat_map(|other| {
        let refers =
            move |target: &&Compiled| target.parameter.kind == ParameterKind::Reference && target.parameter.targets.contains(&kind);
        catalog.of(other).parameters().filter(refers).map(move |compiled| format!("{other}:{}", compiled.parameter.code))
    });
    Draft::object()
        .with("type", kind.name())
        .with("interaction", Draft::array(INTERACTIONS.map(coded)))
        .with("versioning", "versioned-update")
        .with("readHistory", true)
        .with("updateCreate", true)
        .with("conditionalCreate", true)
        .with("conditionalRead", "full-support")
        .with("conditionalUpdate", true)
        .with("conditionalDelete", if gateway.limits.deletes > 1 { "multiple" } else { "single" })
        .with("referencePolicy", Draft::array(["literal", "logical", "local"]))
        .with("searchInclude", Draft::array(includes))
        .with("searchRevInclude", Draft::array(back))
        .with("searchParam", Draft::array(parameters))
        .with("operation", Draft::array(operations(&Level::Type(kind), kind.name(), gateway)))
}

/// The operations at a level; those of a type are told together with those of its resources.
fn operations(level: &Level, kind: &str, gateway: &Gateway) -> Vec<Draft> {
    let one = |operation: &Operation| match level {
        Level::Type(kind) => operation.is_served(level) || operation.is_served_in(*kind),
        _ => operation.is_served(level),
    };
    let told =
        |operation: Operation| Draft::object().with("name", operation.name()).with("definition", operation.definition(kind, &gateway.base));
    Operation::ALL.into_iter().filter(one).map(told).collect()
}
