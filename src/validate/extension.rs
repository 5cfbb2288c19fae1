//! Extensions: their definition is found by their URL, wherever they stand.
//!
//! So the rules of an extension that a profile slices by its URL are met by following the URL, once, and the slice only counts.
//! The URL of an extension inside another is relative; such extensions are slices of the outer one's definition. A definition also
//! says where the extension may stand, and whether it changes the meaning of what it stands in.
//! Source: <https://hl7.org/fhir/R4/extensibility.html#Extension>, <https://hl7.org/fhir/R4/defining-extensions.html#context>.

use super::Validator;
use super::checker::Checker;
use super::element::Element;
use super::plan::{Plan, Rule};
use crate::definitions::profile::{Context, Profile};
use crate::definitions::rules::Demand;
use crate::fhirpath::{Environment, Expression};
use crate::model::outcome::IssueType;
use crate::model::tree::Node;

/// Where R4's own definitions have extensions against what the definitions of these say.
const OWN_PLACES: [(&str, &str); 1] = [("regex", "ElementDefinition.type")];

/// The rules of the extension that an element is, if it is one whose definition is known.
pub(super) fn definition<'v>(element: Element<'_>, validator: &'v Validator<'_>) -> Option<&'v Plan> {
    if element.node.ty() != validator.known.extension {
        return None;
    }
    let url = element.node.get_text("url")?;
    // The names inside of complex extensions (`description`) must not be taken for short names of definitions.
    validator.plan(&url).filter(|plan| plan.ty == "Extension" && url.contains(':'))
}

impl<'c> Checker<'c> {
    /// Checks what the definition of an extension says about its place, and whether there is one; `parent` is what it extends.
    pub(super) fn extension(&mut self, element: Element<'c>, parent: Option<Node<'c>>) {
        let node = element.node;
        let (Some(parent), Some(url)) = (parent, node.get_text("url")) else { return };
        let inside = parent.type_name() == "Extension";
        if !url.contains(':') {
            if !inside {
                return self.error(node, IssueType::Invalid, || {
                    format!("\"{url}\" is relative: give the absolute URL of the extension's definition.")
                });
            }
            let known = definition(Element::resource(parent), self.validator).and_then(|plan| inner_urls(&plan.root));
            if known.is_some_and(|urls| !urls.contains(&&*url)) {
                self.error(node, IssueType::Invalid, || {
                    format!("The extension around this one has no part \"{url}\": use one that its definition knows.")
                });
            }
            return;
        }
        if url.contains('|') {
            return self.error(node, IssueType::Invalid, || {
                "The URL of an extension has no version: take away \"|\" and what follows.".to_owned()
            });
        }
        let modifies = node.key() == "modifierExtension";
        match self.validator.library.profile(&url).filter(|profile| profile.ty == "Extension") {
            None if known_example(&url) || from_other_version(&url) => {}
            None if modifies => self.error(node, IssueType::Extension, || {
                format!("The modifier extension {url} is not known here, so what it stands in cannot be understood: load its definition or remove it.")
            }),
            None => {
                let told = format!("The extension {url} is not known here, so it was not checked: load its definition.");
                if self.validator.lenient {
                    self.warning(node, IssueType::Extension, || told);
                } else {
                    self.error(node, IssueType::Structure, || told);
                }
            }
            Some(profile) => self.place(profile, element, parent, modifies),
        }
    }

    fn place(&mut self, profile: &'c Profile, element: Element<'c>, parent: Node<'c>, modifies: bool) {
        let node = element.node;
        let defined = profile.elements.iter().find(|row| row.id == "Extension").is_some_and(|row| row.modifier);
        if defined != modifies {
            return self.error(node, IssueType::Structure, || match defined {
                true => "This extension changes the meaning of what it stands in: put it into modifierExtension.".to_owned(),
                false => "This extension changes no meaning: put it into extension, not modifierExtension.".to_owned(),
            });
        }
        let places: Vec<&Context> = profile.contexts.iter().filter(|context| context.kind != "invariant").collect();
        let known = OWN_PLACES.iter().any(|(url, path)| *url == profile.url && self.is_at(path, parent));
        if !places.is_empty() && !known && !places.iter().any(|context| self.stands(context, parent)) {
            self.error(parent, IssueType::Structure, || {
                let allowed = places.iter().map(|context| context.expression).collect::<Vec<_>>().join(", ");
                format!("The extension {} must not stand here: it is for {allowed}.", profile.url)
            });
        }
        for invariant in profile.contexts.iter().filter(|context| context.kind == "invariant") {
            if !self.place_holds(invariant, element, parent) {
                self.error(parent, IssueType::Structure, || {
                    format!("The extension {} may stand here only where this holds: {}", profile.url, invariant.expression)
                });
            }
        }
    }

    /// What must hold where the extension stands.
    fn place_holds(&self, invariant: &Context, element: Element<'c>, parent: Node<'c>) -> bool {
        let Ok(expression) = Expression::compile(invariant.expression, self.validator.library.schema()) else { return true };
        let resource = if parent.resource_type().is_some() { parent } else { element.own };
        let environment = Environment { root: element.home, ..Environment::of(resource) };
        // What fails to say is not held against the resource.
        !matches!(expression.holds(parent, &environment), Ok(Some(false)))
    }

