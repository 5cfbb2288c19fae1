//! The rules of FHIR's XML, held while the document is cut into shells.
//!
//! Source: <https://hl7.org/fhir/R4/xml.html>: known elements only, in the order documented, in their namespaces; values, extension
//! URLs and ids of elements as attributes, nothing empty, no text outside narratives. And for safety: UTF-8 only, no DOCTYPE, bounded depth.

use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, ResolveResult};
use quick_xml::reader::NsReader;

use super::narrative::{MOST_ATTRIBUTES, Narrative};
use super::syntax::{self, Places};
use super::{FHIR, MOST_ELEMENTS, Shell, XHTML, bridge};
use crate::base::budget::Limits;
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::{Json, Primitive};
use crate::model::schema::{Kind, Schema, Slot, TypeId};

/// Reads a document into the JSON of its resource.
pub(super) fn json(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<String, Vec<Issue>> {
    if bytes.len() > limits.bytes {
        return Err(vec![Issue::error(IssueType::TooLong, "", format!("The document has more than {} bytes.", limits.bytes))]);
    }
    let text = syntax::text(bytes).map_err(|(place, reason)| vec![broken(&place, reason)])?;
    let (places, issues, open, shells) = (Places::new(text), Vec::new(), Vec::with_capacity(16), Vec::new());
    Scanner { schema, limits, text, places, issues, open, shells, narrative: None, done: None }.document()
}

fn broken(place: &str, reason: &str) -> Issue {
    Issue::error(IssueType::Structure, "", format!("The XML is broken at {place}: {reason}."))
}

/// What may stand in an element.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// `<Patient>`: elements of the type, no attributes.
    Resource,
    /// `<contained>`, `<resource>`: one resource.
    Holder,
    /// A data type or backbone.
    Complex,
    /// `value`, and extensions.
    Primitive(Primitive),
    /// An unknown element, already refused: nothing in it is looked at.
    Refused,
}

/// An element that is not closed yet.
struct Open {
    role: Role,
    ty: TypeId,
    name: &'static str,
    /// Its place among its repetitions (0-based), if it can repeat.
    item: Option<usize>,
    /// How deep its JSON stands: arrays and objects count.
    depth: usize,
    filled: bool,
    /// The last element in it, and how often that stood there.
    last: Option<(&'static Slot, usize)>,
}

struct Scanner<'t> {
    schema: &'static Schema,
    limits: &'t Limits,
    text: &'t str,
    places: Places<'t>,
    issues: Vec<Issue>,
    open: Vec<Open>,
    shells: Vec<Shell>,
    narrative: Option<Narrative>,
    done: Option<String>,
}

