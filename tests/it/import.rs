//! `norn import` and `norn convert` as scripts use them: real files, real store, exit codes, stdout and stderr.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::Client;
use crate::support::process::Process;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mapping/demo").join(name)
}

fn norn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_norn")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

struct Import {
    folder: tempfile::TempDir,
    combined: PathBuf,
}

impl Import {
    fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let combined = folder.path().join("sample_CombinedVariantOutput.tsv");
        std::fs::copy(find(&case("lung-localapp"), "CombinedVariantOutput.tsv"), &combined).unwrap();
        Self { folder, combined }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self) -> Output {
        let requisition = find(&case("lung-localapp"), "requisition.toml");
        norn(&[
            "import",
            &self.combined.display().to_string(),
            "--requisition",
            &requisition.display().to_string(),
            "--store",
            &format!("sqlite:{}", self.path("norn.db")),
            "--ledger",
            &self.path("ledger.json"),
        ])
    }

    /// Changes the file that is imported.
    fn edit(&self, change: impl Fn(&str) -> String) {
        let text = std::fs::read_to_string(&self.combined).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed);
        std::fs::write(&self.combined, changed).unwrap();
    }

    async fn look(&self, query: &str) -> Value {
        let process = Process::serve(&self.folder.path().join("norn.db"));
        let found = Client::new(&process.base).get(query).await.expect(200).json();
        assert!(process.stop());
        found
    }
}

fn find(folder: &Path, ending: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| file.unwrap().path()).find(|path| path.to_string_lossy().ends_with(ending)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_once_and_amended_when_corrected() {
    let import = Import::new();
    let first = import.run();
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains("a new preliminary report"), "{}", stderr(&first));
    let before = import.look("DiagnosticReport?_include=DiagnosticReport:result&_total=accurate").await;
    assert_eq!((before["total"].clone(), before["entry"][0]["resource"]["status"].clone()), (1.into(), "preliminary".into()));

    let again = import.run();
    assert!(again.status.success() && stderr(&again).contains("the report is unchanged; 0 resources written"), "{}", stderr(&again));

    // One variant's depth is corrected, another variant is taken out.
    import.edit(|text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let start = lines.iter().position(|line| line.starts_with("[Small Variants]")).unwrap() + 2;
        let depth = lines[start].split('\t').nth(6).unwrap().to_owned();
        lines[start] = lines[start].replacen(&format!("\t{depth}\t"), "\t4321\t", 1);
        lines.remove(start + 1);
        lines.join("\n") + "\n"
    });
    let corrected = import.run();
    assert!(corrected.status.success() && stderr(&corrected).contains("the report is amended"), "{}", stderr(&corrected));
    assert!(stderr(&corrected).contains("entered-in-error"), "{}", stderr(&corrected));
    let after = import.look("DiagnosticReport?_total=accurate").await;
    assert_eq!((after["total"].clone(), after["entry"][0]["resource"]["status"].clone()), (1.into(), "amended".into()));
    let withdrawn = import.look("Observation?status=entered-in-error&code=http://loinc.org%7C69548-6").await;
    assert_eq!(withdrawn["entry"].as_array().unwrap().len(), 1, "the variant that is gone from the file is told, not dropped");
    let once_more = import.run();
    assert!(stderr(&once_more).contains("the report is unchanged; 0 resources written"), "{}", stderr(&once_more));
}

#[test]
fn what_is_damaged_is_refused_with_its_place_and_nothing_is_stored() {
    let import = Import::new();
    import.edit(|text| text.replacen("Total TMB\t", "Total TMB\tx", 1));
    let refused = import.run();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("row ") && stderr(&refused).contains("column "), "{}", stderr(&refused));
    assert!(!Path::new(&import.path("norn.db")).exists(), "no store is made for a refused file");
    let converted = norn(&["convert", &import.combined.display().to_string()]);
    assert_eq!((converted.status.code(), converted.stdout.len()), (Some(1), 0));
}

#[test]
fn convert_gives_the_same_bytes_and_a_ledger_that_adds_up() {
    let import = Import::new();
    let (file, ledger) = (import.combined.display().to_string(), import.path("ledger.json"));
    let one = norn(&["convert", &file, "--ledger", &ledger]);
    let two = norn(&["convert", &file, "--from", "tso500-combined"]);
    assert!(one.status.success() && two.status.success(), "{}", stderr(&one));
    assert_eq!(one.stdout, two.stdout);
    let bundle: Value = serde_json::from_slice(&one.stdout).unwrap();
    assert_eq!((bundle["resourceType"].as_str(), bundle["type"].as_str()), (Some("Bundle"), Some("transaction")));
    let ledger: Value = serde_json::from_slice(&std::fs::read(ledger).unwrap()).unwrap();
    let fields = ledger["fields"].as_array().unwrap();
    let count = |fate: &str| fields.iter().filter(|field| field["fate"] == fate).count();
    for fate in ["mapped", "carried", "refused"] {
        assert_eq!(ledger["counts"][fate], count(fate), "{fate}");
    }
    assert_eq!(count("mapped") + count("carried") + count("refused"), fields.len());
    assert_eq!(norn(&["convert", &file, "--from", "vcf"]).status.code(), Some(2));
    assert_eq!(norn(&["convert", "/nowhere.tsv"]).status.code(), Some(2));
    assert_eq!(norn(&["convert"]).status.code(), Some(2));
}
