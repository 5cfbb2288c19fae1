//! One answer: its type, its options, and the limits that extensions set.

use std::cmp::Ordering;

use super::enable::compared;
use super::{Round, extended, extensions};
use crate::fhirpath::{Environment, Expression};
use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::terminology::Membership;
use crate::terminology::check::Status;
use crate::validate::checker::Checker;

/// The types of values that a kind of question takes.
fn types(kind: &str) -> &'static [&'static str] {
    match kind {
        "boolean" => &["boolean"],
        "decimal" => &["decimal"],
        "integer" => &["integer"],
        "date" => &["date"],
        "dateTime" => &["dateTime"],
        "time" => &["time"],
        "string" | "text" => &["string"],
        "url" => &["uri"],
        "attachment" => &["Attachment"],
        "reference" => &["Reference"],
        "quantity" => &["Quantity"],
        "choice" => &["Coding"],
        "open-choice" => &["Coding", "string"],
        _ => &[],
    }
}

impl<'c> Checker<'c> {
    /// Checks one answer to a question.
    pub(super) fn answer(&mut self, round: &Round<'c>, question: Node<'c>, kind: &str, answer: Node<'c>) {
        let Some(value) = answer.get("value") else { return };
        let choice = matches!(kind, "choice" | "open-choice");
        let options: Vec<Node<'c>> = question.all("answerOption").filter_map(|option| option.get("value")).collect();
        let of_option = options.iter().any(|option| option.type_name() == value.type_name());
        let taken = types(kind).contains(&value.type_name()) || choice && of_option;
        if !taken {
            let at = if choice { answer } else { value };
            return self.error(at, IssueType::Structure, || {
                format!("A question of type {kind} is answered by {}, not {}.", types(kind).join(" or "), value.type_name())
            });
        }
        let free = kind == "open-choice" && value.type_name() == "string";
        if !options.is_empty() && !free && !options.iter().any(|option| compared(value, *option) == Some(Ordering::Equal)) {
            let at = if value.type_name() == "Coding" { answer } else { value };
            self.error(at, IssueType::CodeInvalid, || "This is none of the options of the question: choose one of them.".to_owned());
        }
        if value.type_name() == "Coding"
            && let Some(set) = question.get_text("answerValueSet")
        {
            self.option_of_set(round, &set, value, answer);
        }
        self.limits(question, value, answer);
    }

    fn option_of_set(&mut self, round: &Round<'c>, url: &str, value: Node<'c>, answer: Node<'c>) {
        let listed = match url.strip_prefix('#') {
            // Of a contained value set, the codes that it lists are known.
            Some(id) => {
                let own = round.form.all("contained").chain(round.response.all("contained"));
                let Some(set) = own.into_iter().find(|set| set.get_text("id").is_some_and(|own| own == id)) else { return };
                let includes: Vec<Node<'c>> = set.get("compose").into_iter().flat_map(|compose| compose.all("include")).collect();
                if includes.iter().any(|include| include.get("concept").is_none()) {
                    return;
                }
                includes.iter().any(|include| {
                    include.get_text("system") == value.get_text("system")
                        && include.all("concept").any(|concept| concept.get_text("code") == value.get_text("code"))
                })
            }
            None => {
                let (system, code) = (value.get_text("system").unwrap_or_default(), value.get_text("code").unwrap_or_default());
                self.validator.terminology.membership(url, Some(&system), &code) != Membership::Out
            }
        };
        let named = || {
            let text = |name: &str| value.get_text(name);
            let (system, code, display) = (text("system").unwrap_or_default(), text("code").unwrap_or_default(), text("display"));
            let other = matches!(self.validator.terminology.code(&system, &code, display.as_deref()), Status::OtherDisplay(_));
            !(other && self.looks_closer() && !self.validator.lenient)
        };
        if listed && !named() {
            self.error(answer, IssueType::CodeInvalid, || "The option is called otherwise: write what it is called.".to_owned());
        }
        if !listed {
            self.error(answer, IssueType::CodeInvalid, || {
                format!("This is not in the value set {url} of the question: use one of its codes.")
            });
        }
    }

