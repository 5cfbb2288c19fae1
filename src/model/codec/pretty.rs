//! JSON for people: the same values on several lines.

/// Breaks minified JSON into lines with two spaces of indentation; strings and numbers stay as they are.
#[must_use]
pub fn pretty(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 3 / 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for byte in json {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            out.push(*byte);
            continue;
        }
        match byte {
            b'{' | b'[' => {
                depth += 1;
                out.push(*byte);
                line(&mut out, depth);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            other => {
                in_string = *other == b'"';
                out.push(*other);
            }
        }
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn lines_hold_the_same_value() {
        let json = r#"{"a":[1.50,{"b":"x,\"{y}\\"}],"c":true}"#;
        let told: serde_json::Value = serde_json::from_slice(&pretty(json.as_bytes())).unwrap();
        assert_eq!(told, serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert_eq!(pretty(br#"{"a":1}"#), b"{\n  \"a\": 1\n}\n");
    }
}
