//! An XML document as a tree to change: what XML Patch selects from, edits and writes again.
//!
//! It is read as strictly as resources are: UTF-8 only, no document type, bounded depth and size. Names are resolved to their
//! namespaces when reading, and writing declares what is needed, so a part of one document can be put into another.
//!
//! Source: <https://www.w3.org/TR/xml/>, <https://www.w3.org/TR/xml-names/>.

use std::fmt::Write as _;
use std::sync::Arc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, ResolveResult};
use quick_xml::reader::NsReader;

use super::narrative::MOST_ATTRIBUTES;
use super::scan::broken;
use super::syntax::{self, Places};
use super::{FHIR, MOST_ELEMENTS, XHTML};
use crate::model::outcome::Issue;

/// Deepest nesting of elements, as it is read and as a change may make it.
pub(crate) const DEPTH: usize = 128;

/// The namespace of the prefix `xml`, which is bound without being declared.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A name with its namespace. Two names are the same when local name and namespace are, whatever the prefix.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    /// The prefix as written; empty for none.
    pub(crate) prefix: String,
    /// The name without prefix.
    pub(crate) local: String,
    /// The namespace; `None` for none.
    pub(crate) namespace: Option<Arc<str>>,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.local == other.local && self.namespace == other.namespace
    }
}

impl Name {
    fn write(&self, out: &mut String) {
        if !self.prefix.is_empty() {
            out.extend([&self.prefix, ":"]);
        }
        out.push_str(&self.local);
    }
}

/// An attribute; declarations of namespaces are none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attribute {
    /// Its name.
    pub(crate) name: Name,
    /// Its value with references resolved.
    pub(crate) value: String,
}

/// An element.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// Its name.
    pub(crate) name: Name,
    /// The namespaces that it declares: prefix (empty for the default) and namespace (empty to undo the default).
    pub(crate) declared: Vec<(String, Arc<str>)>,
    /// Its attributes.
    pub(crate) attributes: Vec<Attribute>,
    /// What is in it; no two texts stand side by side.
    pub(crate) children: Vec<Node>,
}

/// A part of a document.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// An element.
    Element(Element),
    /// Text with references resolved.
    Text(String),
    /// What stands between `<!--` and `-->`.
    Comment(String),
    /// What stands between `<?` and `?>`.
    Instruction(String),
}

impl Node {
    /// The element, if it is one.
    pub(crate) fn element(&self) -> Option<&Element> {
        match self {
            Self::Element(element) => Some(element),
            _ => None,
        }
    }

    /// What is in it.
    pub(crate) fn children(&self) -> &[Self] {
        self.element().map_or(&[], |element| &element.children)
    }

    /// Its text, or all text in it (the string-value of XPath).
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Comment(text) | Self::Instruction(text) => text.clone(),
            Self::Element(element) => {
                element.children.iter().filter(|child| matches!(child, Self::Element(_) | Self::Text(_))).map(Self::text).collect()
            }
        }
    }

    /// Whether it is nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')))
    }

    /// How many levels of nodes it has.
    pub(crate) fn depth(&self) -> usize {
        self.children().iter().map(Self::depth).max().unwrap_or(0) + 1
    }
}

/// Appends a text to what stands before it, so that there is one text where XPath sees one.
pub(crate) fn push(nodes: &mut Vec<Node>, node: Node) {
    match (nodes.last_mut(), node) {
        (_, Node::Text(text)) if text.is_empty() => {}
        (Some(Node::Text(before)), Node::Text(text)) => before.push_str(&text),
        (_, node) => nodes.push(node),
    }
}

/// The namespaces that prefixes stand for at a place; the innermost is the last.
#[derive(Debug, Clone)]
pub(crate) struct Scope(Vec<(String, Arc<str>)>);

impl Scope {
    /// Outside of all elements.
    pub(crate) fn outside() -> Self {
        Self(vec![("xml".to_owned(), XML.into())])
    }

    /// Inside an element.
    pub(crate) fn enter(&mut self, element: &Element) {
        self.0.extend(element.declared.iter().cloned());
    }

    /// The namespace of a prefix; the empty prefix stands for the default namespace, which may be none (`Some(None)`).
    ///
    /// Nobody declares `f` and `h` in a FHIR XML Patch: they are the namespaces of FHIR and XHTML when nothing else is said.
    pub(crate) fn namespace(&self, prefix: &str) -> Option<Option<Arc<str>>> {
        let declared = self.0.iter().rev().find(|(known, _)| known == prefix);
        match (declared, prefix) {
            (Some((_, namespace)), _) => Some(Some(namespace.clone()).filter(|namespace| !namespace.is_empty())),
            (None, "") => Some(None),
            (None, "f") => Some(Some(FHIR.into())),
            (None, "h") => Some(Some(XHTML.into())),
            (None, _) => None,
        }
    }
}

