//! The ledger: what became of every input field.
//!
//! A field is a cell that holds something, labels and headings included, or a value of the requisition. Each ends in
//! exactly one of three fates, so the counts add up to the number of fields: nothing is lost silently.

use crate::model::draft::Draft;

/// What became of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Its value stands in an element, as value or code.
    Mapped,
    /// It stands somewhere word for word, without being understood.
    Carried,
    /// It was left out, for a reason.
    Refused,
}

impl Fate {
    /// The word that the ledger's JSON uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Carried => "carried",
            Self::Refused => "refused",
        }
    }
}

/// A field and its fate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name of the file.
    pub source: String,
    /// Row, from 1.
    pub row: usize,
    /// Column, from 1: of a cell; in a requisition, of the value's first character.
    pub column: usize,
    /// Column heading, key, metric, or the kind of label.
    pub name: String,
    /// The value as it stands in the file.
    pub value: String,
    /// What became of it.
    pub fate: Fate,
    /// The elements it went to (mapped, carried), or the reason (refused).
    pub account: String,
}

/// All fields, in the order of the input.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// The fields.
    pub fields: Vec<Field>,
}

impl Ledger {
    /// Number of fields of one fate.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        self.fields.iter().filter(|field| field.fate == fate).count()
    }

    /// The ledger as JSON: `fields` and `counts`.
    #[must_use]
    pub fn to_draft(&self) -> Draft {
        let fields = self.fields.iter().map(|field| {
            let account = if field.fate == Fate::Refused { "reason" } else { "target" };
            Draft::object()
                .with("source", field.source.as_str())
                .with("row", wide(field.row))
                .with("column", wide(field.column))
                .with("name", field.name.as_str())
                .with("value", field.value.as_str())
                .with("fate", field.fate.word())
                .with(account, field.account.as_str())
        });
        let counts = Draft::object()
            .with("fields", wide(self.fields.len()))
            .with("mapped", wide(self.count(Fate::Mapped)))
            .with("carried", wide(self.count(Fate::Carried)))
            .with("refused", wide(self.count(Fate::Refused)));
        Draft::object().with("fields", Draft::array(fields)).with("counts", counts)
    }

    /// The JSON text on several lines, for people and for diffs.
    #[must_use]
    pub fn to_json(&self) -> String {
        super::bundle::pretty(&self.to_draft().to_json())
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Number of a field in the account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FieldId(usize);

/// The ledger while it is being kept: fields whose fate may still be open.
#[derive(Debug, Default)]
pub(crate) struct Account {
    fields: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    field: Field,
    settled: bool,
    /// Where the file itself is kept, for what is told nowhere else.
    file: usize,
}

impl Account {
    /// Takes a field in. `file` is the number of the input file.
    pub(crate) fn enter(&mut self, file: usize, source: &str, row: usize, column: usize, value: &str) -> FieldId {
        let field = Field {
            source: source.to_owned(),
            row,
            column,
            name: "label".to_owned(),
            value: value.to_owned(),
            fate: Fate::Carried,
            account: String::new(),
        };
        self.fields.push(Open { field, settled: false, file });
        FieldId(self.fields.len() - 1)
    }

    /// Names a field after its column, key or metric.
    pub(crate) fn name(&mut self, id: FieldId, name: &str) {
        if let Some(open) = self.fields.get_mut(id.0) {
            name.clone_into(&mut open.field.name);
        }
    }

    /// The field's value stands in an element.
    pub(crate) fn mapped(&mut self, id: FieldId, target: &str) {
        self.settle(id, Fate::Mapped, target);
    }

    /// The field stands word for word in an element.
    pub(crate) fn carried(&mut self, id: FieldId, target: &str) {
        self.settle(id, Fate::Carried, target);
    }

    /// The field is left out. A field that was mapped or carried before stays so.
    pub(crate) fn refused(&mut self, id: FieldId, reason: &str) {
        if self.fields.get(id.0).is_some_and(|open| !open.settled) {
            self.settle(id, Fate::Refused, reason);
        }
    }

    /// The first fate that says more wins: mapped over carried over refused; targets of the same fate are joined.
    fn settle(&mut self, id: FieldId, fate: Fate, account: &str) {
        let Some(open) = self.fields.get_mut(id.0) else { return };
        let rank = |fate| match fate {
            Fate::Mapped => 2,
            Fate::Carried => 1,
            Fate::Refused => 0,
        };
        if !open.settled || rank(fate) > rank(open.field.fate) {
            open.field.fate = fate;
            account.clone_into(&mut open.field.account);
        } else if fate == open.field.fate && !open.field.account.split("; ").any(|known| known == account) {
            open.field.account.push_str("; ");
            open.field.account.push_str(account);
        }
        open.settled = true;
    }

    /// Settles what is still open in a file: it stands in the file's own bytes, kept at `target`.
    pub(crate) fn carry_rest(&mut self, file: usize, target: &str) {
        for open in self.fields.iter_mut().filter(|open| open.file == file && !open.settled) {
            open.settled = true;
            target.clone_into(&mut open.field.account);
        }
    }

    /// Ends the account.
    pub(crate) fn close(self) -> Ledger {
        Ledger { fields: self.fields.into_iter().map(|open| open.field).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_that_says_most_wins() {
        let mut account = Account::default();
        let id = account.enter(0, "a.tsv", 1, 1, "x");
        account.carried(id, "Binary/1");
        account.mapped(id, "Observation/1.value");
        account.mapped(id, "Observation/2.value");
        account.carried(id, "Binary/1");
        account.refused(id, "never");
        let ledger = account.close();
        assert_eq!((ledger.fields[0].fate, ledger.fields[0].account.as_str()), (Fate::Mapped, "Observation/1.value; Observation/2.value"));
    }
}
