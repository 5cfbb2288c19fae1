//! Filters in a simpler form, and each as a test of one row id.

use crate::search::plan::{Filter, ParameterNumber, Test, Unit};

use super::{FEW, Statement};

/// A filter with its nesting flattened and its constants folded; alternatives by key are gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// All hold; empty: always true. Holds no `All` and no constant.
    All(Vec<Condition>),
    /// One holds; empty: never true. Holds no `Any`, no constant, and at most one `Posts` and one `Ids`.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// Has one of these posts.
    Posts(Vec<i64>),
    Number(ParameterNumber, Test, Unit),
    TextStart(ParameterNumber, String),
    TextPart(ParameterNumber, String),
    /// Has one of these ids.
    Ids(Vec<String>),
}

impl Condition {
    pub(crate) fn of(filter: &Filter) -> Self {
        match filter {
            Filter::All(filters) => Self::all(filters.iter().map(Self::of)),
            Filter::Any(filters) => Self::any(filters.iter().map(Self::of)),
            Filter::Not(filter) => Self::not(Self::of(filter)),
            Filter::Post(post) => Self::Posts(vec![post.cast_signed()]),
            Filter::Number(parameter, test, unit) => Self::Number(*parameter, *test, *unit),
            Filter::TextStart(parameter, text) => Self::TextStart(*parameter, text.clone()),
            Filter::TextPart(parameter, text) => Self::TextPart(*parameter, text.clone()),
            Filter::Id(ids) if ids.is_empty() => Self::Any(Vec::new()),
            Filter::Id(ids) => Self::Ids(ids.iter().map(|id| id.as_str().to_owned()).collect()),
        }
    }

    pub(crate) fn is_never(&self) -> bool {
        matches!(self, Self::Any(none) if none.is_empty())
    }

    fn is_always(&self) -> bool {
        matches!(self, Self::All(none) if none.is_empty())
    }

