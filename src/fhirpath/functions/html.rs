//! `htmlChecks()`: whether a narrative is the XHTML that FHIR allows, and says anything.
//!
//! Source: <https://hl7.org/fhir/R4/narrative.html#xhtml>: formatting, lists, tables, links and images; no scripts, forms, frames, styles
//! from elsewhere, or events.

use std::sync::LazyLock;

use crate::base::table::Table;

static ELEMENTS: LazyLock<Table<&str, ()>> = LazyLock::new(|| NAMES.into_iter().map(|name| (name, ())).collect());

static ATTRIBUTES: LazyLock<Table<&str, ()>> = LazyLock::new(|| PROPERTIES.into_iter().map(|name| (name, ())).collect());

const NAMES: [&str; 64] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "center",
    "font",
    "figure",
    "figcaption",
    "map",
    "area",
    "wbr",
    "nobr",
];

const PROPERTIES: [&str; 52] = [
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellhalign",
    "cellpadding",
    "cellspacing",
    "cellvalign",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "color",
    "colspan",
    "compact",
    "coords",
    "dir",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "lang",
    "longdesc",
    "name",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "title",
    "type",
    "valign",
    "value",
    "vspace",
    "width",
    "xml:lang",
    "xml:space",
];

/// Elements without content.
const VOID: [&str; 4] = ["img", "br", "hr", "col"];

/// Whether the text is one `<div>` of allowed XHTML with some content.
pub(super) fn is_narrative(text: &str) -> bool {
    Reader { rest: text.trim(), open: Vec::new(), says: false }.read().is_some()
}

struct Reader<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    /// Whether there is text, or an image.
    says: bool,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Option<()> {
        self.rest.starts_with("<div").then_some(())?;
        loop {
            let (text, after) = match self.rest.bytes().position(|byte| byte == b'<') {
                Some(at) => (self.rest.get(..at)?, self.rest.get(at..)?),
                None => (self.rest, ""),
            };
            references(text)?;
            self.says |= text.contains(|c: char| !c.is_whitespace());
            self.rest = after;
            if self.rest.is_empty() || self.open.is_empty() && !text.is_empty() {
                return None;
            }
            self.tag()?;
            if self.open.is_empty() {
                return (self.rest.is_empty() && self.says).then_some(());
            }
        }
    }

    fn tag(&mut self) -> Option<()> {
        if let Some(comment) = self.rest.strip_prefix("<!--") {
            self.rest = comment.split_once("-->")?.1;
            return Some(());
        }
        if let Some(data) = self.rest.strip_prefix("<![CDATA[") {
            let (text, rest) = data.split_once("]]>")?;
            self.says |= !text.trim().is_empty();
            self.rest = rest;
            return Some(());
        }
        if let Some(end) = self.rest.strip_prefix("</") {
            let (name, rest) = end.split_once('>')?;
            self.rest = rest;
            return (self.open.pop()? == name.trim_end()).then_some(());
        }
        let tag = self.rest.strip_prefix('<')?;
        let length = tag.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
        let name = tag.get(..length)?;
        ELEMENTS.contains_key(name).then_some(())?;
        self.rest = tag.get(length..)?;
        self.says |= name == "img";
        loop {
            let rest = self.rest.trim_start();
            if let Some(rest) = rest.strip_prefix("/>") {
                self.rest = rest;
                return Some(());
            }
            if let Some(rest) = rest.strip_prefix('>') {
                self.rest = rest;
                self.open.push(name);
                return (!VOID.contains(&name) || rest.trim_start().starts_with("</")).then_some(());
            }
            self.attribute(rest)?;
        }
    }

    fn attribute(&mut self, text: &'a str) -> Option<()> {
        let (name, after) = text.split_once('=')?;
        let (name, after) = (name.trim(), after.trim_start());
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, rest) = after.get(1..)?.split_once(quote)?;
        (!value.contains('<')).then_some(())?;
        references(value)?;
        let known = ATTRIBUTES.contains_key(name) || name == "xmlns" || name.starts_with("xmlns:") || matches!(name, "xml:lang" | "xml:id");
        let harmless = !matches!(name, "href" | "src") || {
            let target = value.trim_start().to_ascii_lowercase();
            !(target.starts_with("javascript:") || target.starts_with("vbscript:"))
        };
        self.rest = rest;
        (known && harmless).then_some(())
    }
}

/// Whether each `&` begins a reference to a character.
fn references(text: &str) -> Option<()> {
    if !text.as_bytes().contains(&b'&') {
        return Some(());
    }
    text.split('&')
        .skip(1)
        .all(|rest| {
            rest.split_once(';').is_some_and(|(name, _)| {
                (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#')
            })
        })
        .then_some(())
}
