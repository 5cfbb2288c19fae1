//! The functions that FHIR adds. Source: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

use super::{Call, Function, html};
use crate::fhirpath::ast::{Ast, Field, Literal};
use crate::fhirpath::environment::Mode;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, each, enough};
use crate::fhirpath::tree;
use crate::fhirpath::value::Value;
use crate::model::reference;
use crate::model::schema::Name;
use crate::model::tree::{Node, Shape};

/// `hasValue()`: one value, and a primitive one.
pub(super) fn has_value<'t>(call: &'t Call, scope: &Scope<'_, 't>) -> Result<bool, Stop> {
    let (mut count, mut primitive) = (0, false);
    enough(each(&call.input, scope, &mut |value| {
        count += 1;
        primitive = match &value {
            Value::Node(node) => node.is_primitive(),
            Value::Resolved(_) | Value::Type(..) => false,
            _ => true,
        };
        if count > 1 { Err(Stop::Enough) } else { Ok(()) }
    }))?;
    Ok(count == 1 && primitive)
}

/// `hasExtension(url)`
pub(super) fn has_extension<'t>(call: &'t Call, scope: &Scope<'_, 't>) -> Result<bool, Stop> {
    let mut there = false;
    enough(extensions(call, scope, &mut |_| {
        there = true;
        Err(Stop::Enough)
    }))?;
    Ok(there)
}

fn extensions<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let asked;
    let url: &str = match call.argument(0) {
        Ast::Literal(Literal::String(url)) => url,
        _ => match call.given_text(0, scope)? {
            Some(text) => {
                asked = text;
                &asked
            }
            None => return Ok(()),
        },
    };
    each(&call.input, scope, &mut |value| {
        let Some(node) = value.node() else { return Ok(()) };
        let schema = node.tree().schema();
        let name = schema.name_id("extension").unwrap_or(Name::NONE);
        tree::child(scope.run, &value, &Field { name, text: "extension".into() }, &mut |extension| {
            let fits = extension.node().is_some_and(|node| node.get("url").is_some_and(|told| told.text() == url));
            if fits { found(extension) } else { Ok(()) }
        })
    })
}

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let environment = scope.run.environment;
    match call.function {
        Function::Extension => extensions(call, scope, found),
        Function::GetValue => match call.one(scope)? {
            Some(value) if value.node().is_none_or(Node::is_primitive) => found(own(value)),
            _ => Ok(()),
        },
        Function::Resolve => each(&call.input, scope, &mut |value| resolve(&value, scope)?.map_or(Ok(()), &mut *found)),
        Function::MemberOf => {
            let (Some(value), Some(url)) = (call.one(scope)?, call.given_text(0, scope)?) else { return Ok(()) };
            scope.run.spend(100)?;
            environment.terminology.member_of(&value, &url).map_or(Ok(()), |member| found(Value::Boolean(member)))
        }
        Function::Subsumes | Function::SubsumedBy => {
            let (Some(value), Some(other)) = (call.one(scope)?, call.given(0, scope)?) else { return Ok(()) };
            scope.run.spend(100)?;
            let (wider, narrower) = if call.function == Function::Subsumes { (&value, &other) } else { (&other, &value) };
            environment.terminology.subsumes(wider, narrower).map_or(Ok(()), |answer| found(Value::Boolean(answer)))
        }
        Function::ConformsTo => {
            let (Some(value), Some(url)) = (call.one(scope)?, call.given_text(0, scope)?) else { return Ok(()) };
            let Some(node) = value.node() else { return Ok(()) };
            scope.run.spend(1000)?;
            match environment.profiles.conforms(node, &url) {
                Some(conforms) => found(Value::Boolean(conforms)),
                None if scope.run.mode() == Mode::Strict => Err(Stop::impossible(format!("the profile {url} is not known"))),
                None => Ok(()),
            }
        }
        Function::CheckModifiers => check_modifiers(call, scope, found),
        _ => {
            let Some(value) = call.one(scope)? else { return Ok(()) };
            let Some(text) = value.text() else { return Ok(()) };
            scope.run.spend(1 + text.len() as u64 / 4)?;
            found(Value::Boolean(html::is_narrative(&text)))
        }
    }
}

