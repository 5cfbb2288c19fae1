//! Codings: whether their system has the code, and calls it so.
//!
//! Only systems that are known whole say anything; the display of a code may also be one of its designations. For files both are errors; a
//! server warns, since a partner's version of a system may be newer than its own.
//! Source: <https://hl7.org/fhir/R4/datatypes.html#Coding>, <https://hl7.org/fhir/R4/terminologies.html#4.1>.

use super::checker::Checker;
use super::element::Element;
use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::terminology::check::Status;

impl<'c> Checker<'c> {
    /// Checks a Coding by its own system.
    pub(super) fn coding(&mut self, element: Element<'c>) {
        let node = element.node;
        // Where it would only be a warning that nobody hears, nothing is looked up.
        if self.validator.lenient && !self.warns() {
            return;
        }
        let (Some(system), Some(code)) = (node.get_text("system"), node.get("code")) else { return };
        let display = node.get("display").filter(|display| display.is_primitive());
        match self.validator.terminology.code(&system, &code.text(), display.map(Node::text).as_deref()) {
            Status::UnknownCode => {
                self.of_system(
                    code,
                    IssueType::CodeInvalid,
                    format!("The code system {system} has no code \"{}\": use one that it has.", code.text()),
                );
            }
            Status::OtherDisplay(right) => {
                let told = format!("This is not what {system} calls the code: write {}.", right.join(" or "));
                self.of_system(display.unwrap_or(node), IssueType::Invalid, told);
            }
            Status::Fine(_) | Status::UnknownSystem => {}
        }
    }

    fn of_system(&mut self, node: Node<'c>, code: IssueType, told: String) {
        if self.validator.lenient {
            self.warning(node, code, || told);
        } else {
            self.error(node, code, || told);
        }
    }
}
