//! `$everything`: all that is known around a patient, or around a study.
//!
//! Around a patient is the patient's compartment; around a study are its cohorts (studies that are part of it) and the subjects
//! of both, an extension of ours. What these refer to comes along, and what that refers to, except resources of types
//! that belong to patients: they come only as members of the compartment, so that nobody else's data slips in by a reference.
//!
//! Source: <https://hl7.org/fhir/R4/patient-operation-everything.html>.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::{Level, OperationOf, simple};
use crate::base::clock::Instant;
use crate::interactions::bundle::{Mode, Writer, warnings};
use crate::interactions::compartment::{Spot, told};
use crate::interactions::read::{alive, not_found};
use crate::interactions::reference::targets;
use crate::interactions::request::Handling;
use crate::interactions::{Failure, FailureKind, Gateway, refused};
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::moment;
use crate::model::reference::Key;
use crate::model::schema::ResourceType;
use crate::search::key;
use crate::search::plan::{Filter, Place, Plan, Test, Unit};
use crate::search::query;
use crate::store::port::Version;

/// The types that it is served for, and whether of all resources of the type too.
pub(super) const TYPES: [(&str, bool); 2] = [("Patient", true), ("ResearchStudy", false)];

/// Most resources in one Bundle, included ones apart; a next link leads to the others.
const MOST: usize = 10_000;

/// A page looks at what is around so many resources, even if it finds nothing there.
const LOOKED_AT: usize = 500;

/// The parameters by which types tell when care was given, the most telling first.
const CARE_DATES: [&str; 12] = [
    "date",
    "effective-time",
    "occurrence",
    "onset-date",
    "period",
    "authoredon",
    "authored",
    "created",
    "sent",
    "issued",
    "whenhandedover",
    "recorded-date",
];

/// What is asked for.
#[derive(Default)]
struct Wanted {
    /// Time of care: first and last moment.
    care: Option<(i64, i64)>,
    since: Option<Instant>,
    types: Vec<(String, String)>,
    count: Option<usize>,
    cursor: Option<String>,
    /// As the links tell it.
    told: Vec<(String, String)>,
}

impl Gateway {
    pub(super) async fn everything(&self, of: OperationOf) -> Result<Bytes, Failure> {
        let mut parameters = of.parameters;
        if let Some(body) = &of.body {
            parameters.extend(simple(body)?);
        }
        let mut issues = Vec::new();
        let wanted = read(parameters, &mut issues);
        self.types(&wanted.types, &[], &mut issues);
        if !issues.is_empty() && of.handling == Handling::Strict {
            return Err(refused(FailureKind::Invalid, issues));
        }
        let (address, found, next) = match &of.level {
            Level::Instance(key) => {
                alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
                let address = told(format!("{}/{key}/$everything", self.base), &wanted.told);
                let spot = self.spot(wanted.cursor.as_deref(), &address)?;
                let plans = self.around(key, &wanted).await?;
                let most = wanted.count.map_or(MOST, |count| count.min(self.page_size.most)).max(1);
                let (found, next) = self.walk(&plans, spot, most).await?;
                (address, found, next.map(Spot::place))
            }
            Level::Type(kind) => {
                let address = told(format!("{}/{kind}/$everything", self.base), &wanted.told);
                let (found, next) = self.everyone(*kind, &wanted, &address).await?;
                (address, found, next)
            }
            Level::System | Level::Version(..) => return Err(Failure::invalid("", "$everything is asked of a type or a resource.")),
        };
        let others = self.surroundings(&found, &wanted).await?;
        let paged = match &wanted.count {
            Some(count) => told(address.clone(), [&("_count".to_owned(), count.to_string())]),
            None => address.clone(),
        };
        let at = |token: &str| told(paged.clone(), [&(query::CURSOR.to_owned(), token.to_owned())]);
        let mut links = vec![("self", wanted.cursor.as_deref().map_or_else(|| paged.clone(), at))];
        links.extend(next.as_ref().map(|next| ("next", at(&self.signer.write(&address, next)))));
        let whole = (wanted.cursor.is_none() && next.is_none()).then_some(found.len() as u64);
        let size = found.iter().chain(&others).map(|version| version.body.as_ref().map_or(0, Bytes::len) + 160).sum();
        let mut writer = Writer::new("searchset", self.new_id().as_str(), self.clock.now(), whole, &links, size);
        found.iter().for_each(|version| self.entry(version, Mode::Match, &mut writer));
        others.iter().for_each(|version| self.entry(version, Mode::Include, &mut writer));
        if !issues.is_empty() {
            writer.found(None, &warnings(&issues), Mode::Outcome);
        }
        Ok(writer.finish())
    }

