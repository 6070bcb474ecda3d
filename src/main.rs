//! The `gonogo` program.

fn main() -> std::process::ExitCode {
    gonogo::cli::main(std::env::args_os(), gonogo::environment::Environment::of_process())
}
