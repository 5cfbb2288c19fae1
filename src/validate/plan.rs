//! Rules as a tree: what a profile, or a type of R4, demands of an element, of its slices, and of the elements below it.
//!
//! The rows of a snapshot name their place by id (`Observation.component:gene-studied.value[x]`); here each stands where it belongs.
//! Source: <https://hl7.org/fhir/R4/elementdefinition.html#id>, <https://hl7.org/fhir/R4/profiling.html#discriminator>.

use serde_json::Value;

use super::constraint::{self, Invariant};
use crate::definitions::Library;
use crate::definitions::profile::{Profile, ProfileElement, Slicing};
use crate::definitions::rules::{Binding, Demand, ElementRules, Strength, TypeRule};
use crate::model::schema::{ElementFacts, Name, Schema, TypeId};

/// The rules of a profile.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its URL as the tables tell it.
    pub(super) url: &'static str,
    /// The type that it narrows.
    pub(super) ty: &'static str,
    /// What holds for the resource or value as a whole.
    pub(super) root: Rule,
}

/// What is demanded of an element or of one slice of it.
#[derive(Debug, Default)]
pub(super) struct Rule {
    /// Name of the element, without `[x]`.
    pub(super) key: &'static str,
    /// The same as the schema numbers it.
    name: Option<Name>,
    /// Name of the slice, for the rules of a slice.
    pub(super) slice: Option<&'static str>,
    /// Fewest occurrences.
    pub(super) min: u32,
    /// Most occurrences; `None` for `*`.
    pub(super) max: Option<u32>,
    /// The types it may have; empty when they are those of the R4 type.
    pub(super) types: Vec<Allowed>,
    /// A binding that can be violated: required, or with a widest value set.
    pub(super) binding: Option<Binding>,
    /// Demands on its value.
    pub(super) demands: Vec<Demanded>,
    /// Its invariants.
    pub(super) invariants: Vec<Invariant>,
    /// How slices are told apart.
    pub(super) sorting: Sorting,
    /// The slices.
    pub(super) slices: Vec<Rule>,
    /// The elements below.
    pub(super) children: Vec<Rule>,
}

impl Rule {
    /// The name of the element in the schema.
    pub(super) fn name(&self) -> Name {
        self.name.unwrap_or(Name::NONE)
    }

    /// The rules of the element of that name below this one.
    pub(super) fn child(&self, name: Name) -> Option<&Rule> {
        self.children.iter().find(|child| child.name == Some(name))
    }

    /// Whether nothing is demanded.
    fn is_idle(&self) -> bool {
        self.min == 0
            && self.max.is_none_or(|max| max == 1)
            && self.types.is_empty()
            && self.binding.is_none()
            && self.demands.is_empty()
            && self.invariants.is_empty()
    }

    fn demand(&mut self, rules: &ElementRules, schema: &Schema) {
        self.invariants = constraint::compile(&rules.constraints, schema);
        self.types = rules.types.iter().map(|rule| Allowed::of(rule, schema)).collect();
        self.binding = rules.binding.filter(|binding| binding.strength == Strength::Required || binding.widest.is_some());
        let parsed = rules
            .values
            .iter()
            .filter_map(|rule| Some(Demanded { demand: rule.demand, value: serde_json::from_str(rule.json).ok()?, json: rule.json }));
        self.demands = parsed.collect();
    }
}

/// A type that an element may have, with its number and those of the types that references may lead to.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) id: TypeId,
    /// Of the targets that are types, not profiles.
    pub(super) target_types: Vec<TypeId>,
    pub(super) rule: TypeRule,
}

impl Allowed {
    fn of(rule: &TypeRule, schema: &Schema) -> Self {
        let target_types = rule.targets.iter().filter_map(|target| schema.type_named(target)).collect();
        Self { id: schema.type_named(rule.code).unwrap_or(TypeId::NONE), target_types, rule: rule.clone() }
    }
}

impl std::ops::Deref for Allowed {
    type Target = TypeRule;

    fn deref(&self) -> &TypeRule {
        &self.rule
    }
}

/// A demand on a value.
#[derive(Debug)]
pub(super) struct Demanded {
    /// What is demanded.
    pub(super) demand: Demand,
    /// The value told.
    pub(super) value: Value,
    /// The same as text, for messages.
    pub(super) json: &'static str,
}

/// How the occurrences of an element are sorted into slices.
#[derive(Debug)]
pub(super) struct Sorting {
    /// Whether there may be occurrences in no slice.
    pub(super) open: bool,
    /// Whether those stand at the end.
    pub(super) open_at_end: bool,
    /// Whether the slices keep their order.
    pub(super) ordered: bool,
    /// What tells them apart; all must agree.
    pub(super) discriminators: Vec<Discriminator>,
}

impl Default for Sorting {
    fn default() -> Self {
        Self { open: true, open_at_end: false, ordered: false, discriminators: Vec::new() }
    }
}

/// One thing by which slices are told apart.
#[derive(Debug)]
pub(super) struct Discriminator {
    /// What is looked at.
    pub(super) kind: DiscriminatorKind,
    /// As the profile tells the path.
    pub(super) told: &'static str,
    /// The path from the sliced element; `None` when it uses what FHIR does not allow in discriminators.
    pub(super) path: Option<Vec<Step>>,
}

