//! The application that answers: what it says of itself, of its state, and of what it needs.

mod grpc;
mod identity;
mod payload;
mod state;

pub(super) use state::{has_successor, is_starting, names_dependency, names_feature, names_pool, tenant};

use super::evidence::Evidence;
use super::quoted::{Quoted, Words};
use super::registry::{Rule, Ruling, causes};

causes! { App:
    EXCEPTION = "http-500" at Target,
        "The application fails while it answers.",
        "500, from every place and on the target's own host too: the way there is well.",
        ["read the application's log of that second"];
    MAINTENANCE = "app-maintenance-503" at Target,
        "The application is still in maintenance mode.",
        "503, and the answer speaks of maintenance.",
        ["turn maintenance mode off"];
    MAINTENANCE_PAGE = "app-maintenance-200" at Target,
        "A maintenance page comes with status 200.",
        "200, and in the place of data a page that speaks of maintenance.",
        ["turn maintenance mode off"];
    WARMING = "app-warming-up" at Target,
        "The application is still starting.",
        "503, and the answer says that it starts, or is not ready yet.",
        ["try again until its usual time to start is over: gonogo retest", "then read the log of its start"];
    ERROR_BODY = "app-200-error-body" at Target,
        "The answer has status 200, and an error inside.",
        "200, and the body speaks of an error where there was data before.",
        ["read the error, then the application's log of that second"];
    ERROR_PAGE = "app-200-html-error" at Target,
        "The answer has status 200, and is a page with an error.",
        "200, and HTML where there was data before.",
        ["read the application's log of that second"];
    SOAP_FAULT = "app-soap-fault-200" at Target,
        "The answer has status 200, and is a SOAP fault.",
        "200, and the XML body has a Fault in its envelope.",
        ["read the faultstring, then the application's log of that second"];
    WRONG_APP = "app-200-wrong-app" at Target,
        "Another application answers at this address.",
        "The answer names an application that is not the expected one.",
        ["compare ports and host names of the two applications", "see who owns the port on the target: ss -ltnp"];
    WRONG_ENV = "app-wrong-env" at Target,
        "The application of another environment answers.",
        "The answer names an environment that is not the expected one.",
        ["stop: data of two environments may be mixed", "compare the address and the profile the application was started with"];
    OLD_VERSION = "app-old-version" at Target,
        "The old version is still running.",
        "Every call is answered by a version that is not the expected one.",
        ["restart the application; compare the checksum of what is deployed"];
    SCHEMA = "app-schema-mismatch" at Target,
        "The answer has other fields than before: the two applications' versions do not match.",
        "The names in the JSON differ from those of the baseline.",
        ["compare the interface's versions of both sides"];
    API_GONE = "app-api-version-gone" at Target,
        "This version of the interface is no longer served.",
        "410, or 404 where the next version answers.",
        ["deploy the caller that uses the next version, or serve the old one for a while"];
    TENANT = "app-missing-tenant-header" at Source,
        "A header is missing that the application requires.",
        "400, and the answer names a header that was not sent.",
        ["let the caller send it", "see whether a proxy on the way drops it"];
    FEATURE = "app-feature-flag-off" at Target,
        "A feature is turned off in this environment.",
        "404 or 403 by the application itself, which names the feature.",
        ["turn the feature on"];
    EMPTY = "app-empty-result" at Dependency,
        "The application answers, and sees no data.",
        "The answer has the fields it had before, and an array in it is empty.",
        ["look at its database: row level security, search_path, the wrong database or tenant"];
    DEPENDENCY = "app-health-ok-dependency-down" at Dependency,
        "The application is up, and something that it needs fails it: the fault is one hop further.",
        "It answers by itself, with an error that names what it cannot reach or may not use.",
        ["look at the link from the application to what it names"];
    POOL = "app-pool-exhausted" at Target,
        "The application has no connection left in its pool.",
        "Some calls pass and others fail, and the answer speaks of the pool.",
        ["look for a leak, for slow statements, and at the pool's size"];
    BREAKER = "app-circuit-breaker-open" at Target,
        "A circuit breaker of the application is still open: it does not even try to call what it needs.",
        "It answers at once, with an error that speaks of its circuit breaker.",
        ["look at what it needs from its own host; if that is well, wait, or close the breaker"];
    CHARSET = "app-locale-charset" at Target,
        "The application answers in another character set than before.",
        "The charset of Content-Type differs from the baseline, and values with other letters than ASCII come out wrong.",
        ["compare the locale and encoding it is started with (LANG, file.encoding)"];
    CLOCK = "app-server-clock-wrong" at Target,
        "The clock of the application's host is wrong.",
        "The Date of its answers is more than a minute from our clock, as seen from every place.",
        ["set the clock (NTP), before tokens and certificates fail"];
    LICENCE = "app-license-or-ipcount" at Target,
        "The application's licence is not valid on this host.",
        "The application itself says so: licences are bound to a host, an address or a number of them.",
        ["have the licence issued for the new host"];
    RELAY = "smtp-relay-denied" at Dependency,
        "The mail server does not take mail for others from this host.",
        "The application quotes its refusal: 550 or 554 with 5.7.1 (RFC 3463), relaying denied.",
        ["allow the new source address at the mail server"];
    HOST_KEY = "sftp-hostkey-changed" at Source,
        "The host key of the SSH server is not the one that is known: the host was built anew.",
        "The client refuses before it sends anything; a host in between would look the same.",
        ["compare the fingerprint with the one on the server's console: ssh-keygen -lf", "then replace it in known_hosts of the application's user"];
    WSDL = "app-wsdl-endpoint-internal" at Target,
        "The WSDL tells its callers an address that is not theirs.",
        "The host in soap:address is not the one that was called; callers that go by it do not get through.",
        ["set the application's public address, or let the proxy pass Host on"];
    CALLBACK = "app-callback-direction" at Network,
        "The way back is broken: the called application does not reach its caller.",
        "The plan's link in the other direction breaks at a layer below the application.",
        ["look at the finding of the link in the other direction"];
    UNAVAILABLE = "grpc-unavailable" at Target,
        "The gRPC server is not there for the client, or what is in front of it does not reach it.",
        "grpc-status 14; its message says what failed below.",
        ["read grpc-message; then as for any connection: name, port, TLS"];
    UNIMPLEMENTED = "grpc-unimplemented" at Target,
        "The gRPC server does not know the service or method: another version, or another server.",
        "grpc-status 12 in an answer of type application/grpc.",
        ["compare package, service and method of both sides' contract", "does a proxy in front lead this service elsewhere?"];
    DEADLINE = "grpc-deadline" at Target,
        "The gRPC call took longer than its deadline.",
        "grpc-status 4; the server may even have done the work.",
        ["look at what the server waits for; raise the deadline only if it was close to it before"];
    NO_TRAILERS = "grpc-trailers-missing" at Proxy,
        "The trailers of a gRPC answer are lost on the way: a proxy does not speak HTTP/2 to the server.",
        "200 of type application/grpc, and no grpc-status in its head or after its body.",
        ["let the proxy speak gRPC on both sides (grpc_pass, h2)"];
    EXHAUSTED = "grpc-resource-exhausted" at Target,
        "A message is larger than the gRPC server or client takes, or a quota is used up.",
        "grpc-status 8; the message names the limit.",
        ["raise the maximum message size on both sides, or send less at once"];
}

