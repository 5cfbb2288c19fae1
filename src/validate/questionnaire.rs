//! A QuestionnaireResponse against its Questionnaire: answers of the right type and number, to questions that were asked.
//!
//! The Questionnaire is contained in the response or known by its canonical URL; without it nothing can be said. A response that is still
//! in progress may lack answers.
//! Source: <https://hl7.org/fhir/R4/questionnaireresponse.html#notes>, <https://hl7.org/fhir/R4/questionnaire.html#enableWhen>.

mod answer;
mod enable;

use super::checker::Checker;
use crate::model::outcome::IssueType;
use crate::model::tree::Node;

/// How deep items may be nested: a response is foreign data.
const DEEPEST: u8 = 24;

impl<'c> Checker<'c> {
    /// Checks that the questions of a Questionnaire are asked by answers to other questions.
    pub(super) fn questions(&mut self, form: Node<'c>) {
        if form.type_name() != "Questionnaire" {
            return;
        }
        let mut links = Vec::new();
        enable::asked(form, &mut links);
        self.conditions(form, &links, DEEPEST);
    }

    fn conditions(&mut self, parent: Node<'c>, links: &[Node<'c>], depth: u8) {
        for item in parent.all("item").filter(|_| depth > 0) {
            let conditions: Vec<Node<'c>> = item.all("enableWhen").collect();
            if conditions.len() > 1 && item.get("enableBehavior").is_none() {
                self.error(item, IssueType::Invariant, || {
                    "Several conditions need an enableBehavior: say whether all or any must hold.".to_owned()
                });
            }
            for condition in conditions {
                let wanted = condition.get_text("question").unwrap_or_default();
                let target = links.iter().find(|other| other.get_text("linkId").is_some_and(|link| link == wanted));
                match target {
                    None => self
                        .error(item, IssueType::BusinessRule, || format!("There is no item \"{wanted}\" on which this one could depend.")),
                    Some(target) if target.range().start >= item.range().start && target.range().end <= item.range().end => {
                        self.error(item, IssueType::BusinessRule, || {
                            format!("The item \"{wanted}\" is inside of this one, which depends on it: no one could ever answer.")
                        });
                    }
                    Some(_) => {}
                }
            }
            self.conditions(item, links, depth - 1);
        }
    }

    /// Checks the answers of a resource, if it is a QuestionnaireResponse whose Questionnaire is at hand.
    pub(super) fn questionnaire(&mut self, response: Node<'c>) {
        if response.type_name() != "QuestionnaireResponse" {
            return;
        }
        let Some(url) = response.get_text("questionnaire") else { return };
        let contained =
            url.strip_prefix('#').and_then(|id| response.all("contained").find(|other| other.get_text("id").is_some_and(|own| own == id)));
        let Some(form) = contained.or_else(|| self.validator.library.resource(&url)).filter(|form| form.type_name() == "Questionnaire")
        else {
            return self.warning(response, IssueType::NotFound, || {
                format!("The questionnaire {url} is not known here, so the answers were not checked against it.")
            });
        };
        let round =
            Round { form, response, complete: matches!(&*response.get_text("status").unwrap_or_default(), "completed" | "amended") };
        self.items(&round, form, response, DEEPEST);
    }

    /// Checks the items below `parent` against the questions below `form`.
    fn items(&mut self, round: &Round<'c>, form: Node<'c>, parent: Node<'c>, depth: u8) {
        if depth == 0 {
            return;
        }
        for item in parent.all("item") {
            let link = item.get_text("linkId").unwrap_or_default();
            let Some(question) = form.all("item").find(|question| question.get_text("linkId").is_some_and(|own| own == link)) else {
                self.error(parent, IssueType::NotFound, || {
                    format!("The questionnaire has no item \"{link}\" here: take the answer away or move it.")
                });
                continue;
            };
            self.item(round, question, (parent, item), depth);
        }
        for question in form.all("item").filter(|question| is_true(*question, "required")) {
            let link = question.get_text("linkId").unwrap_or_default();
            let there = parent.all("item").any(|item| item.get_text("linkId").is_some_and(|own| own == link));
            let asked = question.get_text("type").is_some_and(|ty| ty != "display");
            if round.complete && !there && asked && enable::enabled(question, parent, round.response) == Some(true) {
                self.error(parent, IssueType::Required, || format!("The question \"{link}\" must be answered: add its answer."));
            }
        }
    }

    fn item(&mut self, round: &Round<'c>, question: Node<'c>, (parent, item): (Node<'c>, Node<'c>), depth: u8) {
        let link = question.get_text("linkId").unwrap_or_default();
        let enabled = enable::enabled(question, parent, round.response);
        let answers: Vec<Node<'c>> = item.all("answer").collect();
        if enabled == Some(false) && (!answers.is_empty() || item.get("item").is_some()) {
            self.error(item, IssueType::Invalid, || {
                format!("The question \"{link}\" was not to be asked, by its enableWhen: take the answer away.")
            });
        }
        let kind = question.get_text("type").unwrap_or_default();
        match &*kind {
            "group" | "display" => {
                if !answers.is_empty() {
                    self.error(item, IssueType::Structure, || format!("\"{link}\" is no question, so it has no answer: take it away."));
                }
                return self.items(round, question, item, depth - 1);
            }
            _ => {}
        }
        if round.complete && answers.is_empty() && is_true(question, "required") && enabled != Some(false) {
            self.error(item, IssueType::Required, || format!("The question \"{link}\" must be answered: add its answer."));
        }
        if answers.len() > 1 && !is_true(question, "repeats") {
            self.error(item, IssueType::Invalid, || format!("The question \"{link}\" takes one answer, not {}.", answers.len()));
        }
        let limit = |name: &str| extended(question, name).and_then(|value| value.raw().parse::<usize>().ok());
        let (fewest, most) = (limit("questionnaire-minOccurs"), limit("questionnaire-maxOccurs"));
        if round.complete && fewest.is_some_and(|fewest| answers.len() < fewest) {
            self.error(item, IssueType::Invalid, || format!("The question \"{link}\" needs {} answers or more.", fewest.unwrap_or(0)));
        }
        if most.is_some_and(|most| answers.len() > most) {
            self.error(item, IssueType::Invalid, || format!("The question \"{link}\" takes {} answers at most.", most.unwrap_or(0)));
        }
        for given in &answers {
            self.answer(round, question, &kind, *given);
            self.items(round, question, *given, depth - 1);
        }
        self.exclusive(question, &answers);
    }
}

/// The value of an HL7 extension of an element, by the last part of its URL.
fn extended<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    extensions(node, name).next()
}

/// The values of the extensions of an element whose URL ends with a name.
fn extensions<'t>(node: Node<'t>, name: &str) -> impl Iterator<Item = Node<'t>> {
    let found = node.all("extension").filter(move |one| {
        one.get_text("url").is_some_and(|url| url.starts_with("http://hl7.org/fhir/") && url.rsplit('/').next() == Some(name))
    });
    found.filter_map(|one| one.get("value"))
}

fn is_true(node: Node<'_>, name: &str) -> bool {
    node.get_text(name).is_some_and(|text| text == "true")
}

/// What is the same for all items.
struct Round<'c> {
    form: Node<'c>,
    response: Node<'c>,
    /// Whether answers may not be missing.
    complete: bool,
}
