//! `near` of Location: the distance on the globe.
//!
//! Source: <https://hl7.org/fhir/R4/location.html#positional>. The globe is a sphere of 6371.0088 km, the mean radius of WGS84.

use serde_json::Value;

use super::escapes::split;

const RADIUS: f64 = 6371.0088;

/// Kilometres between two places, told in degrees of latitude and longitude.
#[must_use]
pub(super) fn distance(one: (f64, f64), other: (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let flat = half(one.0, other.0) + one.0.to_radians().cos() * other.0.to_radians().cos() * half(one.1, other.1);
    2.0 * RADIUS * flat.sqrt().min(1.0).asin()
}

/// Whether a position lies within `latitude|longitude|distance|unit`; nothing if that is no such value.
#[must_use]
pub(super) fn is_near(asked: &str, position: &Value) -> Option<bool> {
    let parts = split(asked, '|');
    let number = |index: usize| parts.get(index).and_then(|text| text.parse::<f64>().ok());
    let unit = match parts.get(3).map(String::as_str) {
        None | Some("" | "km") => 1.0,
        Some("m") => 0.001,
        Some("[mi_i]" | "mi_us") => 1.609_344,
        Some(_) => return None,
    };
    let (asked, limit) = ((number(0)?, number(1)?), number(2)? * unit);
    let own = |name: &str| position.get(name).and_then(|value| value.to_string().parse::<f64>().ok());
    Some(own("latitude").zip(own("longitude")).is_some_and(|own| distance(asked, own) <= limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn distances_are_known() {
        // A degree of latitude; Oslo to Bergen; and across the date line.
        assert!((distance((0.0, 0.0), (1.0, 0.0)) - 111.195).abs() < 0.01);
        assert!((distance((59.9139, 10.7522), (60.3913, 5.3221)) - 305.0).abs() < 2.0);
        assert!((distance((0.0, 179.5), (0.0, -179.5)) - 111.195).abs() < 0.01);
        let oslo = json!({"latitude": 59.9139, "longitude": 10.7522});
        assert_eq!(is_near("60.3913|5.3221|310|km", &oslo), Some(true));
        assert_eq!(is_near("60.3913|5.3221|300", &oslo), Some(false));
        assert_eq!(is_near("60.3913|5.3221|310000|m", &oslo), Some(true));
        assert_eq!(is_near("north", &oslo), None);
    }
}
