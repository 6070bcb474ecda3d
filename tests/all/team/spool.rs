//! What waits in a spool arrives once, whenever whoever sends it is killed.

use crate::lab::namespace::wait_until;

use super::{cluster, lines, machine, of, plan};

#[test]
fn a_spool_that_was_sent_and_not_removed_is_not_sent_again() {
    let Some(mut cluster) = cluster() else { return };
    let program = machine(&cluster, &plan(1));
    program.run(&["run"]).code(4);
    cluster.restart(|_| {
        let began = std::time::Instant::now();
        for text in ["one", "two", "three"] {
            let said = program.run(&["note", text, "--by", "ann"]);
            assert!(said.code(0).stderr.contains("1 events wait on this machine"), "{}", said.stderr);
        }
        // A server that says no at once is not waited for.
        assert!(began.elapsed() < std::time::Duration::from_secs(12), "{:?}", began.elapsed());
    });
    let team = std::fs::read_dir(program.path(".gonogo/team")).unwrap().next().unwrap().unwrap().path();
    let run = std::fs::read_dir(team.join("runs")).unwrap().next().unwrap().unwrap().path();
    let folder = run.join("spool");
    let read = || std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let spools: Vec<_> = read().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    assert_eq!(spools.len(), 3);
    // Killed before it was sent, in part or altogether; and killed after that, before the spool was removed.
    for _ in 0..2 {
        for (path, bytes) in &spools {
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::write(folder.join("torn-1-00.jsonl"), &spools[0].1[..40]).unwrap();
        program.run(&["status"]).code(4);
        assert_eq!(read().count(), 0, "nothing waits any more");
        let lines = lines(&cluster);
        assert_eq!(of(&lines, "note").len(), 3, "each arrived once");
    }
}

#[test]
fn a_run_of_which_something_waits_is_not_removed_here_and_one_that_is_gone_stands_in_nobodys_way() {
    let Some(mut cluster) = cluster() else { return };
    let program = machine(&cluster, &plan(1));
    let other = machine(&cluster, &plan(1));
    program.run(&["run"]).code(4);
    cluster.restart(|_| {
        program.run(&["note", "on the phone", "--by", "ann"]).code(0);
    });
    // Another machine, which does not know of it, begins anew and cleans up.
    other.run(&["run", "--fresh"]).code(4);
    wait_until("the first run is old", || {
        other.run(&["clean", "--keep", "1s"]).code(0).stdout.contains("1 runs removed")
    });
    let status = program.run(&["status"]);
    assert!(status.code(4).stderr.contains("was removed from the team's journal"), "{}", status.stderr);
    program.run(&["note", "here again", "--by", "ann"]).code(0);
    assert_eq!(of(&lines(&cluster), "note").len(), 1);
}
