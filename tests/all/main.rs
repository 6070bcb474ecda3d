//! The one integration binary: each module is one subject.
#![cfg(test)]

mod bad_plans;
mod checks;
mod clock;
mod demo;
mod doctor;
mod evidence;
mod grants;
mod hostile;
mod import;
mod kills;
mod lab;
mod layers;
mod links;
mod night;
mod off_plan;
mod page_in_browser;
mod people;
mod plan_schema;
mod postgres;
mod readme;
mod ready_made;
mod rehearsal;
mod reports;
mod runs;
mod secrets;
mod september;
mod serve;
mod support;
mod team;
mod team_baseline;
mod timeline;
mod vantages;
mod verdicts;
mod watch;
