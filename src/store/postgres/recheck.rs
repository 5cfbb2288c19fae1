//! Testing found resources on what they carry, a chunk at a time.
//!
//! A condition may lead to other resources, which may be anywhere in a cluster. These are searched for all of the chunk together,
//! so that what is kept in memory never grows with the store.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use super::candidate::{Line, Want};
use super::fault::Fault;
use super::search::Searcher;
use crate::model::primitive::Id;
use crate::search::key;
use crate::search::plan::{Filter, Link, Plan};
use crate::store::evaluate::{Carried as _, World, target_id};
use crate::store::port::StoreError;

/// Resources looked at together when all must be gone through.
pub(super) const CHUNK: usize = if cfg!(test) { 3 } else { 500 };

/// What is known of other resources, as far as the conditions on a chunk ask.
#[derive(Default)]
pub(super) struct Around<'f> {
    bodies: HashMap<i64, Bytes>,
    /// Per chain the ids of targets that meet it; per `_has` the ids of the chunk that are referred to.
    links: Vec<(&'f Link, HashSet<String>)>,
}

impl World for Around<'_> {
    fn body(&self, row: i64) -> Result<Bytes, StoreError> {
        self.bodies.get(&row).cloned().ok_or_else(|| StoreError::Failed(format!("the text of row {row} was not read")))
    }

    fn leads(&self, link: &Link, id: &str) -> Result<bool, StoreError> {
        self.known(link, id)
    }

    fn reached(&self, link: &Link, id: &str) -> Result<bool, StoreError> {
        self.known(link, id)
    }
}

impl Around<'_> {
    fn known(&self, link: &Link, id: &str) -> Result<bool, StoreError> {
        let found = self.links.iter().find(|(other, _)| std::ptr::eq(*other, link)).map(|(_, ids)| ids.contains(id));
        found.ok_or_else(|| StoreError::Failed("a chain was not followed".to_owned()))
    }
}

impl Searcher<'_> {
    /// Those of a chunk that meet all of some conditions, and what is known around them; `texts` says whether that is to hold
    /// their texts even if no condition asks for them.
    pub(super) async fn recheck<'f>(&self, lines: Vec<Line>, open: &[&'f Filter], texts: bool) -> Result<(Vec<Line>, Around<'f>), Fault> {
        let mut around = Around::default();
        if texts || open.iter().any(|filter| asks_for_text(filter)) {
            for line in &lines {
                around.bodies.extend(line.body(self.shared)?.map(|body| (line.row, body)));
            }
        }
        let (mut chains, mut referrers) = (Vec::new(), Vec::new());
        open.iter().for_each(|filter| links(filter, &mut chains, &mut referrers));
        for link in chains {
            let met = self.targets(link, &lines).await?;
            around.links.push((link, met));
        }
        for link in referrers {
            let met = self.referred_to(link, &lines).await?;
            around.links.push((link, met));
        }
        let mut kept = Vec::new();
        for line in lines {
            let candidate = line.candidate()?;
            let mut holds = true;
            for filter in open {
                holds = holds && candidate.holds(filter, &around)?;
            }
            if holds {
                kept.push(line);
            }
        }
        Ok((kept, around))
    }

    /// The ids of resources to which a chunk refers by a link and which meet its filter.
    async fn targets(&self, link: &Link, lines: &[Line]) -> Result<HashSet<String>, Fault> {
        let mut ids = BTreeSet::new();
        for line in lines {
            let links = line.candidate()?.rows;
            let targets = links.links().filter(|(parameter, _)| *parameter == link.parameter);
            ids.extend(targets.filter_map(|(_, target)| target_id(link, target.as_ref()).and_then(Id::new)));
        }
        let limit = ids.len();
        let filter = Filter::All(vec![Filter::Id(ids.into_iter().collect()), link.filter.clone()]);
        let plan = Plan { of: vec![link.to], filter, sort: Vec::new(), after: None, limit, total: false };
        let found = if limit == 0 { Vec::new() } else { self.find(&plan, Want::Name).await?.0 };
        Ok(found.into_iter().map(|line| line.version.key.id.to_string()).collect())
    }

    /// The ids of a chunk to which a resource refers by a link and meets its filter.
    async fn referred_to(&self, link: &Link, lines: &[Line]) -> Result<HashSet<String>, Fault> {
        let own: HashSet<&str> =
            lines.iter().filter(|line| line.version.key.kind == link.to.kind).map(|line| line.version.key.id.as_str()).collect();
        let post = |id: &&str| Filter::Post(key::reference(link.parameter, &format!("{}/{id}", link.to.kind)));
        let filter = Filter::All(vec![Filter::Any(own.iter().map(post).collect()), link.filter.clone()]);
        let mut plan = Plan { of: vec![link.from], filter, sort: Vec::new(), after: None, limit: CHUNK, total: false };
        let mut reached = HashSet::new();
        loop {
            let (found, more) = self.find(&plan, Want::Keys).await?;
            for line in &found {
                let links = line.candidate()?.rows;
                let targets = links.links().filter(|(parameter, _)| *parameter == link.parameter);
                for (_, target) in targets {
                    reached.extend(target_id(link, target.as_ref()).filter(|id| own.contains(id)).map(str::to_owned));
                }
            }
            plan.after = found.last().map(|line| after_row(line.row));
            if !more || reached.len() == own.len() {
                return Ok(reached);
            }
        }
    }
}

/// The chains and `_has` of a condition, without those within them.
fn links<'f>(filter: &'f Filter, chains: &mut Vec<&'f Link>, referrers: &mut Vec<&'f Link>) {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().for_each(|filter| links(filter, chains, referrers)),
        Filter::Not(filter) => links(filter, chains, referrers),
        Filter::Linked(link) => chains.push(link),
        Filter::Referenced(link) => referrers.push(link),
        _ => {}
    }
}

/// Whether a condition asks for the text of a resource.
pub(super) fn asks_for_text(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().any(asks_for_text),
        Filter::Not(filter) => asks_for_text(filter),
        Filter::Probe(_) => true,
        _ => false,
    }
}

/// The order of the newest first, from where a chunk ended.
pub(super) fn after_row(row: i64) -> crate::search::plan::Place {
    crate::search::plan::Place { values: Vec::new(), row }
}
