//! Text without regard to letter case and accents.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#string>. A small table is enough for the words that the random resources use;
//! `ø` and `æ` are letters of their own.

/// Letters with an accent, and without.
const ACCENTS: [(&str, char); 9] =
    [("áàâäãå", 'a'), ("éèêë", 'e'), ("íìîï", 'i'), ("óòôöõ", 'o'), ("úùûü", 'u'), ("ç", 'c'), ("ñ", 'n'), ("ýÿ", 'y'), ("ş", 's')];

/// The text in small letters without accents.
#[must_use]
pub(super) fn fold(text: &str) -> String {
    let plain = |letter: char| ACCENTS.iter().find(|(accents, _)| accents.contains(letter)).map_or(letter, |(_, plain)| *plain);
    let mark = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
    text.chars().flat_map(char::to_lowercase).filter(|letter| !mark(letter)).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_go_and_letters_stay() {
        for (text, folded) in [("MÜLLER", "muller"), ("Mu\u{308}ller", "muller"), ("Østby", "østby"), ("Åse Éva", "ase eva")] {
            assert_eq!(fold(text), folded);
        }
    }
}
