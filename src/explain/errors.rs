//! Why we could not look: nothing here says anything about a target.

use super::{Explanation, Kind, entry};

const fn error(
    name: &'static str,
    what: &'static str,
    means: &'static str,
    next: &'static [&'static str],
) -> Explanation {
    entry(Kind::Error, name, what, means, next)
}

/// Every error of our own.
pub(super) const ALL: &[Explanation] = &[
    error(
        "secret",
        "A secret the check needs could not be had.",
        "The variable is not set, the file cannot be read, or the command failed. The target was not asked: it may be fine.",
        &[
            "set the variable, or repair the file or the command named in the message",
            "then: gonogo retest CHECK",
        ],
    ),
    error(
        "unreadable",
        "A file the probe needs could not be read.",
        "A certificate, a key, or a configuration file on the vantage is missing or not ours to read. The target was not asked.",
        &[
            "check the path and the permissions on the vantage",
            "relative paths are relative to the plan file",
        ],
    ),
    error(
        "key_mismatch",
        "Our own certificate and private key are no pair.",
        "The key is another certificate's: one of the two files was renewed without the other. The target was not asked.",
        &[
            "put the certificate and the key that were made together in place",
            "compare: openssl x509 -noout -pubkey -in CERT, and openssl pkey -pubout -in KEY",
        ],
    ),
    error(
        "start",
        "A program could not be started.",
        "It is not installed on the vantage, not in PATH, or not executable.",
        &[
            "install it, or name it with its whole path",
            "programs are started without a shell: no pipes, no globs",
        ],
    ),
    error(
        "setting",
        "A local setting cannot be used.",
        "Something on our side, such as sslrootcert, ~/.pgpass or a proxy variable, is wrong or contradicts the plan.",
        &[
            "repair the setting named in the message",
            "a key in the plan beside a URL wins over the environment",
        ],
    ),
    error(
        "exhausted",
        "This host is out of something: file descriptors, memory, local ports.",
        "We could not look because of our own limits. The target may be fine.",
        &["lower --concurrency", "raise the limit: ulimit -n", "then: gonogo retest --failed"],
    ),
    error(
        "unusable",
        "A vantage cannot be used: gonogo could not be started there.",
        "Its words (ssh, docker, kubectl, a prefix) do not lead there, no shell answers, no folder takes the program, or it does not run there. The target was not asked: it may be fine.",
        &[
            "run the same words by hand, such as: ssh HOST true",
            "where nothing can be copied, install gonogo there and name it with `program:`",
            "then: gonogo retest CHECK",
        ],
    ),
    error(
        "lost",
        "A vantage was lost while it was looking.",
        "The connection to it, its host, or gonogo on it ended before the answer came. Nothing is known about the target.",
        &["see whether the vantage is still there", "then: gonogo retest CHECK"],
    ),
    error(
        "refused",
        "The gonogo on a vantage does not understand what it is asked.",
        "It is of another version. It refuses a probe it does not know, rather than leave out what it was to check.",
        &["use the same version on both sides, or remove `program:`, so that this one is brought there"],
    ),
    error(
        "internal",
        "A defect of gonogo.",
        "The probe was abandoned and the run went on. Nothing is known about the target.",
        &["look at it by other means tonight", "report the message, with the version: gonogo --version"],
    ),
    error(
        "unknown",
        "An error that this version of gonogo does not know.",
        "The journal was written by a newer version. We could not look; more cannot be told.",
        &["use the version of gonogo that made the run"],
    ),
];
