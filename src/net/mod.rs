//! Steps shared by the probes, each one layer with its facts and faults: `resolve`, `route`, `connect`, `tls`, `http`.

pub mod connect;
pub mod http;
pub mod listeners;
pub mod names;
pub mod nameserver;
pub mod os_error;
pub mod proxy;
pub mod queue;
mod refusal;
pub mod resolve;
pub mod route;
#[cfg(test)]
pub(crate) mod scripted;
pub mod sockets;
pub mod starttls;
pub mod stream;
pub mod tls;

/// What the steps share over a run: trust stores and TLS configurations, read once, and routes of the last second.
#[derive(Debug, Default)]
pub struct Net {
    pub(crate) trust: tls::trust::TrustStores,
    pub(crate) routes: route::Routes,
    pub(crate) configurations: tls::configuration::Configurations,
}
