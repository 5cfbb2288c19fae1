//! Asks a server, reads its pages to the end, and compares with what has to come.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::escapes::split;
use super::evaluate::{Expected, evaluate};
use super::request::Request;
use super::world::{World, name};
use crate::client::{Client, Reply, Request as Message};
use crate::outgoing::FHIR_JSON;
use crate::results::next;

/// The most pages of one search that are read.
const PAGES: usize = 2000;

/// A server under test.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    pub(super) base: String,
}

/// What a search gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    pub(super) matches: Vec<String>,
    included: BTreeSet<String>,
    total: Option<u64>,
    largest: usize,
}

/// How a search ended.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// As it has to; whether it found something.
    Agreed(bool),
    /// As not supported, with these words.
    Refused(String),
    /// Otherwise: what was expected, and what came.
    Disagreed(Box<(Expected, String)>),
}

impl Server {
    pub(super) fn connect(base: &str, patience: Duration) -> Result<Self, String> {
        Ok(Self { client: Client::new(base.starts_with("https:"), patience)?, base: base.to_owned() })
    }

    /// Sends a request with a path below the base, or an absolute URL.
    pub(super) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, String> {
        let body = body.map(|body| (FHIR_JSON, body.to_string()));
        self.say(method, path, body).await
    }

    async fn say(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Result<Reply, String> {
        let separator = if path.starts_with('?') { "" } else { "/" };
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{separator}{path}", self.base) };
        let mut headers = vec![("accept".to_owned(), FHIR_JSON.to_owned()), ("prefer".to_owned(), "handling=strict".to_owned())];
        let body = body.map(|(kind, body)| {
            headers.push(("content-type".to_owned(), kind.to_owned()));
            body.into()
        });
        self.client.send(&Message { method: method.to_owned(), url, headers, body }).await
    }

    /// All pages of a search. The inner error is a refusal with 400, 405 or 501.
    pub(super) async fn search(&self, path: &str, mut look: impl FnMut(&Value)) -> Result<Result<Answer, String>, String> {
        let mut answer = Answer::default();
        let mut at = path.to_owned();
        for _ in 0..PAGES {
            // The first criterion may stand in the URL; the rest is sent as a form. Next links are for GET.
            let form = at.split_once("_search?").filter(|_| at == path).map(|(path, query)| {
                let (first, rest) = query.split_once('&').filter(|_| query.len() % 2 == 0).unwrap_or(("", query));
                (format!("{path}_search{}{first}", if first.is_empty() { "" } else { "?" }), rest.to_owned())
            });
            let reply = match form {
                Some((path, rest)) => self.say("POST", &path, Some(("application/x-www-form-urlencoded", rest))).await?,
                None => self.send("GET", &at, None).await?,
            };
            if matches!(reply.status, 400 | 405 | 501) {
                return Ok(Err(told(&reply)));
            }
            let page: Value =
                serde_json::from_slice(&reply.body).map_err(|error| format!("{at}: status {}, no JSON: {error}", reply.status))?;
            if reply.status != 200 {
                return Err(format!("{at}: status {}: {}", reply.status, told(&reply)));
            }
            answer.add(&page)?;
            look(&page);
            match next(&page) {
                Some(url) => at = url,
                None => return Ok(Ok(answer)),
            }
        }
        Err(format!("{path} has more than {PAGES} pages"))
    }
}

impl Answer {
    fn add(&mut self, page: &Value) -> Result<(), String> {
        let mut own = 0;
        for entry in page.get("entry").and_then(Value::as_array).into_iter().flatten() {
            let resource = entry.get("resource").ok_or("an entry has no resource")?;
            match entry.get("search").and_then(|search| search.get("mode")).and_then(Value::as_str) {
                Some("outcome") => return Err(format!("the answer has an outcome: {resource}")),
                Some("include") => drop(self.included.insert(name(resource))),
                _ => {
                    own += 1;
                    // A contained resource is told by its container.
                    let url = entry.get("fullUrl").and_then(Value::as_str).filter(|url| url.contains('#'));
                    let inner = url.map(|url| url.rsplitn(3, '/').take(2).collect::<Vec<_>>());
                    self.matches.push(match inner.as_deref() {
                        Some([id, kind]) => format!("{kind}/{id}"),
                        _ => name(resource),
                    });
                }
            }
        }
        self.largest = self.largest.max(own);
        self.total = page.get("total").and_then(Value::as_u64).or(self.total);
        Ok(())
    }

