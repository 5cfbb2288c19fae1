//! Descriptions on a coding DNA reference sequence: `c.2997C>T`, `c.424-3202G>T`, `c.*2537=`, `c.4408del`.
//!
//! Source: <https://hgvs-nomenclature.org/stable/background/numbering/>, <https://hgvs-nomenclature.org/stable/recommendations/DNA/substitution/>.

use super::Reader;

/// Whether all of the text is a description.
pub(super) fn is_description(text: &str) -> bool {
    let mut reader = Reader(text);
    if !reader.eat("c.") {
        return false;
    }
    if reader.eat("=") {
        return reader.at_end();
    }
    if !position(&mut reader) {
        return false;
    }
    let range = reader.eat("_");
    if range && !position(&mut reader) {
        return false;
    }
    edit(&mut reader, range) && reader.at_end()
}

/// `93`, `-14` (before the start codon), `*46` (after the stop codon), each with an offset into an intron: `88+1`.
fn position(reader: &mut Reader<'_>) -> bool {
    let _ = reader.eat("-") || reader.eat("*");
    if !reader.number() {
        return false;
    }
    if reader.eat("+") || reader.eat("-") { reader.number() } else { true }
}

fn edit(reader: &mut Reader<'_>, range: bool) -> bool {
    if reader.eat("=") || reader.eat("inv") {
        return true;
    }
    if reader.eat("delins") {
        return reader.bases();
    }
    if reader.eat("del") {
        // Old texts repeat the deleted bases, which readers are asked to accept.
        let named = reader.bases();
        return if named && reader.eat("ins") { reader.bases() } else { true };
    }
    if reader.eat("dup") {
        let _ = reader.bases();
        return true;
    }
    if reader.eat("ins") {
        return range && reader.bases();
    }
    let one = |reader: &mut Reader<'_>| ["A", "C", "G", "T", "N"].into_iter().any(|base| reader.eat(base));
    !range && one(reader) && (reader.eat("=") || (reader.eat(">") && one(reader)))
}
