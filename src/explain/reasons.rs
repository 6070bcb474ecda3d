//! Which rule gave a verdict, and how to get out of it.

use super::{Explanation, Kind, entry};

const fn reason(
    name: &'static str,
    what: &'static str,
    means: &'static str,
    next: &'static [&'static str],
) -> Explanation {
    entry(Kind::Reason, name, what, means, next)
}

/// Every reason, the worst first.
pub(super) const ALL: &[Explanation] = &[
    reason(
        "blocker_failed",
        "A blocker failed: NO-GO.",
        "A working vantage saw the target answer wrongly or not at all, and the plan says that this stops the release.",
        &[
            "repair it, then: gonogo retest CHECK",
            "or turn back",
            "only a waiver in the plan, with a name and a date, covers a blocker",
        ],
    ),
    reason(
        "blocker_errored",
        "We could not look at a blocker: NO-GO.",
        "The trouble is ours (a secret, a file, a program), so the target may be fine. What was not looked at is not known to work.",
        &["repair what the message names, then: gonogo retest CHECK"],
    ),
    reason(
        "blocker_silent",
        "No answer came about a blocker: NO-GO.",
        "The check was expected and nothing was recorded for it: the run was killed, or the probe ended early. Silence is not a pass.",
        &["gonogo retest CHECK"],
    ),
    reason(
        "blocker_not_run",
        "A blocker was not run: NO-GO.",
        "A check it needs did not pass, time was up, or somebody stopped it. The message says which.",
        &["repair what it needs, then: gonogo retest --failed"],
    ),
    reason(
        "major_not_passed",
        "A major did not pass: NO-GO.",
        "Failed, not looked at or not run makes no difference: nobody named has taken it upon themselves.",
        &[
            "repair it, then: gonogo retest CHECK",
            "or cover it with a waiver in the plan, with a name and a date",
        ],
    ),
    reason(
        "too_many_minors",
        "More minors did not pass than the plan allows: NO-GO.",
        "Each alone would be an issue to live with; so many together are taken for something bigger. The limit is `max_minor`.",
        &["look for the one cause behind them", "repair enough of them, then: gonogo retest --failed"],
    ),
    reason(
        "minors_not_passed",
        "Some minors did not pass: GO WITH ISSUES.",
        "The plan says that these do not stop the release. They are listed with their owners.",
        &["tell the owners", "look whether one touches the same system as something that is still owed"],
    ),
    reason(
        "waived",
        "Something did not pass, and a waiver covers it: GO WITH ISSUES.",
        "Somebody named accepted it until a date. It is not a pass and is listed.",
        &["read the waiver: does what happened match what was accepted?"],
    ),
    reason(
        "suspect",
        "A minor failure shares its endpoint or system with what is not known: PROVISIONAL GO.",
        "An open debt or a failing blocker is about the same endpoint or system, so the minor issue may be the first sign \
         of a bigger one. It stops being suspect once that is known to work, or once somebody takes it upon themselves.",
        &[
            "repair it, then: gonogo retest CHECK",
            "or take it upon yourself: gonogo accept CHECK --by NAME --because TEXT",
        ],
    ),
    reason(
        "accepted",
        "A major did not pass, and somebody took it upon themselves: GO WITH ISSUES.",
        "They were told how it failed and gave their name and a reason. Another failure of the same check is not covered.",
        &["hand it to its owner: it is not a pass"],
    ),
    reason(
        "voted_no_go",
        "A voter of the stage says no-go: NO-GO.",
        "The plan asks them, and their word stands until they change it.",
        &["ask them why", "once they agree: gonogo vote STAGE go --by NAME"],
    ),
    reason(
        "awaiting_vote",
        "A voter of the stage has not voted: HOLD.",
        "Nobody is taken to agree by saying nothing. A deputy may vote for them.",
        &["gonogo vote STAGE go --by NAME, or no-go"],
    ),
    reason(
        "decided_rollback",
        "Somebody who may decided to roll back: NO-GO.",
        "Whatever the checks say, the release does not go on.",
        &["gonogo rollback start --by NAME", "it was a mistake: gonogo decide go --by NAME --because TEXT"],
    ),
    reason(
        "rolled_back",
        "It is being rolled back, or was: NO-GO.",
        "This attempt is over once everything is as it was before its first change.",
        &[
            "gonogo rollback done --by NAME, when every stage is undone",
            "gonogo rollback verify",
            "try again: gonogo run --new-attempt",
        ],
    ),
    reason(
        "awaiting_person",
        "A manual check is not recorded: HOLD.",
        "Only a person can answer it, and nobody has.",
        &["gonogo record CHECK pass --by NAME, or fail"],
    ),
    reason(
        "debts_open",
        "Checks are owed at a later stage: PROVISIONAL GO.",
        "They cannot be tested yet, so nothing is known about them. Each names the stage at which it must pass; if it \
         does not, this provisional go is revoked.",
        &[
            "go on only if the team can live with coming back from there",
            "they settle by themselves: gonogo run STAGE at the stage they are due",
        ],
    ),
    reason(
        "debt_past_due",
        "A check owed by now was not looked at: NO-GO.",
        "It was put off, its stage has come, and there is still no answer.",
        &["gonogo run STAGE, without --only, --skip or --tag"],
    ),
    reason(
        "overdue",
        "The last moment to decide has passed: NO-GO.",
        "What is done so far can no longer be undone by the deadline with the margin kept in hand. Waiting makes it \
         worse. Of stages that cannot be undone it is the deadline itself that has passed.",
        &[
            "turn back now: gonogo clock says when that ends",
            "only a granted extension gives more time; one that is asked for does not",
        ],
    ),
    reason(
        "left_out",
        "Checks were left out by hand: at best PROVISIONAL GO.",
        "--only, --skip or --tag narrowed the run. What was left out is not known to work.",
        &["gonogo run STAGE, without them"],
    ),
    reason(
        "out_of_order",
        "A stage was asked for before those that come before it had a go: nothing was looked at.",
        "A stage stands on what `after` says, or on the stage before it; one that was not run, or is HOLD or NO-GO, does not carry it.",
        &[
            "run what comes before it: gonogo run STAGE",
            "or say why it cannot wait, for the record: gonogo run STAGE --out-of-order --because WHY",
        ],
    ),
    reason(
        "plan_edited",
        "The plan was edited while the run went on: at best GO WITH ISSUES; nothing is looked at until somebody stands for it.",
        "What was seen and said so far belongs to the plan as it was. The message names the checks and lines that differ; what was removed or changed asks, perhaps, for less.",
        &[
            "go on under the edited plan, in the name of somebody who decides: gonogo run STAGE --accept-plan NAME",
            "or begin anew: gonogo run",
        ],
    ),
    reason(
        "clock_set_back",
        "A clock ran back while the run went on: at best GO WITH ISSUES.",
        "An event was written with an earlier time than one before it, or this machine's clock is behind the journal. Times never run back in what is judged: the later one counts, so the clock errs towards less time left.",
        &["see where: gonogo log", "set the clocks of the machines that write, with NTP"],
    ),
    reason(
        "rehearsal",
        "The clock was set by hand (--now): at best PROVISIONAL GO.",
        "Somebody rehearses the night. What was seen is real; the time it was seen at is not, so it is no go for anything.",
        &["run it again with the machine's own clock: gonogo run --fresh"],
    ),
    reason(
        "stage_skipped",
        "An earlier stage was not run in this attempt: at best PROVISIONAL GO.",
        "Its checks are due and nobody has looked.",
        &["gonogo run, for all stages, or name the missing one"],
    ),
    reason(
        "earlier_stage",
        "An earlier stage of this attempt is not a go.",
        "A later stage cannot be better than what it stands on.",
        &["repair what the earlier stage names, then run it again: gonogo run STAGE"],
    ),
    reason(
        "nothing_selected",
        "Nothing was selected: NO-GO.",
        "No check is due in this stage, or the selection by hand matches none. Nothing checked is never a go.",
        &["gonogo plan shows what is due where", "check the ids after --only and --tag"],
    ),
    reason(
        "nothing_executed",
        "Nothing was executed: NO-GO.",
        "Checks were due and not one gave an answer. Nothing checked is never a go.",
        &["look at the first message: one cause usually stops them all", "gonogo retest --failed"],
    ),
    reason(
        "interrupted",
        "The run was interrupted: NO-GO.",
        "Somebody pressed Ctrl-C or the system stopped it. What had answered is kept; the rest is not known.",
        &["gonogo run STAGE"],
    ),
    reason(
        "plan_error",
        "The plan does not load: NO-GO.",
        "Nothing was looked at. Every mistake is listed with its file, line and column.",
        &["gonogo validate FILE shows each with its place in the text"],
    ),
    reason(
        "journal_error",
        "The journal cannot be written or read: NO-GO.",
        "What is not on disk did not happen: without its record a result cannot be trusted. The disk is full, the \
         folder is not ours, another run is going on, or a newer version wrote it.",
        &["repair what the message names", "use another folder: --journal DIR"],
    ),
];
