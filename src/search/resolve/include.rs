//! `_include` and `_revinclude`. Source: <https://hl7.org/fhir/R4/search.html#revinclude>.

use std::sync::Arc;

use super::super::catalog::Origin;
use super::super::query::Include;
use super::Resolver;
use crate::definitions::{Parameter, ParameterKind};
use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::ResourceType;

/// An include with its names understood.
#[derive(Clone, Debug)]
pub struct Inclusion {
    /// The type that holds the reference.
    pub source: ResourceType,
    /// The reference parameter.
    pub parameter: Arc<Parameter>,
    /// The only type of target wanted.
    pub target: Option<ResourceType>,
    /// Whether it is followed again from what was included.
    pub iterate: bool,
}

impl Resolver<'_> {
    /// Understands includes; `used` gets those that were.
    pub(super) fn inclusions(&self, wanted: &[Include], name: &str, used: &mut Vec<Include>, issues: &mut Vec<Issue>) -> Vec<Inclusion> {
        let mut all = Vec::new();
        for include in wanted {
            match self.inclusion(include) {
                Ok(found) => {
                    all.extend(found);
                    used.push(include.clone());
                }
                Err(told) => issues.push(Issue::error(IssueType::NotSupported, name, told)),
            }
        }
        all
    }

    fn inclusion(&self, wanted: &Include) -> Result<Vec<Inclusion>, String> {
        let schema = self.catalog.schema();
        let of_type = |name: &str| schema.resource_type(name).ok_or_else(|| format!("\"{name}\" is not a resource type."));
        let target = wanted.target.as_deref().map(of_type).transpose()?;
        let iterate = wanted.iterate;
        if let Some(why) = self.catalog.outdated(ParameterKind::Reference) {
            return Err(format!("Includes cannot be asked for at the moment: {why}."));
        }
        let references = |source: ResourceType| {
            let own = self.catalog.of(source).parameters().filter(|compiled| compiled.parameter.kind == ParameterKind::Reference);
            own.map(move |compiled| {
                self.met_own.set(self.met_own.get() || compiled.origin == Origin::Own);
                Inclusion { source, parameter: Arc::clone(&compiled.parameter), target, iterate }
            })
        };
        if wanted.source == "*" {
            return Ok(schema.resource_types().flat_map(references).collect());
        }
        let source = of_type(&wanted.source)?;
        if wanted.code == "*" {
            return Ok(references(source).collect());
        }
        let parameter = Arc::clone(self.reference(self.catalog.of(source), &wanted.code)?);
        Ok(vec![Inclusion { source, parameter, target, iterate }])
    }
}