    /// Page after page, one resource of the type after the other, each with what is around it. The place of a page is the
    /// resource and the spot in what is around it.
    async fn everyone(&self, kind: ResourceType, wanted: &Wanted, address: &str) -> Result<(Vec<Arc<Version>>, Option<Place>), Failure> {
        let most = wanted.count.unwrap_or(self.page_size.default).clamp(1, self.page_size.most);
        let foreign =
            || Failure::invalid(query::CURSOR, "This page link is not one of this server for this search: start again without it.");
        let (mut before, mut spot) = match &wanted.cursor {
            None => (i64::MAX, Spot::START),
            Some(token) => {
                let place = self.signer.read(address, token).ok_or_else(foreign)?;
                (place.row.saturating_add(1), Spot::of(&place).ok_or_else(foreign)?)
            }
        };
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let after = Some(Place { values: Vec::new(), row: before });
            let page = self.store.search(&Plan { after, limit: 1, ..self.plan_of(kind, Filter::All(Vec::new())) }).await?;
            let Some(one) = page.hits.first() else { return Ok((found, None)) };
            if one.place.row + 1 != before {
                // The resource that the page before ended in is gone: this is the next one.
                spot = Spot::START;
            }
            let go_on = |spot: Spot| Some(Place { row: one.place.row, ..spot.place() });
            if found.len() >= most || looked_at >= LOOKED_AT {
                return Ok((found, go_on(spot)));
            }
            let plans = self.around(&one.version.key, wanted).await?;
            let (some, next) = self.walk(&plans, spot, most - found.len()).await?;
            found.extend(some);
            if let Some(next) = next {
                return Ok((found, go_on(next)));
            }
            (before, spot) = (one.place.row, Spot::START);
            looked_at += 1;
        }
    }

    /// The plans that find what is around a resource, itself first.
    async fn around(&self, key: &Key, wanted: &Wanted) -> Result<Vec<Plan>, Failure> {
        let mut plans = Vec::new();
        if self.compartment(key.kind).is_some() {
            for kind in self.member_types(key.kind) {
                plans.extend(self.membership(key, kind).map(|filter| self.plan_of(kind, filter)));
            }
        } else {
            plans = self.around_study(key).await?;
        }
        let kinds: Vec<_> = plans.iter().flat_map(|plan| &plan.of).map(|of| of.kind).collect();
        let kinds = self.types(&wanted.types, &kinds, &mut Vec::new());
        plans.retain(|plan| plan.of.iter().all(|of| kinds.contains(&of.kind)));
        for plan in &mut plans {
            let mut filters = vec![std::mem::replace(&mut plan.filter, Filter::Any(Vec::new()))];
            filters.extend(plan.of.iter().flat_map(|of| self.narrowed(of.kind, wanted)));
            plan.filter = Filter::All(filters);
        }
        Ok(plans)
    }

    /// A study, the studies that are part of it, and the subjects of all of them.
    async fn around_study(&self, key: &Key) -> Result<Vec<Plan>, Failure> {
        let number = |kind: ResourceType, code: &str| self.catalog().of(kind).parameter(code).map(|compiled| compiled.parameter.number);
        let refers = |number: u32, studies: &[Key]| {
            Filter::Any(studies.iter().map(|study| Filter::Post(key::reference(number, &study.to_string()))).collect())
        };
        let mut studies = vec![key.clone()];
        if let Some(part_of) = number(key.kind, "partof") {
            let mut level = studies.clone();
            while !level.is_empty() {
                let plan = Plan { limit: MOST, ..self.plan_of(key.kind, refers(part_of, &level)) };
                let page = self.store.search(&plan).await?;
                level = page.hits.iter().map(|hit| hit.version.key.clone()).filter(|key| !studies.contains(key)).collect();
                studies.extend(level.iter().cloned());
                if page.more || studies.len() > MOST {
                    let told = format!("{key} has more than {MOST} parts.");
                    return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "", told));
                }
            }
        }
        let mut plans = vec![self.plan_of(key.kind, Filter::Id(studies.iter().map(|study| study.id.clone()).collect()))];
        if let Some(kind) = self.schema().resource_type("ResearchSubject")
            && let Some(study) = number(kind, "study")
        {
            plans.push(self.plan_of(kind, refers(study, &studies)));
        }
        Ok(plans)
    }

    /// `_since`, `start` and `end` for a type. What does not tell when care was given is not left out.
    fn narrowed(&self, kind: ResourceType, wanted: &Wanted) -> Vec<Filter> {
        let catalog = self.catalog();
        let own = catalog.of(kind);
        let mut filters = Vec::new();
        if let Some(since) = wanted.since {
            filters.push(Filter::Number(own.last_updated, Test::EndsAfter(since.0 - 1), Unit::Any));
        }
        let date = CARE_DATES.iter().find_map(|code| own.parameter(code)).map(|compiled| &compiled.parameter);
        if let (Some((from, to)), Some(date)) = (wanted.care, date.filter(|date| date.kind == crate::definitions::ParameterKind::Date)) {
            let undated = Filter::Not(Box::new(Filter::Post(key::present(date.number))));
            filters.push(Filter::Any(vec![undated, Filter::Number(date.number, Test::Overlaps(from, to), Unit::Any)]));
        }
        filters
    }

    /// What resources refer to, directly or over others, of types that do not belong to patients.
    async fn surroundings(&self, found: &[Arc<Version>], wanted: &Wanted) -> Result<Vec<Arc<Version>>, Failure> {
        let patient = self.schema().resource_type("Patient");
        let members: HashSet<ResourceType> = patient.map(|patient| self.member_types(patient)).into_iter().flatten().collect();
        let mut seen: HashSet<Key> = found.iter().map(|version| version.key.clone()).collect();
        let mut open: VecDeque<Arc<Version>> = found.iter().cloned().collect();
        let mut others = Vec::new();
        while let Some(version) = open.pop_front() {
            for key in targets(&self.stored(&version)?, &self.base) {
                if members.contains(&key.kind) || !seen.insert(key.clone()) {
                    continue;
                }
                let Some(target) = self.store.read(&key).await?.filter(|target| target.body.is_some()) else { continue };
                open.push_back(Arc::clone(&target));
                others.push(target);
                if others.len() > MOST {
                    let told = format!("More than {MOST} resources are referred to: ask for smaller pages with _count.");
                    return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "_count", told));
                }
            }
        }
        let kinds: Vec<ResourceType> = others.iter().map(|version| version.key.kind).collect();
        let kinds = self.types(&wanted.types, &kinds, &mut Vec::new());
        others.retain(|version| kinds.contains(&version.key.kind) && wanted.since.is_none_or(|since| version.updated >= since));
        Ok(others)
    }
}

