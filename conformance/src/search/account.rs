//! What came of a run: for each feature of search how often it was asked, refused, and answered otherwise than expected.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::asking::{Server, Verdict, judge, minimise};
use super::filter::Filter;
use super::parameters::{self, TYPES};
use super::request::Request;
use super::world::World;

/// The most disagreements about the same parameters that are told.
const ALIKE: usize = 3;

/// How often something was asked, and what came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// How many searches had it.
    pub asked: usize,
    /// How many of them were answered as expected, and found something.
    pub found: usize,
    /// How many of them were refused on its account.
    pub refused: usize,
    /// How many disagreed, and could not do so without it.
    pub disagreed: usize,
}

/// A search that was answered otherwise than expected.
#[derive(Debug, Clone)]
pub struct Disagreement {
    /// The features that it needs.
    pub features: String,
    /// The smallest search that shows it.
    pub request: String,
    /// What has to come, and what came.
    pub difference: String,
    /// The resources concerned, a few of them, as JSON.
    pub resources: Vec<String>,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many of the searches have answers known by hand.
    pub golden: usize,
    /// How many searches were asked.
    pub asked: usize,
    /// How many were answered as expected.
    pub agreed: usize,
    /// How many of those found something.
    pub found: usize,
    /// How many were refused as not supported.
    pub refused: usize,
    /// How many were answered otherwise than expected.
    pub disagreed: usize,
    /// The tally of each feature.
    pub features: BTreeMap<String, Tally>,
    /// What the server said when it refused a feature.
    pub words: BTreeMap<String, String>,
    /// The disagreements, a few about the same parameters.
    pub told: Vec<Disagreement>,
    /// Features asked alone: whether they are refused.
    alone: HashMap<String, bool>,
}

impl Report {
    /// A report of no search yet, with so many golden cases.
    pub(super) fn of_golden(golden: usize) -> Self {
        Self { golden, ..Self::default() }
    }

    /// Adds what came of one search.
    pub(super) async fn add(&mut self, server: &Server, world: &World, request: &Request, verdict: Verdict) -> Result<(), String> {
        self.asked += 1;
        for feature in features(request) {
            let tally = self.features.entry(feature).or_default();
            tally.asked += 1;
            tally.found += usize::from(matches!(verdict, Verdict::Agreed(true)));
        }
        match verdict {
            Verdict::Agreed(found) => {
                self.agreed += 1;
                self.found += usize::from(found);
            }
            Verdict::Refused(words) => {
                self.refused += 1;
                self.refusal(server, world, request, &words).await;
            }
            Verdict::Disagreed(_) => {
                self.disagreed += 1;
                self.disagreement(server, world, request).await;
            }
        }
        Ok(())
    }

    /// Finds out which feature of a request is refused on its own.
    async fn refusal(&mut self, server: &Server, world: &World, request: &Request, words: &str) {
        let mut blamed = BTreeSet::new();
        for pair in request.parameters.iter().filter(|(name, _)| name != "_type") {
            let kept = |own: &&(String, String)| own.0 == "_type" || *own == pair;
            let alone = Request { parameters: request.parameters.iter().filter(kept).cloned().collect(), ..request.clone() };
            let label = features(&alone).into_iter().collect::<Vec<_>>().join(" + ");
            let known = self.alone.get(&label).copied();
            let refused = match known {
                Some(refused) => refused,
                None => matches!(judge(server, world, &alone).await, Verdict::Refused(_)),
            };
            self.alone.insert(label.clone(), refused);
            blamed.extend(refused.then_some(label));
        }
        if blamed.is_empty() {
            blamed.insert(features(request).into_iter().collect::<Vec<_>>().join(" + "));
        }
        for label in blamed {
            self.features.entry(label.clone()).or_default().refused += 1;
            self.words.entry(label).or_insert_with(|| format!("{}: {words}", request.text()));
        }
    }

    async fn disagreement(&mut self, server: &Server, world: &World, request: &Request) {
        let label = |request: &Request| features(request).into_iter().collect::<Vec<_>>().join(" + ");
        // What shows nothing new is not made smaller: that asks the server many times.
        let known = self.alike(request) >= ALIKE;
        let least = if known { request.clone() } else { minimise(server, world, request).await };
        let features = label(&least);
        self.features.entry(features.clone()).or_default().disagreed += 1;
        if self.alike(&least) >= ALIKE || self.told.iter().any(|other| other.request == least.text()) {
            return;
        }
        let Verdict::Disagreed(difference) = judge(server, world, &least).await else { return };
        let (expected, got) = *difference;
        let concerned = got.split_whitespace().map(|word| word.trim_end_matches(';')).filter_map(|name| world.place(name)).take(2);
        let resources = concerned.map(|place| world.at(place).to_string()).collect();
        let matches: Vec<&str> = expected.matches.iter().map(String::as_str).take(12).collect();
        let along: Vec<&str> = expected.included.iter().map(String::as_str).collect();
        let along = if along.is_empty() { String::new() } else { format!(", included {}", along.join(" ")) };
        let difference = {
            let more = if expected.matches.len() > matches.len() { " …" } else { "" };
            format!("expected {} matches: {}{more}{along}\n    got {got}", expected.matches.len(), matches.join(" "))
        };
        self.told.push(Disagreement { features, request: least.text(), difference, resources });
    }

