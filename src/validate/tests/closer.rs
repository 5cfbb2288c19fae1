//! Rules that files must keep and a server only warns of, each with a resource that breaks it; and some that both hold to.

use super::{errors, golden, read};
use crate::definitions::{Definitions, Library};
use crate::validate::Validator;
use crate::validate::bundle::Entries;

#[test]
fn files_are_looked_at_more_closely() {
    let told = golden("closer.txt");
    let lines = || told.lines().filter(|line| !line.starts_with('#'));
    let definitions = lines().filter_map(|line| line.strip_prefix("+ ")).map(|json| serde_json::from_str(json).unwrap());
    let library = Library::with(Definitions::embedded(), definitions.collect()).unwrap();
    let (tool, server) = (Validator::new(&library), Validator::new(&library).lenient());
    let mut failures = String::new();
    for line in lines().filter(|line| !line.starts_with("+ ")) {
        let (line, both) = line.strip_prefix("! ").map_or((line, false), |line| (line, true));
        let (places, json) = line.split_once(" | ").unwrap_or_else(|| panic!("{line}: two cells, please"));
        let resource = read(json.as_bytes());
        let mut told = errors(tool.claimed(&resource, &Entries::of(&resource)));
        let mut found: Vec<&str> = told.iter().map(|issue| issue.split(": ").next().unwrap()).collect();
        found.sort_unstable();
        let expected: Vec<&str> = places.split(' ').filter(|place| *place != "-").collect();
        let refused = server.refused(&resource, &Entries::of(&resource));
        if found != expected || refused.is_empty() == both {
            told.extend(errors(refused).iter().map(|issue| format!("refused: {issue}")));
            failures.push_str(&format!("\n{line}\n  found {told:#?}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
