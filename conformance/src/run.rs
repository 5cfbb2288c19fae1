//! Runs cases: creates what they start with, sends their requests, and judges the answers.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::case::{Given, Step};
use crate::check;
use crate::outgoing::{self, FHIR_JSON};

use crate::client::{Client, Reply, Request, transcript};
use crate::judge::{capture, json, judge};
use crate::results::{Results, next};
use crate::suites::Chosen;
use crate::template::Variables;

/// The most pages of one search that are read.
const PAGES: usize = 200;

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Longest wait for one answer.
    pub patience: Duration,
    /// How many cases run at the same time.
    pub jobs: usize,
    /// Whether cases are skipped that need a capability which the server does not state.
    pub skip: bool,
}

/// What came of a case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Area and file: `rest/create`.
    pub suite: String,
    /// 1-based number of the case in its file.
    pub number: usize,
    /// Name of the case.
    pub name: String,
    /// Where its rule stands.
    pub spec: String,
    /// Passed, failed or skipped.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// Whether the rule of a case held.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It held.
    Passed,
    /// It did not.
    Failed(Failure),
    /// It was not tried, for this reason.
    Skipped(String),
}

/// Where a case failed and how.
#[derive(Debug, Clone)]
pub struct Failure {
    /// `step 2` (1-based), or the resource that could not be created.
    pub place: String,
    /// Method and URL of the request.
    pub request: String,
    /// What was expected and what came, one sentence each.
    pub wrong: Vec<String>,
    /// Request and answer in full.
    pub transcript: String,
}

/// A server under test.
#[derive(Debug)]
pub struct Runner {
    client: Client,
    base: String,
    capabilities: Option<Value>,
    settings: Settings,
    /// Different in every run, so that a run never meets the data of another.
    run: String,
}

impl Runner {
    /// Makes sure that there is a server at `base`, and asks what it can do.
    ///
    /// # Errors
    /// If the URL is none, or nobody answers there.
    pub async fn connect(base: &str, settings: Settings) -> Result<Self, String> {
        let base = base.trim_end_matches('/').to_owned();
        let uri: hyper::Uri = base.parse().map_err(|error| format!("`{base}` is no URL: {error}"))?;
        let https = uri.scheme_str() == Some("https");
        if uri.authority().is_none() || !(https || uri.scheme_str() == Some("http")) {
            return Err(format!("`{base}` is no URL that starts with http:// or https:// and names a host"));
        }
        let client = Client::new(https, settings.patience)?;
        let request = Request {
            method: "GET".to_owned(),
            url: format!("{base}/metadata"),
            headers: vec![("accept".to_owned(), FHIR_JSON.to_owned())],
            body: None,
        };
        let reply = client.send(&request).await.map_err(|problem| format!("no server answers at {base}: {problem}"))?;
        // A server without a CapabilityStatement is judged by every case.
        let capabilities = json(&reply).ok().filter(|_| reply.status == 200);
        Ok(Self { client, base, capabilities, settings, run: base36(RandomState::new().hash_one(0)) })
    }

