//! The form of codes whose systems are not shipped: a code with a wrong form or check digit belongs to none of their versions.
//!
//! Source: <https://loinc.org/kb/users-guide/loinc-database-structure/> (modulus 10),
//! <https://confluence.ihtsdotools.org/display/DOCRELFMT/5+SCTID> (Verhoeff), <https://www.cdc.gov/nchs/icd/icd-10-cm/>.

/// Whether a code cannot be one of its system, whatever the version. Of other systems nothing is known.
pub(super) fn impossible(system: &str, code: &str) -> bool {
    match system {
        "http://loinc.org" => !loinc(code),
        // What is no single identifier is an expression.
        "http://snomed.info/sct" => code.bytes().all(|b| b.is_ascii_alphanumeric()) && !snomed(code),
        "http://hl7.org/fhir/sid/icd-10-cm" => !icd_10_cm(code),
        _ => false,
    }
}

/// `8867-4`, and the identifiers of parts, answers and lists: `LP7839-6`, `LA6576-8`.
fn loinc(code: &str) -> bool {
    let Some((number, check)) = code.split_once('-') else { return code.starts_with("MTHU") };
    let bare = number.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let known = matches!(number.len() - bare.len(), 0 | 2) && (1..=8).contains(&bare.len()) && digits(bare).is_some();
    let [check] = check.as_bytes() else { return false };
    // The check digits of parts and answers are not all made by the same rule.
    known && check.is_ascii_digit() && (bare.len() < number.len() || modulus_10(bare) == Some(check - b'0'))
}

/// Every second digit is doubled, from the last on; what is missing to the next ten is the check digit.
fn modulus_10(number: &str) -> Option<u8> {
    let sum: u32 = digits(number)?
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(*digit) * if place % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    u8::try_from((10 - sum % 10) % 10).ok()
}

/// An identifier of a concept: its last digit checks the others, the two before tell what it identifies.
fn snomed(code: &str) -> bool {
    let Some(digits) = digits(code).filter(|digits| (6..=18).contains(&digits.len())) else { return false };
    let of_concept = matches!(code.get(code.len() - 3..code.len() - 1), Some("00" | "10"));
    of_concept && digits.first() != Some(&0) && verhoeff(&digits)
}

fn icd_10_cm(code: &str) -> bool {
    let (category, rest) = code.split_once('.').map_or((code, None), |(category, rest)| (category, Some(rest)));
    let [letter, digit, third] = category.as_bytes() else { return false };
    let tail = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    letter.is_ascii_uppercase()
        && digit.is_ascii_digit()
        && tail(*third)
        && rest.is_none_or(|rest| (1..=4).contains(&rest.len()) && rest.bytes().all(tail))
}

fn digits(text: &str) -> Option<Vec<u8>> {
    text.bytes().map(|b| b.is_ascii_digit().then(|| b - b'0')).collect()
}

/// Whether the last digit is right by Verhoeff's rule: digits are permuted by their place and multiplied in the group of order ten.
fn verhoeff(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().zip(0_u8..).fold(0, |sum, (digit, place)| product(sum, permuted(*digit, place)));
    sum == 0
}

/// The product in the dihedral group of order ten.
fn product(one: u8, other: u8) -> u8 {
    match (one < 5, other < 5) {
        (true, true) => (one + other) % 5,
        (true, false) => 5 + (one + other - 5) % 5,
        (false, true) => 5 + (one - 5 + 5 - other) % 5,
        (false, false) => (one + 5 - other) % 5,
    }
}

/// The digit after as many permutations as its place tells.
fn permuted(digit: u8, place: u8) -> u8 {
    (0..place % 8).fold(digit, |digit, _| [1, 5, 7, 6, 2, 8, 3, 0, 9, 4].get(usize::from(digit)).copied().unwrap_or(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_with_a_wrong_form_or_check_digit_are_none() {
        let (loinc, snomed, icd) = ("http://loinc.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm");
        for (system, code) in [
            (loinc, "8867-4"),
            (loinc, "85354-9"),
            (loinc, "69548-6"),
            (loinc, "100066-0"),
            (loinc, "LA9633-4"),
            (loinc, "LP7839-6"),
            (snomed, "276885007"),
            (snomed, "386725007"),
            (snomed, "56248011000036107"),
            (snomed, "409822003:116676008=1234"),
            (icd, "E10.3211"),
            (icd, "I10"),
            ("http://example.org", "anything"),
        ] {
            assert!(!impossible(system, code), "{system} {code}");
        }
        for (system, code) in [
            (loinc, "8867-5"),
            (loinc, "test"),
            (loinc, "-4"),
            (snomed, "276885008"),
            (snomed, "276885007x"),
            (snomed, "1"),
            (icd, "E10.3211+TT1.2"),
            (icd, "10"),
        ] {
            assert!(impossible(system, code), "{system} {code}");
        }
    }

    /// One wrong digit, or two neighbours that have changed places, are always found.
    #[test]
    fn slips_are_found() {
        for code in ["276885007", "73211009", "404684003"] {
            for place in 0..code.len() {
                for digit in b'0'..=b'9' {
                    let mut bytes = code.as_bytes().to_vec();
                    bytes[place] = digit;
                    assert_eq!(
                        verhoeff(&digits(std::str::from_utf8(&bytes).unwrap()).unwrap()),
                        bytes == code.as_bytes(),
                        "{code} {place}"
                    );
                }
                let mut bytes = code.as_bytes().to_vec();
                if place > 0 {
                    bytes.swap(place - 1, place);
                    assert_eq!(
                        verhoeff(&digits(std::str::from_utf8(&bytes).unwrap()).unwrap()),
                        bytes == code.as_bytes(),
                        "{code} {place}"
                    );
                }
            }
        }
    }
}
