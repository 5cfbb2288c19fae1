//! References: what they lead to, and whether they may lead there.
//!
//! The type of a target can often be read from the reference itself; its profile only from the target, which is resolved within
//! the resource (`#id`) or through a [`Context`]. A target fits a profile that it claims in `meta.profile`; without the claim, it is
//! checked.
//! Source: <https://hl7.org/fhir/R4/references.html>, <https://hl7.org/fhir/R4/profiling.html#resolving>.

use super::checker::{Checker, Fit};
use super::element::Element;
use super::plan::Allowed;
use crate::definitions::rules::short;
use crate::model::outcome::IssueType;
use crate::model::reference::{Target, tail, target};
use crate::model::schema::ResourceType;
use crate::model::tree::{Node, Shape};

/// How many definitions a profile may derive from, one after the other; the published ones need five.
const MOST_ANCESTORS: usize = 16;

/// Finds the targets of references that lead out of the resource.
pub trait Context {
    /// The root of the resource that `reference` leads to, as it stands in the resource `from`; `None` when it is out of sight.
    fn resolve(&self, reference: &str, from: Node<'_>) -> Option<Node<'_>>;
}

/// No resource is in sight but the one that is checked.
#[derive(Debug, Clone, Copy)]
pub struct NoContext;

impl Context for NoContext {
    fn resolve(&self, _: &str, _: Node<'_>) -> Option<Node<'_>> {
        None
    }
}

/// What is known of the target of a reference.
pub(super) enum Resolution<'c> {
    /// The target itself.
    Resource(Element<'c>),
    /// Only its type.
    Type(ResourceType),
    /// `#id`, and no contained resource has that id.
    Dangling,
    /// Nothing.
    OutOfSight,
}

impl<'c> Checker<'c> {
    /// Follows a reference, or a URI that stands for one.
    pub(super) fn resolve(&self, reference: Element<'c>) -> Resolution<'c> {
        let (node, home) = (reference.node, reference.home);
        let schema = node.tree().schema();
        let text = if node.shape() == Shape::Object { node.get_text("reference") } else { Some(node.text()) };
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            let said = node.get_text("type").and_then(|ty| schema.resource_type(&ty));
            return said.map_or(Resolution::OutOfSight, Resolution::Type);
        };
        if let Some(id) = text.strip_prefix('#') {
            if id.is_empty() {
                return Resolution::Resource(Element::resource(home));
            }
            let found = home.all("contained").find(|contained| contained.get_text("id").is_some_and(|own| own == id));
            return found.map_or(Resolution::Dangling, |found| Resolution::Resource(Element::contained(found, home)));
        }
        if let Some(found) = self.context.resolve(&text, home) {
            return Resolution::Resource(Element::resource(found));
        }
        let by_text = match target(&text, schema, "") {
            Target::Local { key, .. } => Some(key.kind),
            Target::Conditional(kind, _) => Some(kind),
            Target::Contained(_) => None,
            Target::Other(url) => tail(url, schema).map(|key| key.kind),
        };
        let said = || node.get_text("type").and_then(|ty| schema.resource_type(&ty));
        by_text.or_else(said).map_or(Resolution::OutOfSight, Resolution::Type)
    }

    /// Checks whether a reference leads to what its type rule allows.
    pub(super) fn targets(&mut self, ty: &'c Allowed, reference: Element<'c>) {
        if ty.targets.is_empty() {
            return;
        }
        let resolution = self.resolve(reference);
        if let Resolution::Type(kind) = resolution
            && ty.target_types.contains(&kind.id())
        {
            return;
        }
        if self.leads_to(&resolution, &ty.targets) != Fit::No {
            return;
        }
        let allowed = || ty.targets.join(" or ");
        match resolution {
            Resolution::Resource(found) if self.type_is_allowed(found.node.type_name(), &ty.targets) => {
                self.error(reference.node, IssueType::Value, || {
                    format!("What this refers to does not conform to {}: refer to another one, or correct it.", allowed())
                });
            }
            Resolution::Resource(found) => self.wrong_type(reference, found.node.type_name(), &allowed()),
            Resolution::Type(kind) => self.wrong_type(reference, kind.name(), &allowed()),
            Resolution::Dangling | Resolution::OutOfSight => {}
        }
    }

    fn wrong_type(&mut self, reference: Element<'c>, found: &str, allowed: &str) {
        self.error(reference.node, IssueType::Value, || format!("A reference to {found} is not allowed here: refer to {allowed}."));
    }

    /// Whether a target is one of these types or conforms to one of these profiles; no limit is no obstacle.
    pub(super) fn leads_to(&mut self, resolution: &Resolution<'c>, targets: &'c [&'static str]) -> Fit {
        let mut answer = if targets.is_empty() { Fit::Yes } else { Fit::No };
        for told in targets {
            let fit = match resolution {
                Resolution::Resource(found) => self.is_target(*found, told),
                // The type speaks against it, or it cannot be known.
                Resolution::Type(kind) if self.type_is_allowed(kind.name(), std::slice::from_ref(told)) => {
                    if self.validator.library.schema().type_named(told).is_some() { Fit::Yes } else { Fit::Unknown }
                }
                Resolution::Type(_) => Fit::No,
                Resolution::Dangling | Resolution::OutOfSight => Fit::Unknown,
            };
            match fit {
                Fit::Yes => return Fit::Yes,
                Fit::Unknown => answer = Fit::Unknown,
                Fit::No => {}
            }
        }
        answer
    }

    fn is_target(&mut self, found: Element<'c>, told: &'static str) -> Fit {
        match self.validator.library.schema().type_named(told) {
            Some(_) if self.type_is_allowed(found.node.type_name(), &[told]) => Fit::Yes,
            Some(_) => Fit::No,
            // A resource answers for its own claims: what is wrong with it is told once, there, and not again wherever it is referred to.
            None if self.claims_to_be(found.node, told) => Fit::Yes,
            None => self.conforms(found, told),
        }
    }

    /// Whether a resource says of itself that it conforms to a profile, or to one that derives from it.
    fn claims_to_be(&self, resource: Node<'c>, profile: &str) -> bool {
        let mut claims = resource.get("meta").into_iter().flat_map(|meta| meta.all("profile"));
        claims.any(|claim| {
            let claim = claim.text();
            let ancestors = std::iter::successors(Some(short(&claim)), |url| self.validator.library.profile(url).map(|known| known.base));
            ancestors.take(MOST_ANCESTORS).any(|ancestor| ancestor == profile)
        })
    }

    /// Whether resources of a type may be meant by any of these types and profiles; a profile that is not known may mean any.
    fn type_is_allowed(&self, found: &str, targets: &[&'static str]) -> bool {
        targets.iter().any(|told| {
            let library = self.validator.library;
            match library.schema().type_named(told) {
                Some(_) => *told == found || matches!(*told, "Resource" | "DomainResource"),
                None => library.profile(told).is_none_or(|profile| profile.ty == found),
            }
        })
    }
}