    fn limits(&mut self, question: Node<'c>, value: Node<'c>, answer: Node<'c>) {
        let number = |name: &str| extended(question, name).and_then(|limit| limit.raw().parse::<usize>().ok());
        let length = value.text().chars().count();
        let most = question.get_text("maxLength").and_then(|most| most.parse::<usize>().ok());
        let fewest = number("minLength");
        let places = number("maxDecimalPlaces");
        let bytes = number("maxSize");
        if value.is_primitive() && (most.is_some_and(|most| length > most) || fewest.is_some_and(|fewest| length < fewest)) {
            self.error(value, IssueType::Value, || "The answer is longer or shorter than the question allows.".to_owned());
        }
        if let Some(form) = extended(question, "regex").filter(|_| value.is_primitive()) {
            self.form(&form.text(), value);
        }
        let after_point = value.raw().split_once('.').map_or(0, |(_, digits)| digits.len());
        if places.is_some_and(|places| after_point > places) {
            self.error(value, IssueType::Value, || "The answer has more digits after the point than the question allows.".to_owned());
        }
        for (least, names) in
            [(true, ["minValue", "sdc-questionnaire-minQuantity"]), (false, ["maxValue", "sdc-questionnaire-maxQuantity"])]
        {
            for limit in names.into_iter().filter_map(|name| extended(question, name)) {
                let uncoded = value.type_name() == "Quantity" && (value.get("code").is_none() || limit.get("code").is_none());
                let order = compared(value, limit).filter(|_| !uncoded);
                let within = order.map(|order| if least { order.is_ge() } else { order.is_le() });
                let wanted = if least { "more" } else { "less" };
                match within {
                    Some(true) => {}
                    Some(false) => self.error(value, IssueType::Value, || format!("The answer must be {} or {wanted}.", limit.json())),
                    None => self.error(value, IssueType::Value, || {
                        format!(
                            "The answer cannot be compared with the limit {}: give a number in its unit, with system and code.",
                            limit.json()
                        )
                    }),
                }
            }
        }
        if value.type_name() == "Quantity" {
            self.unit(question, value);
        }
        if value.type_name() == "Attachment" {
            let allowed: Vec<Node<'c>> = extensions(question, "mimeType").collect();
            let kind = value.get_text("contentType").unwrap_or_default();
            if !allowed.is_empty() && !allowed.iter().any(|one| one.text() == kind) {
                self.error(answer, IssueType::Value, || format!("Attachments of type {kind} are not taken here."));
            }
            let size = value.get("data").map_or(0, |data| data.raw().len() / 4 * 3);
            let size = value.get_text("size").and_then(|size| size.parse().ok()).unwrap_or(0).max(size);
            if bytes.is_some_and(|most| size > most) {
                self.error(answer, IssueType::Value, || format!("The attachment has {size} bytes, more than the question allows."));
            }
        }
    }

    /// The answer has the form that the question tells; one that cannot be read says nothing.
    fn form(&mut self, form: &str, value: Node<'c>) {
        let literal = form.replace('\\', "\\\\").replace('\'', "\\'");
        let Ok(expression) = Expression::compile(&format!("toString().matches('^(?:{literal})$')"), value.tree().schema()) else { return };
        if matches!(expression.holds(value, &Environment::of(value.tree().root())), Ok(Some(false))) {
            self.error(value, IssueType::Invariant, || format!("The answer has not the form that the question asks for: {form}"));
        }
    }

    fn unit(&mut self, question: Node<'c>, value: Node<'c>) {
        let options: Vec<Node<'c>> = extensions(question, "questionnaire-unitOption").collect();
        let (system, code) = (value.get_text("system"), value.get_text("code"));
        let fits = |option: &Node<'c>| option.get_text("system") == system && option.get_text("code") == code;
        if !options.is_empty() && !options.iter().any(fits) {
            self.error(value, IssueType::CodeInvalid, || {
                "The unit is none of those of the question: use one of them, with system and code.".to_owned()
            });
        }
        let Some(set) = extended(question, "questionnaire-unitValueSet").map(|set| set.text()) else { return };
        let (system, code) = (system.unwrap_or_default(), code.unwrap_or_default());
        if self.validator.terminology.membership(&set, Some(&system), &code) == Membership::Out {
            self.error(value, IssueType::CodeInvalid, || format!("The unit is not in the value set {set} of the question."));
        }
    }

    /// An option that excludes the others stands alone.
    pub(super) fn exclusive(&mut self, question: Node<'c>, answers: &[Node<'c>]) {
        if answers.len() < 2 {
            return;
        }
        let alone: Vec<Node<'c>> = question
            .all("answerOption")
            .filter(|option| extensions(*option, "questionnaire-optionExclusive").any(|value| value.raw() == "true"))
            .filter_map(|option| option.get("value"))
            .collect();
        for answer in answers {
            let excludes =
                answer.get("value").is_some_and(|value| alone.iter().any(|option| compared(value, *option) == Some(Ordering::Equal)));
            if excludes {
                self.error(*answer, IssueType::Invalid, || "This option excludes all others: give it alone.".to_owned());
            }
        }
    }
}
