//! The faults, by family.

pub(super) mod app;
pub(super) mod application;
pub(super) mod balancer;
pub(super) mod cluster;
pub(super) mod config;
pub(super) mod database;
pub(super) mod dns;
pub(super) mod host;
pub(super) mod http;
pub(super) mod quoted;
pub(super) mod rights;
pub(super) mod route;
pub(super) mod tcp;
pub(super) mod tls;
pub(super) mod web;