/// Reads a document: one element, and comments and instructions around it.
///
/// # Errors
/// What is broken, with its place.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Node>, Issue> {
    let text = syntax::text(bytes).map_err(|(place, reason)| broken(&place, reason))?;
    let mut builder = Builder { open: Vec::new(), done: Vec::new(), nodes: 0, namespaces: Vec::new() };
    let mut places = Places::new(text);
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|fault| {
            let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            broken(&places.tell(at), &fault.to_string().chars().take(200).collect::<String>())
        })?;
        if event == Event::Eof {
            let whole = builder.open.is_empty() && builder.done.iter().any(|node| node.element().is_some());
            return if whole { Ok(builder.done) } else { Err(broken(&places.tell(at), "there must be one element, closed by its tag")) };
        }
        let after = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let raw = text.get(at..after).unwrap_or("");
        builder.take(&event, raw, reader.resolver()).map_err(|reason| broken(&places.tell(at), &reason))?;
    }
}

struct Builder {
    open: Vec<Element>,
    done: Vec<Node>,
    nodes: usize,
    /// Namespaces that have been seen, so that each is kept once.
    namespaces: Vec<Arc<str>>,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>, raw: &str, namespaces: &NamespaceResolver) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MOST_ELEMENTS {
            return Err(format!("the document has more than {MOST_ELEMENTS} parts"));
        }
        let inner = |open: &str, close: &str| raw.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).unwrap_or("").to_owned();
        match event {
            Event::Start(tag) => self.start(tag, namespaces)?,
            Event::Empty(tag) => {
                self.start(tag, namespaces)?;
                self.end();
            }
            Event::End(_) => self.end(),
            Event::Text(_) if raw.contains("]]>") => return Err("\"]]>\" must be written ]]&gt;".to_owned()),
            Event::Text(_) => self.text(lines(raw))?,
            Event::CData(_) => self.text(lines(&inner("<![CDATA[", "]]>")))?,
            Event::GeneralRef(name) => {
                let found = syntax::reference(name).ok_or_else(|| syntax::unknown_reference(name))?;
                self.text(found.to_string())?;
            }
            Event::Comment(_) => self.put(Node::Comment(inner("<!--", "-->"))),
            Event::PI(_) => self.put(Node::Instruction(inner("<?", "?>"))),
            Event::DocType(_) => return Err("a document type (DOCTYPE) is never accepted".to_owned()),
            Event::Decl(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn put(&mut self, node: Node) {
        push(self.open.last_mut().map_or(&mut self.done, |element| &mut element.children), node);
    }

    fn text(&mut self, text: String) -> Result<(), String> {
        let text = Node::Text(text);
        match self.open.is_empty() {
            true if text.is_blank() => Ok(()),
            true => Err("text stands outside of the element".to_owned()),
            false => {
                self.put(text);
                Ok(())
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, namespaces: &NamespaceResolver) -> Result<(), String> {
        if self.open.len() >= DEPTH {
            return Err("elements are nested too deeply".to_owned());
        }
        if self.open.is_empty() && self.done.iter().any(|node| node.element().is_some()) {
            return Err("there is more after the end of the element".to_owned());
        }
        let (namespace, local) = namespaces.resolve_element(tag.name());
        let prefix = tag.name().prefix().map_or_else(String::new, |prefix| prefix.into_inner().to_owned());
        let name = Name { prefix, local: local.into_inner().to_owned(), namespace: self.namespace(&namespace)? };
        let mut element = Element { name, declared: Vec::new(), attributes: Vec::new(), children: Vec::new() };
        for (i, attribute) in tag.attributes().enumerate() {
            let attribute = attribute.map_err(|fault| fault.to_string())?;
            if i >= MOST_ATTRIBUTES {
                return Err("this tag has too many attributes".to_owned());
            }
            let value = syntax::value(&attribute.value).map_err(|bad| bad.sentence())?.into_owned();
            let key = attribute.key.into_inner();
            if key == "xmlns" {
                element.declared.push((String::new(), value.into()));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                element.declared.push((prefix.to_owned(), value.into()));
            } else {
                let (namespace, local) = namespaces.resolve_attribute(attribute.key);
                let prefix = attribute.key.prefix().map_or_else(String::new, |prefix| prefix.into_inner().to_owned());
                let name = Name { prefix, local: local.into_inner().to_owned(), namespace: self.namespace(&namespace)? };
                element.attributes.push(Attribute { name, value });
            }
        }
        self.open.push(element);
        Ok(())
    }

    fn namespace(&mut self, resolved: &ResolveResult<'_>) -> Result<Option<Arc<str>>, String> {
        match resolved {
            ResolveResult::Unbound => Ok(None),
            ResolveResult::Unknown(prefix) => Err(format!("the prefix \"{}\" is not declared", told(prefix))),
            ResolveResult::Bound(namespace) => {
                let text = namespace.into_inner();
                if let Some(known) = self.namespaces.iter().find(|known| ***known == *text) {
                    return Ok(Some(known.clone()));
                }
                let new: Arc<str> = text.into();
                // A document with very many namespaces only loses the sharing.
                if self.namespaces.len() < 16 {
                    self.namespaces.push(new.clone());
                }
                Ok(Some(new))
            }
        }
    }

    fn end(&mut self) {
        if let Some(element) = self.open.pop() {
            self.put(Node::Element(element));
        }
    }
}

/// Foreign text cut to what a message can bear.
fn told(text: impl AsRef<str>) -> String {
    text.as_ref().chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Line breaks as XML reads them (<https://www.w3.org/TR/xml/#sec-line-ends>).
fn lines(raw: &str) -> String {
    raw.replace("\r\n", "\n").replace('\r', "\n")
}

/// Writes a document, with an XML declaration.
pub(crate) fn write(nodes: &[Node]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
    let mut scope = Scope::outside();
    nodes.iter().for_each(|node| append(node, &mut scope, &mut out));
    out
}

fn append(node: &Node, scope: &mut Scope, out: &mut String) {
    match node {
        Node::Text(text) => push_text(text, out),
        // Writing into a string does not fail.
        Node::Comment(text) => drop(write!(out, "<!--{text}-->")),
        Node::Instruction(text) => drop(write!(out, "<?{text}?>")),
        Node::Element(element) => {
            let outer = scope.0.len();
            scope.enter(element);
            out.push('<');
            element.name.write(out);
            let mut declared = element.declared.clone();
            let mut need = |name: &Name| {
                let wanted: Arc<str> = name.namespace.clone().unwrap_or_else(|| "".into());
                let known = scope.0.iter().rev().find(|(prefix, _)| *prefix == name.prefix).map(|(_, namespace)| namespace);
                if known.map_or(!wanted.is_empty(), |known| *known != wanted) {
                    scope.0.push((name.prefix.clone(), wanted.clone()));
                    declared.push((name.prefix.clone(), wanted));
                }
            };
            need(&element.name);
            element.attributes.iter().filter(|attribute| !attribute.name.prefix.is_empty()).for_each(|attribute| need(&attribute.name));
            for (prefix, namespace) in &declared {
                let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
                syntax::push_attribute(&name, namespace, out);
            }
            for attribute in &element.attributes {
                let mut name = String::new();
                attribute.name.write(&mut name);
                syntax::push_attribute(&name, &attribute.value, out);
            }
            if element.children.is_empty() {
                out.push_str("/>");
            } else {
                out.push('>');
                element.children.iter().for_each(|child| append(child, scope, out));
                out.push_str("</");
                element.name.write(out);
                out.push('>');
            }
            scope.0.truncate(outer);
        }
    }
}

/// Appends text, escaped so that every reader gets the same text back.
fn push_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_as_they_were_read() {
        let check = |text: &str, wanted: &str| {
            let told = read(text.as_bytes()).map_or_else(|issue| format!("refused: {}", issue.diagnostics), |nodes| write(&nodes));
            let told = told.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "");
            assert!(
                told == wanted || (wanted.starts_with("refused") && told.contains(wanted.trim_start_matches("refused: "))),
                "{text}: {told}"
            );
            if !wanted.starts_with("refused") {
                assert_eq!(write(&read(told.as_bytes()).unwrap()), write(&read(text.as_bytes()).unwrap()), "{text}");
            }
        };
        check("<a/>", "<a/>");
        check("<a x='1' y=\"&lt;&#10;\">b &amp; c<!-- d --><?e f?></a>", "<a x=\"1\" y=\"&lt;&#10;\">b &amp; c<!-- d --><?e f?></a>");
        check("<a>b<![CDATA[<c>]]>d&#233;\r\n</a>", "<a>b&lt;c&gt;d\u{e9}\n</a>");
        check("<!-- a --><p:a xmlns:p='u'><b xmlns='v' p:c=''/></p:a>", "<!-- a --><p:a xmlns:p=\"u\"><b xmlns=\"v\" p:c=\"\"/></p:a>");
        check("<a xml:lang='en'/>", "<a xml:lang=\"en\"/>");
        check("<!DOCTYPE a><a/>", "refused: DOCTYPE");
        check("<a>&b;</a>", "refused: the reference &b;");
        check("<p:a/>", "refused: the prefix \"p\" is not declared");
        check("<a/><b/>", "refused: there is more after");
        check("<a/>b", "refused: text stands outside");
        check("<a>", "refused: closed");
        check("", "refused: one element");
        check(&"<a>".repeat(200), "refused: too deeply");
    }

    #[test]
    fn a_part_of_one_document_can_stand_in_another() {
        let part = read(b"<p:b xmlns:p='u' p:c='1'><p:d/></p:b>").unwrap().remove(0);
        let Node::Element(mut part) = part else { panic!("an element") };
        part.declared.clear();
        let mut nodes = read(b"<a xmlns='v' xmlns:p='w'/>").unwrap();
        let Some(Node::Element(root)) = nodes.first_mut() else { panic!("an element") };
        root.children.push(Node::Element(part));
        let told = write(&nodes);
        assert!(told.ends_with("<a xmlns=\"v\" xmlns:p=\"w\"><p:b xmlns:p=\"u\" p:c=\"1\"><p:d/></p:b></a>"), "{told}");
    }
}
