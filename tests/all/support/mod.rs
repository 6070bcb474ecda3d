//! What several subjects need: real servers, started and stopped by the tests themselves.

pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod receiver;
pub(crate) mod server;
pub(crate) mod sshd;

/// Say aloud that a test is left out, or fail when `GONOGO_REQUIRE=all` forbids that.
pub(crate) fn skip(missing: &str) {
    assert!(
        std::env::var("GONOGO_REQUIRE").as_deref() != Ok("all"),
        "{missing} is missing, and GONOGO_REQUIRE=all allows no skipped test"
    );
    eprintln!("SKIPPED: {missing} is missing");
}
