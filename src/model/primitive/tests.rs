//! Values that are and are not primitives of FHIR R4.

use super::decimal::{Decimal, sort_key};
use super::{Primitive, moment};

#[test]
fn values_are_checked_by_type() {
    let check = |ty: &str, good: &[&str], bad: &[&str]| {
        let ty = Primitive::named(ty).unwrap();
        for text in good {
            assert!(ty.check(text).is_ok(), "{ty:?} {text}");
        }
        for text in bad {
            assert!(ty.check(text).is_err(), "{ty:?} {text}");
        }
    };
    check(
        "date",
        &["2018", "1973-06", "1905-08-23", "2020-02-29"],
        &["2018-13", "2019-02-29", "18", "2018-1-1", "2018-01-01T00:00:00Z", "0000"],
    );
    check(
        "dateTime",
        &["2018", "2015-02-07T13:28:17-05:00", "2015-02-07T13:28:17.239Z"],
        &["2015-02-07T13:28", "2015-02-07T24:00:00Z", "2015-02T13:28:17Z"],
    );
    check("instant", &["2015-02-07T13:28:17.239+02:00"], &["2015-02-07", "2015-02-07T13:28:17.239"]);
    check("time", &["14:35:00", "23:59:60", "00:00:00.5"], &["14:35", "24:00:00", "14:35:00Z"]);
    check("integer", &["0", "-5", "2147483647"], &["2147483648", "1.0", "1e3", "+5"]);
    check("positiveInt", &["1"], &["0", "-1"]);
    check("code", &["a", "a b"], &["", " a", "a ", "a  b", "a\tb"]);
    check("id", &["A-1.b"], &["", "a_b", "æ"]);
    check(
        "oid",
        &["urn:oid:1.2.3", "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:1.0.2"],
        &["1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1"],
    );
    check("base64Binary", &["QQ==", "QUJD"], &["", "Q", "QUJ*", "=QQQ"]);
    check("string", &["x", "a\nb"], &["", "a\u{0}b"]);
}

#[test]
fn moments_are_intervals() {
    let check = |text: &str, width: i64| {
        let i = moment::search_value(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(i.end - i.start, width, "{text}");
    };
    let second = 1_000_000;
    check("2019", 365 * 86_400 * second);
    check("2020-02", 29 * 86_400 * second);
    check("2020-02-29", 86_400 * second);
    check("2020-02-29T10:00", 60 * second);
    check("2020-02-29T10:00:00Z", second);
    check("2020-02-29T10:00:00.123Z", 1000);
    check("2020-02-29T10:00:00.123456789Z", 1);
    let day = moment::search_value("2016-12-31").unwrap();
    for leap in ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"] {
        let moment = moment::search_value(leap).unwrap();
        assert!(day.start <= moment.start && moment.end <= day.end, "{leap} is of the day that it ends");
    }
    assert_eq!(moment::instant("2020-01-01T01:00:00+01:00"), moment::instant("2020-01-01T00:00:00Z"));
}

#[test]
fn decimals_sort_by_value() {
    let ordered = ["-1e400", "-100", "-99.5", "-1E-245", "0", "1E-245", "0.1", "0.10000001", "1", "5.35", "5.4", "1e308", "1e400"];
    for (i, a) in ordered.iter().enumerate() {
        for (j, b) in ordered.iter().enumerate() {
            let (a, b) = (Decimal::new(a).unwrap(), Decimal::new(b).unwrap());
            assert_eq!(a.compare(&b), i.cmp(&j));
            assert_eq!(a.sort_key().cmp(&b.sort_key()), i.cmp(&j), "{a:?} {b:?}");
        }
    }
    assert_eq!(Decimal::new("-0").unwrap().sort_key(), sort_key(0.0));
    for bad in ["", ".5", "5.", "1e", "abc", "0x1"] {
        assert!(Decimal::new(bad).is_none(), "{bad}");
    }
}

#[test]
fn long_decimals_lie_between_short_ones() {
    for (short, long, next) in [
        ("0.1", "0.1000000000000000055", "0.100000000000001"),
        ("0.999999999999999", "0.9999999999999999999", "1"),
        ("123456789012345000", "123456789012345001", "123456789012346000"),
        ("0", "1e-400", "1e-280"),
        ("1e280", "1e400", "2e400"),
    ] {
        for sign in ["", "-"] {
            let key = |text: &str| Decimal::new(&format!("{sign}{text}")).unwrap().sort_key();
            let (short, long, next) = (key(short), key(long), key(next));
            let ordered = if sign.is_empty() { short < long && long <= next } else { short > long && long >= next };
            assert!(ordered, "{sign}{long}: {short} {long} {next}");
        }
    }
}

#[test]
fn precision_implies_a_range() {
    let check = |text: &str, low: &str, high: &str| {
        let (l, h) = Decimal::new(text).unwrap().implied_range();
        assert!(l.compare(&Decimal::new(low).unwrap()).is_eq(), "{text}: {l:?}");
        assert!(h.compare(&Decimal::new(high).unwrap()).is_eq(), "{text}: {h:?}");
    };
    check("100", "99.5", "100.5");
    check("5.40", "5.395", "5.405");
    check("0", "-0.5", "0.5");
    check("-3", "-3.5", "-2.5");
    check("1e2", "50", "150");
    check("9.99", "9.985", "9.995");
}
