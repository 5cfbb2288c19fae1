//! From a [`Plan`](crate::search::plan::Plan) to SQL text and parameters. Pure: nothing here talks to a database.
//!
//! Tables (see `sqlite::schema`): `post(k, rid)`; `num(p, rid, lo, hi, u)` by resource and the same rows by either end in
//! `num_lo` and `num_hi`; `txt(p, rid, norm)` and the same by text in `txt_norm`; `resource(rid, kind, id, …)`.
//! A search is one row source that *drives* and conditions that every row id it yields must meet; each condition is one probe
//! by row id. Choosing the driver is the whole art, and `sqlite::search` does it with counts; see [`driver`].
//!
//! Posts and parameter numbers belong to one resource type (the type is part of the hash, and parameters are numbered per
//! type), so any driver but the row ids of a sort yields only resources of the plan's type. Only living resources have rows.
//!
//! Invariant: every value is a parameter; no text of a client ever becomes SQL.

pub(crate) mod condition;
pub(crate) mod driver;
pub(crate) mod order;

#[cfg(test)]
mod tests;

use std::fmt::Write;

/// How one database's SQL differs from another's.
pub(crate) trait Dialect: Sync {
    /// The mark of the parameter with this number (1-based).
    fn mark(&self, number: usize) -> String;
    /// A test whether a column is one of a list that is one parameter.
    fn listed(&self, column: &str, mark: &str) -> String;
    /// A row source `d` with one column `rid`, from a list that is one parameter.
    fn unnested(&self, mark: &str) -> String;
    /// A test whether a text holds another.
    fn contains(&self, column: &str, mark: &str) -> String;
}

/// A value for a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parameter {
    Integer(i64),
    Text(String),
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

/// SQL in the making: text with marks, and the values that belong to them.
pub(crate) struct Statement<'d> {
    dialect: &'d dyn Dialect,
    pub(crate) text: String,
    pub(crate) parameters: Vec<Parameter>,
}

impl<'d> Statement<'d> {
    pub(crate) fn new(dialect: &'d dyn Dialect) -> Self {
        Self { dialect, text: String::with_capacity(256), parameters: Vec::new() }
    }

    /// Appends text as it stands.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a mark for `parameter`.
    pub(crate) fn bind(&mut self, parameter: Parameter) -> &mut Self {
        let mark = self.mark(parameter);
        self.text.push_str(&mark);
        self
    }

    pub(crate) fn integer(&mut self, number: i64) -> &mut Self {
        self.bind(Parameter::Integer(number))
    }

    pub(crate) fn string(&mut self, text: &str) -> &mut Self {
        self.bind(Parameter::Text(text.to_owned()))
    }

    /// Appends a test whether `column` is one of a few numbers. Few are written out, so that each is a seek of its own.
    pub(crate) fn one_of(&mut self, column: &str, numbers: &[i64]) -> &mut Self {
        match numbers {
            [one] => self.push(column).push(" = ").integer(*one),
            few if few.len() <= FEW => {
                let _ = write!(self.text, "{column} IN (");
                for (i, number) in few.iter().enumerate() {
                    self.push(if i == 0 { "" } else { ", " }).integer(*number);
                }
                self.push(")")
            }
            many => {
                let mark = self.mark(Parameter::Integers(many.to_vec()));
                let test = self.dialect.listed(column, &mark);
                self.push(&test)
            }
        }
    }

    /// Appends a test whether `column` is one of these texts.
    pub(crate) fn one_of_texts(&mut self, column: &str, texts: &[String]) -> &mut Self {
        if let [one] = texts {
            return self.push(column).push(" = ").string(one);
        }
        let mark = self.mark(Parameter::Texts(texts.to_vec()));
        let test = self.dialect.listed(column, &mark);
        self.push(&test)
    }

    /// Appends a test whether `column` holds `text`.
    pub(crate) fn contains(&mut self, column: &str, text: &str) -> &mut Self {
        let mark = self.mark(Parameter::Text(text.to_owned()));
        let test = self.dialect.contains(column, &mark);
        self.push(&test)
    }

    /// Appends a row source `d(rid)` that yields these row ids.
    pub(crate) fn rows(&mut self, rows: &[i64]) -> &mut Self {
        let mark = self.mark(Parameter::Integers(rows.to_vec()));
        let source = self.dialect.unnested(&mark);
        self.push(&source)
    }

    fn mark(&mut self, parameter: Parameter) -> String {
        self.parameters.push(parameter);
        self.dialect.mark(self.parameters.len())
    }
}

/// Up to this many keys are written out one by one.
pub(crate) const FEW: usize = 8;
