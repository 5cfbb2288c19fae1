//! A PostgreSQL server for tests: started when the first test needs it, stopped when the test process ends, however it ends.
//!
//! `NORN_TEST_POSTGRES` names a server (a URL; the role must be allowed to create schemas). Without it a server of our own is
//! started from the binaries that are installed (`PG_CONFIG`, or the usual places), as another user if we are root. If none
//! are installed, `.ci/postgres` installs Debian's package. Also the unit tests of the store use this file.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Runtime;

/// A server of our own.
pub(crate) struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    /// Stops the server when its input ends, which it does when this process ends, and takes the folder away.
    watcher: Child,
}

/// What starts and stops a server: the binaries, the folder, and settings are its arguments.
const WATCHER: &str = r#"
bin=$1 folder=$2 settings=$3
cd "$folder" || exit 1
if [ "$(id -u)" = 0 ]; then
    owner=postgres; id -u $owner > /dev/null 2>&1 || owner=nobody
    chown $owner "$folder"
    if command -v setpriv > /dev/null; then as() { setpriv --reuid "$(id -u $owner)" --regid "$(id -g $owner)" --clear-groups "$@"; }
    else as() { su -s /bin/sh $owner -c '"$@"' -- sh "$@"; }; fi
else as() { "$@"; }; fi
fail() { cat "$folder"/*.log; exit 1; }
if [ ! -d data ]; then
    as "$bin/initdb" -D "$folder/data" -U norn -A trust -E UTF8 --locale=C --no-sync > init.log 2>&1 || fail
fi
as "$bin/pg_ctl" -D "$folder/data" -w -t 120 -l "$folder/server.log" -o "-k '$folder' -c listen_addresses='' $settings" start > start.log 2>&1 || fail
echo ready
cat > /dev/null
as "$bin/pg_ctl" -D "$folder/data" -m immediate stop > /dev/null 2>&1
[ -e keep ] || rm -rf "$folder"
"#;

impl Cluster {
    /// Starts a server; a durable one keeps what it acknowledges when it is killed.
    pub(crate) fn start(durable: bool) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("norn-pg-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let binaries = binaries();
        let settings = if durable { "" } else { "-c fsync=off -c synchronous_commit=off -c full_page_writes=off" };
        let watcher = watch(&binaries, &folder, &format!("{settings} -c max_connections=300"));
        Self { folder, binaries, watcher }
    }

    /// The URL of the server's only database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://norn@{}/postgres", percent(&self.folder))
    }

    /// Kills the server without any chance to clean up (SIGKILL), then starts it again over the same files.
    pub(crate) fn kill_and_restart(&mut self) {
        let pids = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let postmaster = pids.lines().next().unwrap();
        // With all its children: what is left of it would keep the next one from its memory.
        let told = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap().stdout;
        let told = String::from_utf8(told).unwrap();
        let processes = told.lines().filter_map(|line| line.split_whitespace().collect::<Vec<_>>().try_into().ok());
        let own = processes.filter(|[pid, parent]: &[&str; 2]| *pid == postmaster || *parent == postmaster).map(|[pid, _]| pid);
        assert!(Command::new("kill").arg("-9").args(own).status().unwrap().success());
        std::fs::write(self.folder.join("keep"), "").unwrap();
        self.end();
        std::fs::remove_file(self.folder.join("keep")).unwrap();
        self.watcher = watch(&self.binaries, &self.folder, "-c max_connections=300");
    }

    fn end(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

/// A folder as the host of a URL.
fn percent(folder: &Path) -> String {
    folder.display().to_string().replace('/', "%2F")
}

fn watch(binaries: &Path, folder: &Path, settings: &str) -> Child {
    let mut command = Command::new("sh");
    // A group of its own: Ctrl-C is not for it.
    command.args(["-c", WATCHER, "sh"]).arg(binaries).arg(folder).arg(settings).process_group(0);
    let mut watcher = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut told = BufReader::new(watcher.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    if line != "ready\n" {
        told.read_to_string(&mut line).unwrap();
        panic!("PostgreSQL does not start in {}:\n{line}", folder.display());
    }
    watcher
}

/// A program of the installed server.
pub(crate) fn program(name: &str) -> PathBuf {
    binaries().join(name)
}

/// Where `initdb` and `pg_ctl` are.
fn binaries() -> PathBuf {
    if let Some(found) = installed() {
        return found;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/postgres");
    let told = Command::new(&script).output().unwrap();
    installed().unwrap_or_else(|| {
        panic!(
            "the tests need PostgreSQL 15 or later: install it, or name its pg_config in PG_CONFIG, or a server in NORN_TEST_POSTGRES\n{}{}",
            String::from_utf8_lossy(&told.stdout),
            String::from_utf8_lossy(&told.stderr)
        )
    })
}

fn installed() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests read where PostgreSQL is")]
    let config = std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".to_owned());
    let told = Command::new(config).arg("--bindir").output();
    let told = told.ok().map(|told| PathBuf::from(String::from_utf8_lossy(&told.stdout).trim()));
    let mut places: Vec<PathBuf> = told.into_iter().collect();
    for (folder, end) in [("/usr/lib/postgresql", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr/local/opt", "bin"), ("/usr", "bin")] {
        let own = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut own: Vec<PathBuf> = own
            .filter(|path| {
                folder.ends_with("postgresql")
                    || path.to_string_lossy().contains("postgresql@")
                    || path.to_string_lossy().contains("pgsql-")
            })
            .map(|path| path.join(end))
            .collect();
        own.sort();
        places.extend(own.into_iter().rev());
    }
    places.extend(["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from));
    places.into_iter().find(|place| place.join("initdb").exists() && place.join("pg_ctl").exists() && is_new(place))
}

/// Whether the server there is of version 15 or later.
fn is_new(place: &Path) -> bool {
    let told = Command::new(place.join("postgres")).arg("--version").output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned()).unwrap_or_default();
    let major = told.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| major >= 15)
}

/// The server that tests share: its URL.
fn shared() -> &'static str {
    static URL: LazyLock<String> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "tests read where PostgreSQL is")]
        let given = std::env::var("NORN_TEST_POSTGRES");
        given.unwrap_or_else(|_| {
            static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(false));
            CLUSTER.url()
        })
    });
    &URL
}

/// Threads on which connections live, whichever test opened them.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
    &RUNTIME
}

/// Waits for something on these threads, also from a test that has threads of its own.
pub(crate) fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join().unwrap())
}

/// Runs statements on a database.
pub(crate) async fn run(url: &str, sql: &str) {
    let (client, driver) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(driver);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
}

/// The URL of an empty schema of the shared server.
pub(crate) fn fresh() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let url = shared();
    block_on(run(url, &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")));
    format!("{url}{}options=-csearch_path%3D{name}", if url.contains('?') { '&' } else { '?' })
}
