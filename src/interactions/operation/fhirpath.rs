//! `$fhirpath`: an expression on a resource that comes with it.
//!
//! In: `expression`, `resource`, and if wanted `context`, an expression to what the first one is evaluated on, and `variables`, a
//! parameter with a part for each. Out: a `result` for each value. What is wrong with the expression is told with 400, what goes wrong in
//! its evaluation with 422. Source: `docs/fhirpath.md`.

use bytes::Bytes;

use super::OperationOf;
use crate::fhirpath::{Budget, Environment, Error, Expression, Mode, Moment, Value};
use crate::interactions::{Failure, FailureKind, Gateway};
use crate::model::draft::Draft;
use crate::model::outcome::IssueType;
use crate::model::primitive::Primitive;
use crate::model::primitive::unit::UCUM;
use crate::model::resource::Resource;
use crate::model::schema::Kind;
use crate::model::tree::{Node, Shape};

/// How long an evaluation may take, in microseconds.
const PATIENCE: i64 = 100_000;
/// Most values in an answer.
const MOST: usize = 10_000;

impl Gateway {
    pub(super) fn fhirpath(&self, of: &OperationOf) -> Result<Bytes, Failure> {
        let body = of.body.as_ref().filter(|body| body.kind().name() == "Parameters").ok_or_else(|| {
            Failure::invalid("Parameters", "$fhirpath takes a Parameters resource with \"expression\" and \"resource\".".to_owned())
        })?;
        let parameter = |name: &str| body.root().all("parameter").find(|parameter| parameter.get_text("name").as_deref() == Some(name));
        let missing = |name: &str, told: &str| {
            Failure::new(FailureKind::Invalid, IssueType::Required, format!("Parameters.parameter.where(name='{name}')"), told)
        };
        let compile = |name: &str, text: &str| {
            Expression::compile(text, &self.definitions().schema).map_err(|invalid| {
                let place = format!("Parameters.parameter.where(name='{name}').value");
                Failure::new(FailureKind::Invalid, IssueType::Invalid, place, invalid.to_string())
            })
        };
        let told = parameter("expression").and_then(|parameter| parameter.get_text("value"));
        let told = told.ok_or_else(|| missing("expression", "Give the expression as valueString."))?;
        let expression = compile("expression", &told)?;
        let resource = parameter("resource").and_then(|parameter| parameter.get("resource")).and_then(Resource::extract);
        let resource = resource.ok_or_else(|| missing("resource", "Give the resource that the expression is evaluated on."))?;
        let context = parameter("context").and_then(|parameter| parameter.get_text("value"));
        let context = context.map(|text| compile("context", &text)).transpose()?;

        let names: Vec<(String, Node<'_>)> = parameter("variables")
            .into_iter()
            .flat_map(|variables| variables.all("part"))
            .filter_map(|part| Some((part.get_text("name")?.into_owned(), part)))
            .collect();
        let variables: Vec<(&str, Vec<Value<'_>>)> = names
            .iter()
            .map(|(name, part)| (name.as_str(), part.get("value").or_else(|| part.get("resource")).map(Value::Node).into_iter().collect()))
            .collect();
        let now = self.clock.now();
        let late = || self.clock.now().0 - now.0 > PATIENCE;
        let validator = self.validation.validator();
        let environment = Environment {
            mode: Mode::Strict,
            now: Some(Moment::at(now)),
            variables: &variables,
            profiles: &*validator,
            budget: Budget { late: Some(&late), ..Budget::default() },
            ..Environment::of(resource.root())
        };
        let focuses = match &context {
            None => vec![resource.root()],
            Some(context) => values(context, resource.root(), &environment)?.iter().filter_map(Value::node).collect(),
        };
        let mut results = Vec::new();
        for focus in focuses {
            results.extend(values(&expression, focus, &environment)?.iter().map(result));
            if results.len() > MOST {
                return Err(limit(format!("The answer has more than {MOST} values: ask for fewer.")));
            }
        }
        let answer = Draft::object().with("resourceType", "Parameters").with("parameter", Draft::array(results));
        Ok(answer.to_json().into())
    }
}

fn limit(told: String) -> Failure {
    Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "", told)
}

fn unfit(error: &Error) -> Failure {
    match error {
        Error::Limit(why) => limit(format!("The expression cannot be evaluated: {why}.")),
        other => {
            Failure::new(FailureKind::Unprocessable, IssueType::Processing, "", format!("The expression cannot be evaluated: {other}."))
        }
    }
}

fn values<'t>(expression: &'t Expression, focus: Node<'t>, environment: &Environment<'_, 't>) -> Result<Vec<Value<'t>>, Failure> {
    expression.evaluate_with(focus, environment).map_err(|error| unfit(&error))
}

/// A value as a parameter: as the element that it is, or as JSON with the name of its type if Parameters has no place for it.
fn result(value: &Value<'_>) -> Draft {
    let parameter = Draft::object().with("name", "result");
    let placed = match value {
        Value::Node(node) => element(*node),
        other => own(other),
    };
    if let Some((name, value)) = placed {
        return parameter.with(name, value);
    }
    let mut json = String::new();
    value.write_json(&mut json);
    let part = |name: &'static str, text: String| Draft::object().with("name", name).with("valueString", text);
    parameter.with("part", Draft::array([part("type", value.type_of().to_owned()), part("json", json)]))
}

/// An element, if a parameter can have it.
fn element(node: Node<'_>) -> Option<(&'static str, Draft)> {
    let raw = Draft::Raw(node.json().to_owned().into());
    if matches!(node.kind(), Kind::Resource | Kind::AnyResource) {
        return Some(("resource", raw));
    }
    let primitive = matches!(node.kind(), Kind::Primitive(_));
    if primitive && node.shape() == Shape::Object {
        return None;
    }
    let schema = node.tree().schema();
    let mut name = String::from("value");
    let mut letters = node.type_name().chars();
    name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
    name.push_str(letters.as_str());
    schema.slot(schema.type_named("Parameters.parameter")?, &name).map(|slot| (slot.key, raw))
}

/// A value of FHIRPath's own types, if a parameter can have it.
fn own(value: &Value<'_>) -> Option<(&'static str, Draft)> {
    let number = || Draft::Number(value.to_string().into());
    Some(match value {
        Value::Boolean(value) => ("valueBoolean", Draft::Boolean(*value)),
        Value::Integer(value) if i32::try_from(*value).is_ok() => ("valueInteger", number()),
        Value::Integer(_) | Value::Decimal(_) => ("valueDecimal", number()),
        Value::String(told) if !told.is_empty() => ("valueString", Draft::String(told.clone().into_owned().into())),
        Value::Moment(_) => {
            let told = value.to_string();
            let places = [("valueDate", Primitive::Date), ("valueDateTime", Primitive::DateTime), ("valueTime", Primitive::Time)];
            let (name, _) = places.into_iter().find(|(_, primitive)| primitive.check(&told).is_ok())?;
            (name, Draft::String(told.into()))
        }
        Value::Quantity(quantity) => {
            let told = Draft::object().with("value", Draft::Number(quantity.number().to_string().into()));
            ("valueQuantity", told.with("system", UCUM).with("code", quantity.unit().to_owned()))
        }
        _ => return None,
    })
}
