//! JSON Pointer: the address of a value in a JSON document, and the edits that are done at an address.
//!
//! Source: RFC 6901; RFC 6902, section 4.

use std::fmt;

use crate::model::json::{Json, Member, Value};

/// Names of members and numbers of items, from the outermost value inwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pointer(pub(super) Vec<String>);

impl Pointer {
    /// Reads a pointer as it is written: empty, or `/` before each step.
    ///
    /// The error says what is wrong.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(steps) = text.strip_prefix('/') else { return Err("a JSON Pointer begins with \"/\", or is empty".to_owned()) };
        steps.split('/').map(unescape).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it leads to something inside of what `outer` leads to.
    pub(super) fn is_inside(&self, outer: &Self) -> bool {
        self.0.len() > outer.0.len() && self.0.starts_with(&outer.0)
    }

    /// The value that it leads to.
    ///
    /// The error says where the way ends.
    pub(super) fn find<'j>(&self, root: &'j Json) -> Result<&'j Json, String> {
        self.0.iter().try_fold(root, |value, step| {
            let next = match &value.value {
                Value::Object(_) => value.member(step),
                Value::Array(items) => item(step, items.len()).and_then(|at| items.get(at)),
                _ => None,
            };
            next.ok_or_else(|| missing(step))
        })
    }

    /// The value that it leads to, to be changed.
    ///
    /// The error says where the way ends.
    pub(super) fn find_mut<'j>(&self, root: &'j mut Json) -> Result<&'j mut Json, String> {
        descend(root, &self.0)
    }

    /// Puts a value there: as a new member, in the place of a member, or before an item; `-` stands for the end of an array.
    ///
    /// The error says why that is not possible.
    pub(super) fn add(&self, root: &mut Json, value: Json) -> Result<(), String> {
        let Some((last, parent)) = self.0.split_last() else {
            *root = value;
            return Ok(());
        };
        match &mut descend(root, parent)?.value {
            Value::Object(members) => match members.iter_mut().find(|member| member.name == *last) {
                Some(member) => member.value = value,
                None => members.push(Member { name: last.clone(), at: 0, value }),
            },
            Value::Array(items) => {
                let at = if last == "-" { Some(items.len()) } else { item(last, items.len() + 1) };
                let count = items.len();
                let told = || format!("\"{}\" is no place in an array of {count} items", short(last));
                items.insert(at.ok_or_else(told)?, value);
            }
            Value::Plain(_) | Value::String(_) => return Err(format!("\"{}\" cannot be put into a simple value", short(last))),
        }
        Ok(())
    }

    /// Takes the value away and gives it.
    ///
    /// The error says where the way ends.
    pub(super) fn remove(&self, root: &mut Json) -> Result<Json, String> {
        let Some((last, parent)) = self.0.split_last() else { return Err("the whole document cannot be taken away".to_owned()) };
        let parent = descend(root, parent)?;
        let taken = match &mut parent.value {
            Value::Array(items) => item(last, items.len()).map(|at| items.remove(at)),
            _ => parent.remove(last),
        };
        taken.ok_or_else(|| missing(last))
    }
}

fn descend<'j>(root: &'j mut Json, steps: &[String]) -> Result<&'j mut Json, String> {
    steps.iter().try_fold(root, |value, step| {
        let next = match &mut value.value {
            Value::Object(members) => members.iter_mut().find(|member| member.name == *step).map(|member| &mut member.value),
            Value::Array(items) => item(step, items.len()).and_then(|at| items.get_mut(at)),
            Value::Plain(_) | Value::String(_) => None,
        };
        next.ok_or_else(|| missing(step))
    })
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// `~1` is `/` and `~0` is `~`; no other `~` is possible.
fn unescape(step: &str) -> Result<String, String> {
    let mut out = String::with_capacity(step.len());
    let mut rest = step;
    while let Some((before, after)) = rest.split_once('~') {
        out.push_str(before);
        let (sign, after) = match after.as_bytes().first() {
            Some(b'0') => ('~', after),
            Some(b'1') => ('/', after),
            _ => return Err("in a JSON Pointer \"~\" is written ~0, and \"/\" in a name ~1".to_owned()),
        };
        out.push(sign);
        rest = after.get(1..).unwrap_or("");
    }
    out.push_str(rest);
    Ok(out)
}

/// The number of an item, if there are that many: digits without leading zeros.
fn item(step: &str, count: usize) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit()));
    step.parse().ok().filter(|at| plain && *at < count)
}

fn missing(step: &str) -> String {
    format!("there is no \"{}\" at this place", short(step))
}

/// Foreign text cut to what a message can bear.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
