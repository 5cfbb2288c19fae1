//! `norn definitions`: the command over [`super::packages`].

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::Ended;
use super::arguments::{Definitions, Registry};
use super::packages::{self, DefinitionsError, Step};

/// Fetches or compiles.
pub(super) async fn run(command: &Definitions) -> Result<(), Ended> {
    match command {
        Definitions::Fetch { to, registry } => fetch(to, registry).await,
        Definitions::Compile { from: Some(from), to, .. } => compile(from, to),
        Definitions::Compile { from: None, to, registry } => {
            let folder = std::env::temp_dir().join(format!("norn-packages-{}", std::process::id()));
            fetch(&folder, registry).await?;
            let compiled = compile(&folder, to);
            let _ = std::fs::remove_dir_all(&folder);
            compiled
        }
    }
}

fn failed(error: DefinitionsError) -> Ended {
    Ended::Failed(error.to_string())
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn compile(from: &Path, to: &Path) -> Result<(), Ended> {
    for path in packages::compile(from, to).map_err(failed)? {
        println!("{}", path.display());
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
async fn fetch(to: &Path, registry: &Registry) -> Result<(), Ended> {
    let npm = super::package::npm(registry);
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes}") {
        bar.set_style(style);
    }
    let archives = packages::fetch(&npm, to, |step| match step {
        Step::Received(pin, received, of) => {
            bar.set_message(pin.name.clone());
            bar.set_length(of.unwrap_or(received));
            bar.set_position(received);
        }
        Step::Present(_) | Step::Stored(_) => {}
    })
    .await
    .map_err(failed)?;
    bar.finish_and_clear();
    for archive in archives {
        println!("{}", archive.display());
    }
    Ok(())
}
