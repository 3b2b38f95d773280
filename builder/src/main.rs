//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    linkpack::memory::bound();
    linkpack::cli::run()
}