    /// What is wrong with it, if anything.
    fn problem(&self, expected: &Expected, request: &Request) -> Option<String> {
        let count = u64::try_from(expected.matches.len()).ok();
        let counting = request.value("_summary") == Some("count") || request.value("_count") == Some("0");
        let asked = request.value("_total").is_some_and(|total| total != "none");
        let total = if counting || asked { self.total != count } else { self.total.is_some() && self.total != count };
        let most = request.value("_count").and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
        let mut found = self.included.clone();
        found.retain(|name| !expected.matches.contains(name));
        if counting && !self.matches.is_empty() {
            Some("entries, though only their number was asked".to_owned())
        } else if !counting && self.matches != expected.matches {
            Some(self.difference(expected))
        } else if total {
            Some(format!("total {:?}", self.total))
        } else if found != expected.included && !counting {
            Some(format!("included {}", found.into_iter().collect::<Vec<_>>().join(" ")))
        } else if self.largest > most && request.value("_containedType") != Some("contained") {
            // Contained resources are counted by their containers.
            Some(format!("a page with {} matches", self.largest))
        } else {
            None
        }
    }

    fn difference(&self, expected: &Expected) -> String {
        let less = |one: &[String], other: &[String]| {
            let all: Vec<&str> = one.iter().filter(|name| !other.contains(name)).map(String::as_str).take(12).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join(" ") }
        };
        let (more, lacking) = (less(&self.matches, &expected.matches), less(&expected.matches, &self.matches));
        if more == "nothing" && lacking == "nothing" {
            let first = self.matches.iter().zip(&expected.matches).position(|(own, other)| own != other).unwrap_or(self.matches.len());
            let part = |all: &[String]| all.iter().skip(first).take(6).map(String::as_str).collect::<Vec<_>>().join(" ");
            format!("another order from match {}: {} instead of {}", first + 1, part(&self.matches), part(&expected.matches))
        } else {
            format!("{} matches; too much: {more}; lacking: {lacking}", self.matches.len())
        }
    }
}

/// What an OperationOutcome says, or the first letters of another body.
pub(super) fn told(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let issues = body.get("issue").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = issues.filter_map(|issue| issue.get("diagnostics").and_then(Value::as_str)).collect();
    if texts.is_empty() { reply.text().chars().take(300).collect() } else { texts.join("; ") }
}

/// Asks one search and judges the answer.
pub(super) async fn judge(server: &Server, world: &World, request: &Request) -> Verdict {
    let expected = match evaluate(world, request) {
        Ok(expected) => expected,
        Err(problem) => return Verdict::Disagreed(Box::new((Expected::default(), format!("the evaluator does not know this: {problem}")))),
    };
    match server.search(&request.text(), |_| ()).await {
        Ok(Ok(answer)) => match answer.problem(&expected, request) {
            None => Verdict::Agreed(!expected.matches.is_empty()),
            Some(problem) => Verdict::Disagreed(Box::new((expected, problem))),
        },
        Ok(Err(words)) => Verdict::Refused(words),
        Err(problem) => Verdict::Disagreed(Box::new((expected, problem))),
    }
}

/// The smallest request with the same sort of disagreement: without each parameter, and each of several values, that is not needed.
pub(super) async fn minimise(server: &Server, world: &World, request: &Request) -> Request {
    let mut least = request.clone();
    'again: loop {
        for smaller in smaller(&least) {
            if matches!(judge(server, world, &smaller).await, Verdict::Disagreed(_)) {
                least = smaller;
                continue 'again;
            }
        }
        return least;
    }
}

/// The request with a little less, in every way.
fn smaller(request: &Request) -> Vec<Request> {
    let mut all = Vec::new();
    for (index, (name, value)) in request.parameters.iter().enumerate().filter(|(_, (name, _))| name != "_type") {
        let mut less = request.clone();
        less.parameters.remove(index);
        all.push(less);
        let values = split(value, ',');
        for left_out in (0..values.len()).filter(|_| values.len() > 1) {
            let kept: Vec<&str> = values.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, value)| value.as_str()).collect();
            let mut less = request.clone();
            if let Some(pair) = less.parameters.get_mut(index) {
                *pair = (name.clone(), kept.join(","));
            }
            all.push(less);
        }
    }
    all
}
