//! Discriminators: to which slice an occurrence of an element belongs.
//!
//! What a slice expects at the path of a discriminator stands in its own rules, in a pattern further up, in a slice further down that
//! must be there, or in the profile of its type; all of these are [`Source`]s. What a slice says nothing about cannot tell it from others.
//! Source: <https://hl7.org/fhir/R4/profiling.html#discriminator>.

use serde_json::Value;
use smallvec::{SmallVec, smallvec};

use super::Validator;
use super::checker::{Checker, Fit};
use super::element::Element;
use super::pattern::{contains, holds};
use super::plan::{Allowed, Discriminator, DiscriminatorKind, Rule, Sorting, Step};
use super::reference::Resolution;
use super::types::is_type;
use crate::definitions::rules::{Demand, Strength, canonical};
use crate::model::schema::{Name, Schema};

/// What a slice expects at a path.
#[derive(Clone, Copy)]
enum Source<'c> {
    /// Rules for the element there.
    Rule(&'c Rule),
    /// The part of a pattern for it.
    Part(&'c Value),
}

/// Mostly one, seldom many.
type Sources<'c> = SmallVec<[Source<'c>; 2]>;
type Fits = SmallVec<[Fit; 4]>;

impl<'c> Checker<'c> {
    /// Whether an element belongs to a slice: every discriminator must say so.
    pub(super) fn discriminate(&mut self, sorting: &'c Sorting, slice: &'c Rule, element: Element<'c>) -> Fit {
        let mut answer = if sorting.discriminators.is_empty() { Fit::Unknown } else { Fit::Yes };
        for discriminator in &sorting.discriminators {
            match self.one(discriminator, slice, element) {
                Fit::No => return Fit::No,
                Fit::Unknown => answer = Fit::Unknown,
                Fit::Yes => {}
            }
        }
        answer
    }

    fn one(&mut self, discriminator: &'c Discriminator, slice: &'c Rule, element: Element<'c>) -> Fit {
        let Some(path) = &discriminator.path else { return Fit::Unknown };
        match (discriminator.kind, path.as_slice()) {
            (DiscriminatorKind::Value, path) => {
                if let Some(fit) = by_extension_url(path, slice, element) {
                    return fit;
                }
                self.by_value(path, slice, element)
            }
            (DiscriminatorKind::Exists, path) => self.by_existence(path, slice, element),
            (DiscriminatorKind::Type | DiscriminatorKind::Profile, [before @ .., Step::Resolve]) => self.by_target(before, slice, element),
            (DiscriminatorKind::Type, path) => self.by_type(path, slice, element),
            (DiscriminatorKind::Profile, path) => self.by_profile(path, slice, element),
        }
    }

    fn by_value(&mut self, path: &'c [Step], slice: &'c Rule, element: Element<'c>) -> Fit {
        let Some(focus) = self.walk(path, element) else { return Fit::Unknown };
        let mut answer = Fit::Unknown;
        for source in sources(path, slice, self.validator) {
            let fits: Fits = match source {
                Source::Part(part) => focus.iter().map(|found| fit(found.value().is_some_and(|node| contains(node, part)))).collect(),
                Source::Rule(rule) if decides(rule) => focus.iter().map(|found| self.fits(rule, *found)).collect(),
                Source::Rule(_) => continue,
            };
            if fits.contains(&Fit::Yes) {
                answer = Fit::Yes;
            } else if !fits.contains(&Fit::Unknown) {
                return Fit::No;
            }
        }
        answer
    }

    /// Whether the values of an element and of what is below it are those of a rule.
    fn fits(&mut self, rule: &'c Rule, element: Element<'c>) -> Fit {
        if rule.demands.iter().any(|demanded| is_value(demanded.demand) && !holds(demanded, element)) {
            return Fit::No;
        }
        let mut answer = if rule.demands.iter().any(|demanded| is_value(demanded.demand)) { Fit::Yes } else { Fit::Unknown };
        if let Some(binding) = rule.binding.as_ref().filter(|binding| binding.strength == Strength::Required) {
            match self.bound(binding, element) {
                Fit::No => return Fit::No,
                Fit::Yes => answer = Fit::Yes,
                Fit::Unknown => {}
            }
        }
        for child in rule.children.iter().filter(|child| decides(child)) {
            let fits: Fits = element.children(child.name()).map(|found| self.fits(child, found)).collect();
            if fits.contains(&Fit::Yes) {
                answer = Fit::Yes;
            } else if !fits.contains(&Fit::Unknown) {
                return Fit::No;
            }
        }
        answer
    }

