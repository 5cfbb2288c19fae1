//! The walk over a resource: every element meets the rules of its type and those of the profile.
//!
//! Two rules of R4 shape it: a profile only narrows, so its rules come on top of those of the type
//! (<https://hl7.org/fhir/R4/profiling.html>); and whether a reference fits may depend on whether its target conforms to a profile,
//! so a check can need the verdict of another ([`Checker::conforms`]).

use std::collections::{BTreeSet, HashMap};

use super::element::{Below, Element, location};
use super::plan::Rule;
use super::reference::Context;
use super::{Validator, extension};
use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::Kind;
use crate::model::tree::{Node, Tree};

/// How many resources deep a question may lead: does the report fit if its result fits if the variant that is derived from fits …
const DEEPEST: u8 = 12;

/// How many errors are listed, and how many warnings; the rest is counted.
const MOST_ISSUES: usize = 1000;

/// Whether something fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// That cannot be known here: a reference leads out of sight, a value set cannot be listed.
    Unknown,
}

/// A check under way.
pub(super) struct Checker<'c> {
    pub(super) validator: &'c Validator<'c>,
    pub(super) context: &'c dyn Context,
    findings: Findings,
    /// What is known of resources and profiles; the empty profile stands for R4 itself.
    verdicts: HashMap<(*const Tree, u32, &'static str), Fit>,
    depth: u8,
}

/// What has been found.
#[derive(Default)]
struct Findings {
    /// With the number of the node, by which they are put into document order.
    list: Vec<(u32, Issue)>,
    /// How many errors there are, listed or not; and how many warnings.
    errors: usize,
    warnings: usize,
    /// Warnings are not told, and nothing is worked out for them alone.
    errors_only: bool,
    /// Only the verdict is asked: the first error is enough, and nobody will read it.
    verdict_only: bool,
    failed: bool,
}

impl<'c> Checker<'c> {
    pub(super) fn new(validator: &'c Validator<'c>, context: &'c dyn Context) -> Self {
        Self { validator, context, findings: Findings::default(), verdicts: HashMap::new(), depth: 0 }
    }

    /// One that leaves warnings out.
    pub(super) fn of_errors(validator: &'c Validator<'c>, context: &'c dyn Context) -> Self {
        Self { findings: Findings { errors_only: true, ..Findings::default() }, ..Self::new(validator, context) }
    }

    /// Whether warnings are told.
    pub(super) fn warns(&self) -> bool {
        !self.findings.errors_only && !self.findings.verdict_only
    }

    /// The issues in document order, each once.
    pub(super) fn finish(self) -> Vec<Issue> {
        let mut list = self.findings.list;
        list.sort_by_key(|(at, _)| *at);
        let mut seen = BTreeSet::new();
        let mut issues: Vec<Issue> = list.into_iter().map(|(_, issue)| issue).filter(|issue| seen.insert(issue.clone())).collect();
        let (errors, warnings) = (self.findings.errors.saturating_sub(MOST_ISSUES), self.findings.warnings.saturating_sub(MOST_ISSUES));
        if errors > 0 {
            issues.push(Issue::error(IssueType::TooLong, "", format!("{errors} more errors are not listed.")));
        }
        if warnings > 0 {
            issues.push(Issue::warning(IssueType::TooLong, "", format!("{warnings} more warnings are not listed.")));
        }
        issues
    }

    /// Notes an error at a node; what is missing is told at the element that lacks it.
    pub(super) fn error(&mut self, node: Node<'c>, code: IssueType, diagnostics: impl FnOnce() -> String) {
        self.findings.failed = true;
        self.findings.errors += 1;
        if !self.findings.verdict_only && self.findings.errors <= MOST_ISSUES {
            self.findings.list.push((node.index(), Issue::error(code, location(node), diagnostics())));
        }
    }

    /// Notes a warning at a node.
    pub(super) fn warning(&mut self, node: Node<'c>, code: IssueType, diagnostics: impl FnOnce() -> String) {
        if !self.warns() {
            return;
        }
        self.findings.warnings += 1;
        if self.findings.warnings <= MOST_ISSUES {
            self.findings.list.push((node.index(), Issue::warning(code, location(node), diagnostics())));
        }
    }

    /// Whether going on would find nothing that is asked for.
    fn settled(&self) -> bool {
        self.findings.verdict_only && self.findings.failed
    }

    /// Checks an element and everything in it against R4: the rules of types, and of the extensions whose definition is known.
    pub(super) fn base(&mut self, element: Element<'c>) {
        let below = Below::of(element);
        let known = &self.validator.known;
        let ty = element.node.ty();
        if let Some(rule) = self.validator.type_rule(ty).filter(|_| element.value().is_some()) {
            self.children(rule, &below);
            self.invariants(&rule.invariants, element);
        }
        if ty == known.extension
            && let Some(plan) = extension::definition(element, self.validator)
        {
            self.element(&plan.root, element);
        } else if ty == known.reference {
            self.dangling(element);
        } else if ty == known.coding {
            self.coding(element);
        } else if element.node.kind() == Kind::Resource {
            self.contained(element.node);
            self.entries(element.node);
            self.questions(element.node);
            self.questionnaire(element.node);
        }
        for child in below.all() {
            if self.settled() {
                return;
            }
            if child.node.ty() == known.extension {
                self.extension(child, element.holder());
            }
            self.base(child);
        }
    }

    /// Checks an element against the rules for it, and what is below it against the rules for that.
    pub(super) fn element(&mut self, rule: &'c Rule, element: Element<'c>) {
        self.demands(rule, element);
        self.binding(rule, element);
        self.types(rule, element);
        self.invariants(&rule.invariants, element);
        if !rule.children.is_empty() {
            self.children(rule, &Below::of(element));
        }
    }

    fn children(&mut self, rule: &'c Rule, below: &Below<'c>) {
        for child in &rule.children {
            if self.settled() {
                return;
            }
            let found = below.named(child.name());
            self.count(child, below.parent, found.clone(), 0, String::new);
            for occurrence in found.clone() {
                self.element(child, occurrence);
            }
            if !child.slices.is_empty() {
                self.slices(child, below.parent, found);
            }
        }
    }

    /// Whether a resource conforms to R4 and to a profile.
    ///
    /// References may lead in circles. While a question is open, it counts as answered with yes, so a circle fits if nothing else
    /// speaks against it.
    pub(super) fn conforms(&mut self, resource: Element<'c>, profile: &'static str) -> Fit {
        let Some(plan) = self.validator.plan(profile) else { return Fit::Unknown };
        if resource.node.type_name() != plan.ty {
            return Fit::No;
        }
        match self.verdict(resource, "", |checker| checker.base(resource)) {
            Fit::Yes => self.verdict(resource, plan.url, |checker| checker.element(&plan.root, resource)),
            other => other,
        }
    }

    fn verdict(&mut self, resource: Element<'c>, profile: &'static str, check: impl FnOnce(&mut Self)) -> Fit {
        let question = (std::ptr::from_ref(resource.node.tree()), resource.node.index(), profile);
        if let Some(known) = self.verdicts.get(&question) {
            return *known;
        }
        if self.depth >= DEEPEST {
            return Fit::Unknown;
        }
        self.verdicts.insert(question, Fit::Yes);
        let outer = std::mem::replace(&mut self.findings, Findings { verdict_only: true, ..Findings::default() });
        self.depth += 1;
        check(self);
        self.depth -= 1;
        let inner = std::mem::replace(&mut self.findings, outer);
        let answer = if inner.failed { Fit::No } else { Fit::Yes };
        self.verdicts.insert(question, answer);
        answer
    }
}