    fn stands(&self, context: &Context, parent: Node<'c>) -> bool {
        match context.kind {
            // On the extension, or on its value.
            "extension" => [Some(parent), parent.parent()]
                .into_iter()
                .flatten()
                .any(|around| around.type_name() == "Extension" && around.get_text("url").is_some_and(|url| url == context.expression)),
            "fhirpath" => Expression::compile(context.expression, self.validator.library.schema()).map_or(true, |expression| {
                let whole = parent.tree().root();
                expression.evaluate(whole).iter().any(|value| value.node().is_some_and(|found| same_place(found, parent)))
            }),
            _ => self.is_at(context.expression, parent),
        }
    }

    /// Whether an element is the one that a path names: by its place in the resource, by that in its data type, or by its type.
    fn is_at(&self, path: &str, parent: Node<'c>) -> bool {
        let path = path.rsplit('#').next().unwrap_or(path);
        let path = path.strip_suffix("[x]").unwrap_or(path);
        if matches!(path, "Element" | "Any" | "*") {
            return true;
        }
        let built_in = self.validator.library.built_in();
        let named = |name: &str| std::iter::successors(Some(name), |name| built_in.parent(name)).take(8).any(|name| name == path);
        if named(type_name(parent)) || (matches!(path, "CanonicalResource" | "MetadataResource") && self.is_canonical(parent)) {
            return true;
        }
        // From the element up: the path so far under the type of each object that is passed.
        let (mut at, mut names) = (parent, String::new());
        loop {
            let Some(above) = at.parent() else { return false };
            names = if names.is_empty() { at.key().to_owned() } else { format!("{}.{names}", at.key()) };
            let full = format!("{}.{names}", above.type_name());
            if full == path || named(&full) || (path.strip_prefix("CanonicalResource.") == Some(&names) && self.is_canonical(above)) {
                return true;
            }
            // What a base type of resources has, its heirs have: `DomainResource.text`.
            let mut bases = std::iter::successors(built_in.parent(above.type_name()), |name| built_in.parent(name)).take(8);
            if above.resource_type().is_some() {
                return bases.any(|base| format!("{base}.{names}") == path);
            }
            at = above;
        }
    }

    /// Whether a resource is one of those that have a canonical URL: R5 gives them a type of their own.
    fn is_canonical(&self, node: Node<'c>) -> bool {
        let schema = self.validator.library.schema();
        let has = |name: &str| schema.slot(node.ty(), name).is_some();
        node.resource_type().is_some() && has("status") && (has("url") || node.type_name() == "NamingSystem")
    }
}

/// The name of an element's type; of a primitive without a value, and of what stands beside one, the primitive's.
fn type_name(node: Node<'_>) -> &'static str {
    let schema = node.tree().schema();
    if !node.is_shadow() {
        return node.type_name();
    }
    let beside = node.parent().and_then(|above| {
        let member = above.members().find(|member| member.is_shadow() && member.name() == node.name())?;
        schema.slot(above.ty(), member.property().strip_prefix('_')?)
    });
    beside.map_or_else(|| node.type_name(), |slot| schema.type_name(slot.ty))
}

/// Whether both are the same element; a primitive and the object beside it are.
fn same_place(found: Node<'_>, parent: Node<'_>) -> bool {
    found == parent || (parent.is_shadow() && found.name() == parent.name() && found.parent() == parent.parent())
}

/// Addresses that are reserved for examples, under which no definition can be published.
fn known_example(url: &str) -> bool {
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("");
    ["example.org", "example.com", "acme.com"].iter().any(|known| host == *known || host.ends_with(&format!(".{known}")))
}

/// An element of another version of FHIR, told as an extension; and the extensions of HL7's publishing tools.
///
/// Source: <https://hl7.org/fhir/R4/versions.html#extensions>.
fn from_other_version(url: &str) -> bool {
    let rest = url.strip_prefix("http://hl7.org/fhir/").unwrap_or("");
    rest.starts_with("tools/")
        || ["3.0", "4.3", "5.0"]
            .iter()
            .any(|version| rest.strip_prefix(version).is_some_and(|rest| rest.starts_with("/StructureDefinition/extension-")))
}

/// The URLs of the parts of a complex extension; `None` when its definition names none.
fn inner_urls(root: &Rule) -> Option<Vec<&'static str>> {
    let parts = root.children.iter().find(|child| child.key == "extension")?;
    let urls = parts.slices.iter().map(|slice| {
        let url = slice.children.iter().find(|child| child.key == "url");
        let fixed = url.and_then(|url| url.demands.iter().find(|demanded| demanded.demand == Demand::Fixed));
        fixed.map_or(slice.slice.unwrap_or(""), |demanded| demanded.json.trim_matches('"'))
    });
    Some(urls.collect::<Vec<_>>()).filter(|urls| !urls.is_empty())
}
