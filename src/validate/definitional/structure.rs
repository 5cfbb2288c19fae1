//! A StructureDefinition: the elements that a profile speaks of exist, and what it says of them can hold.
//!
//! Source: <https://hl7.org/fhir/R4/elementdefinition.html>, <https://hl7.org/fhir/R4/profiling.html>.

use crate::definitions::rules::{Demand, short};
use crate::fhirpath::Expression;
use crate::model::outcome::IssueType;
use crate::model::schema::{Kind, Schema, TypeId};
use crate::model::tree::Node;
use crate::validate::checker::Checker;

/// The types that a binding can bind.
const CODED: [&str; 14] = [
    "code",
    "string",
    "uri",
    "url",
    "canonical",
    "markdown",
    "Coding",
    "CodeableConcept",
    "Quantity",
    "Age",
    "Duration",
    "Distance",
    "Count",
    "Money",
];

impl<'c> Checker<'c> {
    pub(super) fn structure(&mut self, structure: Node<'c>) {
        let text = |name: &str| structure.get_text(name).unwrap_or_default();
        if text("derivation") != "constraint" || text("kind") == "logical" {
            return;
        }
        let schema = self.validator.library.schema();
        let Some(ty) = schema.type_named(&text("type")) else { return };
        let base = text("baseDefinition");
        let of_base = self
            .validator
            .library
            .profile(&base)
            .map(|profile| profile.ty)
            .or_else(|| schema.type_named(short(&base)).map(|ty| schema.type_name(ty)));
        if let Some(other) = of_base.filter(|other| *other != schema.type_name(ty)) {
            self.closely(structure, IssueType::BusinessRule, || {
                format!("A profile has the type of what it constrains: {other}, not {}.", schema.type_name(ty))
            });
        }
        for element in structure.get("differential").into_iter().flat_map(|told| told.all("element")) {
            let path = element.get_text("path").unwrap_or_default();
            let named = path.split('.').all(is_name);
            if !named {
                self.closely(element, IssueType::Invariant, || {
                    format!("\"{path}\" is no path: names of elements with single points between them are (eld-19).")
                });
            }
            if !exists(&path, ty, schema) {
                self.closely(structure, IssueType::Invalid, || {
                    format!("{} has no element \"{path}\", so the profile can say nothing of it.", schema.type_name(ty))
                });
            }
            self.bindable(element);
            self.discriminators(element, &path, ty);
            for expression in element.all("constraint").filter_map(|constraint| constraint.get("expression")) {
                if let Err(why) = Expression::compile(&expression.text(), schema) {
                    self.closely(expression, IssueType::Invalid, || format!("The expression cannot be read: {why}."));
                }
            }
            if path == "Extension.url" {
                self.own_url(&base, element);
            }
        }
    }

    /// What has no code cannot be bound to codes.
    fn bindable(&mut self, element: Node<'c>) {
        let mut types = element.all("type").filter_map(|ty| ty.get_text("code")).peekable();
        let told = element.get("binding").is_some() && types.peek().is_some();
        // The types of logic and of other models are told by URLs.
        if told && !types.any(|ty| CODED.contains(&&*ty) || ty.contains(':')) {
            self.closely(element, IssueType::BusinessRule, || {
                "None of the types here has a code to bind: take the binding away.".to_owned()
            });
        }
    }

    /// Slices are told apart by elements that there are; paths with functions are not followed.
    fn discriminators(&mut self, element: Node<'c>, path: &str, ty: TypeId) {
        let schema = self.validator.library.schema();
        for discriminator in element.get("slicing").into_iter().flat_map(|slicing| slicing.all("discriminator")) {
            let told = discriminator.get_text("path").unwrap_or_default();
            let plain = told.strip_prefix("$this.").unwrap_or(&told);
            let followed = !plain.is_empty() && plain != "$this" && !plain.contains('(');
            if followed && exists(path, ty, schema) && !exists(&format!("{path}.{plain}"), ty, schema) {
                self.closely(discriminator, IssueType::Invalid, || {
                    format!("There is no element \"{plain}\" in {path} to tell the slices apart by.")
                });
            }
        }
    }

    /// An extension that narrows another keeps its URL.
    fn own_url(&mut self, base: &str, element: Node<'c>) {
        let Some(plan) = self.validator.plan(base).filter(|plan| plan.ty == "Extension" && short(base) != "Extension") else { return };
        let known = plan.root.children.iter().find(|child| child.key == "url");
        let known = known.and_then(|url| url.demands.iter().find(|demanded| demanded.demand == Demand::Fixed));
        let Some(fixed) = element.get("fixed") else { return };
        if let Some(known) = known.filter(|known| known.json != fixed.json()) {
            self.closely(fixed, IssueType::Value, || {
                format!("The extension that is narrowed has the URL {}, and no value fits both: take the URL away.", known.json)
            });
        }
    }
}

/// Whether a step of a path is the name of an element, perhaps with the name of a slice.
fn is_name(step: &str) -> bool {
    let name = step.split(':').next().unwrap_or(step);
    let name = name.strip_suffix("[x]").unwrap_or(name);
    (1..=64).contains(&name.chars().count()) && !name.contains(|c: char| c.is_whitespace() || ",;'\"/|?!@#$%&*()[]{}".contains(c))
}

/// Whether a type has the element that a path names, in any of the types that are on the way.
fn exists(path: &str, ty: TypeId, schema: &Schema) -> bool {
    let mut types = vec![ty];
    for step in path.split('.').skip(1) {
        let step = step.split(':').next().unwrap_or(step);
        let name = step.strip_suffix("[x]").unwrap_or(step);
        let mut below = Vec::new();
        for ty in &types {
            match schema.kind(*ty) {
                // Any resource may stand here.
                Kind::AnyResource => return true,
                Kind::Primitive(_) if matches!(name, "id" | "extension" | "value") => {
                    below.extend(schema.type_named(if name == "extension" { "Extension" } else { "string" }));
                }
                _ => below
                    .extend(schema.slots(*ty).iter().filter(|slot| slot.key == step || schema.name(slot.name) == name).map(|slot| slot.ty)),
            }
        }
        if below.is_empty() {
            return false;
        }
        types = below;
    }
    true
}
