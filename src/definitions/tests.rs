//! The embedded tables against what the specification says, and against the packages when these are at hand.

pub(crate) mod examples;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;

use super::package::{Package, PackageLimits};
use super::{Definitions, compile};
use crate::model::schema::Kind;

/// Where `.tgz` packages lie, for those who have them.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told where packages lie; the gateway itself reads its environment in app::config"
)]
fn packages() -> Option<Vec<Package>> {
    let folder = PathBuf::from(std::env::var_os("NORN_PACKAGES").filter(|path| !path.is_empty())?);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    files.sort();
    Some(files.iter().map(|path| Package::from_tgz(&std::fs::read(path).unwrap(), PackageLimits::default()).unwrap()).collect())
}

#[test]
fn the_committed_tables_are_what_the_packages_compile_to() {
    let Some(packages) = packages() else {
        eprintln!("NORN_PACKAGES is not set: the official definitions were not recompiled");
        return;
    };
    let first = compile::tables(&packages).unwrap();
    assert_eq!(first, compile::tables(&packages).unwrap(), "compiling twice gives the same bytes");
    for (name, content) in &first.files {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("profiles/compiled").join(name);
        let committed = std::fs::read(&path).unwrap();
        assert!(committed == *content, "{name} is out of date: compile the definitions again");
    }
}

#[test]
fn loading_is_quick() {
    let start = Instant::now();
    Definitions::load(super::EMBEDDED).unwrap();
    eprintln!("types, search parameters and compartments load in {:?}", start.elapsed());
}

#[test]
fn types_are_those_of_r4() {
    let schema = &Definitions::embedded().schema;
    assert_eq!(schema.resource_types().count(), 146);
    let kinds =
        |wanted: fn(Kind) -> bool| (0..).map_while(|i| schema.facts(crate::model::schema::TypeId(i))).filter(|t| wanted(t.kind)).count();
    assert_eq!(kinds(|kind| matches!(kind, Kind::Primitive(_))), 20);
    assert_eq!(kinds(|kind| kind == Kind::Complex), 41, "39 of R4, Element and BackboneElement");
    assert_eq!(kinds(|kind| kind == Kind::AnyResource), 2, "Resource and DomainResource");
}

/// `Type.property -> element, type, cardinality, flags`.
#[test]
fn elements_have_the_facts_of_the_specification() {
    let cases = "
        Patient.id -> id id 0..1 s
        Patient.extension -> extension Extension 0..* -
        Patient.modifierExtension -> modifierExtension Extension 0..* m
        Patient.contained -> contained Resource 0..* -
        Patient.implicitRules -> implicitRules uri 0..1 sm
        Patient.deceasedBoolean -> deceased boolean 0..1 sm
        Patient.contact -> contact Patient.contact 0..* -
        Patient.contact.name -> name HumanName 0..1 -
        Observation.valueCodeableConcept -> value CodeableConcept 0..1 s
        Observation.valueDateTime -> value dateTime 0..1 s
        Observation.status -> status code 1..1 sm
        Observation.component.referenceRange -> referenceRange Observation.referenceRange 0..* -
        Observation.referenceRange.low -> low Quantity 0..1 -
        Condition.onsetAge -> onset Age 0..1 s
        Condition.abatementRange -> abatement Range 0..1 -
        Bundle.entry.resource -> resource Resource 0..1 s
        Bundle.entry.link -> link Bundle.link 0..* s
        Bundle.meta -> meta Meta 0..1 s
        Parameters.parameter.part -> part Parameters.parameter 0..* s
        Parameters.parameter.valueUuid -> value uuid 0..1 s
        Extension.url -> url uri 1..1 -
        Extension.valueBase64Binary -> value base64Binary 0..1 -
        HumanName.id -> id string 0..1 -
        Narrative.div -> div xhtml 1..1 -
        Timing.repeat -> repeat Timing.repeat 0..1 s
        Timing.repeat.boundsDuration -> bounds Duration 0..1 s
        Age.value -> value decimal 0..1 s
        string.extension -> extension Extension 0..* -
        ValueSet.compose.exclude -> exclude ValueSet.compose.include 0..* -
        MolecularSequence.variant.start -> start integer 0..1 s
    ";
    let schema = &Definitions::embedded().schema;
    for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, expected) = case.split_once(" -> ").unwrap();
        let (ty, key) = path.rsplit_once('.').unwrap();
        let slot = schema.slot(schema.type_named(ty).unwrap(), key).unwrap_or_else(|| panic!("{path} is missing"));
        let element = schema.element(slot.element).unwrap();
        let max = element.max.map_or("*".to_owned(), |max| max.to_string());
        let flags = match (element.summary, element.modifier) {
            (true, true) => "sm",
            (true, false) => "s",
            (false, true) => "m",
            (false, false) => "-",
        };
        let found = format!("{} {} {}..{max} {flags}", schema.name(slot.name), schema.type_name(slot.ty), element.min);
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn elements_keep_their_order_and_choices() {
    let schema = &Definitions::embedded().schema;
    let names =
        |ty: &str| schema.elements(schema.type_named(ty).unwrap()).iter().map(|e| schema.name(e.name)).collect::<Vec<_>>().join(" ");
    let patient = "id meta implicitRules language text contained extension modifierExtension identifier active name telecom gender birthDate deceased";
    assert!(names("Patient").starts_with(patient), "{}", names("Patient"));
    assert_eq!(names("Period"), "id extension start end");
    assert_eq!(names("Bundle.link"), "id extension modifierExtension relation url");
    let observation = schema.type_named("Observation").unwrap();
    let value = schema.elements(observation).iter().find(|e| schema.name(e.name) == "value").unwrap();
    assert_eq!(value.types.len(), 11);
    let extension = schema.type_named("Extension").unwrap();
    let value = schema.elements(extension).iter().find(|e| schema.name(e.name) == "value").unwrap();
    assert_eq!(value.types.len(), 50);
    assert!(schema.slot(schema.type_named("xhtml").unwrap(), "extension").is_none(), "xhtml takes no extensions");
}

