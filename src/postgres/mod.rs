//! PostgreSQL as libpq knows it: `settings` says where to connect and how, as libpq would; `session` speaks the protocol
//! on a connection that somebody else made and secured.

pub mod session;
pub mod settings;
