//! A JSON text with holes: `${name}` in the text is filled by the caller at every rendering.
//!
//! Indentation and line ends of the text are dropped once, so that the templates stay readable and the bytes minified.

/// A text cut at its holes.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Vec<(String, Option<&'static str>)>,
}

impl Template {
    /// Cuts `text`; no string in it may run over a line end.
    pub(crate) fn new(text: &'static str) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        for line in text.lines().map(str::trim) {
            let mut rest = line;
            while let Some((before, after)) = rest.split_once("${") {
                let Some((name, after)) = after.split_once('}') else { break };
                plain.push_str(before);
                pieces.push((std::mem::take(&mut plain), Some(name)));
                rest = after;
            }
            plain.push_str(rest);
        }
        pieces.push((plain, None));
        Self { pieces }
    }

    /// Appends the text to `out`; `fill` writes the value of a named hole.
    pub(crate) fn render(&self, out: &mut Vec<u8>, mut fill: impl FnMut(&str, &mut Vec<u8>)) {
        for (plain, hole) in &self.pieces {
            out.extend_from_slice(plain.as_bytes());
            if let Some(name) = hole {
                fill(name, out);
            }
        }
    }
}