    /// How many of the disagreements told are about the same parameters of the same type.
    fn alike(&self, request: &Request) -> usize {
        let about = |request: &Request| (request.kind.clone(), request.parameters.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
        self.told.iter().filter(|other| about(&Request::parse(&other.request)) == about(request)).count()
    }

    /// Whether every search was answered as expected, refusals apart.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.disagreed == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.told {
            writeln!(f, "DISAGREED  {}\n    {}\n    {}", one.features, one.request, one.difference)?;
            for resource in &one.resources {
                writeln!(f, "    {resource}")?;
            }
        }
        for (feature, words) in &self.words {
            writeln!(f, "REFUSED  {feature}\n    {words}")?;
        }
        writeln!(f, "{:>8} {:>8} {:>8} {:>9}  feature", "asked", "found", "refused", "disagreed")?;
        for (feature, tally) in &self.features {
            writeln!(f, "{:>8} {:>8} {:>8} {:>9}  {feature}", tally.asked, tally.found, tally.refused, tally.disagreed)?;
        }
        let share = (self.found * 100).checked_div(self.agreed).unwrap_or(0);
        writeln!(f, "{} of {} answers as expected are not empty ({share} %)", self.found, self.agreed)?;
        write!(f, "{} searches: {} agreed, {} refused, {} disagreed", self.asked, self.agreed, self.refused, self.disagreed)
    }
}

/// What a search makes use of.
fn features(request: &Request) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let kind = request.kind.clone().unwrap_or_default();
    if request.post {
        found.insert("POST _search".to_owned());
    }
    if let Some(within) = &request.within {
        let all = if request.kind.is_none() { ", all types" } else { "" };
        found.insert(format!("compartment of {}{all}", within.split('/').next().unwrap_or_default()));
    }
    for (name, value) in &request.parameters {
        match name.as_str() {
            "_sort" => {
                let any = request.kinds().into_iter().next().unwrap_or_default();
                let kinds = request.sort().into_iter().filter_map(|(code, _)| parameters::find(&any, &code));
                found.extend(kinds.map(|parameter| format!("_sort by {}", shape(parameter.code, parameter.kind.name()))));
            }
            "_count" | "_total" | "_summary" | "_include" | "_include:iterate" | "_revinclude" | "_revinclude:iterate" | "_list" => {
                let star = if value.ends_with('*') { "=*" } else { "" };
                found.insert(format!("{name}{star}"));
            }
            "_filter" => {
                let operators = Filter::parse(value).map(|filter| filter.operators()).unwrap_or_default();
                found.extend(operators.into_iter().map(|operator| format!("_filter {operator}")));
            }
            "_contained" | "_containedType" => drop(found.insert(format!("{name}={value}"))),
            "_type" => drop(found.insert("several types".to_owned())),
            _ => drop(found.insert(criterion(&kind, name))),
        }
    }
    found
}

fn shape(code: &str, kind: &str) -> String {
    if code.starts_with('_') { code.to_owned() } else { kind.to_owned() }
}

/// What a criterion makes use of: `token:not`, `chain of 2 to date`, `_has chain of 1 to string`.
fn criterion(kind: &str, name: &str) -> String {
    if let Some(rest) = name.strip_prefix("_has:") {
        let mut parts = rest.splitn(3, ':');
        let (source, rest) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        return format!("_has {}", criterion(source, rest));
    }
    if let Some((head, rest)) = name.split_once('.') {
        let (code, target) = head.split_once(':').map_or((head, None), |(code, target)| (code, Some(target)));
        let targets = parameters::find(kind, code).map(|parameter| parameter.targets.clone()).unwrap_or_default();
        let known: Vec<&str> =
            targets.into_iter().filter(|own| TYPES.contains(own) && target.is_none_or(|target| target == *own)).collect();
        let next = rest.split([':', '.']).next().unwrap_or_default();
        let end = known.iter().find(|own| parameters::find(own, next).is_some()).copied().unwrap_or_default();
        let open = if known.len() > 1 { "open " } else { "" };
        return format!("{open}chain {}", criterion(end, rest));
    }
    if matches!(name, "_text" | "_content" | "_list") {
        return name.to_owned();
    }
    let (code, modifier) = name.split_once(':').unwrap_or((name, ""));
    let kind = if kind.is_empty() { TYPES.first().copied().unwrap_or_default() } else { kind };
    let known = parameters::find(kind, code);
    let own = known.map_or("unknown", |parameter| parameter.kind.name());
    let modifier = if TYPES.contains(&modifier) { "[type]" } else { modifier };
    let colon = if modifier.is_empty() { "" } else { ":" };
    format!("{}{colon}{modifier}", shape(code, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_have_features() {
        let check = |text: &str, expected: &str| {
            assert_eq!(features(&Request::parse(text)).into_iter().collect::<Vec<_>>().join(" + "), expected);
        };
        check("Patient?gender:not=male&_count=2", "_count + token:not");
        check("Observation?subject:Patient.organization.name:exact=x", "chain chain string:exact");
        check("Observation?subject.name=x", "open chain string");
        check("Patient?_has:Observation:patient:_has:DiagnosticReport:result:status=final", "_has _has token");
        check(
            "Patient?_has:Observation:subject:encounter.date=2020&_sort=-birthdate,_id",
            "_has chain date + _sort by _id + _sort by date",
        );
        check("?_type=Patient,List&_tag=x", "_tag + several types");
        check("Observation?subject:Patient=1&_include=*", "_include=* + reference:[type]");
    }
}
