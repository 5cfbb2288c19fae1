//! A Measure, and a MeasureReport against the Measure that it reports on.
//!
//! Source: <https://hl7.org/fhir/R4/measure.html>, <https://hl7.org/fhir/R4/measurereport.html>.

use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::validate::checker::Checker;

impl<'c> Checker<'c> {
    /// Logic in CQL stands in a library.
    pub(super) fn measure(&mut self, measure: Node<'c>) {
        let known = measure.all("library").filter(|library| self.validator.library.resource(&library.text()).is_some()).count();
        for stratifier in measure.all("group").flat_map(|group| group.all("stratifier")) {
            let Some(criteria) = stratifier.get("criteria") else { continue };
            let cql = criteria.get_text("language").is_some_and(|language| language.starts_with("text/cql"));
            if cql && known == 0 {
                self.closely(criteria, IssueType::Invalid, || {
                    "CQL is looked up in the libraries of the measure, and none is known here: name one, and load it.".to_owned()
                });
            }
        }
    }

    pub(super) fn measure_report(&mut self, report: Node<'c>) {
        let Some(measure) = report.get_text("measure").and_then(|url| self.validator.library.resource(&url)) else { return };
        let scoring = measure.get("scoring").and_then(|scoring| scoring.get("coding")).and_then(|coding| coding.get_text("code"));
        let data = report.get_text("type").is_some_and(|kind| kind == "data-collection");
        let groups: Vec<Node<'_>> = measure.all("group").collect();
        let several = groups.len() > 1;
        for group in groups.iter().filter(|_| several) {
            let code = group.get("code");
            let reported = code.is_none_or(|code| report.all("group").any(|own| own.get("code").is_some_and(|own| same(own, code))));
            if !reported {
                self.closely(report, IssueType::BusinessRule, || {
                    let code = code.map_or("", Node::json);
                    format!("The measure has a group on which nothing is reported: add one with the code {code}.")
                });
            }
        }
        for group in report.all("group") {
            if let Some(score) = group.get("measureScore").filter(|_| data || scoring.as_deref() == Some("cohort")) {
                self.closely(score, IssueType::BusinessRule, || {
                    if data { "A data collection has no score yet." } else { "A cohort is counted, not scored: take the score away." }
                        .to_owned()
                });
            }
            let share = scoring.as_deref() == Some("proportion");
            let score = group.get("measureScore").and_then(|score| score.get("value")).filter(|_| share && !data);
            if let Some(score) = score.filter(|score| score.raw().parse().is_ok_and(|share: f64| !(0.0..=1.0).contains(&share))) {
                self.closely(score, IssueType::BusinessRule, || "A proportion lies between 0 and 1.".to_owned());
            }
            let coded = group.get("code").and_then(|code| groups.iter().find(|own| own.get("code").is_some_and(|own| same(own, code))));
            let asked = match groups.as_slice() {
                [only] => Some(only),
                _ => coded,
            };
            let Some(asked) = asked else {
                if several || group.get("code").is_some() && !groups.is_empty() {
                    self.closely(group, IssueType::BusinessRule, || "The measure has no group of this code.".to_owned());
                }
                continue;
            };
            for population in group.all("population") {
                let Some(code) = population.get("code") else { continue };
                if !asked.all("population").any(|own| own.get("code").is_some_and(|own| same(own, code))) {
                    self.closely(population, IssueType::BusinessRule, || {
                        "The group of the measure has no population of this code: take it away or correct the code.".to_owned()
                    });
                }
            }
        }
    }
}

/// Whether two concepts share a coding, or have the same text and no codings.
fn same(one: Node<'_>, other: Node<'_>) -> bool {
    if one.get("coding").is_none() && other.get("coding").is_none() {
        return one.get_text("text") == other.get_text("text");
    }
    one.all("coding").any(|coding| {
        let same = |other: &Node<'_>, key: &str| coding.get_text(key) == other.get_text(key);
        other.all("coding").any(|other| same(&other, "code") && same(&other, "system"))
    })
}
