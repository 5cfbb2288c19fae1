//! What validation costs on one core: R4 by megabytes of JSON, and a profile by microseconds per resource.
//!
//! `cargo bench --bench validate -- target/packages/hl7.fhir.r4.examples-4.0.1.tgz` takes packages and JSON files. Each resource is
//! read once before; what is timed is the check that a server makes before it stores one. How to read it: `docs/benchmarks.md`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use norn::base::budget::Limits;
use norn::definitions::Library;
use norn::model::codec::read_json_parts;
use norn::model::resource::Resource;
use norn::validate::Validator;
use norn::validate::bundle::Entries;

/// Whatever ends the program.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures the validation of resources on one core.
#[derive(Parser)]
struct Arguments {
    /// Packages (.tgz) and resources (.json).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only resources of this type.
    #[arg(long)]
    only: Option<String>,
    /// Only resources whose JSON is at most this long, in bytes.
    #[arg(long, default_value_t = usize::MAX)]
    most: usize,
    /// A profile to check against, besides those that the resources claim; resources of other types are passed over.
    #[arg(long)]
    profile: Option<String>,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Tells what each type costs.
    #[arg(long)]
    types: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("validate: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let validator = Validator::new(Library::embedded()).lenient();
    let profiles: Vec<&str> = arguments.profile.as_deref().into_iter().collect();
    let mut resources = Vec::new();
    for file in &arguments.files {
        for text in texts(file)? {
            let Ok((resource, issues)) = read_json_parts(&text, Library::embedded().schema(), &Limits::default()) else { continue };
            let wanted = arguments.only.as_deref().is_none_or(|only| resource.kind().name() == only);
            if issues.is_empty() && wanted && resource.text().len() <= arguments.most {
                resources.push(resource);
            }
        }
    }
    let bytes: usize = resources.iter().map(|resource| resource.text().len()).sum();
    println!("{} resources, {:.1} MB", resources.len(), megabytes(bytes));
    let check = |resource: &Resource| {
        let entries = Entries::of(resource);
        if profiles.is_empty() { validator.refused(resource, &entries) } else { validator.asked(resource, &profiles, &entries) }
    };
    // The rules are compiled when they are first needed.
    let refused = resources.iter().filter(|resource| !check(resource).is_empty()).count();
    // Others may share the machine, so of each resource the fastest round counts.
    let mut fastest = vec![Duration::MAX; resources.len()];
    let (begun, mut rounds) = (Instant::now(), 0_u32);
    while rounds == 0 || begun.elapsed().as_secs_f64() < arguments.seconds {
        for (resource, fastest) in resources.iter().zip(&mut fastest) {
            let from = Instant::now();
            black_box(check(black_box(resource)));
            *fastest = from.elapsed().min(*fastest);
        }
        rounds += 1;
    }
    let mut spent = BTreeMap::<&str, Spent>::new();
    for (resource, fastest) in resources.iter().zip(&fastest) {
        for name in ["all", resource.kind().name()] {
            spent.entry(name).or_default().add(*fastest, resource.text().len());
        }
    }
    println!("{rounds} rounds; {refused} refused");
    let mut rows: Vec<_> = spent.into_iter().filter(|(name, _)| arguments.types || *name == "all").collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.time));
    rows.iter().for_each(|(name, row)| println!("{name:28} {row}"));
    Ok(())
}

/// What resources took.
#[derive(Default)]
struct Spent {
    time: Duration,
    bytes: usize,
    count: u32,
}

impl Spent {
    fn add(&mut self, time: Duration, bytes: usize) {
        *self = Self { time: self.time + time, bytes: self.bytes + bytes, count: self.count + 1 };
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.time.as_secs_f64();
        write!(f, "{:7} of {:9.1} µs each, {:6.1} MB/s", self.count, seconds * 1e6 / f64::from(self.count), megabytes(self.bytes) / seconds)
    }
}

/// The JSON texts in a file.
fn texts(file: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    if file.extension().is_none_or(|extension| extension != "tgz") {
        return Ok(vec![std::fs::read(file)?]);
    }
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(file)?));
    let mut texts = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            texts.push(text);
        }
    }
    Ok(texts)
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
