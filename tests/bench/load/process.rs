//! What the operating system says about a process (Linux, proc(5)).

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;

/// Clock ticks per second in `/proc/PID/stat`: 100 on every Linux of today, whatever the kernel's own rate.
const TICKS: u64 = 100;

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    folder: PathBuf,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Processor time, its own and the kernel's for it, of all threads.
    pub(crate) cpu: Duration,
    /// Resident memory now, in megabytes (1,000,000 bytes).
    pub(crate) resident: f64,
    /// The most resident memory since it started, in megabytes.
    pub(crate) peak: f64,
}

impl Process {
    /// The process with this id; an error where there is none.
    pub(crate) fn open(pid: u32) -> Result<Self, Failure> {
        let process = Self { folder: PathBuf::from(format!("/proc/{pid}")) };
        process.sample().map_err(|e| format!("process {pid}: {e}"))?;
        Ok(process)
    }

    /// The driver itself.
    pub(crate) fn this() -> Self {
        Self { folder: PathBuf::from("/proc/self") }
    }

    /// What it has used up to now.
    pub(crate) fn sample(&self) -> Result<Sample, Failure> {
        let status = fs::read_to_string(self.folder.join("status"))?;
        Ok(Sample { cpu: self.cpu()?, resident: megabytes(&status, "VmRSS:")?, peak: megabytes(&status, "VmHWM:")? })
    }

    /// Processor time up to now.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let stat = fs::read_to_string(self.folder.join("stat"))?;
        // The name in parentheses may hold anything; the fields after it count from 3, and utime and stime are 14 and 15.
        let (_, fields) = stat.rsplit_once(')').ok_or("no process name in stat")?;
        let ticks: u64 = fields.split_ascii_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS))
    }
}

fn megabytes(status: &str, name: &str) -> Result<f64, Failure> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| format!("no {name} in status"))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
