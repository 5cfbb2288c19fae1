//! A ConceptMap: its codes belong to the value sets and code systems between which it maps.
//!
//! Source: <https://hl7.org/fhir/R4/conceptmap.html>.

use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::terminology::Membership;
use crate::terminology::check::Status;
use crate::validate::checker::Checker;

impl<'c> Checker<'c> {
    pub(super) fn concept_map(&mut self, map: Node<'c>) {
        // The codes of the target may also come from elsewhere: they are to be understood there, not to be complete.
        let source = map.get("source").filter(|source| source.is_primitive()).map(|source| source.text().into_owned());
        for group in map.all("group") {
            let system = |name: &str| group.get_text(name).map(std::borrow::Cow::into_owned);
            let (from, to) = (system("source"), system("target"));
            for element in group.all("element") {
                self.mapped(element, from.as_deref(), source.as_deref());
                for target in element.all("target") {
                    self.mapped(target, to.as_deref(), None);
                }
            }
        }
    }

    /// Checks the code of one side of a mapping.
    fn mapped(&mut self, side: Node<'c>, system: Option<&str>, set: Option<&str>) {
        let (Some(system), Some(code)) = (system, side.get("code").filter(|code| code.is_primitive())) else { return };
        let terminology = &self.validator.terminology;
        if terminology.code(system, &code.text(), None) == Status::UnknownCode {
            self.closely(code, IssueType::CodeInvalid, || format!("The code system {system} has no code \"{}\".", code.text()));
        } else if let Some(set) = set
            && terminology.membership(set, Some(system), &code.text()) == Membership::Out
        {
            self.closely(code, IssueType::Required, || {
                format!("The code \"{}\" is not in the value set {set}, for which this map is made.", code.text())
            });
        }
    }
}
