//! Deflates the JSON Schemas that `gonogo schema` prints: they are seldom asked for, and the program is carried to other hosts.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;

const SCHEMAS: &str = "src/cli/schema";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={SCHEMAS}");
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    for entry in std::fs::read_dir(SCHEMAS)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&std::fs::read(&path)?)?;
        std::fs::write(Path::new(&out).join(format!("{name}.deflate")), encoder.finish()?)?;
    }
    Ok(())
}
