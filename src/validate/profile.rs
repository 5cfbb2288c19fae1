//! A resource against a profile.
//!
//! Source: <https://hl7.org/fhir/R4/profiling.html>.

use super::Validator;
use super::checker::Checker;
use super::element::{Below, Element};
use super::reference::Context;
use crate::definitions::Library;
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::Kind;
use crate::model::tree::Node;

/// What is wrong with a resource by R4 and by the profile of that URL, in document order.
///
/// Who checks more than once keeps a [`Validator`].
#[must_use]
pub fn check(resource: &Resource, profile_url: &str, library: &Library, context: &dyn Context) -> Vec<Issue> {
    Validator::new(library).profile(resource, profile_url, context)
}

impl Validator<'_> {
    /// What is wrong with a resource by R4 and by the profile of that URL, in document order.
    #[must_use]
    pub fn profile(&self, resource: &Resource, url: &str, context: &dyn Context) -> Vec<Issue> {
        let root = resource.root();
        let mut checker = Checker::new(self, context);
        checker.base(Element::resource(root));
        checker.against(Element::resource(root), url, true);
        checker.finish()
    }
}

impl<'c> Checker<'c> {
    /// Checks a resource against a profile; one that is not known is an error if it was `asked` for, else a warning.
    pub(super) fn against(&mut self, resource: Element<'c>, url: &str, asked: bool) {
        let node = resource.node;
        match self.validator.plan(url) {
            Some(plan) if plan.ty == node.type_name() => self.element(&plan.root, resource),
            Some(plan) => self.error(node, IssueType::Structure, || {
                format!("The profile {url} is one of {}, so {} cannot conform to it: name another profile.", plan.ty, node.type_name())
            }),
            None if asked => self.error(node, IssueType::NotFound, || format!("The profile {url} is not known here: name one that is.")),
            None => self.warning(node, IssueType::NotFound, || {
                format!("The profile {url} is not known here, so the resource was not checked against it.")
            }),
        }
    }

    /// Checks a resource, and the resources in it, against the profiles that they claim in `meta.profile`.
    pub(super) fn claims(&mut self, resource: Element<'c>) {
        let own = resource.node.kind() == Kind::Resource;
        let library = self.validator.library;
        for profile in library.globals(resource.node.type_name()).filter(|_| own) {
            self.against(resource, profile, false);
        }
        for profile in resource.node.get("meta").filter(|_| own).into_iter().flat_map(|meta: Node<'c>| meta.all("profile")) {
            let url = profile.text();
            // The definition of the type itself says what R4 says.
            if self.validator.library.schema().resource_type(crate::definitions::rules::short(&url)).is_none() {
                self.against(resource, &url, false);
            }
        }
        for child in Below::of(resource).all().filter(|child| self.validator.known.holds_resources(child.node.ty())) {
            self.claims(child);
        }
    }
}
