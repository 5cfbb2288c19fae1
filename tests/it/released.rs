//! Stores of every released version are opened, read, searched and found sound by today's code.
//!
//! `tests/golden/store/VERSION` holds what each version left behind, as SQL: its tables as they were, with a few resources. Whoever
//! changes the tables brings a migration, a new version here, and its files: `NORN_GOLDEN=write` writes those of [`PRESENT`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::json;

use crate::support::process::Process;
use crate::support::{Client, cluster};

/// The version whose tables today's code makes.
const PRESENT: &str = "1.2";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/store")
}

fn versions() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// What every version stores: a resource with a history, one that is deleted, a reference, a parameter of the server's own.
async fn fill(client: &Client) {
    let patient =
        |family: &str| json!({"resourceType": "Patient", "id": "p", "birthDate": "1970-01-02", "name": [{"family": family}]}).to_string();
    client.put("Patient/p", patient("Before")).await.expect(201);
    client.put("Patient/p", patient("After")).await.expect(200);
    let observation = json!({"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "94076-7"}]}, "effectiveDateTime": "2026-11-20",
        "valueQuantity": {"value": 14.9, "unit": "1/1000000", "system": "http://unitsofmeasure.org", "code": "1/1000000"}});
    client.put("Observation/o", observation.to_string()).await.expect(201);
    client.put("Basic/gone", r#"{"resourceType":"Basic","id":"gone","code":{"text":"x"}}"#).await.expect(201);
    client.delete("Basic/gone").await.expect(204);
    let own = json!({"resourceType": "SearchParameter", "id": "own", "url": "http://example.org/own", "name": "own", "status": "active",
        "description": "x", "code": "own", "base": ["Patient"], "type": "string", "expression": "Patient.name.family"});
    client.put("SearchParameter/own", own.to_string()).await.expect(201);
    while client.get("SearchParameter/own/$status").await.json()["status"] != "completed" {}
}

async fn look(client: &Client) {
    assert_eq!(client.get("Patient/p").await.expect(200).json()["name"][0]["family"], "After");
    assert_eq!(client.get("Patient/p/_history/1").await.expect(200).json()["name"][0]["family"], "Before");
    assert_eq!(client.get("Patient/p/_history").await.expect(200).json()["total"], 2);
    client.get("Basic/gone").await.expect(410);
    // Rows of older versions of extraction are made anew first.
    while client.get("Observation?value-quantity=14.9").await.status == 400 {}
    for search in [
        "Patient?family=aft",
        "Patient?own=aft",
        "Patient?birthdate=1970",
        "Patient?_has:Observation:patient:code=94076-7",
        "Observation?patient=p&code=http://loinc.org|94076-7",
        "Observation?value-quantity=14.9|http://unitsofmeasure.org|1/1000000",
        "Observation?date=ge2026-11&subject:Patient.family=after",
        "Observation?_lastUpdated=gt2020",
    ] {
        assert_eq!(client.get(search).await.expect(200).matches().len(), 1, "{search}");
    }
    for search in ["Patient?family=before", "Basic?code:text=x"] {
        assert!(client.get(search).await.expect(200).matches().is_empty(), "{search}");
    }
    // It takes writes as ever.
    client.put("Patient/q", r#"{"resourceType":"Patient","id":"q","name":[{"family":"Afterwards"}]}"#).await.expect(201);
    assert_eq!(client.get("Patient?own=aft").await.expect(200).matches().len(), 2);
}

/// Opens a store of an older version, looks at it, and lets `norn check` look.
async fn open(store: &str) {
    let process = Process::serve_url(store);
    look(&Client::new(&process.base)).await;
    assert!(process.stop());
    let output = Command::new(env!("CARGO_BIN_EXE_norn")).args(["check", "--store", store]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn filled(store: &str) {
    let process = Process::serve_url(store);
    fill(&Client::new(&process.base)).await;
    assert!(process.stop());
}

fn read(path: &Path) -> String {
    let hint = "a version has its files: write those of the present one with NORN_GOLDEN=write";
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}; {hint}", path.display()))
}

/// The statements that make the tables of a SQLite file, by name.
fn tables(connection: &Connection) -> BTreeMap<String, String> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// A SQLite file as SQL.
fn dump(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    let mut sql = format!("PRAGMA application_id = {};\nPRAGMA user_version = {};\n", number("application_id"), number("user_version"));
    let tables = tables(&connection);
    let (made, indexes): (Vec<_>, Vec<_>) = tables.iter().partition(|(_, sql)| sql.starts_with("CREATE TABLE"));
    for (name, statement) in made {
        sql += &format!("{statement};\n");
        let mut columns = connection
            .prepare(&format!("SELECT group_concat('quote(' || name || ')', ' || '', '' || ') FROM pragma_table_info('{name}')"))
            .unwrap();
        let quoted: String = columns.query_row([], |row| row.get(0)).unwrap();
        let mut lines = connection.prepare(&format!("SELECT {quoted} FROM {name}")).unwrap();
        for line in lines.query_map([], |row| row.get::<_, String>(0)).unwrap() {
            sql += &format!("INSERT INTO {name} VALUES ({});\n", line.unwrap());
        }
    }
    indexes.iter().for_each(|(_, statement)| sql += &format!("{statement};\n"));
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_files_of_every_released_version_are_opened() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = |path: &Path| format!("sqlite:{}", path.display());
    if crate::support::writes_golden() {
        let path = folder.path().join("golden.db");
        filled(&url(&path)).await;
        std::fs::create_dir_all(golden().join(PRESENT)).unwrap();
        std::fs::write(golden().join(PRESENT).join("sqlite.sql"), dump(&path)).unwrap();
    }
    for version in versions() {
        let path = folder.path().join(version.file_name().unwrap());
        Connection::open(&path).unwrap().execute_batch(&read(&version.join("sqlite.sql"))).unwrap();
        open(&url(&path)).await;
    }
    // The newest is what today's code makes: other tables are another version.
    let (fresh, newest) = (folder.path().join("fresh.db"), folder.path().join("newest.db"));
    assert!(Process::serve_url(&url(&fresh)).stop());
    let made = Connection::open(&newest).unwrap();
    made.execute_batch(&read(&golden().join(PRESENT).join("sqlite.sql"))).unwrap();
    assert_eq!(tables(&Connection::open(&fresh).unwrap()), tables(&made), "the tables have changed: bring a migration and a version");
}

/// A schema of PostgreSQL as SQL, told by `pg_dump`, without the name of the schema.
fn dump_schema(url: &str, what: &[&str]) -> String {
    let (server, schema) = url.rsplit_once("search_path%3D").unwrap();
    let server = server.trim_end_matches("options=-c").trim_end_matches(['?', '&']);
    let program = cluster::program("pg_dump");
    let output = Command::new(program)
        .args(["--no-owner", "--no-comments", "--rows-per-insert=1", "--schema", schema])
        .args(what)
        .arg(server)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap().replace(&format!("{schema}."), "");
    let own = |line: &&str| {
        !["SET ", "SELECT pg_catalog", "--", "\\", "CREATE SCHEMA"].iter().any(|start| line.starts_with(start)) && !line.is_empty()
    };
    told.lines().filter(own).map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_databases_of_every_released_version_are_opened() {
    if crate::support::writes_golden() {
        let url = cluster::fresh();
        filled(&url).await;
        std::fs::create_dir_all(golden().join(PRESENT)).unwrap();
        std::fs::write(golden().join(PRESENT).join("postgres.sql"), dump_schema(&url, &[])).unwrap();
    }
    let mut newest = String::new();
    for version in versions() {
        let url = cluster::fresh();
        cluster::block_on(cluster::run(&url, &read(&version.join("postgres.sql"))));
        newest = dump_schema(&url, &["--schema-only"]);
        open(&url).await;
    }
    let fresh = cluster::fresh();
    assert!(Process::serve_url(&fresh).stop());
    assert_eq!(dump_schema(&fresh, &["--schema-only"]), newest, "the tables have changed: bring a migration and a version");
}
