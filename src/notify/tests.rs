//! Messages for the tests of each way: one as it should be, and one that servers have filled with harm.

use jiff::Timestamp;

use super::notice::{Failure, MOST, Notice, SCHEMA, clean};
use crate::model::layer::Layer;
use crate::model::notification::Occasion;
use crate::model::outcome::Outcome;
use crate::model::outline::Severity;
use crate::model::verdict::Verdict;

/// A stage that is no go.
pub(super) fn notice() -> Notice {
    Notice {
        schema: SCHEMA,
        id: "7f3a:stage:app2:1:no_go".to_owned(),
        of: Occasion::Stage,
        at: Timestamp::UNIX_EPOCH,
        headline: "NO-GO: stage 2 of 4: app2".to_owned(),
        say: "App 2 is no-go.".to_owned(),
        rehearsal: false,
        plan: "September".to_owned(),
        change: Some("CHG-1234".to_owned()),
        run: "7f3a".to_owned(),
        attempt: 1,
        stage: Some("app2".to_owned()),
        verdict: Some(Verdict::NoGo),
        go: false,
        failures: vec![Failure {
            check: "app1-to-app2".to_owned(),
            from: vec!["app1-a".to_owned(), "app1-b".to_owned()],
            severity: Severity::Blocker,
            outcome: Outcome::Fail,
            layer: Some(Layer::Tcp),
            message: "no answer from 10.0.0.2:8443 & nothing else".to_owned(),
            cause: Some("filtered [tcp-filtered]".to_owned()),
            next: Some("ask the network team".to_owned()),
            owner: Some("Web team".to_owned()),
        }],
        failures_left_out: 3,
        owed: 1,
        clock: None,
        key: "stage:app2:1:no_go".to_owned(),
        blockers: Vec::new(),
    }
}

/// The same, said by servers that mean harm, as large as it can become.
pub(super) fn hostile() -> Notice {
    let harm = "<!channel> <@U123|ann> @here <https://evil.example|shop> *b* [x](http://y) `c` & \u{202e}\u{1b}]0;t\u{7} \u{4e00}";
    let harm = clean(&harm.repeat(100));
    let failure = Failure {
        message: harm.clone(),
        cause: Some(harm.clone()),
        next: Some(harm.clone()),
        owner: Some(harm.clone()),
        from: vec![harm.clone(); MOST],
        ..notice().failures.remove(0)
    };
    let say = harm.repeat(4);
    Notice {
        headline: harm.clone(),
        say,
        plan: harm.clone(),
        change: Some(harm),
        failures: vec![failure; MOST],
        ..notice()
    }
}

#[test]
fn texts_are_one_line_each() {
    let notice = serde_json::to_string(&hostile()).unwrap();
    assert!(
        !notice.contains('\u{202e}') && !notice.contains("\\u001b") && !notice.contains("\\n"),
        "{notice}"
    );
}