#[test]
fn types_know_their_parents() {
    let definitions = Definitions::embedded();
    for (ty, parent) in [
        ("Observation", "DomainResource"),
        ("DomainResource", "Resource"),
        ("Age", "Quantity"),
        ("code", "string"),
        ("Timing.repeat", "Element"),
    ] {
        assert_eq!(definitions.parent(ty), Some(parent), "{ty}");
    }
    assert_eq!(definitions.parent("Resource"), None);
}

/// `Type?code -> kind expression [targets] [component=expression …]`.
#[test]
fn search_parameters_are_cut_down_to_their_type() {
    let cases = "
        Patient?birthdate -> date Patient.birthDate [] []
        Patient?phone -> token Patient.telecom.where(system='phone') [] []
        Patient?_id -> token Resource.id [] []
        Patient?_text -> special  [] []
        Bundle?_filter -> special  [] []
        Observation?code -> token Observation.code [] []
        Observation?patient -> reference Observation.subject.where(resolve() is Patient) [Patient] []
        Observation?subject -> reference Observation.subject [Device Group Location Patient] []
        Observation?value-string -> string (Observation.value as string) | (Observation.value as CodeableConcept).text [] []
        Observation?code-value-concept -> composite Observation [] [code=code value-concept=value.as(CodeableConcept)]
        Condition?subject -> reference Condition.subject [Group Patient] []
        Observation?dna-variant -> string Observation.extension('http://hl7.org/fhir/StructureDefinition/observation-geneticsDnaVariant').value [] []
        DocumentReference?relationship -> composite DocumentReference.relatesTo [] [relatesto=target relation=code]
        DocumentReference?identifier -> token DocumentReference.masterIdentifier | DocumentReference.identifier [] []
        InsurancePlan?name -> string name | alias [] []
        Location?near -> special Location.position [] []
        MolecularSequence?chromosome-variant-coordinate -> composite MolecularSequence.variant [] [chromosome=%resource.referenceSeq.chromosome variant-start=start variant-end=end]
    ";
    let definitions = Definitions::embedded();
    for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = case.split_once(" -> ").unwrap();
        let (ty, code) = asked.split_once('?').unwrap();
        let ty = definitions.schema.resource_type(ty).unwrap();
        let parameter = definitions.parameter(ty, code).unwrap_or_else(|| panic!("{asked} is missing"));
        let targets = parameter.targets.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(" ");
        let components = parameter.components.iter().map(|c| format!("{}={}", c.code, c.expression)).collect::<Vec<_>>().join(" ");
        assert_eq!(format!("{} {} [{targets}] [{components}]", parameter.kind.code(), parameter.expression), expected, "{asked}");
    }
}

#[test]
fn search_parameters_are_unique_and_complete() {
    let definitions = Definitions::embedded();
    let mut numbers = BTreeMap::new();
    for ty in definitions.schema.resource_types() {
        let mut codes = HashSet::new();
        for parameter in definitions.parameters(ty) {
            assert!(codes.insert(&*parameter.code), "{ty}?{} stands twice", parameter.code);
            if let Some(other) = numbers.insert(parameter.number, (ty, &*parameter.code)) {
                panic!("{ty}?{} and {other:?} have the same number", parameter.code);
            }
            for component in &parameter.components {
                assert!(
                    definitions.parameter(ty, &component.code).is_some(),
                    "{ty}?{} has an unknown component {}",
                    parameter.code,
                    component.code
                );
            }
        }
        let inherited = definitions.parameters(ty).iter().filter(|parameter| parameter.code.starts_with('_')).count();
        let narrative = usize::from(!matches!(ty.name(), "Binary" | "Bundle" | "Parameters"));
        assert_eq!(inherited, 9 + narrative, "{ty}: _content _filter _id _lastUpdated _profile _query _security _source _tag, and _text");
    }
    for (ty, count) in [("Patient", 34), ("Observation", 53), ("MolecularSequence", 23), ("Binary", 9)] {
        assert_eq!(definitions.parameters(definitions.schema.resource_type(ty).unwrap()).len(), count, "{ty}");
    }
    assert_eq!(
        definitions
            .parameters(definitions.schema.resource_type("Provenance").unwrap())
            .iter()
            .find(|p| p.code == "target")
            .unwrap()
            .targets
            .len(),
        146
    );
}

#[test]
fn compartments_say_who_belongs() {
    let definitions = Definitions::embedded();
    assert_eq!(
        definitions.compartments().iter().map(|c| c.name).collect::<Vec<_>>(),
        ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"]
    );
    let patient = definitions.compartment("Patient").unwrap();
    let parameters = |ty| patient.parameters(definitions.schema.resource_type(ty).unwrap()).join(" ");
    assert_eq!(parameters("Observation"), "subject performer");
    assert_eq!(parameters("Patient"), "link");
    assert_eq!(parameters("Organization"), "");
    for compartment in definitions.compartments() {
        for (ty, codes) in &compartment.members {
            for code in codes.iter().filter(|code| **code != "{def}") {
                assert!(definitions.parameter(*ty, code).is_some(), "{}: {ty}?{code}", compartment.name);
            }
        }
    }
}
