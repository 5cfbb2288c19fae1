//! A closer look at single values: what a file must mend, and a server only warns of.
//!
//! A server takes what others have stored and used for years; a tool that helps to write resources should find all of this.
//! Source: <https://hl7.org/fhir/R4/datatypes.html>, <https://hl7.org/fhir/R4/references.html>.

use super::checker::Checker;
use super::element::Element;
use crate::model::outcome::IssueType;
use crate::model::primitive::unit::UCUM;
use crate::model::tree::Node;
use crate::terminology::check::Status;

impl<'c> Checker<'c> {
    /// Whether anybody asks for these rules.
    pub(super) fn looks_closer(&self) -> bool {
        !self.validator.lenient || self.warns()
    }

    /// Notes what is wrong by these rules.
    pub(super) fn closely(&mut self, node: Node<'c>, code: IssueType, told: impl FnOnce() -> String) {
        if self.validator.lenient {
            self.warning(node, code, told);
        } else {
            self.error(node, code, told);
        }
    }

    /// Looks at one element.
    pub(super) fn value(&mut self, element: Element<'c>) {
        let node = element.node;
        match node.type_name() {
            "uri" | "url" => self.address(node),
            "canonical" => {
                self.address(node);
                let url = node.text();
                if node.is_primitive() && !url.contains(':') && !url.starts_with('#') {
                    self.closely(node, IssueType::Invalid, || format!("A canonical URL is absolute, and \"{url}\" is not: give it whole."));
                }
            }
            "Reference" => self.reference(element),
            "Coding" => self.system(node),
            "Identifier" => self.identifier(node),
            "Quantity" => self.unit_of(node),
            "xhtml" => self.hyperlinks(element),
            _ => {}
        }
    }

    /// The address of a UUID or an OID has one.
    fn address(&mut self, node: Node<'c>) {
        let text = node.text();
        if let Some(uuid) = text.strip_prefix("urn:uuid:").filter(|uuid| !is_uuid(uuid)) {
            self.closely(node, IssueType::Invalid, || {
                format!("\"{uuid}\" is no UUID: 32 hexadecimal digits, in groups of 8, 4, 4, 4 and 12.")
            });
        }
        // What follows an OID names a part of what it stands for.
        if let Some(oid) = text.strip_prefix("urn:oid:").filter(|oid| !is_oid(oid.split(['|', '#', '?']).next().unwrap_or(oid))) {
            self.closely(node, IssueType::Invalid, || format!("\"{oid}\" is no OID: numbers with points between, the first 0, 1 or 2."));
        }
        if text.starts_with("oid:") || text.starts_with("uuid:") {
            self.closely(node, IssueType::Invalid, || format!("\"{text}\" is no URI: write urn:{text}."));
        }
    }

    fn reference(&mut self, element: Element<'c>) {
        let reference = element.node;
        if let Some(url) = reference.get_text("reference") {
            let shaped = url.contains([':', '/', '?']) || url.starts_with('#');
            if url.contains(char::is_whitespace) || !shaped {
                self.closely(reference, IssueType::Invalid, || {
                    format!("\"{url}\" is no reference: a URL is one, or Type/id, or # and the id of a contained resource.")
                });
            }
            let unversioned = url.split("/_history/").next().unwrap_or_default();
            let told = unversioned.rsplit('/').nth(1).and_then(|kind| self.validator.library.schema().resource_type(kind));
            let found = told.and_then(|_| self.context.resolve(&url, element.home)).map(Node::type_name);
            if let (Some(told), Some(found)) = (told, found.filter(|found| told.is_some_and(|told| told.name() != *found))) {
                self.closely(reference, IssueType::Required, || {
                    format!("The reference says {}, but leads to {found}: correct it.", told.name())
                });
            }
        }
        let schema = self.validator.library.schema();
        if let Some(kind) = reference.get_text("type").filter(|kind| !kind.contains(':') && schema.type_named(kind).is_none()) {
            self.closely(reference, IssueType::Structure, || {
                format!("\"{kind}\" is no type of resource: write its name as FHIR does, for example Practitioner.")
            });
        }
    }

    /// The system of an identifier is told by an absolute URI, and so is the value, if the system is that of URIs.
    fn identifier(&mut self, identifier: Node<'c>) {
        let text = |name: &str| identifier.get_text(name);
        if let Some(system) = text("system").filter(|system| !system.contains(':')) {
            self.closely(identifier, IssueType::CodeInvalid, || {
                format!("The system of an identifier is told by an absolute URI, and \"{system}\" is none.")
            });
        }
        let of_uris = text("system").is_some_and(|system| system == "urn:ietf:rfc:3986");
        if let Some(value) = text("value").filter(|value| of_uris && !value.contains(':')) {
            self.closely(identifier, IssueType::CodeInvalid, || format!("\"{value}\" is no URI, as its system says: give it whole."));
        }
    }

    /// A unit of UCUM is one.
    fn unit_of(&mut self, quantity: Node<'c>) {
        let (Some(system), Some(code)) = (quantity.get_text("system"), quantity.get_text("code")) else { return };
        if system == UCUM && self.validator.terminology.code(UCUM, &code, None) == Status::UnknownCode {
            self.closely(quantity, IssueType::CodeInvalid, || format!("\"{code}\" is no unit of UCUM: correct the code or the system."));
        }
    }

    /// The system of a code is a code system, told by an absolute URI.
    fn system(&mut self, coding: Node<'c>) {
        let Some(system) = coding.get("system").filter(|system| system.is_primitive()) else { return };
        let url = system.text();
        if !url.contains(':') {
            self.closely(system, IssueType::Invalid, || format!("The system of a code is told by an absolute URI, and \"{url}\" is none."));
        } else if url.contains("/ValueSet/") {
            self.closely(system, IssueType::Invalid, || format!("{url} is a value set: name the code system that the code is of."));
        } else if self.validator.terminology.system(&url).is_some_and(|known| known.supplements.is_some()) {
            self.closely(system, IssueType::NotFound, || format!("{url} only adds to another code system: name that one."));
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12]
        .iter()
        .all(|length| groups.next().is_some_and(|group| group.len() == *length && group.bytes().all(|digit| digit.is_ascii_hexdigit())))
        && groups.next().is_none()
}

fn is_oid(text: &str) -> bool {
    let mut arcs = text.split('.');
    let number = |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
    matches!(arcs.next(), Some("0" | "1" | "2")) && arcs.clone().count() > 0 && arcs.all(number)
}
