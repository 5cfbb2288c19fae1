//! The run itself, against a small server that answers by the evaluator: as it is, it agrees; bent in one way, each is found.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request as Message, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::evaluate::evaluate;
use super::request::Request;
use super::world::World;
use super::{Options, Report, run};

/// How a server is wrong.
#[derive(Clone, Copy, PartialEq)]
enum Bend {
    Straight,
    /// Forgets the oldest match of a search for a code.
    Forgets,
    /// Puts the oldest first in searches with `_sort`.
    Turns,
    /// Tells one too many as total.
    Miscounts,
    /// Brings nothing along.
    Alone,
    /// Serves no chains.
    Refuses,
}

struct Store {
    base: String,
    bend: Bend,
    world: Mutex<Arc<World>>,
    writes: AtomicUsize,
}

impl Store {
    fn put(&self, body: &[u8]) -> (u16, Value) {
        let mut resource: Value = serde_json::from_slice(body).unwrap();
        let mut world = self.world.lock().unwrap();
        let mut all = world.all().to_vec();
        let meta = resource.as_object_mut().unwrap().entry("meta").or_insert_with(|| json!({}));
        self.writes.fetch_add(1, Ordering::Relaxed);
        meta["lastUpdated"] = json!(format!("2020-03-01T09:30:00.{:03}Z", self.writes.load(Ordering::Relaxed)));
        match world.place(&super::world::name(&resource)) {
            Some(place) => all[place] = resource.clone(),
            None => all.push(resource.clone()),
        }
        *world = Arc::new(World::new(&self.base, all));
        (201, resource)
    }

    fn delete(&self, name: &str) -> (u16, Value) {
        let mut world = self.world.lock().unwrap();
        let all = world.all().iter().filter(|resource| super::world::name(resource) != name).cloned().collect();
        *world = Arc::new(World::new(&self.base, all));
        (200, json!({}))
    }

    fn search(&self, target: &str, form: Option<&str>) -> (u16, Value) {
        // The rest of a next link is this server's own.
        let (plain, from) = target.split_once("&from=").unwrap_or((target, "0"));
        let mut request = Request::parse(plain);
        if let Some(more) = form.filter(|form| !form.is_empty()) {
            request = Request::parse(&format!("{plain}{}{more}", if plain.contains('?') { "&" } else { "?" }));
        }
        let asks = |text: &str| request.parameters.iter().any(|(name, _)| name.contains(text));
        if self.bend == Bend::Refuses && asks(".") {
            return (400, json!({"resourceType": "OperationOutcome", "issue": [{"diagnostics": "chains are not served"}]}));
        }
        let world = Arc::clone(&self.world.lock().unwrap());
        let mut expected = evaluate(&world, &request).unwrap();
        match self.bend {
            Bend::Forgets if asks("code") => drop(expected.matches.pop()),
            Bend::Turns if asks("_sort") => expected.matches.reverse(),
            Bend::Alone => expected.included.clear(),
            _ => {}
        }
        let total = expected.matches.len() + usize::from(self.bend == Bend::Miscounts);
        if request.value("_summary").is_some() || request.value("_count") == Some("0") {
            return (200, json!({"resourceType": "Bundle", "type": "searchset", "total": total}));
        }
        let count = request.value("_count").map_or(1000, |count| count.parse().unwrap());
        let from: usize = from.parse().unwrap();
        let entry = |mode: &str, name: &String| {
            // A contained resource goes by its container and its id there.
            let (outer, inner) = name.split_once('#').map_or((name.as_str(), None), |(outer, id)| (outer, Some(id)));
            let resource = world.at(world.place(outer).unwrap());
            let contained = resource["contained"].as_array().into_iter().flatten().find(|one| inner.is_some_and(|id| one["id"] == id));
            json!({"fullUrl": format!("{}/{name}", self.base), "resource": contained.unwrap_or(resource), "search": {"mode": mode}})
        };
        let page = expected.matches.iter().skip(from).take(count).map(|name| entry("match", name));
        let entries: Vec<Value> = page.chain(expected.included.iter().map(|name| entry("include", name))).collect();
        let mut bundle = json!({"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries});
        if from + count < expected.matches.len() {
            bundle["link"] = json!([{"relation": "next", "url": format!("{}/{}&from={}", self.base, Request { post: false, ..request.clone() }.text(), from + count)}]);
        }
        (200, bundle)
    }
}

async fn serve(store: Arc<Store>, request: Message<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.uri().to_string().trim_start_matches("/fhir").trim_start_matches('/').to_owned();
    let method = request.method().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, body) = match method.as_str() {
        "PUT" => store.put(&body),
        "DELETE" => store.delete(&target),
        "POST" => store.search(&target, std::str::from_utf8(&body).ok()),
        _ => store.search(&target, None),
    };
    Ok(Response::builder().status(status).body(Full::new(Bytes::from(body.to_string()))).unwrap())
}

async fn report(bend: Bend, queries: usize) -> Report {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    let store = Arc::new(Store { base: base.clone(), bend, world: Mutex::default(), writes: AtomicUsize::new(0) });
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let store = Arc::clone(&store);
            let service = service_fn(move |request| serve(Arc::clone(&store), request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    let options = Options { queries, seed: 5, resources: 60, jobs: 2, patience: Duration::from_secs(30) };
    run(&base, options).await.unwrap()
}

#[tokio::test]
async fn a_right_server_agrees() {
    let report = report(Bend::Straight, 400).await;
    assert!(report.agrees(), "{report}");
    assert_eq!((report.refused, report.asked), (0, 400 + report.golden));
    assert!(report.found * 100 > report.agreed * 60, "{report}");
}

#[tokio::test]
async fn every_wrong_server_is_found_and_the_search_made_small() {
    for (bend, feature) in [(Bend::Forgets, "code"), (Bend::Turns, "_sort"), (Bend::Miscounts, "?"), (Bend::Alone, "include")] {
        let report = report(bend, 100).await;
        assert!(!report.agrees(), "{feature}");
        for told in &report.told {
            let request = Request::parse(&told.request);
            assert!(request.parameters.len() <= 2 && told.request.contains(feature), "{}", told.request);
        }
    }
}

#[tokio::test]
async fn what_is_not_served_is_told_apart() {
    let report = report(Bend::Refuses, 200).await;
    assert!(report.agrees() && report.refused > 0, "{report}");
    assert!(report.words.iter().all(|(feature, words)| feature.contains("chain") && words.contains("not served")), "{report}");
}
