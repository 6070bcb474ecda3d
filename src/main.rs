//! The `gonogo` program.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gonogo::cli::main(std::env::args_os(), gonogo::environment::Environment::of_process())
}
