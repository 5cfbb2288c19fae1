//! JSON Patch: a list of operations on a JSON document, all done or none.
//!
//! Source: RFC 6902. Members of an operation that the RFC does not know are passed over, as its section 4 wants.

use std::cmp::Ordering;

use super::pointer::Pointer;
use super::{Fault, LARGEST, MOST_OPERATIONS, failed};
use crate::model::json::{self, DEPTH, Json, Member, Value};
use crate::model::primitive::decimal::Decimal;

/// A JSON Patch.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    operations: Vec<Operation>,
}

#[derive(Debug, Clone)]
struct Operation {
    path: Pointer,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Add(Json),
    Remove,
    Replace(Json),
    Move(Pointer),
    Copy(Pointer),
    Test(Json),
}

impl Patch {
    /// Reads a patch document.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let document = json::read(text).map_err(|fault| {
            let before = text.get(..fault.at).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            Fault::malformed(format!("The JSON of the patch is broken at line {line}, column {column}: {}.", fault.message))
        })?;
        let Value::Array(items) = &document.value else {
            return Err(Fault::malformed(
                "A JSON Patch is an array of operations: [{\"op\": \"replace\", \"path\": \"/…\", \"value\": …}].",
            ));
        };
        if items.len() > MOST_OPERATIONS {
            return Err(Fault::too_large(format!("A patch has {MOST_OPERATIONS} operations at most; this one has {}.", items.len())));
        }
        let read = |(i, item)| Operation::read(item).map_err(|reason| Fault::malformed(failed(i, "", &reason)));
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(|operations| Self { operations })
    }

    /// The document with all operations done.
    pub(super) fn apply(&self, mut document: Json) -> Result<Json, Fault> {
        // Copies of copies would grow without bound.
        let mut room = LARGEST;
        for (i, operation) in self.operations.iter().enumerate() {
            operation.run(&mut document, &mut room).map_err(|reason| Fault::unfit("", failed(i, &operation.name(), &reason)))?;
        }
        Ok(document)
    }
}

impl Operation {
    fn read(item: &Json) -> Result<Self, String> {
        let Value::Object(_) = item.value else { return Err("an operation is an object".to_owned()) };
        let text = |name: &str| item.member(name).and_then(Json::text).ok_or_else(|| format!("it needs \"{name}\", a string"));
        let pointer = |name: &str| Pointer::read(text(name)?).map_err(|reason| format!("\"{name}\": {reason}"));
        let value = || item.member("value").cloned().ok_or_else(|| "it needs \"value\"".to_owned());
        let op = text("op")?;
        let path = pointer("path")?;
        let action = match op {
            "add" => Action::Add(value()?),
            "remove" => Action::Remove,
            "replace" => Action::Replace(value()?),
            "move" => Action::Move(pointer("from")?),
            "copy" => Action::Copy(pointer("from")?),
            "test" => Action::Test(value()?),
            _ => return Err("\"op\" is one of add, remove, replace, move, copy and test".to_owned()),
        };
        Ok(Self { path, action })
    }

    /// `replace /birthDate`
    fn name(&self) -> String {
        let verb = match &self.action {
            Action::Add(_) => "add",
            Action::Remove => "remove",
            Action::Replace(_) => "replace",
            Action::Move(_) => "move to",
            Action::Copy(_) => "copy to",
            Action::Test(_) => "test",
        };
        let path = if self.path.0.is_empty() { "the whole document".to_owned() } else { self.path.to_string() };
        format!("{verb} {path}")
    }

    fn run(&self, document: &mut Json, room: &mut usize) -> Result<(), String> {
        match &self.action {
            Action::Add(value) => self.put(document, value.clone()),
            Action::Remove => self.path.remove(document).map(drop),
            Action::Replace(value) => {
                let place = self.path.find_mut(document)?;
                *place = self.fit(value.clone())?;
                Ok(())
            }
            Action::Move(from) if self.path.is_inside(from) => Err("a value cannot be moved into itself".to_owned()),
            Action::Move(from) => {
                let value = from.remove(document).map_err(|reason| format!("from {from}: {reason}"))?;
                self.put(document, value)
            }
            Action::Copy(from) => {
                let value = from.find(document).map_err(|reason| format!("from {from}: {reason}"))?.clone();
                *room = room.checked_sub(value.write().len()).ok_or("the copies grow too large")?;
                self.put(document, value)
            }
            Action::Test(value) if same(self.path.find(document)?, value) => Ok(()),
            Action::Test(_) => Err("the value there is another one".to_owned()),
        }
    }

    fn put(&self, document: &mut Json, value: Json) -> Result<(), String> {
        self.path.add(document, self.fit(value)?)
    }

    /// The value, if it does not make the document deeper than one that could be read.
    fn fit(&self, value: Json) -> Result<Json, String> {
        if self.path.0.len() + value.depth() > DEPTH { Err("values are nested too deeply".to_owned()) } else { Ok(value) }
    }
}

/// Whether two values are equal in the sense of RFC 6902, section 4.6: numbers by value, objects whatever the order of members.
fn same(a: &Json, b: &Json) -> bool {
    match (&a.value, &b.value) {
        (Value::Plain(a), Value::Plain(b)) => match (Decimal::new(a), Decimal::new(b)) {
            (Some(a), Some(b)) => a.compare(&b) == Ordering::Equal,
            _ => a == b,
        },
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(_), Value::Object(_)) => {
            let (a, b) = (sorted(a), sorted(b));
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.name == b.name && same(&a.value, &b.value))
        }
        _ => false,
    }
}

/// The members in the order of their names.
fn sorted(object: &Json) -> Vec<&Member> {
    let mut members: Vec<&Member> = object.members().iter().collect();
    members.sort_by_key(|member| member.name.as_str());
    members
}
