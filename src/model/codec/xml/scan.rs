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
use crate::model::schema::{ElementFacts, Kind, Schema, Slot, TypeId};

/// Reads a document into the JSON of its resource, with what is wrong inside; what is wrong is left out of the JSON.
pub(super) fn json(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<(String, Vec<Issue>), Vec<Issue>> {
    if bytes.len() > limits.bytes {
        return Err(vec![Issue::error(IssueType::TooLong, "", format!("The document has more than {} bytes.", limits.bytes))]);
    }
    let text = syntax::text(bytes).map_err(|(place, reason)| vec![broken(&place, reason)])?;
    let (places, issues, open, shells) = (Places::new(text), Vec::new(), Vec::with_capacity(16), Vec::new());
    Scanner { schema, limits, text, places, issues, open, shells, narrative: None, done: None }.document()
}

/// An issue about XML that is not well-formed.
pub(super) fn broken(place: &str, reason: &str) -> Issue {
    let diagnostics = format!("The XML is broken at {place}: {reason}.");
    Issue { location: place.to_owned(), ..Issue::error(IssueType::Structure, "", diagnostics) }
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
    /// Something wrong, noted already: nothing in it is looked at, and nothing of it is told.
    Refused,
}

/// An element that is not closed yet.
struct Open {
    role: Role,
    ty: TypeId,
    name: &'static str,
    /// The same in FHIRPath: without the type at the end of a choice.
    step: &'static str,
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
    fn document(mut self) -> Result<(String, Vec<Issue>), Vec<Issue>> {
        let fatal = self.events().err();
        match (self.done, fatal) {
            (Some(json), None) => Ok((json, self.issues)),
            (_, fatal) => Err(self.issues.into_iter().chain(fatal).collect()),
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
            Event::Text(_) if is_blank(raw) => {}
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
            path.push_str(open.step);
            if let Some(item) = open.item {
                path.extend(["[", &item.to_string(), "]"]);
            }
        }
        path
    }

    fn issue(&mut self, at: usize, code: IssueType, sentence: &str) -> Issue {
        Issue { location: self.places.tell(at), ..Issue::error(code, self.path(), format!("{sentence}.")) }
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
        let in_fhir = namespace == ResolveResult::Bound(Namespace(FHIR));
        let opened = match role {
            None if self.done.is_some() => return Err(broken(&self.places.tell(at), "there is more after the end of the resource")),
            None if !in_fhir => return Err(broken(&self.places.tell(at), &format!("the resource must be in the namespace {FHIR}"))),
            None => Ok(self.resource(local).map_err(|sentence| self.issue(at, IssueType::Structure, &sentence))?),
            Some(Role::Refused) => Err(None),
            Some(Role::Holder) if in_fhir => self.resource(local).map_err(Some),
            Some(Role::Holder) => Err(Some(format!("A resource must be in the namespace {FHIR}"))),
            Some(Role::Resource | Role::Complex | Role::Primitive(_)) => self.element(local, &namespace).map_err(Some),
        };
        // What does not belong is told at the element in which it stands, and left out.
        let open = opened.unwrap_or_else(|sentence| {
            if let Some(sentence) = sentence {
                self.note(at, IssueType::Structure, sentence);
            }
            let depth = self.open.last().map_or(0, |parent| parent.depth) + 1;
            Open { role: Role::Refused, ty: TypeId::NONE, name: "", step: "", item: None, depth, filled: true, last: None }
        });
        if let Some(parent) = self.open.last_mut() {
            parent.filled = true;
        }
        self.open.push(open);
        if self.open.last().is_some_and(|open| open.depth > self.limits.depth) {
            return Err(self.issue(at, IssueType::Structure, "Elements are nested too deeply"));
        }
        self.begin(tag, at)
    }

    /// A resource that begins, in its own shell.
    fn resource(&mut self, name: &str) -> Result<Open, String> {
        if self.open.last().is_some_and(|holder| holder.filled) {
            return Err("Only one resource can stand here".to_owned());
        }
        let told = || name.chars().take(60).collect::<String>();
        let ty = self.schema.resource_type(name).ok_or_else(|| format!("\"{}\" is not a resource type of FHIR R4", told()))?;
        self.shells.push(Shell::new(ty.id()));
        let depth = self.open.last().map_or(0, |holder| holder.depth) + 1;
        Ok(Open { role: Role::Resource, ty: ty.id(), name: ty.name(), step: ty.name(), item: None, depth, filled: true, last: None })
    }

    /// An element of the type that is open now.
    fn element(&mut self, name: &str, namespace: &ResolveResult<'_>) -> Result<Open, String> {
        let Some(parent) = self.open.last_mut() else { return Err(String::new()) };
        let slot = slot(self.schema, parent, name)?;
        let many = self.schema.element(slot.element).is_some_and(ElementFacts::many);
        let mut count = 0;
        if let Some((last, times)) = parent.last {
            if last.element > slot.element {
                return Err(format!("\"{name}\" must stand before \"{}\": elements have a fixed order in XML", last.key));
            }
            if last.element == slot.element {
                if last.key != slot.key {
                    return Err(format!("{}[x] has more than one type here: send only one", self.schema.name(slot.name)));
                }
                if !many {
                    return Err(format!("\"{name}\" does not repeat: send it once"));
                }
                count = times;
            }
        }
        parent.last = Some((slot, count + 1));
        let (role, object) = match self.schema.kind(slot.ty) {
            Kind::Primitive(primitive) => (Role::Primitive(primitive), 0),
            Kind::AnyResource => (Role::Holder, 0),
            Kind::Complex | Kind::Backbone | Kind::Resource => (Role::Complex, 1),
        };
        let wanted = if role == Role::Primitive(Primitive::Xhtml) { XHTML } else { FHIR };
        if *namespace != ResolveResult::Bound(Namespace(wanted)) {
            return Err(format!("\"{name}\" must be in the namespace {wanted}"));
        }
        // What a primitive has besides its value stands in an object of its own.
        let shadow = usize::from(matches!(parent.role, Role::Primitive(_)));
        let depth = parent.depth + shadow + usize::from(many) + object;
        Ok(Open {
            role,
            ty: slot.ty,
            name: slot.key,
            step: self.schema.name(slot.name),
            item: many.then_some(count),
            depth,
            filled: false,
            last: None,
        })
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
                (Role::Primitive(_), "value") | (Role::Primitive(_) | Role::Complex, "id") => true,
                (Role::Complex, "url") => is_extension(self.schema, ty),
                _ => false,
            };
            if let Some(open) = self.open.last_mut() {
                open.filled = true;
            }
            if !known {
                let told: String = key.chars().take(60).collect();
                self.note(at, IssueType::Structure, format!("The attribute \"{told}\" must not stand here"));
                continue;
            }
            let checked = match role {
                _ if is_blank(&value) => Err(format!("The attribute \"{key}\" must not be empty: leave it out")),
                Role::Primitive(primitive) if key == "value" => check(primitive, self.schema.type_name(ty), &value),
                _ => Ok(()),
            };
            if let Err(sentence) = checked {
                self.note(at, IssueType::Value, sentence);
                // Nothing of it has been told yet.
                self.open.last_mut().into_iter().for_each(|open| open.role = Role::Refused);
                return Ok(());
            }
            match role {
                Role::Primitive(_) if key == "id" => id = Some(value.into_owned()),
                _ => syntax::push_attribute(key, &value, &mut attributes),
            }
        }
        match role {
            // Told when its resource ends, with the number of that.
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

    fn end(&mut self, at: usize) -> Result<(), Issue> {
        let Some((role, name, filled)) = self.open.last().map(|open| (open.role, open.name, open.filled)) else { return Ok(()) };
        match role {
            Role::Resource => {
                let Some(mut shell) = self.shells.pop() else { return Ok(()) };
                shell.xml.extend(["</", name, ">"]);
                let json = bridge::json(&shell, self.schema);
                let json =
                    json.map_err(|reason| self.issue(at, IssueType::Structure, &format!("This resource cannot be read: {reason}")))?;
                let holder = self.open.iter().rev().nth(1).map_or("", |holder| holder.name);
                match self.shells.last_mut() {
                    Some(outer) => {
                        outer.xml.extend(["<", holder, " value=\"", &outer.resources.len().to_string(), "\"/>"]);
                        outer.resources.push(json);
                    }
                    None => self.done = Some(json),
                }
            }
            Role::Holder if !filled => self.note(at, IssueType::Structure, "A resource must stand here"),
            Role::Holder => {}
            Role::Complex | Role::Primitive(_) => {
                if !filled {
                    self.note(at, IssueType::Structure, "An element must not be empty: leave it out");
                }
                self.emit(&["</", name, ">"]);
            }
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

/// The element `name` of the type of `parent`.
fn slot(schema: &'static Schema, parent: &Open, name: &str) -> Result<&'static Slot, String> {
    let told: String = name.chars().take(60).collect();
    if (name == "id" && parent.role != Role::Resource) || (name == "url" && is_extension(schema, parent.ty)) {
        return Err(format!("\"{told}\" is an attribute here, not an element"));
    }
    schema.slot(parent.ty, name).ok_or_else(|| {
        let near = schema.slots(parent.ty).iter().find(|slot| slot.key.eq_ignore_ascii_case(name));
        let hint = near.map_or(String::new(), |slot| format!(": did you mean \"{}\"?", slot.key));
        format!("{} has no element \"{told}\" in FHIR R4{hint}", schema.type_name(parent.ty))
    })
}

/// Whether there is nothing but what XML takes for white space; a no-break space is content.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

fn is_extension(schema: &Schema, ty: TypeId) -> bool {
    schema.type_name(ty) == "Extension"
}

fn check(primitive: Primitive, name: &str, value: &str) -> Result<(), String> {
    let form = match primitive.json() {
        Json::Number if !syntax::is_number(value) => Err("a number has digits only, no leading zeros and no plus sign"),
        Json::Boolean if !matches!(value, "true" | "false") => Err("use true or false"),
        _ => Ok(()),
    };
    form.and_then(|()| primitive.check(value)).map_err(|reason| {
        let told: String = value.chars().take(60).collect();
        format!("\"{told}\" is not a {name}: {reason}")
    })
}