    fn by_existence(&mut self, path: &'c [Step], slice: &'c Rule, element: Element<'c>) -> Fit {
        let Some(focus) = self.walk(path, element) else { return Fit::Unknown };
        let told = sources(path, slice, self.validator).into_iter().find_map(|source| match source {
            Source::Rule(rule) if rule.max == Some(0) => Some(false),
            Source::Rule(rule) if rule.min > 0 => Some(true),
            _ => None,
        });
        told.map_or(Fit::Unknown, |there| fit(there != focus.is_empty()))
    }

    fn by_type(&mut self, path: &'c [Step], slice: &'c Rule, element: Element<'c>) -> Fit {
        let Some(focus) = self.walk(path, element) else { return Fit::Unknown };
        let types: SmallVec<[&Allowed; 2]> = rules(path, slice, self.validator).flat_map(|rule| &rule.types).collect();
        // Without a value (`_valueString` alone) there is no type to look at.
        if types.is_empty() || focus.iter().any(|found| found.value().is_none()) {
            return Fit::Unknown;
        }
        fit(focus.iter().any(|found| types.iter().any(|ty| ty.allows(found.node))))
    }

    fn by_profile(&mut self, path: &'c [Step], slice: &'c Rule, element: Element<'c>) -> Fit {
        let Some(focus) = self.walk(path, element) else { return Fit::Unknown };
        let profiles: Vec<&'static str> =
            rules(path, slice, self.validator).flat_map(|rule| &rule.types).flat_map(|ty| &ty.profiles).copied().collect();
        let mut answer = if profiles.is_empty() { Fit::Unknown } else { Fit::No };
        for found in focus {
            for profile in &profiles {
                match self.conforms(found, profile) {
                    Fit::Yes => return Fit::Yes,
                    Fit::Unknown => answer = Fit::Unknown,
                    Fit::No => {}
                }
            }
        }
        answer
    }

    /// By what a reference leads to.
    fn by_target(&mut self, before: &'c [Step], slice: &'c Rule, element: Element<'c>) -> Fit {
        let Some(focus) = self.walk(before, element) else { return Fit::Unknown };
        let mut answer = Fit::No;
        let mut said = false;
        for rule in rules(before, slice, self.validator) {
            for ty in rule.types.iter().filter(|ty| !ty.targets.is_empty()) {
                said = true;
                for found in &focus {
                    let resolution = self.resolve(*found);
                    match self.leads_to(&resolution, &ty.targets) {
                        Fit::Yes => return Fit::Yes,
                        Fit::Unknown => answer = Fit::Unknown,
                        Fit::No => {}
                    }
                }
            }
        }
        if said { answer } else { Fit::Unknown }
    }

    /// The elements at a path; `None` when the way leads out of sight.
    fn walk(&mut self, path: &[Step], from: Element<'c>) -> Option<SmallVec<[Element<'c>; 2]>> {
        let mut focus: SmallVec<[Element<'c>; 2]> = smallvec![from];
        for step in path {
            let mut next = SmallVec::new();
            for element in focus {
                match step {
                    Step::Child(name) => next.extend(element.children(*name)),
                    Step::OfType(code) => next.extend(Some(element).filter(|found| found.value().is_some_and(|node| is_type(code, node)))),
                    Step::Extension(url) => {
                        let mut extensions = element.children(extension_name(element.node.tree().schema()));
                        next.extend(extensions.by_ref().filter(|found| found.node.get_text("url").is_some_and(|own| own == *url)));
                    }
                    Step::Resolve => match self.resolve(element) {
                        Resolution::Resource(found) => next.push(found),
                        Resolution::Dangling => {}
                        Resolution::Type(_) | Resolution::OutOfSight => return None,
                    },
                }
            }
            focus = next;
        }
        Some(focus)
    }
}

fn fit(yes: bool) -> Fit {
    if yes { Fit::Yes } else { Fit::No }
}

fn is_value(demand: Demand) -> bool {
    matches!(demand, Demand::Fixed | Demand::Pattern)
}

fn extension_name(schema: &Schema) -> Name {
    schema.name_id("extension").unwrap_or(Name::NONE)
}

/// Whether a rule can tell values apart.
fn decides(rule: &Rule) -> bool {
    rule.demands.iter().any(|demanded| is_value(demanded.demand))
        || rule.binding.is_some_and(|binding| binding.strength == Strength::Required)
        || rule.children.iter().any(decides)
}

/// A slice of extensions that names a definition means the extension of that URL, whether or not the definition is known.
fn by_extension_url(path: &[Step], slice: &Rule, element: Element<'_>) -> Option<Fit> {
    let [Step::Child(name)] = path else { return None };
    let schema = element.node.tree().schema();
    let mut profiles = slice.types.iter().filter(|ty| ty.code == "Extension").flat_map(|ty| &ty.profiles).peekable();
    if schema.name(*name) != "url" || profiles.peek().is_none() {
        return None;
    }
    let url = element.node.get_text("url")?;
    Some(fit(profiles.any(|profile| canonical(profile) == url)))
}

/// The rules among the sources.
fn rules<'c>(path: &[Step], slice: &'c Rule, validator: &'c Validator<'_>) -> impl Iterator<Item = &'c Rule> {
    sources(path, slice, validator).into_iter().filter_map(|source| match source {
        Source::Rule(rule) => Some(rule),
        Source::Part(_) => None,
    })
}

