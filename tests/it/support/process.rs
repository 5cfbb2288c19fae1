//! The real binary as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server process; killed when dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) base: String,
    /// What it printed before it served.
    pub(crate) printed: Vec<String>,
    /// Reads what it prints from then on.
    rest: Option<std::thread::JoinHandle<Vec<String>>>,
}

impl Process {
    /// Starts `norn` with these arguments and waits until it says where it serves, on stdout or stderr.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_norn"));
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let on_stdout = arguments.first() == Some(&"demo");
        let reader: Box<dyn std::io::Read + Send> =
            if on_stdout { Box::new(child.stdout.take().unwrap()) } else { Box::new(child.stderr.take().unwrap()) };
        let mut lines = BufReader::new(reader).lines();
        let (mut printed, mut base) = (Vec::new(), None);
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://") && word.ends_with("/fhir")) {
                base.get_or_insert_with(|| url.to_owned());
            }
            let last =
                if on_stdout { line.is_empty() && printed.iter().any(|line: &String| line.starts_with("curl")) } else { base.is_some() };
            printed.push(line);
            if last {
                break;
            }
        }
        // The rest is read on, so that a full pipe never stops the server.
        let rest = Some(std::thread::spawn(move || lines.map_while(Result::ok).collect()));
        let base = base.unwrap_or_else(|| panic!("the server does not say where it serves: {printed:?}"));
        Self { child, base, printed, rest }
    }

    /// `norn serve` over a store on a free port.
    pub(crate) fn serve(store: &Path) -> Self {
        Self::serve_url(&format!("sqlite:{}", store.display()))
    }

    /// `norn serve` over the store at a URL on a free port.
    pub(crate) fn serve_url(store: &str) -> Self {
        Self::start(&["serve", "--listen", "127.0.0.1:0", "--store", store])
    }

    /// The same, but taking resources that break rules of R4: for tests whose resources are random.
    pub(crate) fn serve_unvalidated(store: &str, folder: &Path) -> Self {
        let config = folder.join("unvalidated.toml");
        std::fs::write(&config, "[validation]\nmode = \"off\"\n").unwrap();
        Self::start(&["serve", "--listen", "127.0.0.1:0", "--store", store, "--config", config.to_str().unwrap()])
    }

    /// Kills it without any chance to clean up (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop (SIGTERM) and waits; gives whether it ended well.
    pub(crate) fn stop(mut self) -> bool {
        self.ask_to_stop()
    }

    /// The same, and gives what it printed while it served.
    pub(crate) fn stop_and_tell(mut self) -> Vec<String> {
        assert!(self.ask_to_stop());
        self.rest.take().unwrap().join().unwrap()
    }

    fn ask_to_stop(&mut self) -> bool {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
