//! The `norn` command: arguments go to [`norn::app::run`], what it says becomes the exit code.

fn main() -> std::process::ExitCode {
    norn::app::run()
}
