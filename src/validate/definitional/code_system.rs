//! A CodeSystem: as many concepts as it tells, and no new ones in a supplement.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem.html#supplements>.

use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::terminology::check::Status;
use crate::validate::checker::Checker;

impl<'c> Checker<'c> {
    pub(super) fn code_system(&mut self, system: Node<'c>) {
        let mut concepts = Vec::new();
        collect(system, &mut concepts);
        let content = system.get_text("content").unwrap_or_default();
        if let Some(count) = system.get("count").filter(|count| content == "complete" && count.raw().parse() != Ok(concepts.len())) {
            let number = concepts.len();
            self.closely(count, IssueType::Invalid, || {
                format!("The code system has {number} concepts: correct the count or the concepts.")
            });
        }
        for property in concepts.iter().flat_map(|concept| concept.all("property")) {
            let code = property.get_text("code");
            let declared = system.all("property").find(|own| own.get_text("code") == code).and_then(|own| own.get_text("type"));
            let Some((declared, value)) = declared.zip(property.get("value")) else { continue };
            if declared != value.type_name() {
                self.closely(property, IssueType::Invalid, || {
                    format!("The code system declares this property with values of type {declared}, not {}.", value.type_name())
                });
            }
        }
        let Some(supplemented) = system.get_text("supplements") else { return };
        if content != "supplement" {
            self.closely(system.get("content").unwrap_or(system), IssueType::BusinessRule, || {
                "What supplements another code system has the content \"supplement\".".to_owned()
            });
        }
        for concept in concepts {
            let code = concept.get_text("code").unwrap_or_default();
            if self.validator.terminology.code(&supplemented, &code, None) == Status::UnknownCode {
                self.closely(concept, IssueType::BusinessRule, || {
                    format!("{supplemented} has no code \"{code}\", and a supplement brings none: take it away.")
                });
            }
        }
    }
}

fn collect<'t>(parent: Node<'t>, concepts: &mut Vec<Node<'t>>) {
    for concept in parent.all("concept") {
        concepts.push(concept);
        collect(concept, concepts);
    }
}
