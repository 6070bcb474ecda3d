//! What the caller itself is configured with.

use super::super::fault::Shows::Breaks;
use super::super::fault::{Fault, VERSION};

pub(in super::super) const FAULTS: &[Fault] = &[
    Fault::configured(
        "dns-typo-name",
        VERSION,
        "http: { url: 'http://ap2.corp.test:8080/api/version' }",
        Breaks("dns"),
    )
    .or(&["dns-nxdomain"]),
    Fault::configured(
        "cfg-old-host",
        VERSION,
        "http: { url: 'http://app2-old.corp.test:8080/api/version', expect: { json: { '$.application': app2, '$.version': '4.2.0' } } }",
        Breaks("payload"),
    )
    .or(&["app-old-version"]),
    Fault::configured(
        "proxy-env-dead",
        VERSION,
        "http: { url: 'http://app2.corp.test:8080/api/version', proxy: 'http://192.0.2.30:3128' }",
        Breaks("tcp"),
    ),
    Fault::configured(
        "proxy-unresolvable",
        VERSION,
        "http: { url: 'http://app2.corp.test:8080/api/version', proxy: 'http://proxy.corp.test:3128' }",
        Breaks("dns"),
    ),
];
