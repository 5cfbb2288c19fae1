//! Random searches over a world. Most values are taken from a resource that is there, so that most searches find something.

use serde_json::Value;

use super::chance::Chance;
use super::contained::{Inside, MARK};
use super::escapes::escape;
use super::parameters::{self, Kind, Parameter, TYPES};
use super::request::Request;
use super::world::{World, type_of};

/// A maker of searches.
#[derive(Debug)]
pub(super) struct Questioner<'a> {
    pub(super) world: &'a World,
    pub(super) chance: Chance,
    /// For each resource, who refers to it by which parameter.
    pub(super) referrers: Vec<Vec<(usize, &'static Parameter)>>,
    /// What the resources contain.
    inside: Inside,
}

/// Name and value of a criterion.
pub(super) type Pair = (String, String);

impl<'a> Questioner<'a> {
    /// Searches over `world` that follow from `seed`.
    #[must_use]
    pub(super) fn new(world: &'a World, seed: u64) -> Self {
        let mut referrers: Vec<Vec<(usize, &'static Parameter)>> = vec![Vec::new(); world.all().len()];
        for (place, resource) in world.all().iter().enumerate() {
            for parameter in parameters::of(type_of(resource)) {
                for target in world.targets(place, parameter) {
                    if let Some(own) = referrers.get_mut(target) {
                        own.push((place, parameter));
                    }
                }
            }
        }
        Self { world, chance: Chance::new(seed), referrers, inside: Inside::of(world, true) }
    }

    /// The next search.
    pub(super) fn next(&mut self) -> Request {
        let place = self.chance.below(self.world.all().len());
        let kind = type_of(self.world.at(place)).to_owned();
        if self.chance.percent(6) {
            return self.over_all(place, &kind);
        }
        if self.chance.percent(5)
            && let Some(request) = self.contained()
        {
            return request;
        }
        let mut parameters = Vec::new();
        for _ in 0..self.chance.one(&[0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3]) {
            parameters.extend(self.criterion(place, 0));
        }
        if parameters.len() == 1 && self.chance.percent(5) {
            // The same parameter again, with another value of perhaps another repeat of the element.
            let again = self.criterion(place, 0).filter(|pair| parameters.first().is_some_and(|first| first.0 == pair.0));
            parameters.extend(again);
        }
        self.shape(&kind, &mut parameters);
        let mut request = Request { kind: Some(kind), parameters, ..Request::default() };
        if self.chance.percent(7) {
            self.enclose(place, &mut request);
        }
        request.post = request.kind.is_some() && self.chance.percent(8);
        request
    }

    /// A search for what is contained in others.
    fn contained(&mut self) -> Option<Request> {
        let (place, _) = *self.chance.pick(&self.inside.inner)?;
        let (chance, referrers, world) = (self.chance.clone(), Vec::new(), &self.inside.world);
        // Nothing refers there from outside.
        let mut within = Questioner { world, chance, referrers, inside: Inside::default() };
        let mut parameters: Vec<Pair> = Vec::new();
        for _ in 0..within.chance.one(&[0, 1, 1, 1, 1, 2]) {
            parameters.extend(within.criterion(place, 0));
        }
        let kind = type_of(world.at(place)).to_owned();
        self.chance = within.chance;
        if parameters.iter().any(|(_, value)| value.contains(MARK)) {
            return None;
        }
        parameters.push(("_contained".to_owned(), self.chance.one(&["true", "both"]).to_owned()));
        if self.chance.percent(60) {
            parameters.push(("_containedType".to_owned(), self.chance.one(&["contained", "contained", "container"]).to_owned()));
        }
        if self.chance.percent(30) {
            parameters.push(("_sort".to_owned(), self.chance.one(&["_id", "-_id", "_lastUpdated", "-_lastUpdated"]).to_owned()));
        }
        if self.chance.percent(30) {
            parameters.push(("_count".to_owned(), self.chance.one(&["1", "3", "7", "0"]).to_owned()));
        }
        if self.chance.percent(20) {
            parameters.push(("_total".to_owned(), "accurate".to_owned()));
        }
        if self.chance.percent(20) {
            let source = if kind == "Organization" { "partof" } else { "general-practitioner" };
            parameters.push(("_include".to_owned(), format!("{}:{source}", if kind == "Organization" { &kind } else { "Patient" })));
        }
        Some(Request { kind: Some(kind), parameters, post: self.chance.percent(8), ..Request::default() })
    }

    /// A search over several types, by what all types have.
    fn over_all(&mut self, place: usize, kind: &str) -> Request {
        let types = [kind, self.chance.one(&TYPES), self.chance.one(&TYPES)];
        let mut parameters = vec![("_type".to_owned(), types.join(","))];
        let common: Vec<&Parameter> = parameters::of(kind).filter(|parameter| parameter.owner == "*").collect();
        for _ in 0..self.chance.below(3) {
            let parameter = self.chance.pick(&common).copied();
            parameters.extend(parameter.and_then(|parameter| self.plain(place, parameter)));
        }
        if self.chance.percent(40) {
            parameters.push(("_sort".to_owned(), self.chance.one(&["_id", "-_id", "_lastUpdated", "-_lastUpdated"]).to_owned()));
        }
        if self.chance.percent(30) {
            parameters.push(("_count".to_owned(), self.chance.one(&["7", "30"]).to_owned()));
        }
        Request { parameters, post: self.chance.percent(10), ..Request::default() }
    }

    /// Order, pages, totals, and what comes along.
    fn shape(&mut self, kind: &str, parameters: &mut Vec<Pair>) {
        if self.chance.percent(6) {
            let count = self.chance.one(&[("_summary", "count"), ("_summary", "count"), ("_count", "0")]);
            parameters.push((count.0.to_owned(), count.1.to_owned()));
            return;
        }
        if self.chance.percent(30) {
            let ordered = |own: &&Parameter| !matches!(own.kind, Kind::Composite | Kind::Near);
            let keys = parameters::of(kind).filter(ordered);
            let keys: Vec<&str> = keys.map(|parameter| parameter.code).collect();
            let count = self.chance.one(&[1, 1, 2, 3]);
            let all: Vec<String> = (0..count).map(|_| format!("{}{}", self.chance.one(&["", "-"]), self.chance.one(&keys))).collect();
            parameters.push(("_sort".to_owned(), all.join(",")));
        }
        if self.chance.percent(25) {
            parameters.push(("_count".to_owned(), self.chance.one(&["1", "2", "3", "7", "20"]).to_owned()));
        }
        if self.chance.percent(15) {
            parameters.push(("_total".to_owned(), self.chance.one(&["accurate", "accurate", "estimate", "none"]).to_owned()));
        }
        if self.chance.percent(14) {
            for _ in 0..self.chance.one(&[1, 1, 2]) {
                let pair = self.include(kind);
                parameters.extend(pair.filter(|pair| !parameters.contains(pair)));
            }
        }
    }

    fn include(&mut self, kind: &str) -> Option<Pair> {
        let references = |kind: &str| parameters::of(kind).filter(|own| own.kind == Kind::Reference).collect::<Vec<_>>();
        let iterate = self.chance.percent(25);
        let mark = if iterate { ":iterate" } else { "" };
        if self.chance.percent(8) {
            return Some(("_include".to_owned(), self.chance.one(&["*", &format!("{kind}:*")]).to_owned()));
        }
        if self.chance.percent(55) {
            let source = if iterate && self.chance.percent(50) { self.chance.one(&TYPES) } else { kind };
            let parameter = *self.chance.pick(&references(source))?;
            let target = if self.chance.percent(25) { format!(":{}", self.chance.one(&parameter.targets)) } else { String::new() };
            return Some((format!("_include{mark}"), format!("{source}:{}{target}", parameter.code)));
        }
        let source = self.chance.one(&TYPES);
        let all = references(source);
        let leading: Vec<_> = all.into_iter().filter(|own| own.targets.contains(&kind)).collect();
        let parameter = self.chance.pick(&leading)?;
        Some((format!("_revinclude{mark}"), format!("{source}:{}", parameter.code)))
    }

    /// A criterion that the resource at `place` meets, as a rule.
    fn criterion(&mut self, place: usize, depth: usize) -> Option<Pair> {
        let dice = self.chance.below(100);
        let more = if depth < 2 { 30 } else { 0 };
        let pair = match dice {
            _ if dice < more / 2 => self.chain(place, depth),
            _ if dice < more => self.reverse_chain(place, depth),
            80..87 if depth == 0 => self.filter(place),
            87..90 => self.words(place),
            94..97 if depth == 0 => self.list(place),
            97..100 => self.missing(place),
            _ => None,
        };
        pair.or_else(|| {
            (0..8).find_map(|_| {
                let all: Vec<&Parameter> = parameters::of(type_of(self.world.at(place))).collect();
                let parameter = self.chance.pick(&all).copied()?;
                self.plain(place, parameter)
            })
        })
    }

    /// A criterion by a parameter alone, several values sometimes.
    fn plain(&mut self, place: usize, parameter: &Parameter) -> Option<Pair> {
        let (modifier, value) = self.value(place, parameter)?;
        let mut values = vec![value];
        if self.chance.percent(20) {
            for _ in 0..self.chance.one(&[1, 1, 2]) {
                let others: Vec<usize> = self.world.of(type_of(self.world.at(place))).collect();
                let other = self.chance.pick(&others).copied()?;
                values.extend(self.value(other, parameter).filter(|(own, _)| *own == modifier).map(|(_, value)| value));
            }
        }
        let mark = if modifier.is_empty() { "" } else { ":" };
        Some((format!("{}{mark}{modifier}", parameter.code), values.join(",")))
    }

    /// A reference of a resource, and where it leads.
    pub(super) fn led(&mut self, place: usize) -> Option<(&'static Parameter, usize)> {
        let world = self.world;
        let own = parameters::of(type_of(world.at(place)));
        let all: Vec<_> =
            own.flat_map(|parameter| world.targets(place, parameter).into_iter().map(move |target| (parameter, target))).collect();
        self.chance.pick(&all).copied()
    }

    fn chain(&mut self, place: usize, depth: usize) -> Option<Pair> {
        let (parameter, target) = self.led(place)?;
        let kind = type_of(self.world.at(target));
        let known = parameter.targets.iter().filter(|target| TYPES.contains(target)).count();
        let (name, value) = self.criterion(target, depth + 1).filter(|(name, _)| !matches!(name.as_str(), "_text" | "_content"))?;
        let typed = if known > 1 { self.chance.percent(85) } else { self.chance.percent(25) };
        let head = if typed { format!("{}:{kind}", parameter.code) } else { parameter.code.to_owned() };
        Some((format!("{head}.{name}"), value))
    }

    fn reverse_chain(&mut self, place: usize, depth: usize) -> Option<Pair> {
        let own = self.referrers.get(place)?.clone();
        let (from, parameter) = *self.chance.pick(&own)?;
        let (name, value) = self.criterion(from, depth + 1)?;
        Some((format!("_has:{}:{}:{name}", type_of(self.world.at(from)), parameter.code), value))
    }

    fn list(&mut self, place: usize) -> Option<Pair> {
        let own = self.referrers.get(place)?.iter().filter(|(_, parameter)| parameter.owner == "List" && parameter.code == "item");
        let lists: Vec<usize> = own.map(|(place, _)| *place).chain(self.world.of("List").take(1)).collect();
        let list = self.world.at(*self.chance.pick(&lists)?);
        Some(("_list".to_owned(), escape(list.get("id").and_then(Value::as_str)?)))
    }

    fn missing(&mut self, place: usize) -> Option<Pair> {
        let fits = |parameter: &&Parameter| {
            parameter.owner != "*" && !matches!(parameter.kind, Kind::Composite | Kind::Near | Kind::Token("deceased" | "chromosome"))
        };
        let all: Vec<&Parameter> = parameters::of(type_of(self.world.at(place))).filter(fits).collect();
        let parameter = self.chance.pick(&all)?;
        Some((format!("{}:missing", parameter.code), self.chance.one(&["true", "false"]).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::evaluate::evaluate;
    use crate::search::resources::resources;
    use crate::search::terminology;

    #[test]
    fn most_searches_find_something_and_all_are_understood() {
        let world = World::new("http://x/fhir", [terminology::resources(), resources("http://x/fhir", 3, 200)].concat());
        let mut questioner = Questioner::new(&world, 3);
        let requests: Vec<Request> = (0..500).map(|_| questioner.next()).collect();
        let mut hits = 0;
        for request in &requests {
            assert_eq!(&Request::parse(&request.text()), request);
            let expected = evaluate(&world, request).unwrap_or_else(|problem| panic!("{}: {problem}", request.text()));
            hits += usize::from(!expected.matches.is_empty());
        }
        assert!(hits > 300, "{hits} of 500 find something");
        let mut again = Questioner::new(&world, 3);
        assert!(requests.iter().all(|request| *request == again.next()));
    }
}
