//! `gonogo grants`: permissions of a database, before and after. A new subcommand is one file here, one line in `Grants`
//! and one in `grants`.

mod connect;
mod diff;
pub(super) mod effective;
mod fix;
mod map;
mod read;
mod replay;
mod sides;
mod snapshot;

use clap::Subcommand;

use super::Shared;
use crate::verdict::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Grants {
    Snapshot(snapshot::Arguments),
    Diff(diff::Arguments),
    Fix(fix::Arguments),
    Map(map::Arguments),
    Effective(effective::Arguments),
    Replay(replay::Arguments),
}

pub(super) async fn grants(command: &Grants, shared: &Shared) -> Exit {
    match command {
        Grants::Snapshot(arguments) => snapshot::snapshot(arguments, shared).await,
        Grants::Diff(arguments) => diff::run(arguments, shared),
        Grants::Fix(arguments) => fix::run(arguments, shared).await,
        Grants::Map(arguments) => map::map(arguments, shared),
        Grants::Effective(arguments) => effective::effective(arguments, shared),
        Grants::Replay(arguments) => replay::replay(arguments, shared).await,
    }
}
