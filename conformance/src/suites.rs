//! Finds the case files of a folder, reads them, and refuses what could never run.
//!
//! A folder holds areas, an area holds files: `rest/create.toml` is the suite `rest/create`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::case::{Case, CaseFile, Given, Step};
use crate::template::Variables;
use crate::{check, judge};

/// The methods that a step may use.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// All cases of a folder.
#[derive(Debug, Clone)]
pub struct Suites(Vec<Chosen>);

/// A case that is to be run, with the resources of its set.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Area and file: `rest/create`.
    pub suite: String,
    /// What its file is about.
    pub about: String,
    /// 1-based number in its file.
    pub number: usize,
    /// The case itself.
    pub case: Case,
}

/// Which cases are wanted; an empty list wants all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Areas or suites.
    pub suites: Vec<String>,
    /// Parts of names, whatever their letter case.
    pub cases: Vec<String>,
}

impl Suites {
    /// The cases that the filter wants.
    ///
    /// # Errors
    /// If there are none.
    pub fn choose(self, filter: &Filter) -> Result<Vec<Chosen>, String> {
        let in_suite = |chosen: &Chosen| {
            let area = chosen.suite.split('/').next().unwrap_or_default();
            filter.suites.is_empty() || filter.suites.iter().any(|name| *name == chosen.suite || name == area)
        };
        let named = |chosen: &Chosen| {
            let name = chosen.case.name.to_lowercase();
            filter.cases.is_empty() || filter.cases.iter().any(|part| name.contains(&part.to_lowercase()))
        };
        let chosen: Vec<Chosen> = self.0.into_iter().filter(|chosen| in_suite(chosen) && named(chosen)).collect();
        if chosen.is_empty() { Err("no case is chosen by --suite and --case; --list shows all".to_owned()) } else { Ok(chosen) }
    }
}

/// Reads all case files of a folder.
///
/// # Errors
/// Says which file, case and step is wrong.
pub fn load(folder: &Path) -> Result<Suites, String> {
    let mut cases = Vec::new();
    for area in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&area)?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
            let told = file.display().to_string();
            let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {told}: {error}"))?;
            cases.extend(read(&format!("{}/{}", stem(&area), stem(&file)), &text).map_err(|problem| format!("{told}: {problem}"))?);
        }
    }
    if cases.is_empty() { Err(format!("there are no case files in {}", folder.display())) } else { Ok(Suites(cases)) }
}

/// The entries of a folder, sorted by name so that every run has the same order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listed =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>());
    let mut paths = listed.map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads one case file.
///
/// # Errors
/// Says which case and step is wrong.
pub fn read(suite: &str, text: &str) -> Result<Vec<Chosen>, String> {
    let file: CaseFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut names = HashSet::new();
    let mut cases = Vec::new();
    for (index, mut case) in file.cases.into_iter().enumerate() {
        let number = index + 1;
        let told = format!("case {number} \"{}\"", case.name);
        if !names.insert(case.name.clone()) {
            return Err(format!("{told}: another case has this name"));
        }
        if let Some(name) = &case.uses {
            let set = file.sets.get(name).ok_or_else(|| format!("{told}: there is no set `{name}`"))?;
            case.given.splice(0..0, set.iter().cloned());
        }
        for (name, text) in &file.vars {
            case.vars.entry(name.clone()).or_insert_with(|| text.clone());
        }
        lint(&case).map_err(|problem| format!("{told}: {problem}"))?;
        cases.push(Chosen { suite: suite.to_owned(), about: file.about.clone(), number, case });
    }
    Ok(cases)
}

/// Finds what could never run: unknown variables, wrong checks, missing parts.
fn lint(case: &Case) -> Result<(), String> {
    if !case.spec.starts_with("https://") {
        return Err("`spec` must link to the rule (https://…)".to_owned());
    }
    if case.steps.is_empty() {
        return Err("it has no step".to_owned());
    }
    if let Some(needed) = &case.only_if {
        check::lint_json(needed)?;
    }
    let mut variables = Variables::default();
    for name in ["base", "unique"] {
        variables.set(name, "1");
    }
    for (name, text) in &case.vars {
        variables.define(name, text);
    }
    for given in &case.given {
        lint_given(given, &variables).map_err(|problem| format!("creating `{}`: {problem}", given.name))?;
        variables.set(&given.name, "1");
    }
    for (index, step) in case.steps.iter().enumerate() {
        lint_step(step, &variables).map_err(|problem| format!("step {}: {problem}", index + 1))?;
        for name in step.capture.keys() {
            variables.set(name, "1");
        }
    }
    Ok(())
}

