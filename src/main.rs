//! The `gonogo` program.

fn main() {}
