//! Outcomes, verdicts, exit codes and layers.

use super::{Explanation, Kind, entry};

/// The outcomes of one check.
pub(super) const OUTCOMES: &[Explanation] = &[
    entry(
        Kind::Outcome,
        "pass",
        "A working vantage saw what was expected.",
        "Every layer the probe has worked, and every expectation of the plan was met. A pass after retries is shown as flaky.",
        &[],
    ),
    entry(
        Kind::Outcome,
        "fail",
        "A working vantage saw the target answer wrongly or not at all.",
        "A timeout is a fail: we could look, and the target did not answer. The broken layer is named.",
        &["gonogo explain FAULT, with the fault of the broken layer"],
    ),
    entry(
        Kind::Outcome,
        "error",
        "We could not look.",
        "A secret, a file, a program or the vantage failed us. It says nothing about the target, and it is never a pass.",
        &["repair what the message names, then: gonogo retest CHECK"],
    ),
    entry(
        Kind::Outcome,
        "no_answer",
        "The check was expected and no answer was recorded.",
        "Every check begins like this: a run that is killed leaves what it did not reach in this state.",
        &["gonogo retest CHECK"],
    ),
    entry(
        Kind::Outcome,
        "not_run",
        "The check was not probed, and the message says why.",
        "A check it needs did not pass, it is deferred to a later stage, it was stopped, or a person has to record it.",
        &["repair what it needs, or wait for the stage it is due at"],
    ),
];

/// The verdicts.
pub(super) const VERDICTS: &[Explanation] = &[
    entry(
        Kind::Verdict,
        "go",
        "Everything that decides has passed.",
        "Nothing is owed, nothing was left out, nobody's word is awaited.",
        &["go on"],
    ),
    entry(
        Kind::Verdict,
        "go_with_issues",
        "Only minors did not pass, or a waiver covers the rest.",
        "One may go on. The issues are listed with their owners and do not disappear.",
        &["go on, and hand the issues to their owners"],
    ),
    entry(
        Kind::Verdict,
        "provisional_go",
        "Nothing that was tested stands against it, but something is owed or was left out.",
        "It is not a go: what could not be tested is not known to work. Each debt names the stage at which it comes due, \
         and a debt that comes due red revokes this.",
        &["read what is not known, and decide whether to go on with that"],
    ),
    entry(
        Kind::Verdict,
        "hold",
        "A person's word is awaited.",
        "What machines could look at does not stop the release; a manual check is not recorded.",
        &["gonogo record CHECK pass --by NAME, or fail"],
    ),
    entry(
        Kind::Verdict,
        "no_go",
        "Something stops the release.",
        "A blocker or a major did not pass, a debt is past due, nothing was looked at, or the run broke. The reasons name which.",
        &["repair and gonogo retest --failed, or turn back"],
    ),
];

/// The exit codes.
pub(super) const EXIT_CODES: &[Explanation] = &[
    entry(
        Kind::ExitCode,
        "0",
        "GO or GO WITH ISSUES, or the command did what it was asked.",
        "Nothing checked is never 0. Warnings do not change a code.",
        &["go on"],
    ),
    entry(
        Kind::ExitCode,
        "1",
        "NO-GO; for `probe`: it did not pass.",
        "The summary and result.json name the reasons.",
        &["gonogo explain REASON"],
    ),
    entry(
        Kind::ExitCode,
        "2",
        "Wrong usage, or a plan that does not load.",
        "Nothing was looked at. A result.json with verdict no_go is written all the same.",
        &["gonogo validate FILE", "gonogo COMMAND --help"],
    ),
    entry(
        Kind::ExitCode,
        "3",
        "PROVISIONAL GO: something is owed or was left out.",
        "Not a success for a pipeline that asks for 0: a person decides whether to go on.",
        &["gonogo explain provisional_go"],
    ),
    entry(
        Kind::ExitCode,
        "4",
        "HOLD: a person's word is awaited.",
        "A manual check is not recorded.",
        &["gonogo record CHECK pass --by NAME"],
    ),
    entry(
        Kind::ExitCode,
        "5",
        "A report or the journal could not be written.",
        "It replaces 0, 3 and 4: a go that cannot be shown is none. 1, 2 and 130 stay.",
        &["look at the disk and the permissions of the folders of --out and --journal"],
    ),
    entry(
        Kind::ExitCode,
        "130",
        "Interrupted by Ctrl-C or SIGTERM.",
        "The verdict is NO-GO with the reason interrupted; what had answered is in the journal.",
        &["gonogo run STAGE"],
    ),
];

/// The layers, shallowest first.
pub(super) const LAYERS: &[Explanation] = &[
    entry(
        Kind::Layer,
        "vantage",
        "Our own access to the place a probe runs from.",
        "When this does not work nothing is known about the target.",
        &["look at the program, the file or the host the message names"],
    ),
    entry(
        Kind::Layer,
        "dns",
        "From a name to addresses.",
        "A break here: no packet was sent to the target.",
        &["ask the DNS team, with the name and the vantage"],
    ),
    entry(
        Kind::Layer,
        "route",
        "From an address to a local source address and device.",
        "A break here: the packet did not leave the host.",
        &["on the vantage: ip route get ADDRESS"],
    ),
    entry(
        Kind::Layer,
        "tcp",
        "The connection.",
        "A refusal: the host answers, nobody listens. Silence: filtered, or the host is down.",
        &["compare the vantages: where it still works tells where it is cut"],
    ),
    entry(
        Kind::Layer,
        "tls",
        "The encrypted connection, and whether the certificates are trusted and for this name.",
        "A break here: the network is fine.",
        &["look at the certificate's names, dates and issuer in result.json"],
    ),
    entry(
        Kind::Layer,
        "protocol",
        "The application's protocol: framing, status, headers.",
        "A break here: the network and TLS are fine, and what answers does not speak as expected.",
        &["check that the port belongs to this service"],
    ),
    entry(
        Kind::Layer,
        "auth",
        "Who we are and what we may do.",
        "A break here: the target is up and does not let us in.",
        &["check the account, its password and its permissions on the new system"],
    ),
    entry(
        Kind::Layer,
        "payload",
        "What the target answered.",
        "A break here: everything below works, and the content is not what the plan expects.",
        &["compare `want` and `got`"],
    ),
];
