//! The command line: commands, options, and their help.
//!
//! Arguments win over the environment, the environment over the configuration file, the file over the defaults.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A FHIR R4 gateway for precision cancer medicine.
///
/// Norn takes sequencing results in, keeps them as conformant FHIR R4 genomic reports, and serves them to hospitals and trials.
/// Start with: norn demo
#[derive(Debug, Parser)]
#[command(name = "norn", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 done; 1 the input was refused (the reasons are on stderr); 2 wrong use; 3 a store, port or network failed.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the FHIR API over a store.
    #[command(after_help = EXIT_CODES)]
    Serve(Serve),
    /// Serve three synthetic cases and a trial from a fresh store, and print requests to try.
    #[command(after_help = EXIT_CODES)]
    Demo(Demo),
    /// Convert result files of one patient and store them as a genomic report.
    ///
    /// Importing the same files twice changes nothing; a corrected file makes new versions and an amended report.
    #[command(after_help = EXIT_CODES)]
    Import(Import),
    /// Convert result files of one patient to a FHIR transaction Bundle on stdout; nothing is stored.
    #[command(after_help = EXIT_CODES)]
    Convert(Convert),
    /// Evaluate FHIRPath on a resource in a file, and print the values as a JSON array.
    #[command(name = "fhirpath", after_help = EXIT_CODES)]
    FhirPath(FhirPath),
    /// Get and compile the FHIR definitions that the gateway is built with.
    #[command(subcommand, after_help = EXIT_CODES)]
    Definitions(Definitions),
    /// Check that the index of a store agrees with its resources.
    #[command(after_help = EXIT_CODES)]
    Check(Check),
    /// Create the tables of a store or bring them to the present version, without serving it.
    #[command(after_help = EXIT_CODES)]
    Migrate(Migrate),
    /// Get FHIR packages, for `norn validate --package`.
    #[command(subcommand, after_help = EXIT_CODES)]
    Package(PackageCommand),
    /// Load code systems that are not shipped: LOINC, SNOMED CT, HGNC, the Sequence Ontology, OncoTree.
    #[command(subcommand, after_help = EXIT_CODES)]
    Terminology(TerminologyCommand),
    /// Check files against R4, the profiles that they claim, and profiles of your choice.
    #[command(after_help = "Exit codes: 0 no errors; 1 a file has errors; 2 wrong use; 3 a registry or file failed.")]
    Validate(Validate),
}

/// Where and over what to serve.
#[derive(Debug, Clone, Default, Args)]
pub struct Serving {
    /// Address to listen on; port 0 takes a free one. Without configured authorization only loopback addresses are possible.
    #[arg(long, value_name = "ADDR:PORT", env = "NORN_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where resources are kept: sqlite:PATH or postgres://user@host/database.
    #[arg(long, value_name = "URL", env = "NORN_STORE", hide_env_values = true)]
    pub store: Option<String>,
    /// The base URL as clients see it, if a proxy stands in front.
    #[arg(long, value_name = "URL", env = "NORN_BASE_URL")]
    pub base_url: Option<String>,
    /// What to log: error, warn, info, debug, trace, or per module like norn::http=debug.
    #[arg(long, value_name = "LEVEL", env = "NORN_LOG")]
    pub log: Option<String>,
}

/// `norn serve`
#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// Where and over what.
    #[command(flatten)]
    pub serving: Serving,
    /// Configuration file (TOML); see docs/configuration.md.
    #[arg(long, value_name = "FILE", env = "NORN_CONFIG")]
    pub config: Option<PathBuf>,
}

/// `norn demo`
#[derive(Debug, Clone, Default, Args)]
pub struct Demo {
    /// Where and over what; without --store, a fresh store in a temporary folder that goes when the demo ends.
    #[command(flatten)]
    pub serving: Serving,
}

/// What to convert, and how.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// Result files of one patient, such as a CombinedVariantOutput.tsv with its MetricsOutput.tsv.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Format of the files; without it, each file's first line tells. Known: tso500-combined, tso500-metrics.
    #[arg(long, value_name = "FORMAT")]
    pub from: Option<String>,
    /// Patient, order, specimen and genome build, in TOML or JSON.
    #[arg(long, value_name = "FILE")]
    pub requisition: Option<PathBuf>,
    /// Where to write what became of every input field (JSON).
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

/// `norn convert`
#[derive(Debug, Clone, Args)]
pub struct Convert {
    /// What to convert.
    #[command(flatten)]
    pub source: Source,
}

/// `norn import`
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// What to convert.
    #[command(flatten)]
    pub source: Source,
    /// Where to store it: sqlite:PATH, of a store that no server has open, or postgres://user@host/database.
    #[arg(long, value_name = "URL", env = "NORN_STORE", hide_env_values = true, default_value = "sqlite:norn.db")]
    pub store: String,
    /// Base URL of the server that serves this store; references under it are told relative to it.
    #[arg(long, value_name = "URL", env = "NORN_BASE_URL", default_value = "http://127.0.0.1:8080/fhir")]
    pub base_url: String,
}

/// `norn fhirpath`
#[derive(Debug, Clone, Args)]
pub struct FhirPath {
    /// The expression.
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub expression: Option<String>,
    /// A resource, as JSON or XML.
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub file: Option<PathBuf>,
    /// Lines of JSON {"id", "expression", "file"}; for each, {"id", "result"} or {"id", "error"} is printed.
    #[arg(long, value_name = "FILE")]
    pub batch: Option<PathBuf>,
}

