//! A naive evaluator of FHIR R4 search, and a run that compares a server with it.
//!
//! It is written from the specification alone (<https://hl7.org/fhir/R4/search.html>) and shares nothing with any server: random
//! resources that refer to each other are loaded over HTTP, random searches are asked, and each answer is compared with what
//! the evaluator finds by looking at every resource. The same seed asks the same searches.
//!
//! # Order
//!
//! Without `_sort` the newest comes first, by creation. With it, ties are newest first too, and resources without a value
//! come last in either direction. Of several values the smallest counts upwards and the largest downwards. Keys: of a token
//! the code, of a reference `Type/id` or the URL, of a URI its text, all by code point; of a string each part without letter case
//! and accents; of a date the begin of its interval upwards and the end downwards; of a quantity the number in canonical
//! units where it has a UCUM unit that converts, else the number as it stands: rounded to 14 digits, half away from zero, sizes of 1E300 and
//! more alike, and so those below 1E-300.
//!
//! # Readings
//!
//! - `eq` and `ne` take the range that the precision implies, `[value - half, value + half)` with `half` of one unit of the last
//!   digit, exponents included: `1e2` is 50 to 150. (The specification's table has 95 to 105 there, against its own rule.)
//! - The other prefixes of numbers compare with the number itself; `ap` is a tenth to either side, ends included.
//! - `ap` of dates: the intervals touch after the asked one grew by a tenth of its width, a day at least, to either side.
//! - `ne` needs a value, as every prefix; `:not` does not, and with several values none of them may match.
//! - `number||unit` finds the code or the text of the unit, whichever the quantity has. A number with a UCUM unit converts;
//!   `number||unit` does not. A quantity without a value matches nothing, and yet its element is not missing.
//! - `system|` finds a Coding that has no code.
//! - A stored reference with a version is found without one; a version asked for counts. Chains, `_has` and includes go to
//!   what the server has now, whatever version the reference names. An id alone is that of a resource of this server.
//! - `:text` looks at `CodeableConcept.text`, `Coding.display` and `Identifier.type.text`, from the start.
//! - `:above` and `:below` of URIs go by whole steps of the path.
//! - A chain without a type goes through all types that the reference may lead to and that have the next parameter.
//! - Each `_has` stands for itself: two of them may be met by different resources.
//! - A parameter `patient` goes by the type that the reference names, or that the contained resource has; whether a resource
//!   exists does not matter.
//! - Composites count the starts of variants and windows from 1, whatever the sequence's own counting; ends are inclusive.
//!   Plain parameters find what is written. The chromosome is also told by an accession `NC_000001` to `NC_000024`.
//! - `_list` finds all items of the list that are there. `deceased` is true or false and never missing. `near` measures on a
//!   sphere; its unit is km unless `m` or a mile is said.
//! - A comparator makes a quantity all that lies below or above it, its end included: an interval without end, as a Period may be.
//! - A leap second is the last moment of the second before it, and so of the minute and the day that it ends.
//! - `_text` and `_content` find resources in which every word stands, as a word; of several values one is enough.
//! - A `_filter` tells of the set of values to which a path leads: `ne` needs a value that is another one, `pr false` an empty set,
//!   also where the path breaks off. Texts have no letter case, tokens have; a string is a value with spaces, and no more. An item
//!   is an element: a concept of several codings is one, and another one if none of them is the value. White space and separators in values are
//!   not asked for.
//! - Everything of a compartment (`Patient/x/*`) comes type by type, the patient first, then by the name of the type.
//! - A contained resource has the `_lastUpdated` of its container, and its own `_id`; order and pages are those of the containers. Chains
//!   lead to what `#id` and `#` name inside, and to resources outside; includes start at what is told.
//! - `:iterate` goes on over what came along until nothing new comes; a plain include applies to matches only.

mod account;
mod asked;
mod asking;
mod chance;
mod clinical;
mod compartments;
mod contained;
mod elements;
mod escapes;
mod evaluate;
mod filter;
mod filtering;
mod folding;
mod golden;
mod includes;
mod inner;
mod links;
mod loading;
mod matching;
mod moment;
mod natural;
mod near;
mod number;
mod order;
mod parameters;
mod pools;
mod questions;
mod request;
mod resources;
mod terminology;
#[cfg(test)]
mod tests;
mod tokens;
mod units;
mod wanting;
mod words;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use account::{Disagreement, Report, Tally};
use asking::Server;
use questions::Questioner;

/// How to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many random searches are asked.
    pub queries: usize,
    /// What resources and searches follow from.
    pub seed: u64,
    /// About how many random resources are loaded.
    pub resources: usize,
    /// How many searches are asked at the same time.
    pub jobs: usize,
    /// Longest wait for one answer.
    pub patience: Duration,
}

/// Loads the resources into an empty server at `base` (or finds them there from an earlier run), asks the golden searches and
/// the random ones, and tells where server and evaluator disagree.
///
/// # Errors
/// If the server does not answer, refuses a resource, or holds other resources of these types.
pub async fn run(base: &str, options: Options) -> Result<Report, String> {
    let base = base.trim_end_matches('/');
    let cases = golden::cases(base)?;
    let mut all = golden::resources(&cases);
    all.extend(terminology::resources());
    all.extend(resources::resources(base, options.seed, options.resources));
    let server = Server::connect(base, options.patience)?;
    let world = loading::load(&server, all).await?;
    golden::verify(&cases, &world)?;
    let mut questioner = Questioner::new(&world, options.seed);
    let mut requests: Vec<_> = cases.iter().map(|case| case.request.clone()).collect();
    requests.extend((0..options.queries).map(|_| questioner.next()));
    let work = Arc::new((server, world, requests));
    let turn = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..options.jobs.max(1) {
        let (work, turn) = (Arc::clone(&work), Arc::clone(&turn));
        workers.spawn(async move {
            let (server, world, requests) = &*work;
            let mut done = Vec::new();
            loop {
                let index = turn.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(index) else { return done };
                done.push((index, asking::judge(server, world, request).await));
            }
        });
    }
    let mut judged: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    judged.sort_by_key(|(index, _)| *index);
    let (server, world, requests) = &*work;
    let mut report = Report::of_golden(cases.len());
    for ((_, verdict), request) in judged.into_iter().zip(requests) {
        report.add(server, world, request, verdict).await?;
    }
    Ok(report)
}