/// Everything that a slice says about the elements at a path.
fn sources<'c>(path: &[Step], slice: &'c Rule, validator: &'c Validator<'_>) -> Sources<'c> {
    let mut focus: Sources<'c> = smallvec![Source::Rule(slice)];
    for step in path {
        let mut next = Sources::new();
        for source in focus {
            match (source, step) {
                (source, Step::OfType(_)) => next.push(source),
                (Source::Part(part), Step::Child(name)) => parts(part, validator.library.schema().name(*name), &mut next),
                (Source::Rule(rule), Step::Child(name)) => below(rule, *name, validator, &mut next),
                (Source::Rule(rule), Step::Extension(url)) => {
                    let slices = rule.child(extension_name(validator.library.schema())).into_iter().flat_map(|child| &child.slices);
                    let named = |slice: &&Rule| slice.types.iter().flat_map(|ty| &ty.profiles).any(|profile| canonical(profile) == *url);
                    next.extend(slices.filter(named).map(Source::Rule));
                }
                (Source::Rule(rule), Step::Resolve) => {
                    let mut targets = rule.types.iter().flat_map(|ty| &ty.targets);
                    // Of several targets any may be meant, so none of them decides.
                    if let (Some(only), None) = (targets.next(), targets.next()) {
                        next.extend(validator.plan(only).map(|plan| Source::Rule(&plan.root)));
                    }
                }
                (Source::Part(_), Step::Extension(_) | Step::Resolve) => {}
            }
        }
        focus = next;
    }
    focus
}

/// What a rule says about the element of that name below it.
fn below<'c>(rule: &'c Rule, name: Name, validator: &'c Validator<'_>, out: &mut Sources<'c>) {
    for demanded in rule.demands.iter().filter(|demanded| is_value(demanded.demand)) {
        parts(&demanded.value, validator.library.schema().name(name), out);
    }
    if let Some(child) = rule.child(name) {
        out.push(Source::Rule(child));
        out.extend(child.slices.iter().filter(|slice| slice.min > 0).map(Source::Rule));
        return;
    }
    let plans = rule.types.iter().flat_map(|ty| &ty.profiles).filter_map(|profile| validator.plan(profile));
    out.extend(plans.filter_map(|plan| plan.root.child(name)).map(Source::Rule));
}

/// The members of that name in a pattern.
fn parts<'c>(pattern: &'c Value, name: &str, out: &mut Sources<'c>) {
    match pattern.get(name) {
        Some(Value::Array(items)) => out.extend(items.iter().map(Source::Part)),
        Some(part) => out.push(Source::Part(part)),
        None => {}
    }
}

/// How an occurrence of a slice looks, to be put at the end of a sentence.
pub(super) fn hint(rule: &Rule, slice: &Rule, validator: &Validator<'_>) -> String {
    let mut told = Vec::new();
    for discriminator in &rule.sorting.discriminators {
        let path = discriminator.path.as_deref().unwrap_or_default();
        let place = discriminator.told;
        match (discriminator.kind, path) {
            (DiscriminatorKind::Type | DiscriminatorKind::Profile, [before @ .., Step::Resolve]) => {
                let targets = rules(before, slice, validator).flat_map(|rule| &rule.types).flat_map(|ty| &ty.targets);
                told.extend(targets.map(|target| format!("a target that conforms to {}", canonical(target))));
            }
            (DiscriminatorKind::Type, path) => {
                told.extend(rules(path, slice, validator).flat_map(|rule| &rule.types).map(|ty| format!("the type {}", ty.code)));
            }
            (DiscriminatorKind::Value, path) => {
                let profiles = slice.types.iter().flat_map(|ty| &ty.profiles).map(|profile| format!("the URL {}", canonical(profile)));
                told.extend(profiles);
                told.extend(sources(path, slice, validator).into_iter().flat_map(|source| match source {
                    Source::Part(part) => vec![format!("{place} {part}")],
                    Source::Rule(rule) => rule.demands.iter().map(|demanded| format!("{place} {}", demanded.json)).collect(),
                }));
            }
            (DiscriminatorKind::Exists | DiscriminatorKind::Profile, _) => {}
        }
    }
    if told.is_empty() { String::new() } else { format!(" with {}", told.join(" and ")) }
}
