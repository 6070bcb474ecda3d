//! JUnit as GitLab reads it: an emulation in Ruby, with the library that GitLab itself reads with.

use std::path::Path;
use std::process::Command;

use gonogo::report::Dialect;

use super::readers::{counts, files, merged};
use crate::support::skip;

#[test]
fn gitlab_counts_the_same_and_shows_a_text_for_whatever_is_not_a_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut paths = files(Dialect::Wide, folder.path());
    let plugin = tempfile::tempdir().expect("a folder");
    paths.extend(files(Dialect::XunitPlugin, plugin.path()));
    let path = folder.path().join("merged.xml");
    std::fs::write(&path, merged()).expect("a file");
    paths.push(path);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gitlab-junit.rb");
    let library = Command::new("ruby").args(["-e", "require 'active_support'"]).output();
    if !library.is_ok_and(|output| output.status.success()) {
        return skip("ruby with ActiveSupport");
    }
    let output = Command::new("ruby").arg(&script).args(&paths).output().expect("ruby");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.lines().count(), paths.len());
    for (path, line) in paths.iter().zip(told.lines()) {
        let (ours, _) = counts(&std::fs::read_to_string(path).expect("a file"));
        assert_eq!(line, ours.map(|count| count.to_string()).join(" "), "{}", path.display());
    }
}