    /// Runs the cases, several at a time, and gives their outcomes in the order of the cases.
    pub async fn run(self, cases: Vec<Chosen>) -> Vec<Outcome> {
        let jobs = self.settings.jobs.max(1);
        let (runner, cases, turn) = (Arc::new(self), Arc::new(cases), Arc::new(AtomicUsize::new(0)));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..jobs {
            let (runner, cases, turn) = (Arc::clone(&runner), Arc::clone(&cases), Arc::clone(&turn));
            workers.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let index = turn.fetch_add(1, Ordering::Relaxed);
                    let Some(chosen) = cases.get(index) else { return done };
                    done.push((index, runner.case(chosen, index).await));
                }
            });
        }
        let mut outcomes: Vec<(usize, Outcome)> = workers.join_all().await.into_iter().flatten().collect();
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    async fn case(&self, chosen: &Chosen, index: usize) -> Outcome {
        let begin = Instant::now();
        let verdict = match self.lacks(chosen) {
            Some(reason) => Verdict::Skipped(reason),
            None => match self.steps(chosen, index).await {
                Ok(()) => Verdict::Passed,
                Err(failure) => Verdict::Failed(*failure),
            },
        };
        let case = &chosen.case;
        Outcome {
            suite: chosen.suite.clone(),
            number: chosen.number,
            name: case.name.clone(),
            spec: case.spec.clone(),
            verdict,
            took: begin.elapsed(),
        }
    }

    /// What the server does not state that the case needs.
    fn lacks(&self, chosen: &Chosen) -> Option<String> {
        let needed = chosen.case.only_if.as_deref().filter(|_| self.settings.skip)?;
        let lacking = check::json(needed, self.capabilities.as_ref()?).err()?;
        Some(format!("the CapabilityStatement does not say so: {lacking}"))
    }

    async fn steps(&self, chosen: &Chosen, index: usize) -> Result<(), Box<Failure>> {
        let case = &chosen.case;
        let mut variables = Variables::default();
        variables.set("base", &self.base);
        variables.set("unique", format!("c{}{index:03}", self.run));
        for (name, text) in &case.vars {
            variables.define(name, text);
        }
        for given in &case.given {
            self.create(given, &mut variables).await?;
        }
        for (index, step) in case.steps.iter().enumerate() {
            let place = format!("step {}", index + 1);
            self.step(step, &place, &mut variables).await?;
        }
        Ok(())
    }

    /// Creates a resource that the case starts with.
    async fn create(&self, given: &Given, variables: &mut Variables) -> Result<(), Box<Failure>> {
        let place = format!("creating `{}`", given.name);
        let resource = variables.fill(&given.resource).unwrap_or_default();
        let kind = serde_json::from_str::<Value>(&resource).ok();
        let kind = kind.as_ref().and_then(|value| value.get("resourceType")).and_then(Value::as_str).unwrap_or_default();
        let step = Step {
            request: format!("POST {kind}"),
            body: Some(given.resource.clone()),
            status: crate::case::Statuses::One(201),
            capture: [(given.name.clone(), "header Location | id".to_owned())].into(),
            ..Step::default()
        };
        self.step(&step, &place, variables).await
    }

    async fn step(&self, step: &Step, place: &str, variables: &mut Variables) -> Result<(), Box<Failure>> {
        let fail = |request: String, wrong: Vec<String>, transcript: String| {
            Err(Box::new(Failure { place: place.to_owned(), request, wrong, transcript }))
        };
        let request = match outgoing::request(&self.base, step, variables) {
            Ok(request) => request,
            Err(problem) => return fail(step.request.clone(), vec![problem], String::new()),
        };
        for reply in self.send(&request, step.at_once).await {
            let wrong = match &reply {
                Err(problem) => vec![problem.clone()],
                Ok(reply) => self.judge(step, &request, reply, variables).await,
            };
            if !wrong.is_empty() {
                return fail(format!("{} {}", request.method, request.url), wrong, transcript(&request, &reply));
            }
        }
        Ok(())
    }

    /// Sends a request as often as asked, all at the same time.
    async fn send(&self, request: &Request, times: u8) -> Vec<Result<Reply, String>> {
        if times <= 1 {
            return vec![self.client.send(request).await];
        }
        let mut sent = tokio::task::JoinSet::new();
        for _ in 0..times {
            let (client, request) = (self.client.clone(), request.clone());
            sent.spawn(async move { client.send(&request).await });
        }
        sent.join_all().await
    }

    /// Everything that is wrong with an answer; if nothing is, what the step captures from it.
    async fn judge(&self, step: &Step, request: &Request, reply: &Reply, variables: &mut Variables) -> Vec<String> {
        let mut wrong = judge(step, variables, reply);
        if wrong.is_empty() && (step.finds.is_some() || step.order.is_some() || step.included.is_some()) {
            wrong = self.search(step, request, reply, variables).await;
        }
        if wrong.is_empty() {
            for (name, source) in &step.capture {
                match capture(source, reply) {
                    Ok(value) => variables.set(name, value),
                    Err(problem) => wrong.push(problem),
                }
            }
        }
        wrong
    }

    /// Reads all pages of a search and compares what they hold.
    async fn search(&self, step: &Step, request: &Request, first: &Reply, variables: &Variables) -> Vec<String> {
        let mut results = Results::default();
        let mut page = json(first);
        for _ in 0..PAGES {
            let link = match page.and_then(|page| results.add(&page).map(|()| next(&page))) {
                Ok(None) => {
                    let finds = step.finds.as_deref().map(|finds| results.found(finds, false, variables));
                    let order = step.order.as_deref().map(|order| results.found(order, true, variables));
                    let along = step.included.as_deref().map(|included| results.came_along(included, variables));
                    return [finds, order, along].into_iter().flatten().filter_map(Result::err).collect();
                }
                Ok(Some(link)) => link,
                Err(problem) => return vec![problem],
            };
            let headers = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")).cloned().collect();
            let following = Request { method: "GET".to_owned(), url: outgoing::url(&self.base, &link), headers, body: None };
            page = match self.client.send(&following).await {
                Ok(reply) if reply.status == 200 => json(&reply),
                Ok(reply) => return vec![format!("next page {link}: expected 200, got {}", reply.status)],
                Err(problem) => return vec![format!("next page {link}: {problem}")],
            };
        }
        vec![format!("the search has more than {PAGES} pages; do its next links go in a circle?")]
    }
}

/// A number in the letters that FHIR ids may have.
fn base36(mut number: u64) -> String {
    let mut digits = String::new();
    while number > 0 {
        digits.extend(char::from_digit(u32::try_from(number % 36).unwrap_or(0), 36));
        number /= 36;
    }
    digits
}
