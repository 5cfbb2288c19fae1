//! Whether an expression constraint of SNOMED CT can be one at all: brackets fit, and concepts are joined by operators.
//!
//! Source: <https://confluence.ihtsdotools.org/display/DOCECL>. It is not parsed further: what is refused here is wrong in every version.

/// Whether the text breaks a rule that every expression constraint keeps.
pub(super) fn is_broken(text: &str) -> bool {
    let mut open = Vec::new();
    // Whether a concept stands right before, so that an operator must come.
    let mut after_concept = false;
    let mut rest = text.trim();
    while let Some(next) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let length = match next {
            // A term, a string, a comment: what stands in it is free.
            '|' | '"' => rest.get(1..).and_then(|inner| inner.find(next)).map_or(rest.len(), |end| end + 2),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '0'..='9' => {
                if after_concept {
                    return true;
                }
                after_concept = true;
                word
            }
            '<' | '>' | '^' if after_concept && !rest.starts_with("<=") && !rest.starts_with(">=") => return true,
            '(' | '{' | '[' => {
                open.push(next);
                after_concept = false;
                1
            }
            ')' | '}' | ']' => {
                let fits = matches!((open.pop(), next), (Some('('), ')') | (Some('{'), '}') | (Some('['), ']'));
                if !fits {
                    return true;
                }
                after_concept = false;
                1
            }
            c if c.is_whitespace() => c.len_utf8(),
            _ => {
                after_concept = false;
                word.max(next.len_utf8())
            }
        };
        rest = rest.get(length..).unwrap_or("");
    }
    !open.is_empty() || text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_broken;

    #[test]
    fn what_every_constraint_keeps() {
        for right in [
            "*",
            "< 404684003 |Clinical finding|",
            "<<404684003 : 363698007 = << 39057004, 116676008 = *",
            "(< 19829001 OR < 301867009) MINUS ^ 700043003",
            "< 404684003: {363698007 = <<39057004}, [1..3] 127489000 = *",
            "< 27658006: 1142135004 >= #250, 732943007 = * {{ term = \"heart (x\" }}",
        ] {
            assert!(!is_broken(right), "{right}");
        }
        for broken in ["", "234234 << 234234", "404684003 39057004", "(< 19829001", "< 19829001)", "{1)"] {
            assert!(is_broken(broken), "{broken}");
        }
    }
}