/// Reads the parameters; what is not understood becomes an issue and is left out.
fn read(parameters: Vec<(String, String)>, issues: &mut Vec<Issue>) -> Wanted {
    let mut wanted = Wanted::default();
    for (name, value) in parameters {
        if value.is_empty() {
            continue;
        }
        let interval = moment::search_value(&value);
        let wrong = |told: &str| Issue::error(IssueType::Value, name.clone(), told);
        match (name.as_str(), interval) {
            ("start", Some(interval)) => wanted.care = Some((interval.start, wanted.care.map_or(i64::MAX, |(_, to)| to))),
            ("end", Some(interval)) => wanted.care = Some((wanted.care.map_or(i64::MIN, |(from, _)| from), interval.end - 1)),
            ("_since", Some(interval)) => wanted.since = Some(Instant(interval.start)),
            ("start" | "end" | "_since", None) => {
                issues.push(wrong("This is not a date or time: write for example 2026-11-22."));
                continue;
            }
            ("_type", _) => wanted.types.push((name.clone(), value.clone())),
            ("_count", _) => {
                match value.parse::<usize>() {
                    Ok(count) if count > 0 => wanted.count = Some(count),
                    _ => issues.push(wrong("This is not a whole number from 1.")),
                }
                continue;
            }
            (query::CURSOR, _) => {
                wanted.cursor = Some(value);
                continue;
            }
            ("_format" | "_pretty", _) => continue,
            (other, _) => {
                let told = format!("$everything takes start, end, _since, _type and _count, not {other}.");
                issues.push(Issue::error(IssueType::NotSupported, other, told));
                continue;
            }
        }
        wanted.told.push((name, value));
    }
    wanted
}