/// From the particular to the general.
pub(super) const RULES: &[Rule] = &[
    quoted, state::callback, grpc::status, grpc::no_trailers, payload::wsdl,
    state::pool, state::soap, identity::wrong_app, identity::wrong_environment, identity::old_version,
    state::maintenance, state::warming, state::tenant, state::feature, state::gone, state::breaker, state::dependency,
    payload::charset_differs,
    payload::page, payload::error, payload::empty, payload::schema, state::exception, identity::clock,
];

/// What an application says of its licence, or quotes of a mail server (RFC 3463: 5.7.1 is a policy) or an SSH client.
const QUOTED: &[Words] = &[
    (RELAY, &[&["relay access denied"], &["relaying denied"], &["5.7.1", "relay"], &["5.7.1", "client host rejected"]]),
    (HOST_KEY, &[
        &["remote host identification has changed"], &["host key verification failed"],
        &["reject hostkey"], &["hostkey has been changed"],
    ]),
    (LICENCE, &[
        &["license is not valid"], &["license is invalid"], &["invalid license"], &["license has expired"], &["license expired"],
        &["no valid license"], &["license check failed"], &["license limit"], &["license violation"], &["not licensed"],
        &["licence is not valid"], &["licence is invalid"], &["invalid licence"], &["licence has expired"], &["no valid licence"],
    ]),
];

fn quoted(evidence: &Evidence<'_>) -> Option<Ruling> {
    Quoted::of(evidence)?.find(QUOTED)
}
