//! A team's baseline: recorded on one machine, known on every other, also while the server is away.

use crate::support::postgres::{Cluster, Setup};
use crate::support::program::Program;

#[test]
fn a_baseline_of_one_machine_is_known_on_the_others() {
    let Some(mut cluster) = Cluster::start(&Setup {
        sql: &["create role team login password 'team-secret'", "create database journal owner team"],
        ..Setup::default()
    }) else {
        return;
    };
    let plan = format!(
        "gonogo: 1\njournal: {{ url: 'postgres://team@127.0.0.1:{}/journal', password: {{ env: JOURNAL_PASSWORD }} }}\n\
         checks:\n  - {{ id: says, command: {{ argv: ['true'] }} }}\n",
        cluster.port
    );
    let machine = || Program::with_plan(&plan).env("JOURNAL_PASSWORD", "team-secret");
    let (one, other) = (machine(), machine());
    assert!(other.run(&["doctor"]).code(0).stdout.contains("there is none"), "nobody has recorded it");
    one.run(&["baseline"]).code(0);
    let known = other.run(&["doctor"]);
    assert!(known.code(0).stdout.contains("recorded 20"), "{}", known.stdout);
    one.run(&["run"]).code(0);
    // The deputy, elsewhere, has never recorded one.
    other.run(&["rollback", "start", "--by", "ann"]).code(0);
    other.run(&["rollback", "done", "--by", "ann"]).code(0);
    let verified = other.run(&["rollback", "verify", "--by", "ann"]);
    assert!(verified.code(0).stdout.to_lowercase().contains("verified"), "{}", verified.stdout);

    // While the server is away, its copy is what it had.
    cluster.restart(|_| {
        let away = other.run(&["doctor"]);
        assert!(away.code(1).stdout.contains("recorded 20"), "{}", away.stdout);
        let lost = one.run(&["baseline"]);
        assert!(lost.code(5).stderr.contains("cannot be reached"), "{}", lost.stderr);
    });
}
