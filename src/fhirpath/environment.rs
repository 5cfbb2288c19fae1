//! What an evaluation is given: the resource around the focus, the time, what it may cost, and who answers what the resource does not.
//!
//! This floor asks nobody itself: terminology, other resources and profiles come through small traits. Without them the functions that
//! need them give nothing, which an invariant takes for "not known".

use std::cell::{Cell, RefCell};

use super::eval::{Step, Stop};
use super::moment::Moment;
use super::value::Value;
use crate::model::tree::Node;

/// Answers about codes; `None` where it does not know.
pub trait Terminology {
    /// Whether a code, Coding or CodeableConcept is in a value set.
    fn member_of(&self, value: &Value<'_>, value_set: &str) -> Option<bool>;
    /// Whether the first code is the same as the second, or wider.
    fn subsumes(&self, wider: &Value<'_>, narrower: &Value<'_>) -> Option<bool>;
}

/// Finds what a reference points at outside of the resource and its Bundle.
pub trait Resolver<'t> {
    /// The resource, or `None` if it is not known.
    fn resolve(&self, reference: &str, from: Node<'t>) -> Option<Node<'t>>;
}

/// Judges whether an element conforms to a profile.
pub trait Profiles {
    /// Whether it does; `None` if there is no such profile.
    fn conforms(&self, node: Node<'_>, url: &str) -> Option<bool>;
}

/// Takes what `trace()` tells.
pub trait Trace {
    /// The values that passed a `trace()` of that name.
    fn trace(&self, name: &str, values: &[Value<'_>]);
}

/// Nobody: every question stays open, and traces are dropped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Terminology for Nobody {
    fn member_of(&self, _: &Value<'_>, _: &str) -> Option<bool> {
        None
    }

    fn subsumes(&self, _: &Value<'_>, _: &Value<'_>) -> Option<bool> {
        None
    }
}

impl<'t> Resolver<'t> for Nobody {
    fn resolve(&self, _: &str, _: Node<'t>) -> Option<Node<'t>> {
        None
    }
}

impl Profiles for Nobody {
    fn conforms(&self, _: Node<'_>, _: &str) -> Option<bool> {
        None
    }
}

impl Trace for Nobody {
    fn trace(&self, _: &str, _: &[Value<'_>]) {}
}

/// How an open point of the language is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For the expressions of search parameters: only elements with a value, lists are not held against one another, and what goes
    /// wrong finds nothing.
    Search,
    /// For invariants, which use FHIRPath's own type names for elements, and `as` on lists.
    Lenient,
    /// As the specification says, and names are checked against the types.
    Strict,
}

/// What an evaluation may cost.
#[derive(Clone, Copy)]
pub struct Budget<'e> {
    /// Steps: elements looked at, values made and compared, nodes of the expression evaluated.
    pub steps: u64,
    /// Whether time is up; asked every few thousand steps.
    pub late: Option<&'e dyn Fn() -> bool>,
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self { steps: 1_000_000, late: None }
    }
}

/// What an evaluation is given.
#[derive(Clone, Copy)]
pub struct Environment<'e, 't> {
    /// `%resource`: the resource that the focus is in, a contained one if it is in that.
    pub resource: Node<'t>,
    /// `%rootResource`: the resource that contains it, or the same.
    pub root: Node<'t>,
    /// `%context`, if it is not the focus.
    pub context: Option<Node<'t>>,
    /// `now()`; without it, `now()`, `today()` and `timeOfDay()` give nothing.
    pub now: Option<Moment>,
    /// Values of further variables.
    pub variables: &'e [(&'e str, Vec<Value<'t>>)],
    /// Answers `memberOf()` and `subsumes()`.
    pub terminology: &'e dyn Terminology,
    /// Answers `resolve()`.
    pub resolver: &'e dyn Resolver<'t>,
    /// Answers `conformsTo()`.
    pub profiles: &'e dyn Profiles,
    /// Takes what `trace()` tells.
    pub trace: &'e dyn Trace,
    /// How open points are taken.
    pub mode: Mode,
    /// What the evaluation may cost.
    pub budget: Budget<'e>,
}

impl<'t> Environment<'_, 't> {
    /// For a focus in the resource `resource`, in lenient mode, with nobody to ask. Other fields can be set in a copy:
    /// `Environment { now: Some(now), ..Environment::of(root) }`.
    #[must_use]
    pub fn of(resource: Node<'t>) -> Self {
        Self {
            resource,
            root: resource.tree().root(),
            context: None,
            now: None,
            variables: &[],
            terminology: &Nobody,
            resolver: &Nobody,
            profiles: &Nobody,
            trace: &Nobody,
            mode: Mode::Lenient,
            budget: Budget::default(),
        }
    }
}

/// One evaluation: its environment, what is left of its budget, and the variables that it has defined.
pub(super) struct Run<'r, 't> {
    pub(super) environment: &'r Environment<'r, 't>,
    pub(super) focus: &'r Value<'t>,
    /// Whether names are checked against the types.
    pub(super) checked: bool,
    left: Cell<u64>,
    pub(super) variables: RefCell<Vec<(&'t str, Vec<Value<'t>>)>>,
}

/// How many steps pass until the time is looked at again.
const GLANCE: u64 = 4096;

impl<'r, 't> Run<'r, 't> {
    pub(super) fn new(environment: &'r Environment<'r, 't>, focus: &'r Value<'t>, typed: bool) -> Self {
        let checked = typed && environment.mode == Mode::Strict;
        Self { environment, focus, checked, left: Cell::new(environment.budget.steps), variables: RefCell::default() }
    }

    pub(super) fn mode(&self) -> Mode {
        self.environment.mode
    }

    /// Takes steps from the budget.
    #[inline]
    pub(super) fn spend(&self, steps: u64) -> Step {
        let left = self.left.get();
        let Some(rest) = left.checked_sub(steps) else { return Err(Stop::limit("the evaluation takes too many steps")) };
        self.left.set(rest);
        if rest / GLANCE != left / GLANCE && self.environment.budget.late.is_some_and(|late| late()) {
            return Err(Stop::limit("the evaluation takes too long"));
        }
        Ok(())
    }

    /// Takes the steps of making a text of so many bytes.
    pub(super) fn write(&self, bytes: usize) -> Step {
        const LONGEST: usize = 1 << 20;
        if bytes > LONGEST {
            return Err(Stop::limit("a text grows longer than a megabyte"));
        }
        self.spend(1 + bytes as u64 / 32)
    }
}