impl Scanner<'_> {
    /// An `Err` inside is fatal: the rest of the document cannot be understood. Other issues are noted and collected.
    fn document(mut self) -> Result<String, Vec<Issue>> {
        let fatal = self.events().err();
        self.issues.extend(fatal);
        match self.done {
            Some(json) if self.issues.is_empty() => Ok(json),
            _ => Err(self.issues),
        }
    }

    fn events(&mut self) -> Result<(), Issue> {
        let mut reader = NsReader::from_str(self.text);
        reader.config_mut().check_comments = true;
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = reader.read_event().map_err(|fault| {
                let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                let reason: String = fault.to_string().chars().take(200).collect();
                broken(&self.places.tell(at), &reason)
            })?;
            if event == Event::Eof {
                let (reason, end) = ("the document ends before all tags are closed", self.text.len());
                return if self.done.is_some() { Ok(()) } else { Err(broken(&self.places.tell(end), reason)) };
            }
            let after = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let raw = self.text.get(at..after).unwrap_or("");
            self.event(&event, raw, at, reader.resolver())?;
            if self.issues.len() >= self.limits.issues {
                self.issues.truncate(self.limits.issues);
                return Err(Issue::error(IssueType::TooLong, "", "More errors are not looked for."));
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, raw: &str, at: usize, namespaces: &NamespaceResolver) -> Result<(), Issue> {
        if self.narrative.is_some() {
            return self.narrate(event, raw, at, namespaces);
        }
        match event {
            Event::Start(tag) => self.start(tag, at, namespaces)?,
            Event::Empty(tag) => {
                self.start(tag, at, namespaces)?;
                if self.narrative.is_none() {
                    self.end(at)?;
                }
            }
            Event::End(_) => self.end(at)?,
            Event::Comment(_) | Event::PI(_) => {}
            Event::Text(_) if raw.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) => {}
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if self.open.is_empty() => {
                return Err(broken(&self.places.tell(at), "text stands outside of the resource"));
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                if self.open.last().is_some_and(|open| open.role == Role::Refused) {
                    return Ok(());
                }
                let told: String = raw.trim().chars().take(40).collect();
                self.note(
                    at,
                    IssueType::Structure,
                    format!("Text must not stand here (\"{told}\"): values are told in the attribute value"),
                );
            }
            Event::DocType(_) => return Err(broken(&self.places.tell(at), "a document type (DOCTYPE) is never accepted")),
            Event::Decl(declaration) => self.declaration(declaration, at)?,
            Event::Eof => {}
        }
        if self.narrative.is_some() {
            return self.narrate(event, raw, at, namespaces);
        }
        Ok(())
    }

    fn declaration(&mut self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), Issue> {
        let reason = if at != 0 {
            "the XML declaration must stand at the very beginning"
        } else if !declaration.version().is_ok_and(|version| version == "1.0") {
            "only XML 1.0 is accepted"
        } else if declaration.encoding().is_some_and(|encoding| !encoding.is_ok_and(|name| name.eq_ignore_ascii_case("utf-8"))) {
            "only UTF-8 is accepted: send the document in this encoding and declare it or none"
        } else {
            return Ok(());
        };
        Err(broken(&self.places.tell(at), reason))
    }

    /// The path of the element that is open now, as the JSON reader tells it.
    fn path(&self) -> String {
        let mut path = String::new();
        for (i, open) in self.open.iter().enumerate() {
            // A resource inside another has no step of its own: its holder has.
            if i > 0 && open.role == Role::Resource {
                continue;
            }
            if i > 0 {
                path.push('.');
            }
            path.push_str(open.name);
            if let Some(item) = open.item {
                path.extend(["[", &item.to_string(), "]"]);
            }
        }
        path
    }

    fn issue(&mut self, at: usize, code: IssueType, sentence: &str) -> Issue {
        Issue::error(code, self.path(), format!("{sentence} ({}).", self.places.tell(at)))
    }

    fn note(&mut self, at: usize, code: IssueType, sentence: impl AsRef<str>) {
        let issue = self.issue(at, code, sentence.as_ref());
        self.issues.push(issue);
    }

    fn emit(&mut self, parts: &[&str]) {
        if let Some(shell) = self.shells.last_mut() {
            shell.xml.extend(parts.iter().copied());
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, at: usize, namespaces: &NamespaceResolver) -> Result<(), Issue> {
        let (namespace, local) = namespaces.resolve_element(tag.name());
        let local = local.into_inner();
        let role = self.open.last().map(|parent| parent.role);
        let depth = self.open.last().map_or(0, |parent| parent.depth);
        let mut misplaced = None;
        let open = match role {
            None if self.done.is_some() => return Err(broken(&self.places.tell(at), "there is more after the end of the resource")),
            None if namespace != ResolveResult::Bound(Namespace(FHIR)) => {
                return Err(broken(&self.places.tell(at), &format!("the resource must be in the namespace {FHIR}")));
            }
            None | Some(Role::Holder) => self.resource(local, depth, at)?,
            Some(Role::Refused) => refused(depth + 1),
            Some(Role::Resource | Role::Complex | Role::Primitive(_)) => {
                let (open, wrong) = self.element(local, at);
                misplaced = wrong;
                open
            }
        };
        let wanted = if open.role == Role::Primitive(Primitive::Xhtml) { XHTML } else { FHIR };
        let strange = open.role != Role::Refused && namespace != ResolveResult::Bound(Namespace(wanted));
        if let Some(parent) = self.open.last_mut() {
            parent.filled = true;
        }
        self.open.push(open);
        if let Some(sentence) = misplaced {
            self.note(at, IssueType::Structure, sentence);
        }
        if strange {
            self.note(at, IssueType::Structure, format!("This element must be in the namespace {wanted}"));
            self.refuse();
            return Ok(());
        }
        if self.open.last().is_some_and(|open| open.depth > self.limits.depth) {
            return Err(self.issue(at, IssueType::Structure, "Elements are nested too deeply"));
        }
        self.begin(tag, at)
    }

    /// A resource that begins, in its own shell.
    fn resource(&mut self, name: &str, depth: usize, at: usize) -> Result<Open, Issue> {
        if self.open.last().is_some_and(|holder| holder.filled) {
            self.note(at, IssueType::Structure, "Only one resource can stand here");
        }
        let Some(ty) = self.schema.resource_type(name) else {
            let told: String = name.chars().take(60).collect();
            return Err(self.issue(at, IssueType::Structure, &format!("\"{told}\" is not a resource type of FHIR R4")));
        };
        self.shells.push(Shell {
            ty: ty.id(),
            xml: String::new(),
            resources: Vec::new(),
            narratives: Vec::new(),
            ids: Vec::new(),
            elements: 0,
        });
        Ok(Open { role: Role::Resource, ty: ty.id(), name: ty.name(), item: None, depth: depth + 1, filled: true, last: None })
    }

    /// An element of the type that is open now, and what is wrong with its place there.
    fn element(&mut self, name: &str, at: usize) -> (Open, Option<String>) {
        let Some(parent) = self.open.last() else { return (refused(0), None) };
        let (ty, last, is_resource) = (parent.ty, parent.last, parent.role == Role::Resource);
        // What a primitive has besides its value stands in an object of its own.
        let depth = parent.depth + usize::from(matches!(parent.role, Role::Primitive(_)));
        let attribute = (name == "id" && !is_resource) || (name == "url" && self.is_extension(ty));
        let Some(slot) = self.schema.slot(ty, name).filter(|_| !attribute) else {
            self.unknown(name, ty, attribute, at);
            return (refused(depth + 1), None);
        };
        let many = self.schema.element(slot.element).is_some_and(|facts| facts.many());
        let (mut count, mut wrong) = (0, None);
        if let Some((last, times)) = last {
            if last.element > slot.element {
                wrong = Some(format!("\"{name}\" must stand before \"{}\": elements have a fixed order in XML", last.key));
            } else if last.element == slot.element {
                count = times;
                if last.key != slot.key {
                    let name = self.schema.name(slot.name);
                    wrong = Some(format!("{name}[x] has more than one type here: send only one"));
                } else if !many {
                    wrong = Some(format!("\"{name}\" does not repeat: send it once"));
                }
            }
        }
        if let Some(parent) = self.open.last_mut() {
            parent.last = Some((slot, count + 1));
        }
        let (role, object) = match self.schema.kind(slot.ty) {
            Kind::Primitive(primitive) => (Role::Primitive(primitive), 0),
            Kind::AnyResource => (Role::Holder, 0),
            Kind::Complex | Kind::Backbone | Kind::Resource => (Role::Complex, 1),
        };
        let item = many.then_some(count);
        let depth = depth + usize::from(many) + object;
        (Open { role, ty: slot.ty, name: slot.key, item, depth, filled: false, last: None }, wrong)
    }

    fn unknown(&mut self, name: &str, ty: TypeId, attribute: bool, at: usize) {
        let told: String = name.chars().take(60).collect();
        let sentence = if attribute {
            format!("\"{told}\" is an attribute here, not an element")
        } else {
            let near = self.schema.slots(ty).iter().find(|slot| slot.key.eq_ignore_ascii_case(name));
            let hint = near.map_or(String::new(), |slot| format!(" Did you mean \"{}\"?", slot.key));
            format!("{} has no element \"{told}\" in FHIR R4.{hint}", self.schema.type_name(ty))
        };
        self.note(at, IssueType::Structure, sentence);
    }

    fn is_extension(&self, ty: TypeId) -> bool {
        self.schema.type_name(ty) == "Extension"
    }

    /// What the element on top begins with: its tag in the shell, or a narrative.
    fn begin(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<(), Issue> {
        let (Some(open), Some(shell)) = (self.open.last(), self.shells.last_mut()) else { return Ok(()) };
        let (role, ty, name) = (open.role, open.ty, open.name);
        shell.elements += 1;
        if shell.elements > MOST_ELEMENTS {
            return Err(self.issue(at, IssueType::TooCostly, &format!("The resource has more than {MOST_ELEMENTS} elements")));
        }
        match role {
            Role::Refused => return Ok(()),
            Role::Primitive(Primitive::Xhtml) => {
                self.narrative = Some(Narrative::default());
                return Ok(());
            }
            _ => {}
        }
        let (mut attributes, mut id) = (String::new(), None);
        for (i, attribute) in tag.attributes().enumerate() {
            let attribute = match attribute {
                Ok(attribute) if i < MOST_ATTRIBUTES => attribute,
                Ok(_) => return Err(broken(&self.places.tell(at), "this tag has too many attributes")),
                Err(fault) => return Err(broken(&self.places.tell(at), &fault.to_string())),
            };
            let key = attribute.key.into_inner();
            if key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            let value = syntax::value(&attribute.value).map_err(|bad| broken(&self.places.tell(at), &bad.sentence()))?;
            let known = match (role, key) {
                (Role::Primitive(primitive), "value") => {
                    self.primitive(primitive, ty, &value, at);
                    true
                }
                (Role::Primitive(_) | Role::Complex, "id") => true,
                (Role::Complex, "url") => self.is_extension(ty),
                _ => false,
            };
            if !known {
                let told: String = key.chars().take(60).collect();
                self.note(at, IssueType::Structure, format!("The attribute \"{told}\" must not stand here"));
            } else if value.trim().is_empty() {
                self.note(at, IssueType::Value, format!("The attribute \"{key}\" must not be empty: leave it out"));
            }
            match (role, key) {
                (Role::Primitive(_), "id") => id = Some(value.into_owned()),
                _ => syntax::push_attribute(key, &value, &mut attributes),
            }
            if let Some(open) = self.open.last_mut() {
                open.filled = true;
            }
        }
        match role {
            // Told when it ends, with the number of its resource.
            Role::Holder => {}
            Role::Resource => self.emit(&["<", name, " xmlns=\"", FHIR, "\">"]),
            _ => self.emit(&["<", name, &attributes, ">"]),
        }
        if let (Some(id), Some(shell)) = (id, self.shells.last_mut()) {
            shell.xml.extend(["<extension value=\"", &shell.ids.len().to_string(), "\"/>"]);
            shell.ids.push(id);
        }
        Ok(())
    }

    fn primitive(&mut self, primitive: Primitive, ty: TypeId, value: &str, at: usize) {
        let form = match primitive.json() {
            Json::Number if !syntax::is_number(value) => Err("a number has digits only, no leading zeros and no plus sign"),
            Json::Boolean if !matches!(value, "true" | "false") => Err("use true or false"),
            _ => Ok(()),
        };
        if let Err(reason) = form.and_then(|()| primitive.check(value)) {
            let told: String = value.chars().take(60).collect();
            let name = self.schema.type_name(ty);
            self.note(at, IssueType::Value, format!("\"{told}\" is not a {name}: {reason}"));
        }
    }

    /// Refuses the element on top: what stands in it is passed over.
    fn refuse(&mut self) {
        if let Some(open) = self.open.last_mut() {
            if open.role == Role::Resource {
                self.shells.pop();
            }
            (open.role, open.filled) = (Role::Refused, true);
        }
    }

    fn end(&mut self, at: usize) -> Result<(), Issue> {
        let Some((role, name, filled)) = self.open.last().map(|open| (open.role, open.name, open.filled)) else { return Ok(()) };
        match role {
            Role::Resource => {
                let shell = self.shells.pop();
                // After an error nothing is built any more, only more errors are looked for.
                if let Some(mut shell) = shell.filter(|_| self.issues.is_empty()) {
                    shell.xml.extend(["</", name, ">"]);
                    let json = bridge::json(&shell, self.schema);
                    let json =
                        json.map_err(|reason| self.issue(at, IssueType::Structure, &format!("This resource cannot be read: {reason}")))?;
                    match self.shells.last_mut() {
                        Some(outer) => outer.resources.push(json),
                        None => self.done = Some(json),
                    }
                } else if self.open.len() == 1 {
                    self.done = Some(String::new());
                }
            }
            Role::Holder if !filled => self.note(at, IssueType::Structure, "A resource must stand here"),
            Role::Holder => {
                let number = self.shells.last().map_or(0, |shell| shell.resources.len().saturating_sub(1)).to_string();
                self.emit(&["<", name, " value=\"", &number, "\"/>"]);
            }
            Role::Complex | Role::Primitive(_) if !filled => {
                self.note(at, IssueType::Structure, "An element must not be empty: leave it out");
            }
            Role::Complex | Role::Primitive(_) => self.emit(&["</", name, ">"]),
            Role::Refused => {}
        }
        self.open.pop();
        Ok(())
    }

    /// An event inside a narrative.
    fn narrate(&mut self, event: &Event<'_>, raw: &str, at: usize, namespaces: &NamespaceResolver) -> Result<(), Issue> {
        let Some(narrative) = self.narrative.as_mut() else { return Ok(()) };
        match narrative.take(event, raw, namespaces) {
            Err(reason) => Err(self.issue(at, IssueType::Structure, &format!("The narrative cannot be read: {reason}"))),
            Ok(false) if narrative.depth() > self.limits.depth => {
                Err(self.issue(at, IssueType::Structure, "Elements are nested too deeply"))
            }
            Ok(false) => Ok(()),
            Ok(true) => {
                let div = self.narrative.take().map(Narrative::finish);
                if let Some(shell) = self.shells.last_mut() {
                    let number = shell.narratives.len().to_string();
                    shell.narratives.extend(div);
                    shell.xml.extend(["<div value=\"", &number, "\"/>"]);
                }
                self.open.pop();
                Ok(())
            }
        }
    }
}

fn refused(depth: usize) -> Open {
    Open { role: Role::Refused, ty: TypeId::NONE, name: "", item: None, depth, filled: true, last: None }
}