/// `norn check`
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// The store: sqlite:PATH or postgres://user@host/database.
    #[arg(long, value_name = "URL", env = "NORN_STORE", hide_env_values = true, default_value = "sqlite:norn.db")]
    pub store: String,
}

/// `norn migrate`
#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// The store: sqlite:PATH or postgres://user@host/database.
    #[arg(long, value_name = "URL", env = "NORN_STORE", hide_env_values = true, default_value = "sqlite:norn.db")]
    pub store: String,
    /// Spread the tables of an empty PostgreSQL store over a cluster; see docs/scale-out.md.
    #[arg(long, value_name = "HOW")]
    pub distribute: Option<Distribution>,
    /// Into how many shards, with --distribute.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub shards: u16,
}

/// `norn package`
#[derive(Debug, Clone, Subcommand)]
pub enum PackageCommand {
    /// Put packages, and those that they depend on, into the FHIR package cache (~/.fhir/packages).
    Add {
        /// NAME@VERSION, or the path of a .tgz file.
        #[arg(required = true, value_name = "PACKAGE")]
        packages: Vec<String>,
        /// Where to fetch from.
        #[command(flatten)]
        registry: Registry,
    },
    /// List the packages in the cache.
    List {
        /// Where the cache is.
        #[command(flatten)]
        registry: Registry,
    },
}

/// `norn validate`
#[derive(Debug, Clone, Args)]
pub struct Validate {
    /// Files to check, JSON or XML; - for the standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A profile to check against, besides those that a file claims; its canonical URL. May be given several times.
    #[arg(long, value_name = "URL")]
    pub profile: Vec<String>,
    /// Files or folders with StructureDefinitions, ValueSets and CodeSystems, also in Bundles.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub definitions: Vec<PathBuf>,
    /// A package with definitions, NAME@VERSION or the path of a .tgz file. May be given several times.
    #[arg(long, value_name = "NAME@VERSION")]
    pub package: Vec<String>,
    /// How to tell what was found: human, json (a line for each file), or sarif.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Report::Human)]
    pub format: Report,
    /// Code systems that the site has loaded.
    #[command(flatten)]
    pub terminology: TerminologyFolder,
    /// Where to fetch packages from.
    #[command(flatten)]
    pub registry: Registry,
}

/// `norn terminology`
#[derive(Debug, Clone, Subcommand)]
pub enum TerminologyCommand {
    /// Read releases as their publishers ship them, unpacked, and CodeSystems, ValueSets and ConceptMaps in JSON.
    Load {
        /// Files, or folders to look through: Loinc.csv, SNOMED CT's RF2 files, HGNC's complete set, so.obo, OncoTree's tumour types.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The version, where the files do not tell the right one.
        #[arg(long, value_name = "VERSION")]
        release: Option<String>,
        /// Where to put them.
        #[command(flatten)]
        folder: TerminologyFolder,
    },
    /// List what is loaded.
    List {
        /// Where it is.
        #[command(flatten)]
        folder: TerminologyFolder,
    },
}

/// Where loaded terminology is kept.
#[derive(Debug, Clone, Default, Args)]
pub struct TerminologyFolder {
    /// The folder; without it, .norn/terminology in the home folder. A server reads the one in its configuration.
    #[arg(long = "terminology", value_name = "FOLDER", env = "NORN_TERMINOLOGY")]
    pub folder: Option<PathBuf>,
    /// The home folder.
    #[arg(id = "terminology_home", long = "terminology-home", hide = true, env = "HOME")]
    pub home: Option<PathBuf>,
}

/// How findings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// For people: a line for each issue.
    Human,
    /// For programs: a line for each file, with an OperationOutcome.
    Json,
    /// For code hosts and editors: SARIF 2.1.0.
    Sarif,
}

/// How tables are spread over a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Distribution {
    /// By the extension Citus.
    Citus,
}

/// Which npm registry to ask.
#[derive(Debug, Clone, Default, Args)]
pub struct Registry {
    /// The npm registry; without it, the one that npm is configured for, else the public one.
    #[arg(long, value_name = "URL", env = "npm_config_registry")]
    pub registry: Option<String>,
    /// npm's configuration file of the user; without it, .npmrc in the home folder.
    #[arg(long, value_name = "FILE", env = "NPM_CONFIG_USERCONFIG")]
    pub npmrc: Option<PathBuf>,
    /// The user's home folder.
    #[arg(long, hide = true, env = "HOME")]
    pub home: Option<PathBuf>,
}

/// `norn definitions`
#[derive(Debug, Clone, Subcommand)]
pub enum Definitions {
    /// Compile the pinned packages into the tables of the project.
    Compile {
        /// Folder with the packages, as .tgz or unpacked; without it, they are fetched.
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
        /// Where to write the tables.
        #[arg(long, value_name = "FOLDER", default_value = "profiles/compiled")]
        to: PathBuf,
        /// Where to fetch from.
        #[command(flatten)]
        registry: Registry,
    },
    /// Fetch the pinned packages from the npm registry, each checked against its checksum.
    Fetch {
        /// Where to put the .tgz files.
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
        /// Where to fetch from.
        #[command(flatten)]
        registry: Registry,
    },
}