/// What a discriminator looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DiscriminatorKind {
    /// The value: `value`, and `pattern`, which means the same.
    Value,
    /// Whether it is there.
    Exists,
    /// Its type.
    Type,
    /// The profile to which it conforms.
    Profile,
}

/// A step of a discriminator's path. `$this` is no step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Child elements.
    Child(Name),
    /// `resolve()`
    Resolve,
    /// `extension(url)`
    Extension(&'static str),
    /// `ofType(type)`
    OfType(&'static str),
}

/// Compiles a profile.
pub(super) fn of_profile(profile: &Profile, schema: &Schema) -> Plan {
    let mut root = Rule { key: profile.ty, ..Rule::default() };
    for row in &profile.elements {
        let mut at = &mut root;
        let mut steps = row.steps();
        steps.next();
        for (name, slice) in steps {
            let key = name.strip_suffix("[x]").unwrap_or(name);
            at = entry(&mut at.children, |rule| rule.key == key, || Rule { key, name: schema.name_id(key), ..Rule::default() });
            if slice.is_some() {
                let new = || Rule { key, name: schema.name_id(key), slice, ..Rule::default() };
                at = entry(&mut at.slices, |rule| rule.slice == slice, new);
            }
        }
        fill(at, row, schema);
    }
    settle(&mut root, schema);
    Plan { url: profile.url, ty: profile.ty, root }
}

fn fill(rule: &mut Rule, row: &ProfileElement, schema: &Schema) {
    (rule.min, rule.max) = (row.min, row.max);
    rule.demand(&row.rules, schema);
    if let Some(slicing) = &row.slicing {
        rule.sorting = sorting(slicing, schema);
    }
}

/// Slices without a word on how to tell them apart are told apart as R4 does it: extensions by their URL, choices by their type.
fn settle(rule: &mut Rule, schema: &Schema) {
    if !rule.slices.is_empty() && rule.sorting.discriminators.is_empty() {
        let usual = if matches!(rule.key, "extension" | "modifierExtension") { ("value", "url") } else { ("type", "$this") };
        rule.sorting.discriminators = discriminator(usual, schema).into_iter().collect();
    }
    for below in rule.slices.iter_mut().chain(&mut rule.children) {
        settle(below, schema);
    }
}

fn entry(rules: &mut Vec<Rule>, is: impl Fn(&Rule) -> bool, new: impl FnOnce() -> Rule) -> &mut Rule {
    let at = rules.iter().position(is).unwrap_or_else(|| {
        rules.push(new());
        rules.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "the position was found or made in the lines above")]
    &mut rules[at]
}

fn sorting(slicing: &Slicing, schema: &Schema) -> Sorting {
    let discriminators = slicing.discriminators.iter().filter_map(|told| discriminator(*told, schema)).collect();
    Sorting { open: slicing.open, open_at_end: slicing.open_at_end, ordered: slicing.ordered, discriminators }
}

fn discriminator((kind, told): (&'static str, &'static str), schema: &Schema) -> Option<Discriminator> {
    let kind = match kind {
        "value" | "pattern" => DiscriminatorKind::Value,
        "exists" => DiscriminatorKind::Exists,
        "type" => DiscriminatorKind::Type,
        "profile" => DiscriminatorKind::Profile,
        _ => return None,
    };
    Some(Discriminator { kind, told, path: path(told, schema) })
}

/// Reads the restricted FHIRPath of discriminators: `$this`, names, `resolve()`, `extension(url)`, `ofType(type)`.
fn path(told: &'static str, schema: &Schema) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = told;
    while !rest.is_empty() {
        let name_end = rest.find(['.', '(']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(name_end)?;
        if let Some(call) = after.strip_prefix('(') {
            let (argument, after) = call.split_once(')')?;
            let argument = argument.trim().trim_matches(['\'', '"']);
            steps.push(match name {
                "resolve" => Step::Resolve,
                "extension" => Step::Extension(argument),
                "ofType" => Step::OfType(argument),
                _ => return None,
            });
            rest = after;
        } else {
            if name != "$this" {
                steps.push(Step::Child(schema.name_id(name)?));
            }
            rest = after;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    Some(steps)
}

/// Compiles the rules of a type of R4. What is below its elements are rules of other types.
pub(super) fn of_type(ty: TypeId, library: &Library) -> Rule {
    let schema = library.schema();
    // The elements of a type are numbered one after the other.
    let first = schema.slots(ty).iter().map(|slot| slot.element).min().unwrap_or(0);
    let rules = schema.elements(ty).iter().zip(first..).map(|(facts, number)| of_element(facts, number, library));
    let invariants = constraint::compile(library.constraints(ty), schema);
    Rule { key: schema.type_name(ty), invariants, children: rules.filter(|rule| !rule.is_idle()).collect(), ..Rule::default() }
}

fn of_element(facts: &ElementFacts, number: u32, library: &Library) -> Rule {
    let key = library.schema().name(facts.name);
    let mut rule = Rule { key, name: Some(facts.name), min: facts.min, max: facts.max, ..Rule::default() };
    if let Some(rules) = library.rules(number) {
        rule.demand(rules, library.schema());
    }
    // The reader has seen to the types that say no more than their names.
    if rule.types.iter().all(|ty| ty.profiles.is_empty() && ty.targets.is_empty()) {
        rule.types.clear();
    }
    rule
}
