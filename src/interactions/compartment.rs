//! Compartments: the resources that belong to another one, of one type or of all types.
//!
//! A walk goes through the types in a fixed order, and in each from the newest resource to the oldest; its place is a type and
//! a row. Source: <https://hl7.org/fhir/R4/compartmentdefinition.html>, <https://hl7.org/fhir/R4/http.html#vsearch>.

use std::sync::Arc;

use super::bundle::{Mode, Writer, warnings};
use super::request::{CompartmentOf, Handling};
use super::search::PLAIN;
use super::{Answer, Failure, FailureKind, Gateway, refused};
use crate::definitions::Compartment;
use crate::model::outcome::{Issue, IssueType};
use crate::model::reference::Key;
use crate::model::schema::ResourceType;
use crate::search::key;
use crate::search::plan::{Filter, Place, Plan, SortValue};
use crate::search::query::{self, Query};
use crate::store::port::{StoreError, Unmet, Version};

/// Where a walk goes on: after this row of the plan with this number, or at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) plan: usize,
    pub(super) row: Option<i64>,
}

impl Spot {
    pub(super) const START: Self = Self { plan: 0, row: None };

    /// As a cursor holds it.
    pub(super) fn place(self) -> Place {
        let number = i64::try_from(self.plan).unwrap_or(i64::MAX);
        let row = self.row.map(SortValue::Number);
        Place { values: vec![Some(SortValue::Number(number)), row], row: 0 }
    }

    pub(super) fn of(place: &Place) -> Option<Self> {
        let [Some(SortValue::Number(plan)), row] = place.values.as_slice() else { return None };
        let row = match row {
            Some(SortValue::Number(row)) => Some(*row),
            None => None,
            Some(SortValue::Text(_)) => return None,
        };
        Some(Self { plan: usize::try_from(*plan).ok()?, row })
    }
}