fn lint_given(given: &Given, variables: &Variables) -> Result<(), String> {
    let resource: serde_json::Value =
        serde_json::from_str(&variables.fill(&given.resource)?).map_err(|error| format!("its resource is no JSON: {error}"))?;
    if resource.get("resourceType").is_some_and(serde_json::Value::is_string) {
        Ok(())
    } else {
        Err("its resource has no resourceType".to_owned())
    }
}

fn lint_step(step: &Step, variables: &Variables) -> Result<(), String> {
    let method = step.request.split(' ').next().unwrap_or_default();
    if !METHODS.contains(&method) {
        return Err(format!("`{}` does not start with a method", step.request));
    }
    let texts = [Some(&step.request), step.body.as_ref(), step.issue.as_ref(), step.says.as_ref()];
    for text in texts.into_iter().flatten().chain(step.headers.values()).chain(&step.header).chain(&step.text).chain(&step.check) {
        variables.fill(text)?;
    }
    step.header.iter().try_for_each(|line| check::lint_header(line))?;
    step.text.iter().try_for_each(|line| check::lint_text(line))?;
    step.check.iter().try_for_each(|line| check::lint_json(line))?;
    for name in [&step.finds, &step.order, &step.included].into_iter().flatten().flat_map(|names| names.split_whitespace()) {
        variables.value(name).ok_or_else(|| format!("there is no variable `{name}` here"))?;
    }
    for source in step.capture.values() {
        let (place, part) = source.rsplit_once('|').unwrap_or((source, judge::PARTS[0]));
        if !part.contains(']') && !judge::PARTS.contains(&part.trim()) {
            return Err(format!("capture `{source}`: there is no part `{}`; there are {}", part.trim(), judge::PARTS.join(", ")));
        }
        if !place.starts_with("header ") {
            crate::path::Path::parse(place.trim())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = r#"
about = "x"
[[set.two]]
as = "a"
resource = '{"resourceType":"Patient","id":"{{unique}}"}'
[[case]]
name = "n"
spec = "https://hl7.org"
use = "two"
step = [ { request = "GET Patient/{{a}}", capture = { v = "header ETag | tag" } }, { request = "GET Patient/{{a}}/_history/{{v}}" } ]
"#;

    #[test]
    fn wrong_files_are_refused_with_the_place() {
        let check = |from: &str, to: &str, expected: &str| {
            assert!(CASE.contains(from), "{from}");
            let problem = read("x/y", &CASE.replace(from, to)).err().unwrap_or_default();
            assert!(problem.contains(expected) && problem.is_empty() == expected.is_empty(), "{problem}");
        };
        check("", "", "");
        check("about = \"x\"", "", "missing field `about`");
        check("name = \"n\"", "name = \"n\"\nunknown = 1", "unknown field `unknown`");
        check("https://hl7.org", "hl7", "case 1 \"n\": `spec` must link to the rule");
        check("use = \"two\"", "use = \"three\"", "case 1 \"n\": there is no set `three`");
        check("use = \"two\"", "", "step 1: there is no variable `a` here");
        check("{{unique}}", "{{mine}}", "creating `a`: there is no variable `mine` here");
        check("\"Patient\",", "", "creating `a`: its resource is no JSON");
        check("GET Patient/{{a}}\"", "Patient/{{a}}\"", "step 1: `Patient/{{a}}` does not start with a method");
        check("| tag", "| name", "there is no part `name`");
        check("| tag\" }", "| tag\" }, check = ['id is 1']", "`is` is no operator");
        check("| tag\" }", "| tag\" }, finds = 'a b'", "step 1: there is no variable `b` here");
        check("[[case]]", "[[case]]\nname = 'm'\nspec = 'https://x'\nstep = []\n[[case]]", "case 1 \"m\": it has no step");
    }

    #[test]
    fn the_suites_of_this_package_can_run() {
        let suites = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("suites")).unwrap();
        assert!(suites.0.len() >= 120, "{} cases", suites.0.len());
    }

    #[test]
    fn filters_choose() {
        let two = CASE.replace("\"n\"", "\"Reads it\"");
        let suites = Suites([read("rest/create", CASE).unwrap(), read("search/date", &two).unwrap()].concat());
        let check = |suite: &[&str], case: &[&str], expected: &str| {
            let own = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
            let chosen = suites.clone().choose(&Filter { suites: own(suite), cases: own(case) });
            let names = chosen.map(|chosen| chosen.iter().map(|chosen| chosen.suite.clone()).collect::<Vec<_>>().join(" "));
            assert_eq!(names.unwrap_or_default(), expected);
        };
        check(&[], &[], "rest/create search/date");
        check(&["rest"], &[], "rest/create");
        check(&["search/date"], &[], "search/date");
        check(&["sea"], &[], "");
        check(&[], &["READS"], "search/date");
        check(&["rest"], &["reads"], "");
    }
}
