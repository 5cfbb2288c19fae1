//! Systems whose codes follow rules or are few: units, languages, media types, countries, currencies.
//!
//! What is well formed but in no list here is "unknown", not wrong: countries by three letters or digits, for example.
//! Source: <https://hl7.org/fhir/R4/terminologies-systems.html>, RFC 5646, RFC 6838, ISO 3166, ISO 4217.

use super::member::Membership;
use crate::model::primitive::unit::{self, UCUM};

/// The system of language tags.
const LANGUAGES: &str = "urn:ietf:bcp:47";
/// The system of media types.
const MEDIA_TYPES: &str = "urn:ietf:bcp:13";
/// The system of countries.
pub(super) const COUNTRIES: &str = "urn:iso:std:iso:3166";
/// The system of parts of countries.
const SUBDIVISIONS: &str = "urn:iso:std:iso:3166:-2";
/// The system of currencies.
pub(super) const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// Whether a system of this kind has the code; nothing for other systems.
pub(super) fn by_rule(system: &str, code: &str) -> Option<Membership> {
    Some(match system {
        UCUM => of(unit::is_unit(code)),
        LANGUAGES => of(language(code)),
        MEDIA_TYPES => media_type(code),
        COUNTRIES => country(code),
        SUBDIVISIONS => match code.split_once('-') {
            Some((land, part)) if has(COUNTRY_CODES, land) && shaped(part, 1..=3, |b| b.is_ascii_uppercase() || b.is_ascii_digit()) => {
                Membership::Unknown
            }
            _ => Membership::Out,
        },
        CURRENCIES => of(has(CURRENCY_CODES, code)),
        _ => return None,
    })
}

/// The codes of such a system, where they can be listed.
pub(super) fn listed(system: &str) -> Option<impl Iterator<Item = &'static str>> {
    match system {
        CURRENCIES => Some(CURRENCY_CODES.split(' ')),
        _ => None,
    }
}

fn of(known: bool) -> Membership {
    if known { Membership::In } else { Membership::Out }
}

fn has(list: &str, code: &str) -> bool {
    list.split(' ').any(|known| known == code)
}

fn shaped(text: &str, length: std::ops::RangeInclusive<usize>, test: impl Fn(u8) -> bool) -> bool {
    length.contains(&text.len()) && text.bytes().all(test)
}

fn country(code: &str) -> Membership {
    let three = shaped(code, 3..=3, |b| b.is_ascii_uppercase()) || shaped(code, 3..=3, |b| b.is_ascii_digit());
    if three { Membership::Unknown } else { of(has(COUNTRY_CODES, code)) }
}

/// A tag of RFC 5646: language, then script, region, variants and extensions of one to eight characters.
fn language(tag: &str) -> bool {
    let letters = |text: &str, length| shaped(text, length, |b| b.is_ascii_alphabetic());
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or("");
    let begins = letters(first, 2..=8) || (matches!(first, "x" | "i" | "X" | "I") && tag.len() > 2);
    begins && parts.all(|part| shaped(part, 1..=8, |b| b.is_ascii_alphanumeric()))
}

/// `type/subtype`, with parameters behind a semicolon. Short names such as `json` are used too.
fn media_type(text: &str) -> Membership {
    let bare = text.split(';').next().unwrap_or("").trim();
    let name = |part: &str| shaped(part, 1..=127, |b| b.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&b));
    match bare.split_once('/') {
        Some((ty, subtype)) => of(name(ty) && name(subtype)),
        None if name(bare) => Membership::Unknown,
        None => Membership::Out,
    }
}

/// Countries by two letters.
const COUNTRY_CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC \
    CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD \
    GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH \
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW \
    MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC \
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY \
    UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Currencies and precious metals.
const CURRENCY_CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE \
    CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ \
    GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL \
    LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN \
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD \
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU \
    XTS XUA XXX YER ZAR ZMW ZWG ZWL";
