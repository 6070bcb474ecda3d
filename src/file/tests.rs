//! Files that cannot be plans: each is told in a clear sentence, at once.

use std::path::Path;
use std::time::{Duration, Instant};

use super::source::Source;

fn told(path: &Path) -> String {
    let unreadable = Source::read(path).unwrap_err();
    assert!(unreadable.help.is_some(), "{} says not what to do", unreadable.message);
    unreadable.message
}

#[test]
fn files_that_are_no_plans() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert!(told(&folder.path().join("missing")).contains("there is no file"));
    assert!(told(folder.path()).contains("is a folder"));
    assert!(told(&write("empty", b"")).contains("is empty"));
    assert!(told(&write("blank", b" \n\n")).contains("is empty"));
    assert!(told(&write("utf16", b"\xff\xfeg\0o\0")).contains("UTF-16"));
    assert!(told(&write("binary", b"\x7fELF\0\0\0")).contains("not a text file"));
    assert!(told(&write("latin1", b"gonogo: 1\nname: \xe9t\xe9\n")).contains("line 2 holds the byte 0xe9"));
}

#[test]
fn a_fifo_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let began = Instant::now();
    assert!(told(&path).contains("not a regular file"));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_hundred_megabytes_are_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    // A sparse file: reading it would show in time.
    std::fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    let began = Instant::now();
    assert!(told(&path).contains("100 MB"));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn lines_are_found_whatever_ends_them() {
    let source = Source::new("x", "x", "a\r\nbc\rdé\n".to_owned());
    assert_eq!(source.line_of(0), (1, 0, "a"));
    assert_eq!(source.line_of(3), (2, 3, "bc"));
    assert_eq!(source.line_of(7), (3, 6, "dé"));
    assert_eq!(source.line_of(1000), (4, 10, ""));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("marked.yaml");
    std::fs::write(&path, b"\xef\xbb\xbfgonogo: 1\n").unwrap();
    assert!(Source::read(&path).unwrap().text.starts_with("gonogo"), "the byte order mark is no part of it");
}
