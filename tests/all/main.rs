//! The one integration binary: each module is one subject.
#![cfg(test)]

mod layers;
mod postgres;
mod support;