impl Gateway {
    /// The compartment that a type names.
    pub(super) fn compartment(&self, kind: ResourceType) -> Option<&'static Compartment> {
        self.definitions().compartment(kind.name())
    }

    /// The condition that a resource of a type belongs to the compartment around `key`; `None` if none of the type can.
    pub(super) fn membership(&self, key: &Key, kind: ResourceType) -> Option<Filter> {
        let catalog = self.catalog();
        let own = catalog.of(kind);
        let mut ways = Vec::new();
        for code in self.compartment(key.kind)?.parameters(kind) {
            if let Some(compiled) = own.parameter(code) {
                ways.push(Filter::Post(key::reference(compiled.parameter.number, &key.to_string())));
            }
        }
        // Whatever is around a resource, the resource itself is in it.
        if kind == key.kind {
            ways.push(Filter::Id(vec![key.id.clone()]));
        }
        if ways.len() > 1 { Some(Filter::Any(ways)) } else { ways.pop() }
    }

    /// The types of which resources can be in the compartment around a type, the type itself first.
    pub(super) fn member_types(&self, kind: ResourceType) -> Vec<ResourceType> {
        let members = self.compartment(kind).into_iter().flat_map(|compartment| compartment.members.iter().map(|(member, _)| *member));
        std::iter::once(kind).chain(members.filter(|member| *member != kind)).collect()
    }

    /// A plan for all of a type that meet a filter.
    pub(super) fn plan_of(&self, kind: ResourceType, filter: Filter) -> Plan {
        Plan { of: vec![self.catalog().of(kind).searched()], filter, sort: Vec::new(), after: None, limit: 0, total: false }
    }

    /// Walks plans, one after the other, for at most `most` resources; also tells where to go on, if anything is left.
    pub(super) async fn walk(&self, plans: &[Plan], from: Spot, most: usize) -> Result<(Vec<Arc<Version>>, Option<Spot>), Failure> {
        let (mut found, mut spot) = (Vec::new(), from);
        while let Some(plan) = plans.get(spot.plan) {
            let after = spot.row.map(|row| Place { values: Vec::new(), row });
            // One more than wanted tells whether anything is left, without a page that turns out empty.
            let plan = Plan { after, limit: most - found.len() + 1, ..plan.clone() };
            let page = self.store.search(&plan).await?;
            for hit in page.hits {
                if found.len() == most {
                    return Ok((found, Some(spot)));
                }
                spot.row = Some(hit.place.row);
                found.push(hit.version);
            }
            if !page.more {
                spot = Spot { plan: spot.plan + 1, row: None };
            }
        }
        Ok((found, None))
    }

    /// How many resources the plans find together.
    async fn count(&self, plans: &[Plan]) -> Result<u64, Failure> {
        let mut count = 0;
        for plan in plans {
            count += self.store.search(&Plan { total: true, ..plan.clone() }).await?.total.unwrap_or(0);
        }
        Ok(count)
    }

    /// A search of all types in a compartment: `Patient/x/*`.
    pub(super) async fn search_compartment(&self, of: CompartmentOf) -> Result<Answer, Failure> {
        let CompartmentOf { key, parameters, handling } = of;
        let (criteria, types): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|(name, _)| name != "_type");
        let (query, mut issues) = query::read(&criteria);
        let members = self.member_types(key.kind);
        let wanted = self.types(&types, &members, &mut issues);
        let shaped =
            query.summary.is_some() || query.total.is_some() || !query.elements.is_empty() || query.contained.is_some() || query.explain;
        if shaped || !query.sort.is_empty() || !query.includes.is_empty() || !query.revincludes.is_empty() {
            let told = "A search of all types takes the parameters that all resources have, _type and _count; no _sort, _include, _summary and the like.";
            issues.push(Issue::error(IssueType::NotSupported, "*", told));
        }
        let (catalog, mut plans, mut own) = (self.catalog(), Vec::new(), false);
        for kind in &wanted {
            let bare = Query { criteria: query.criteria.clone(), ..Query::default() };
            let (search, more) = self.resolved(&bare, &[*kind], &catalog).await?;
            own |= search.own;
            // What one type does not understand, none may take for granted.
            more.into_iter().for_each(|issue| {
                if !issues.iter().any(|known| known.expression == issue.expression) {
                    issues.push(issue)
                }
            });
            let Some(membership) = self.membership(&key, *kind) else { continue };
            plans.push(self.plan_of(*kind, Filter::All(vec![membership, search.plan.filter])));
        }
        if !issues.is_empty() && handling == Handling::Strict {
            return Err(refused(FailureKind::Invalid, issues));
        }
        let pairs = criteria
            .iter()
            .chain(&types)
            .filter(|(name, value)| !value.is_empty() && !matches!(name.as_str(), "_count" | "_format" | "_pretty" | query::CURSOR));
        let address = told(format!("{}/{key}/*", self.base), pairs);
        let count = query.count.unwrap_or(self.page_size.default).min(self.page_size.most);
        let spot = self.spot(query.cursor.as_deref(), &address)?;
        let (found, next) = if count > 0 { self.walk(&plans, spot, count).await? } else { (Vec::new(), None) };
        if own && !self.is_current(&catalog).await? {
            return Err(StoreError::Unmet(Unmet::Catalog).into());
        }
        let links = self.links(&address, query.count.map(|_| count), query.cursor.as_deref(), next);
        let whole = match (query.cursor.is_none() && next.is_none(), count) {
            // `_count=0` asks for the number alone.
            (true, 0) => Some(self.count(&plans).await?),
            (true, _) => Some(found.len() as u64),
            (false, _) => None,
        };
        let size = found.iter().map(|version| version.body.as_ref().map_or(0, bytes::Bytes::len) + 160).sum();
        let mut writer = Writer::new("searchset", self.new_id().as_str(), self.clock.now(), whole, &links, size);
        found.iter().for_each(|version| self.entry(version, Mode::Match, &mut writer));
        if !issues.is_empty() {
            writer.found(None, &warnings(&issues), Mode::Outcome);
        }
        Ok(Answer::Bundle(writer.finish()))
    }

    /// Writes an entry of a searchset with the whole resource.
    pub(super) fn entry(&self, version: &Version, mode: Mode, writer: &mut Writer) {
        if let Some(body) = &version.body {
            writer.found(Some(&format!("{}/{}", self.base, version.key)), std::str::from_utf8(body).unwrap_or("{}"), mode);
        }
    }

    /// The types that `_type` names, in the order of `members`; all if it is not there.
    pub(super) fn types(&self, told: &[(String, String)], members: &[ResourceType], issues: &mut Vec<Issue>) -> Vec<ResourceType> {
        let mut wanted = Vec::new();
        for name in told.iter().flat_map(|(_, value)| value.split(',')).filter(|name| !name.is_empty()) {
            match self.schema().resource_type(name) {
                Some(kind) => wanted.push(kind),
                None => issues.push(Issue::error(IssueType::Value, "_type", format!("\"{name}\" is not a resource type."))),
            }
        }
        let all = told.iter().all(|(_, value)| value.is_empty());
        members.iter().copied().filter(|kind| all || wanted.contains(kind)).collect()
    }

    /// Where a page link leads.
    pub(super) fn spot(&self, cursor: Option<&str>, address: &str) -> Result<Spot, Failure> {
        let Some(token) = cursor else { return Ok(Spot::START) };
        let foreign =
            || Failure::invalid(query::CURSOR, "This page link is not one of this server for this search: start again without it.");
        self.signer.read(address, token).as_ref().and_then(Spot::of).ok_or_else(foreign)
    }

    /// The self and next links of a page.
    pub(super) fn links(
        &self,
        address: &str,
        count: Option<usize>,
        cursor: Option<&str>,
        next: Option<Spot>,
    ) -> Vec<(&'static str, String)> {
        let mut address_of_page = address.to_owned();
        if let Some(count) = count {
            address_of_page = told(address_of_page, [&("_count".to_owned(), count.to_string())]);
        }
        let at = |token: &str| told(address_of_page.clone(), [&(query::CURSOR.to_owned(), token.to_owned())]);
        let mut links = vec![("self", cursor.map_or_else(|| address_of_page.clone(), at))];
        links.extend(next.map(|next| ("next", at(&self.signer.write(address, &next.place())))));
        links
    }
}

/// An address with parameters added.
pub(super) fn told<'p>(address: String, pairs: impl IntoIterator<Item = &'p (String, String)>) -> String {
    let mut address = address;
    for (name, value) in pairs {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(&percent_encoding::utf8_percent_encode(name, PLAIN).to_string());
        address.push('=');
        address.push_str(&percent_encoding::utf8_percent_encode(value, PLAIN).to_string());
    }
    address
}
