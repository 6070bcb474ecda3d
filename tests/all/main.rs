//! The one integration binary: each module is one subject.
#![cfg(test)]

mod bad_plans;
mod layers;
mod postgres;
mod support;
