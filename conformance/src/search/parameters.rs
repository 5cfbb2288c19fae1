//! The table of search parameters, read from `parameters.txt`.

use std::sync::LazyLock;

/// The types of the random resources.
pub(super) const TYPES: [&str; 15] = [
    "Patient",
    "Observation",
    "DiagnosticReport",
    "Specimen",
    "Organization",
    "Practitioner",
    "Encounter",
    "Condition",
    "MolecularSequence",
    "ResearchStudy",
    "ResearchSubject",
    "List",
    "Location",
    "CodeSystem",
    "ValueSet",
];

/// What a parameter compares. The text is the shape of the element where the kind alone does not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `token`; shapes `code`, `coding`, `concept`, `identifier`, `contact`, and the computed `deceased` and `chromosome`.
    Token(&'static str),
    /// `string`; shapes `name` and `address`, else text.
    Text(&'static str),
    /// `reference`.
    Reference,
    /// `date`.
    Date,
    /// `number`; shape `start` is counted from 0 or 1 as the sequence says.
    Number(&'static str),
    /// `quantity`.
    Quantity,
    /// `uri`.
    Uri,
    /// `composite`.
    Composite,
    /// `near` of Location.
    Near,
}

impl Kind {
    fn parse(text: &'static str) -> Self {
        let (kind, shape) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "token" => Self::Token(shape),
            "string" => Self::Text(shape),
            "date" => Self::Date,
            "number" => Self::Number(shape),
            "quantity" => Self::Quantity,
            "uri" => Self::Uri,
            "composite" => Self::Composite,
            "near" => Self::Near,
            _ => Self::Reference,
        }
    }

    /// Its name in the specification.
    #[must_use]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Text(_) => "string",
            Self::Reference => "reference",
            Self::Date => "date",
            Self::Number(_) => "number",
            Self::Quantity => "quantity",
            Self::Uri => "uri",
            Self::Composite => "composite",
            Self::Near => "near",
        }
    }
}

/// A search parameter of one type.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// The resource type, `*` for all.
    pub(super) owner: &'static str,
    /// Its name in a query.
    pub(super) code: &'static str,
    /// What it compares.
    pub(super) kind: Kind,
    /// Where its elements are.
    pub(super) place: &'static str,
    /// Types that a reference may lead to.
    pub(super) targets: Vec<&'static str>,
    /// Whether references to other types are no values of it at all.
    pub(super) only: bool,
    /// Places and kinds of the parts of a composite.
    pub(super) parts: Vec<(&'static str, Kind)>,
}

static TABLE: LazyLock<Vec<Parameter>> = LazyLock::new(|| include_str!("parameters.txt").lines().filter_map(line).collect());

/// Reads a line; nothing from remarks.
fn line(text: &'static str) -> Option<Parameter> {
    let mut words = text.split(' ').filter(|_| !text.starts_with('#'));
    let (owner, code, kind, place) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mark = words.next().unwrap_or_default();
    let rest: Vec<&'static str> = words.collect();
    let part = |word: &&'static str| word.split_once('@').map(|(place, kind)| (place, Kind::parse(kind)));
    let parts = if mark == "&" { rest.iter().filter_map(part).collect() } else { Vec::new() };
    Some(Parameter {
        owner,
        code,
        kind: Kind::parse(kind),
        place,
        targets: if mark == "&" { Vec::new() } else { rest },
        only: mark == "=",
        parts,
    })
}

/// The parameter `code` of a type.
#[must_use]
pub(super) fn find(owner: &str, code: &str) -> Option<&'static Parameter> {
    TABLE.iter().find(|parameter| parameter.code == code && (parameter.owner == owner || parameter.owner == "*"))
}

/// All parameters of a type, those of every type included.
pub(super) fn of(owner: &str) -> impl Iterator<Item = &'static Parameter> {
    TABLE.iter().filter(move |parameter| parameter.owner == owner || parameter.owner == "*")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What is not asked for: the algorithm is the server's own, extensions, and references to types that nobody has here.
    const LEFT_OUT: [&str; 24] = [
        "phonetic",
        "mothersMaidenName",
        "amino-acid-change",
        "dna-variant",
        "gene-amino-acid-change",
        "gene-dnavariant",
        "gene-identifier",
        "assessed-condition",
        "account",
        "appointment",
        "based-on",
        "endpoint",
        "episode-of-care",
        "media",
        "part-of",
        "protocol",
        "supplements",
        // Those of every resource that are asked for under `*`, or in other ways.
        "_id",
        "_lastUpdated",
        "_profile",
        "_security",
        "_source",
        "_tag",
        "_list",
    ];

    #[test]
    fn the_table_has_what_the_registry_has() {
        // HL7's registry of search parameters as a table: type, code, kind.
        let registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/compiled/search-parameters.tsv");
        let registry = std::fs::read_to_string(registry).unwrap();
        let mut found = 0;
        for line in registry.lines() {
            let mut cells = line.split('\t');
            let (Some(owner), Some(code), Some(kind)) = (cells.next(), cells.next(), cells.next()) else { continue };
            if !TYPES.contains(&owner) {
                continue;
            }
            match find(owner, code) {
                Some(own) => assert!(own.kind.name() == kind || own.kind == Kind::Near, "{owner}.{code} is a {kind}"),
                None => assert!(LEFT_OUT.contains(&code), "{owner}.{code} is not in parameters.txt"),
            }
            found += 1;
        }
        assert!(found > 250, "{found} parameters");
    }

    #[test]
    fn the_table_is_read() {
        let composite = find("Observation", "component-code-value-quantity").unwrap();
        assert_eq!(composite.parts, [("code", Kind::Token("concept")), ("value:Quantity", Kind::Quantity)]);
        assert_eq!(find("Patient", "_tag").unwrap().kind, Kind::Token("coding"));
        assert!(find("Encounter", "patient").unwrap().only);
        assert!(find("Patient", "code").is_none());
        for name in TYPES {
            assert!(of(name).filter(|parameter| parameter.owner == name).count() >= 6, "{name}");
        }
        assert!(TABLE.iter().all(|parameter| parameter.kind != Kind::Reference || !parameter.targets.is_empty()));
        assert!(TABLE.iter().all(|parameter| parameter.kind != Kind::Composite || parameter.parts.len() >= 2));
    }
}