/// The value of an element as one of FHIRPath's own.
fn own(value: Value<'_>) -> Value<'_> {
    value
        .boolean()
        .map(Value::Boolean)
        .or_else(|| value.integer().map(Value::Integer))
        .or_else(|| value.number().map(Value::Decimal))
        .or_else(|| value.moment().map(Value::Moment))
        .or_else(|| value.text().map(Value::String))
        .unwrap_or(value)
}

/// What a reference points at: a contained resource, an entry of the Bundle, what the resolver knows, or at least a type.
fn resolve<'t>(value: &Value<'t>, scope: &Scope<'_, 't>) -> Result<Option<Value<'t>>, Stop> {
    let Some(node) = value.node() else { return Ok(None) };
    scope.run.spend(10)?;
    let environment = scope.run.environment;
    let schema = node.tree().schema();
    let text = if node.shape() == Shape::Object { node.get_text("reference") } else { Some(node.text()) };
    if let Some(id) = text.as_deref().and_then(|text| text.strip_prefix('#')) {
        let container = if scope.run.mode() == Mode::Search { environment.resource } else { environment.root };
        if id.is_empty() {
            return Ok(Some(Value::Node(container)));
        }
        let around = || ancestors(node).find_map(|above| contained(above, id));
        return Ok(contained(container, id).or_else(around).map(Value::Node));
    }
    if scope.run.mode() != Mode::Search
        && let Some(text) = &text
    {
        let found = entry(node, text, scope)?.or_else(|| environment.resolver.resolve(text, node));
        if found.is_some() {
            return Ok(found.map(Value::Node));
        }
    }
    let by_text = text.as_deref().and_then(|text| reference::tail(text, schema)).map(|key| key.kind);
    let by_type = || node.get_text("type").and_then(|ty| schema.resource_type(&ty));
    Ok(by_text.or_else(by_type).map(|kind| Value::Resolved(kind.name())))
}

fn ancestors(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    std::iter::successors(node.parent(), |node| node.parent())
}

fn contained<'t>(container: Node<'t>, id: &str) -> Option<Node<'t>> {
    container.all("contained").find(|contained| contained.get_text("id").is_some_and(|told| told == id))
}

/// The resource of the Bundle around that a reference names, by its full URL or by the URL that it makes with that of its own entry.
fn entry<'t>(node: Node<'t>, text: &str, scope: &Scope<'_, 't>) -> Result<Option<Node<'t>>, Stop> {
    let bundle = node.tree().root();
    if bundle.type_name() != "Bundle" {
        return Ok(None);
    }
    let own = ancestors(node).find(|above| above.type_name() == "Bundle.entry").and_then(|entry| entry.get_text("fullUrl"));
    let base = own.as_deref().and_then(|url| url.rsplitn(3, '/').nth(2)).filter(|base| base.contains("://"));
    let wanted = if text.contains(':') { None } else { base.map(|base| format!("{base}/{text}")) };
    let wanted = wanted.as_deref().unwrap_or(text);
    for entry in bundle.all("entry") {
        scope.run.spend(1)?;
        if entry.get("fullUrl").is_some_and(|url| url.text() == wanted) {
            return Ok(entry.get("resource"));
        }
    }
    Ok(None)
}

/// `checkModifiers(url, …)`: the input, unless it has a modifier extension that is not named.
fn check_modifiers<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mut known = Vec::new();
    for number in 0..call.arguments.len() {
        known.extend(call.given_text(number, scope)?);
    }
    each(&call.input, scope, &mut |value| {
        let extensions = value.node().into_iter().flat_map(|node| node.all("modifierExtension"));
        let unknown = extensions.filter_map(|extension| extension.get_text("url")).find(|url| !known.contains(url));
        match unknown {
            Some(url) => Err(Stop::impossible(format!("the modifier extension {url} is not known here"))),
            None => found(value),
        }
    })
}
