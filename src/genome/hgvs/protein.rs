//! Descriptions on a protein reference sequence: `p.(Lys17Arg)`, `p.(Met1470CysfsTer26)`, `p.Glu746_Ala750del`, `p.?`.
//!
//! Three-letter names only, as the nomenclature prefers and the pipelines write.
//! Source: <https://hgvs-nomenclature.org/stable/recommendations/protein/>.

use super::Reader;

const RESIDUES: [&str; 24] = [
    "Ala", "Arg", "Asn", "Asp", "Cys", "Gln", "Glu", "Gly", "His", "Ile", "Leu", "Lys", "Met", "Phe", "Pro", "Pyl", "Sec", "Ser", "Thr",
    "Trp", "Tyr", "Val", "Xaa", "Ter",
];

/// Whether all of the text is a description.
pub(super) fn is_description(text: &str) -> bool {
    let Some(body) = text.strip_prefix("p.") else { return false };
    // Brackets say that the change is foretold from the DNA, not seen in the protein.
    let body = match body.strip_prefix('(') {
        Some(inner) => match inner.strip_suffix(')') {
            Some(inner) => inner,
            None => return false,
        },
        None => body,
    };
    if matches!(body, "?" | "=" | "0" | "0?") {
        return true;
    }
    let mut reader = Reader(body);
    if !place(&mut reader) {
        return false;
    }
    let range = reader.eat("_");
    if range && !place(&mut reader) {
        return false;
    }
    edit(&mut reader, range) && reader.at_end()
}

fn residue(reader: &mut Reader<'_>) -> bool {
    reader.eat("*") || RESIDUES.into_iter().any(|name| reader.eat(name))
}

fn residues(reader: &mut Reader<'_>) -> bool {
    let mut any = false;
    while residue(reader) {
        any = true;
    }
    any
}

fn place(reader: &mut Reader<'_>) -> bool {
    residue(reader) && reader.number()
}

fn edit(reader: &mut Reader<'_>, range: bool) -> bool {
    if reader.eat("delins") {
        return residues(reader);
    }
    if reader.eat("del") || reader.eat("dup") {
        return true;
    }
    if reader.eat("ins") {
        return range && residues(reader);
    }
    if range {
        return false;
    }
    if reader.eat("=") || reader.eat("?") {
        return true;
    }
    if reader.eat("fs") {
        return frame(reader);
    }
    if reader.eat("ext") {
        return extension(reader);
    }
    if !residue(reader) {
        return false;
    }
    if reader.eat("fs") {
        frame(reader)
    } else if reader.eat("ext") {
        extension(reader)
    } else {
        true
    }
}

/// After `fs`: nothing, or where the new frame stops: `Ter26`, `*26`, `Ter?`.
fn frame(reader: &mut Reader<'_>) -> bool {
    if reader.at_end() {
        return true;
    }
    (reader.eat("Ter") || reader.eat("*")) && (reader.eat("?") || reader.number())
}

/// After `ext`: `-5` at the start, `Ter17` or `*?` at the end.
fn extension(reader: &mut Reader<'_>) -> bool {
    if reader.eat("-") { reader.number() } else { frame(reader) && !reader.0.starts_with("ext") }
}
