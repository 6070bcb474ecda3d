//! The far side: the same probes, on another host. Orders come as lines on stdin, answers leave as marked lines on stdout;
//! at the end of stdin everything is cancelled and the program ends, so that a connection that drops leaves nothing behind.

pub mod application;
pub mod far;
pub mod line;
pub mod wire;
