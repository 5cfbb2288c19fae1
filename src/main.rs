//! The `norn` command: arguments go to [`norn::app::run`], what it says becomes the exit code.

/// What one thread allocates another one frees, request by request; the C library's allocator is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    norn::app::run()
}
