//! Random filters, words and compartments for searches over a world.

use super::chance::Chance;
use super::compartments;
use super::elements::select;
use super::escapes::escape;
use super::links::Link;
use super::parameters::{self, Kind, Parameter};
use super::questions::{Pair, Questioner};
use super::request::Request;
use super::terminology::{CODES as KIND_CODES, KINDS, SETS};
use super::tokens;
use super::words::words;
use super::world::type_of;

/// Operators for what has an order.
const ORDERED: [&str; 10] = ["eq", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

impl Questioner<'_> {
    /// A `_filter` that the resource at `place` meets, as a rule.
    pub(super) fn filter(&mut self, place: usize) -> Option<Pair> {
        let one = self.test(place, 0)?;
        let others: Vec<usize> = self.world.of(type_of(self.world.at(place))).collect();
        let other = self.chance.pick(&others).copied()?;
        let text = match self.chance.below(10) {
            0 => format!("not({one})"),
            1 | 2 => format!("{one} and {}", self.test(place, 0)?),
            3 | 4 => format!("{one} or {}", self.test(other, 0)?),
            5 => format!("({one} or {}) and {}", self.test(other, 0)?, self.test(place, 0)?),
            6 => format!("{one} or {} and not ({})", self.test(other, 0)?, self.test(other, 0)?),
            _ => one,
        };
        Some(("_filter".to_owned(), text))
    }

    /// A path, an operator and a value.
    fn test(&mut self, place: usize, depth: usize) -> Option<String> {
        if depth < 2
            && self.chance.percent(15)
            && let Some((parameter, target)) = self.led(place)
        {
            let test = self.test(target, depth + 1)?;
            let within = if self.chance.percent(25) { format!("[{}]", self.test(target, 2)?) } else { String::new() };
            return Some(format!("{}{within}.{test}", parameter.code));
        }
        if depth == 0
            && self.chance.percent(10)
            && let Some((from, parameter)) = self.chance.pick(self.referrers.get(place)?).copied()
        {
            let test = self.test(from, 1)?;
            return Some(format!("_has:{}:{}:{test}", type_of(self.world.at(from)), parameter.code));
        }
        self.leaf(place)
    }

    /// A parameter of a resource, an operator, and a value.
    fn leaf(&mut self, place: usize) -> Option<String> {
        (0..8).find_map(|_| {
            let all: Vec<&Parameter> = parameters::of(type_of(self.world.at(place))).collect();
            let parameter = self.chance.pick(&all).copied()?;
            if parameter.owner != "*" && self.chance.percent(6) && !matches!(parameter.kind, Kind::Composite | Kind::Near) {
                let settled = !matches!(parameter.kind, Kind::Token("deceased" | "chromosome"));
                return settled.then(|| format!("{} pr {}", parameter.code, self.chance.one(&["true", "false"])));
            }
            let (operator, value) = self.operand(place, parameter)?;
            let bare = value.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.:/|+".contains(letter));
            let value = if bare && self.chance.percent(60) { value } else { serde_json::to_string(&value).ok()? };
            Some(format!("{} {operator} {value}", parameter.code))
        })
    }

    fn operand(&mut self, place: usize, parameter: &Parameter) -> Option<(&'static str, String)> {
        let elements = self.world.elements(self.world.at(place), parameter);
        let element = *self.chance.pick(&elements)?;
        let chance = &mut self.chance;
        match parameter.kind {
            Kind::Text(shape) => {
                let texts = super::matching::texts(shape, element);
                let text = *chance.pick(&texts)?;
                let from = chance.below(text.chars().count());
                let (first, rest): (String, String) = (text.chars().take(from + 1).collect(), text.chars().skip(from).collect());
                let operator = chance.one(&["eq", "eq", "ne", "co", "sw", "ew", "gt", "le"]);
                let value = match operator {
                    "sw" => first,
                    "co" | "ew" => rest,
                    _ => text.to_owned(),
                };
                // White space at the ends is open, and what means something in other values is too.
                (value.trim() == value && !value.contains(['\\', ',', '$', '|'])).then_some((operator, value))
            }
            Kind::Token(shape) => {
                if matches!(shape, "concept" | "coding") && chance.percent(15) {
                    return Some(match chance.one(&["in", "ss", "sb"]) {
                        "in" => ("in", chance.one(&SETS).to_owned()),
                        operator => (operator, format!("{KINDS}|{}", chance.one(&KIND_CODES))),
                    });
                }
                let codes = tokens::codes(shape, element);
                let (system, code) = chance.pick(&codes)?.clone();
                let code = code.filter(|code| !code.contains(['\\', ',', '$', '|']))?;
                let operator = chance.one(&["eq", "eq", "eq", "ne"]);
                let code = if chance.percent(5) { code.to_uppercase() } else { code.into_owned() };
                Some((operator, system.filter(|_| chance.percent(60)).map_or(code.clone(), |system| format!("{system}|{code}"))))
            }
            Kind::Reference => match Link::of(&self.world.base, element)? {
                Link::Elsewhere(url) => Some(("re", url)),
                Link::Here(kind, id, _) if chance.percent(25) => Some(("re", format!("{}/{kind}/{id}", self.world.base))),
                Link::Here(kind, id, _) => Some(("re", format!("{kind}/{id}"))),
            },
            Kind::Uri => Some(("eq", element.as_str()?.to_owned())),
            Kind::Date | Kind::Number(_) | Kind::Quantity => {
                let value = self.value(place, parameter)?.1;
                let (_, bare) = super::matching::prefixed(&value);
                let date = parameter.kind == Kind::Date;
                let operator = if date && self.chance.percent(25) { self.chance.one(&["po", "co"]) } else { self.chance.one(&ORDERED) };
                Some((operator, bare.to_owned()))
            }
            Kind::Composite | Kind::Near => None,
        }
    }

    /// `_text` or `_content` with words of the resource, and rarely with one of another.
    pub(super) fn words(&mut self, place: usize) -> Option<Pair> {
        let resource = self.world.at(place);
        let everywhere = self.chance.percent(50);
        let places = if everywhere { "text.div|name.family|name|title|code.text|address.city|status|gender" } else { "text.div" };
        let texts: Vec<&str> = select(resource, places).into_iter().filter_map(serde_json::Value::as_str).collect();
        let text = *self.chance.pick(&texts)?;
        // The words of the narrative stand between its tags.
        let text = text.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect::<Vec<_>>().join(" ");
        let own = words(&text);
        let mut wanted: Vec<String> = (0..self.chance.one(&[1, 1, 2, 3])).filter_map(|_| self.chance.pick(&own).cloned()).collect();
        wanted.retain(|word| !matches!(word.as_str(), "amp" | "lt" | "gt"));
        if self.chance.percent(10) {
            wanted.push(self.chance.one(&["oslo", "fox", "zeb", "final"]).to_owned());
        }
        let case = |chance: &mut Chance, word: &String| if chance.percent(20) { word.to_uppercase() } else { word.clone() };
        let wanted: Vec<String> = wanted.iter().map(|word| case(&mut self.chance, word)).collect();
        let name = if everywhere { "_content" } else { "_text" };
        (!wanted.is_empty()).then(|| (name.to_owned(), escape(&wanted.join(" "))))
    }

    /// Makes a search one in a compartment to which the resource at `place` belongs, if it belongs to one.
    pub(super) fn enclose(&mut self, place: usize, request: &mut Request) {
        let own = parameters::of(type_of(self.world.at(place)));
        let ends = own.flat_map(|parameter| self.world.targets(place, parameter)).chain([place]).map(|end| self.world.name_at(end));
        let owners: Vec<String> = ends.filter(|within| compartments::belongs(self.world, within, place)).collect();
        let Some(within) = self.chance.pick(&owners) else { return };
        request.within = Some(within.clone());
        if self.chance.percent(20) {
            let kinds = compartments::types(within);
            let general = |pair: &Pair| matches!(pair.0.as_str(), "_tag" | "_lastUpdated" | "_id" | "_profile" | "_count");
            request.parameters.retain(general);
            request.kind = None;
            if self.chance.percent(40) {
                let types = [self.chance.one(&kinds), type_of(self.world.at(place))];
                request.parameters.push(("_type".to_owned(), types.join(",")));
            }
        }
    }
}
