//! The results of a search over all its pages, compared with the resources that a case expects.
//!
//! Source: <https://hl7.org/fhir/R4/http.html#paging> and <https://hl7.org/fhir/R4/search.html> (`total` counts
//! matches only; `search.mode` tells matches from included resources).

use serde_json::Value;

use crate::template::Variables;

/// What the pages of a search held, as `Type/id`, in the order in which they came.
#[derive(Debug, Default)]
pub struct Results {
    matches: Vec<String>,
    included: Vec<String>,
    total: Option<Value>,
}

impl Results {
    /// Takes in a page.
    ///
    /// # Errors
    /// If it is no searchset, or an entry lacks its resource.
    pub fn add(&mut self, page: &Value) -> Result<(), String> {
        let member = |name: &str| page.get(name).and_then(Value::as_str).unwrap_or("none").to_owned();
        if (member("resourceType"), member("type")) != ("Bundle".to_owned(), "searchset".to_owned()) {
            return Err(format!("page: expected a Bundle of type searchset, got {} of type {}", member("resourceType"), member("type")));
        }
        if let Some(total) = page.get("total") {
            self.total = Some(total.clone());
        }
        let earlier = self.included.len();
        let entries = page.get("entry").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            let resource = entry.get("resource").ok_or_else(|| format!("page: entry[{index}] has no resource"))?;
            let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or("?");
            let name = format!("{}/{}", text("resourceType"), text("id"));
            match entry.get("search").and_then(|search| search.get("mode")).and_then(Value::as_str) {
                Some("outcome") => {}
                // The same resource may be needed by every page, but only once on each.
                Some("include") if self.included.iter().take(earlier).any(|other| *other == name) => {}
                Some("include") => self.included.push(name),
                _ => self.matches.push(name),
            }
        }
        Ok(())
    }

    /// Compares the matches with `expected`, names of variables that hold ids.
    ///
    /// # Errors
    /// Says which were expected and which came, by the names of the case.
    pub fn found(&self, expected: &str, ordered: bool, variables: &Variables) -> Result<(), String> {
        compare("matches", &self.matches, expected, ordered, variables)?;
        match &self.total {
            Some(total) if total.as_u64() != u64::try_from(self.matches.len()).ok() => {
                Err(format!("total: expected {}, the number of matches on all pages, got {total}", self.matches.len()))
            }
            _ => Ok(()),
        }
    }

    /// Compares the included resources with `expected`.
    ///
    /// # Errors
    /// Says which were expected and which came.
    pub fn came_along(&self, expected: &str, variables: &Variables) -> Result<(), String> {
        compare("included", &self.included, expected, false, variables)
    }
}

/// The link to the next page.
#[must_use]
pub fn next(page: &Value) -> Option<String> {
    let links = page.get("link")?.as_array()?;
    let next = links.iter().find(|link| link.get("relation").and_then(Value::as_str) == Some("next"))?;
    next.get("url").and_then(Value::as_str).map(str::to_owned)
}

fn compare(what: &str, found: &[String], expected: &str, ordered: bool, variables: &Variables) -> Result<(), String> {
    let mut wanted = Vec::new();
    for name in expected.split_whitespace() {
        variables.value(name).ok_or_else(|| format!("{what}: there is no variable `{name}` with an id"))?;
        wanted.push(name.to_owned());
    }
    let named = |name: &String| {
        let id = name.rsplit('/').next().unwrap_or(name);
        variables.name_of(id).map_or_else(|| name.clone(), str::to_owned)
    };
    let mut got: Vec<String> = found.iter().map(named).collect();
    let same = if ordered {
        got == wanted
    } else {
        got.sort();
        let mut sorted = wanted.clone();
        sorted.sort();
        got == sorted
    };
    if same { Ok(()) } else { Err(format!("{what}: expected {}, got {}", told(&wanted), told(&got))) }
}

fn told(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { format!("[{}]", names.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: [&str; 2] = [
        r#"{"resourceType":"Bundle","type":"searchset","total":3,"link":[{"relation":"next","url":"n"}],
            "entry":[{"resource":{"resourceType":"Patient","id":"1"},"search":{"mode":"match"}},
                     {"resource":{"resourceType":"Organization","id":"9"},"search":{"mode":"include"}},
                     {"resource":{"resourceType":"Patient","id":"2"}}]}"#,
        r#"{"resourceType":"Bundle","type":"searchset","total":3,
            "entry":[{"resource":{"resourceType":"Patient","id":"7"},"search":{"mode":"match"}},
                     {"resource":{"resourceType":"Organization","id":"9"},"search":{"mode":"include"}},
                     {"resource":{"resourceType":"OperationOutcome"},"search":{"mode":"outcome"}}]}"#,
    ];

    #[test]
    fn pages_add_up() {
        let pages = PAGES.map(|page| serde_json::from_str::<Value>(page).unwrap());
        let mut results = Results::default();
        for page in &pages {
            results.add(page).unwrap();
        }
        assert_eq!(pages.iter().map(next).collect::<Vec<_>>(), [Some("n".to_owned()), None]);
        let mut variables = Variables::default();
        for (name, id) in [("a", "1"), ("b", "2"), ("c", "7"), ("d", "8"), ("home", "9")] {
            variables.set(name, id);
        }
        let check = |held: Result<(), String>, expected: &str| assert_eq!(held.err().unwrap_or_default(), expected);
        check(results.found("c a b", false, &variables), "");
        check(results.found("a b c", true, &variables), "");
        check(results.found("c a b", true, &variables), "matches: expected [c a b], got [a b c]");
        check(results.found("a b c d", false, &variables), "matches: expected [a b c d], got [a b c]");
        check(results.found("", false, &variables), "matches: expected none, got [a b c]");
        check(results.found("a x", false, &variables), "matches: there is no variable `x` with an id");
        check(results.came_along("home", &variables), "");
        check(results.came_along("", &variables), "included: expected none, got [home]");
        let other = Variables::default();
        check(results.found("", false, &other), "matches: expected none, got [Patient/1 Patient/2 Patient/7]");

        results.add(&pages[0]).unwrap();
        check(results.found("a a b b c", false, &variables), "total: expected 5, the number of matches on all pages, got 3");
        check(
            results.add(&serde_json::from_str(r#"{"resourceType":"Patient"}"#).unwrap()),
            "page: expected a Bundle of type searchset, got Patient of type none",
        );
    }
}
