//! Values gathered: mostly one, seldom many.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use super::environment::Run;
use super::equality::equal;
use super::eval::Stop;
use super::value::{Class, Value};

/// A list that needs no memory of its own for one value.
#[derive(Debug, Default)]
pub(super) struct Few<'t> {
    first: Option<Value<'t>>,
    more: Vec<Value<'t>>,
}

impl<'t> Few<'t> {
    pub(super) fn push(&mut self, value: Value<'t>) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.more.push(value);
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Value<'t>> {
        self.first.iter().chain(&self.more)
    }

    /// The only one, if there is just one.
    pub(super) fn one(&self) -> Option<&Value<'t>> {
        self.first.as_ref().filter(|_| self.more.is_empty())
    }

    pub(super) fn into_vec(self) -> Vec<Value<'t>> {
        match self.first {
            Some(first) if self.more.is_empty() => vec![first],
            Some(first) => {
                let mut all = Vec::with_capacity(self.more.len() + 1);
                all.push(first);
                all.extend(self.more);
                all
            }
            None => self.more,
        }
    }
}

impl<'t> IntoIterator for Few<'t> {
    type Item = Value<'t>;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Value<'t>>, std::vec::IntoIter<Value<'t>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

/// From so many values on, they are looked up by hash.
const HASHED: usize = 8;

/// Values that differ from one another.
#[derive(Default)]
pub(super) struct Distinct<'t> {
    values: Vec<Value<'t>>,
    by_hash: HashMap<u64, Vec<usize>, foldhash::fast::FixedState>,
}

impl<'t> Distinct<'t> {
    /// Takes a value in, unless an equal one is there; tells whether it was new.
    pub(super) fn insert(&mut self, value: &Value<'t>, run: &Run<'_, 't>) -> Result<bool, Stop> {
        if self.contains(value, run)? {
            return Ok(false);
        }
        let number = self.values.len();
        self.values.push(value.clone());
        if number == HASHED {
            for (i, value) in self.values.iter().enumerate() {
                self.by_hash.entry(hash(value)).or_default().push(i);
            }
        } else if number > HASHED {
            self.by_hash.entry(hash(value)).or_default().push(number);
        }
        Ok(true)
    }

    /// Whether an equal value is there.
    pub(super) fn contains(&self, value: &Value<'t>, run: &Run<'_, 't>) -> Result<bool, Stop> {
        run.spend(1)?;
        if self.values.len() <= HASHED {
            return Self::among(self.values.iter(), value, run);
        }
        let numbers = self.by_hash.get(&hash(value)).into_iter().flatten();
        Self::among(numbers.filter_map(|number| self.values.get(*number)), value, run)
    }

    fn among<'v>(values: impl Iterator<Item = &'v Value<'t>>, value: &Value<'t>, run: &Run<'_, 't>) -> Result<bool, Stop>
    where
        't: 'v,
    {
        for other in values {
            if equal(other, value, run)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The same for equal values.
fn hash(value: &Value<'_>) -> u64 {
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    match value.class() {
        // Dates may equal strings that say the same.
        Class::String => value.text().hash(&mut hasher),
        Class::Boolean => value.boolean().hash(&mut hasher),
        Class::Integer | Class::Decimal => value.number().map(super::number::Number::key).hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}
