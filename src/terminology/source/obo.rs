//! The Sequence Ontology in OBO: a stanza per term, with what it is a kind of.
//!
//! Source: <https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html>, <http://www.sequenceontology.org>.

use super::{Broken, Concept, System};

pub(super) fn read(files: &[&str]) -> Result<System, Broken> {
    let mut system = System::new("http://www.sequenceontology.org", "SequenceOntology");
    for text in files {
        let mut in_term = false;
        for line in text.lines().map(str::trim_end) {
            if line.starts_with('[') {
                in_term = line == "[Term]";
                if in_term {
                    system.concept.push(Concept::default());
                }
                continue;
            }
            let Some((tag, value)) = line.split_once(": ") else { continue };
            match (system.concept.last_mut().filter(|_| in_term), tag) {
                (None, "data-version") => system.version = Some(value.to_owned()),
                (Some(term), "id") => term.code = value.to_owned(),
                (Some(term), "name") => term.display = value.to_owned(),
                (Some(term), "def") => term.definition = quoted(value),
                (Some(term), "synonym") => term.also(None, &quoted(value)),
                // A comment with the name of the other follows.
                (Some(term), "is_a") => term.parent(value.split(['!', ' ']).next().unwrap_or(value)),
                (Some(term), "is_obsolete") if value == "true" => term.retired(),
                _ => {}
            }
        }
    }
    system.concept.retain(|term| !term.code.is_empty());
    Ok(system)
}

/// What stands between the first quotes.
fn quoted(value: &str) -> String {
    let mut text = String::new();
    let mut chars = value.chars().skip_while(|c| *c != '"').skip(1);
    while let Some(next) = chars.next() {
        match next {
            '"' => break,
            '\\' => text.extend(chars.next()),
            other => text.push(other),
        }
    }
    text
}
