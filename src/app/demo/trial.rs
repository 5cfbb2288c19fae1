//! A synthetic umbrella trial in the manner of IMPRESS-Norway: three cohorts of drug x marker x tumour, one enrolled patient.
//!
//! Profiles: national-trial, national-cohort and national-enrolment of `profiles/national`.
//! Source: <https://hl7.org/fhir/R4/researchstudy.html>, <https://hl7.org/fhir/R4/researchsubject.html>.

use crate::model::draft::Draft;

/// System of the demo's study identifiers.
const STUDIES: &str = "https://norn.health/fhir/demo/studies";

/// Where the profiles of the national flow live.
const NATIONAL: &str = "https://norn.health/fhir/StructureDefinition/";

struct Cohort {
    id: &'static str,
    title: &'static str,
    drug: &'static str,
    marker: &'static str,
    tumour: &'static str,
}

const COHORTS: [Cohort; 3] = [
    Cohort {
        id: "impress-demo-c01",
        title: "Cohort 1: dabrafenib and trametinib, BRAF V600E, solid tumours outside melanoma",
        drug: "dabrafenib and trametinib",
        marker: "BRAF p.(Val600Glu)",
        tumour: "solid tumour",
    },
    Cohort {
        id: "impress-demo-c02",
        title: "Cohort 2: alectinib, ALK fusion, solid tumours outside lung",
        drug: "alectinib",
        marker: "ALK fusion",
        tumour: "solid tumour",
    },
    Cohort {
        id: "impress-demo-c03",
        title: "Cohort 3: atezolizumab, tumour mutational burden of 16 or more per megabase",
        drug: "atezolizumab",
        marker: "TMB 16/Mb or more",
        tumour: "solid tumour",
    },
];

/// The transaction that opens the trial, and enrols `patient` (an id) in the first cohort.
pub(super) fn bundle(patient: Option<&str>) -> Draft {
    let mut entries = vec![put("ResearchStudy", "impress-demo", umbrella())];
    entries.extend(COHORTS.iter().map(|cohort| put("ResearchStudy", cohort.id, study(cohort))));
    entries.extend(patient.map(|patient| put("ResearchSubject", "impress-demo-s001", subject(patient))));
    Draft::object().with("resourceType", "Bundle").with("type", "transaction").with("entry", Draft::array(entries))
}

fn put(kind: &'static str, id: &str, resource: Draft) -> Draft {
    Draft::object().with("resource", resource).with("request", Draft::object().with("method", "PUT").with("url", format!("{kind}/{id}")))
}

fn identifier(value: &str) -> Draft {
    Draft::array([Draft::object().with("system", STUDIES).with("value", value)])
}

fn text(text: &str) -> Draft {
    Draft::object().with("text", text)
}

/// `meta` that claims a profile of the national flow.
fn claim(profile: &str) -> Draft {
    Draft::object().with("profile", Draft::array([format!("{NATIONAL}{profile}")]))
}

fn base(id: &str, title: &str, profile: &str) -> Draft {
    Draft::object()
        .with("resourceType", "ResearchStudy")
        .with("id", id)
        .with("meta", claim(profile))
        .with("identifier", identifier(id))
        .with("title", title)
        .with("status", "active")
}

fn umbrella() -> Draft {
    let purpose = Draft::object().with(
        "coding",
        Draft::array([Draft::object()
            .with("system", "http://terminology.hl7.org/CodeSystem/research-study-prim-purp-type")
            .with("code", "treatment")]),
    );
    base("impress-demo", "IMPRESS-DEMO: approved drugs outside their label, by molecular marker (synthetic)", "national-trial")
        .with("primaryPurposeType", purpose)
        .with("condition", Draft::array([text("advanced cancer without standard treatment")]))
}

fn study(cohort: &Cohort) -> Draft {
    let marker = Draft::object().with("url", format!("{NATIONAL}cohort-marker")).with("valueCodeableConcept", text(cohort.marker));
    base(cohort.id, cohort.title, "national-cohort")
        .with("extension", Draft::array([marker]))
        .with("partOf", Draft::array([Draft::object().with("reference", "ResearchStudy/impress-demo")]))
        .with("focus", Draft::array([text(cohort.drug)]))
        .with("condition", Draft::array([text(cohort.tumour)]))
        .with("keyword", Draft::array([text(cohort.marker)]))
}

fn subject(patient: &str) -> Draft {
    Draft::object()
        .with("resourceType", "ResearchSubject")
        .with("id", "impress-demo-s001")
        .with("meta", claim("national-enrolment"))
        .with("identifier", identifier("s001"))
        .with("status", "on-study")
        .with("period", Draft::object().with("start", "2026-11-02"))
        .with("study", Draft::object().with("reference", format!("ResearchStudy/{}", COHORTS.first().map_or("", |cohort| cohort.id))))
        .with("individual", Draft::object().with("reference", format!("Patient/{patient}")))
        .with("consent", Draft::object().with("display", "synthetic: a person who does not exist has consented"))
}
