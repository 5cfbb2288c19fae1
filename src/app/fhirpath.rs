//! `norn fhirpath`: an expression on a resource in a file, or many on many.
//!
//! Files are read as far as they can be understood, since questions are asked of broken ones, too; see `docs/fhirpath.md`.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Ended;
use super::arguments::FhirPath;
use crate::base::budget::Limits;
use crate::base::clock::{Clock as _, System};
use crate::definitions::{Definitions, Library};
use crate::fhirpath::{Environment, Expression, Mode, Moment, Nobody, Trace, Value};
use crate::model::codec::{read_anyhow, read_json};
use crate::model::draft::write_string;
use crate::model::json::{self, Json};
use crate::model::resource::Resource;
use crate::validate::Validator;

/// Prints the values on stdout, what goes wrong on stderr.
pub(super) fn run(asked: &FhirPath) -> Result<(), Ended> {
    let definitions = Definitions::embedded();
    let engine = Engine { definitions, validator: Validator::new(Library::embedded()), now: Moment::at(System.now()) };
    match (&asked.batch, &asked.expression, &asked.file) {
        (Some(batch), ..) => engine.batch(batch),
        (None, Some(expression), Some(file)) => {
            let resource = engine.read(file).map_err(refused)?;
            print(&engine.values(expression, &resource, &Stderr).map_err(refused)?)
        }
        _ => Err(Ended::Misused("an expression and a file are needed, or --batch".to_owned())),
    }
}

struct Engine {
    definitions: &'static Definitions,
    validator: Validator<'static>,
    now: Moment,
}

impl Engine {
    fn read(&self, file: &Path) -> Result<Resource, String> {
        let bytes = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        read_anyhow(&bytes, &self.definitions.schema, &Limits::default()).map_err(|issues| {
            let told: Vec<String> = issues.iter().take(3).map(|issue| issue.diagnostics.clone()).collect();
            format!("{} is not a resource: {}", file.display(), told.join(" "))
        })
    }

    /// The values as a JSON array.
    fn values(&self, expression: &str, resource: &Resource, trace: &dyn Trace) -> Result<String, String> {
        let compiled = Expression::compile(expression, &self.definitions.schema).map_err(|invalid| invalid.to_string())?;
        let root = resource.root();
        let environment =
            Environment { mode: Mode::Strict, now: Some(self.now), profiles: &self.validator, trace, ..Environment::of(root) };
        let values = compiled.evaluate_with(root, &environment).map_err(|error| error.to_string())?;
        Ok(array(&values))
    }

    /// One answer for each line, in order. A file is read once.
    fn batch(&self, path: &Path) -> Result<(), Ended> {
        let lines = std::fs::read_to_string(path).map_err(|error| Ended::Misused(format!("{} cannot be read: {error}", path.display())))?;
        // Who asks for no resource gets an empty one.
        let nothing = read_json(br#"{"resourceType":"Basic","code":{"text":"-"}}"#, &self.definitions.schema, &Limits::default());
        let nothing = nothing.map_err(|_| Ended::Failed("the empty resource cannot be read".to_owned()))?;
        let mut files: HashMap<PathBuf, Result<Resource, String>> = HashMap::new();
        let mut out = BufWriter::new(std::io::stdout().lock());
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let (id, answer) = match json::read(line) {
                Err(fault) => ("null".to_owned(), Err(format!("the line is no JSON: {}", fault.message))),
                Ok(line) => {
                    let answer = self.line(&line, path, &mut files, &nothing);
                    (line.member("id").map_or_else(|| "null".to_owned(), Json::write), answer)
                }
            };
            let told = match answer {
                Ok(values) => format!("{{\"id\":{id},\"result\":{values}}}"),
                Err(error) => {
                    let mut quoted = String::new();
                    write_string(&error, &mut quoted);
                    format!("{{\"id\":{id},\"error\":{quoted}}}")
                }
            };
            writeln!(out, "{told}").map_err(unwritable)?;
        }
        out.flush().map_err(unwritable)
    }

    fn line(
        &self,
        line: &Json,
        batch: &Path,
        files: &mut HashMap<PathBuf, Result<Resource, String>>,
        nothing: &Resource,
    ) -> Result<String, String> {
        let expression = line.member("expression").and_then(Json::text).ok_or("the line has no \"expression\"")?;
        let resource = match line.member("file").and_then(Json::text).filter(|file| !file.is_empty()) {
            None => nothing,
            Some(file) => {
                // A name is told from where the command runs, or from where the lines are.
                let beside = batch.parent().map(|folder| folder.join(file)).filter(|beside| beside.exists());
                let given = PathBuf::from(file);
                let path = if given.exists() { given } else { beside.unwrap_or(given) };
                files.entry(path.clone()).or_insert_with(|| self.read(&path)).as_ref().map_err(Clone::clone)?
            }
        };
        self.values(expression, resource, &Nobody)
    }
}

fn array(values: &[Value<'_>]) -> String {
    let mut out = String::from("[");
    for (i, value) in values.iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        value.write_json(&mut out);
    }
    out.push(']');
    out
}

/// What `trace()` tells goes to stderr.
struct Stderr;

impl Trace for Stderr {
    #[expect(clippy::print_stderr, reason = "messages to a person")]
    fn trace(&self, name: &str, values: &[Value<'_>]) {
        eprintln!("{name}: {}", array(values));
    }
}

fn print(text: &str) -> Result<(), Ended> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Ended {
    Ended::Failed(format!("stdout cannot be written: {error}"))
}

#[expect(clippy::print_stderr, reason = "messages to a person")]
fn refused(why: String) -> Ended {
    eprintln!("norn: {why}");
    Ended::Refused
}