    fn all(conditions: impl Iterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for condition in conditions {
            match condition {
                never if never.is_never() => return never,
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        only(flat, Self::All)
    }

    fn any(conditions: impl Iterator<Item = Self>) -> Self {
        let (mut flat, mut posts, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |condition| match condition {
            Self::Posts(keys) => posts.extend(keys),
            Self::Ids(more) => ids.extend(more),
            other => flat.push(other),
        };
        for condition in conditions {
            match condition {
                always if always.is_always() => return always,
                Self::Any(inner) => inner.into_iter().for_each(&mut add),
                other => add(other),
            }
        }
        if !posts.is_empty() {
            posts.sort_unstable();
            posts.dedup();
            flat.push(Self::Posts(posts));
        }
        if !ids.is_empty() {
            flat.push(Self::Ids(ids));
        }
        only(flat, Self::Any)
    }

    fn not(condition: Self) -> Self {
        match condition {
            Self::Not(inner) => *inner,
            always if always.is_always() => Self::Any(Vec::new()),
            never if never.is_never() => Self::All(Vec::new()),
            other => Self::Not(Box::new(other)),
        }
    }

    /// The conditions that must all hold.
    pub(crate) fn conjuncts(self) -> Vec<Self> {
        match self {
            Self::All(conditions) => conditions,
            other => vec![other],
        }
    }

    /// Appends this as a test of `d.rid`. `kind` is the code of the type that is searched.
    pub(crate) fn write(&self, kind: i64, sql: &mut Statement<'_>) {
        match self {
            Self::All(conditions) => joined(conditions, "1=1", " AND ", kind, sql),
            Self::Any(conditions) => joined(conditions, "1=0", " OR ", kind, sql),
            Self::Not(condition) => {
                sql.push("NOT ");
                condition.write(kind, sql);
            }
            // Probing many keys for each row costs more than gathering their rows once.
            Self::Posts(posts) if posts.len() > FEW => {
                sql.push("d.rid IN (SELECT q.rid FROM post q WHERE ").one_of("q.k", posts).push(")");
            }
            Self::Posts(posts) => {
                sql.push("EXISTS (SELECT 1 FROM post q WHERE q.rid = d.rid AND ").one_of("q.k", posts).push(")");
            }
            Self::Number(parameter, test, unit) => {
                sql.push("EXISTS (SELECT 1 FROM num q WHERE q.p = ").integer(i64::from(*parameter)).push(" AND q.rid = d.rid AND ");
                interval("q", *test, *unit, sql);
                sql.push(")");
            }
            Self::TextStart(parameter, text) => {
                sql.push("EXISTS (SELECT 1 FROM txt q WHERE q.p = ").integer(i64::from(*parameter)).push(" AND q.rid = d.rid");
                starts("q", text, sql);
                sql.push(")");
            }
            Self::TextPart(parameter, text) => {
                sql.push("EXISTS (SELECT 1 FROM txt q WHERE q.p = ").integer(i64::from(*parameter)).push(" AND q.rid = d.rid AND ");
                sql.contains("q.norm", text).push(")");
            }
            Self::Ids(ids) => {
                sql.push("d.rid IN (SELECT q.rid FROM resource q WHERE q.kind = ").integer(kind).push(" AND ");
                sql.one_of_texts("q.id", ids).push(")");
            }
        }
    }
}

/// One condition stands for itself.
fn only(mut conditions: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(one) if conditions.is_empty() => one,
        Some(last) => {
            conditions.push(last);
            many(conditions)
        }
        None => many(conditions),
    }
}

/// Joins by halves, so that even a thousand alternatives nest only ten deep: databases limit the depth of an expression.
fn joined(conditions: &[Condition], none: &str, operator: &str, kind: i64, sql: &mut Statement<'_>) {
    match conditions {
        [] => {
            sql.push(none);
        }
        [one] => one.write(kind, sql),
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            sql.push("(");
            joined(left, none, operator, kind, sql);
            sql.push(operator);
            joined(right, none, operator, kind, sql);
            sql.push(")");
        }
    }
}

/// Appends the test of one interval row of the table `t`.
pub(crate) fn interval(t: &str, test: Test, unit: Unit, sql: &mut Statement<'_>) {
    let (low, high) = (format!("{t}.lo"), format!("{t}.hi"));
    match test {
        Test::Within(from, to) => sql.push(&low).push(" >= ").integer(from).push(" AND ").push(&high).push(" <= ").integer(to),
        Test::NotWithin(from, to) => {
            sql.push("(").push(&low).push(" < ").integer(from).push(" OR ").push(&high).push(" > ").integer(to).push(")")
        }
        Test::Overlaps(from, to) => sql.push(&low).push(" <= ").integer(to).push(" AND ").push(&high).push(" >= ").integer(from),
        Test::StartsBefore(at) => sql.push(&low).push(" < ").integer(at),
        Test::StartsAfter(at) => sql.push(&low).push(" > ").integer(at),
        Test::EndsBefore(at) => sql.push(&high).push(" < ").integer(at),
        Test::EndsAfter(at) => sql.push(&high).push(" > ").integer(at),
    };
    match unit {
        Unit::Any => sql,
        Unit::Exactly(unit) => sql.push(&format!(" AND {t}.u = ")).integer(unit.cast_signed()),
        Unit::Code(code) => sql.push(&format!(" AND ({t}.u & 4294967295) = ")).integer(i64::from(code)),
    };
}

/// Appends ` AND …`: the text row of the table `t` starts with `text`, as a range.
pub(crate) fn starts(t: &str, text: &str, sql: &mut Statement<'_>) {
    let norm = format!(" AND {t}.norm ");
    if !text.is_empty() {
        sql.push(&norm).push(">= ").string(text);
    }
    if let Some(end) = successor(text) {
        sql.push(&norm).push("< ").string(&end);
    }
}

/// The smallest text, by code points, that is larger than every text starting with `prefix`; `None` if there is none.
pub(super) fn successor(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The step over the surrogates, which are no characters.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}
