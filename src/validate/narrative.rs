//! Links in a narrative: they lead to something that a reader can reach.
//!
//! Source: <https://hl7.org/fhir/R4/narrative.html#xhtml>, <https://hl7.org/fhir/R4/references.html#contained>.

use super::checker::Checker;
use super::element::Element;
use crate::model::outcome::IssueType;

impl<'c> Checker<'c> {
    /// Checks the links of a narrative: those into the resource need their target, and nobody can follow a URN.
    pub(super) fn hyperlinks(&mut self, element: Element<'c>) {
        let text = element.node.text();
        let mut broken: Vec<&str> = Vec::new();
        for link in attributes(&text, "a", "href") {
            let leads = match link.strip_prefix('#') {
                Some("") => true,
                Some(id) => {
                    let contained = || element.own.all("contained").any(|other| other.get_text("id").is_some_and(|own| own == id));
                    anchors(&text).any(|own| own == id) || contained()
                }
                None => !link.starts_with("urn:"),
            };
            if !leads && !broken.contains(&link) {
                broken.push(link);
            }
        }
        for link in broken {
            self.closely(element.node, IssueType::Invalid, || {
                format!("The link \"{link}\" leads nowhere: give its target this id, or link to an address.")
            });
        }
    }
}

/// What `#id` can mean: ids of elements, and names of anchors.
fn anchors(html: &str) -> impl Iterator<Item = &str> {
    attributes(html, "", "id").chain(attributes(html, "a", "name"))
}

/// The values of an attribute of the elements of that name (of any, if the name is empty). The reader has checked the XHTML.
fn attributes<'h>(html: &'h str, element: &'h str, attribute: &'h str) -> impl Iterator<Item = &'h str> {
    html.split('<').skip(1).filter_map(move |tag| {
        let (tag, _) = tag.split_once('>')?;
        let (name, mut rest) = tag.split_once(char::is_whitespace)?;
        if !element.is_empty() && name != element {
            return None;
        }
        while let Some((key, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let (value, more) = after.get(1..)?.split_once(quote)?;
            if key.trim() == attribute {
                return Some(value);
            }
            rest = more;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::{anchors, attributes};

    #[test]
    fn attributes_are_found_in_their_elements() {
        let html =
            r##"<div xmlns="x" id='top'><a title="a = b" href="#top">1</a><a name="n"> </a><area href="no"/><p>href="no"</p><br/></div>"##;
        assert_eq!(attributes(html, "a", "href").collect::<Vec<_>>(), ["#top"]);
        assert_eq!(anchors(html).collect::<Vec<_>>(), ["top", "n"]);
    }
}
