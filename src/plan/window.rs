//! The window: its moments as instants, in order, and its margin within bounds.

use std::time::Duration;

use super::draft::take;
use super::load::Loading;
use crate::file::findings::Finding;
use crate::file::written;
use crate::model::outline::{Place, Stage};
use crate::model::window::{Margin, Window};
use crate::moment::Moment;
use crate::period::Period;
use crate::yaml::read::read as read_node;
use crate::yaml::tree::NodeId;
use jiff::{SignedDuration, Timestamp};

/// No window and no step of a night lasts longer; it is a wrong month or year.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// The window of the main file, with the node that says where it ends; its mistakes are told.
pub(super) fn read(loading: &mut Loading<'_>, main: NodeId, zone: Option<&str>) -> Option<(NodeId, Window)> {
    let node = loading.tree.get(main, "window")?;
    let reading = read_node::<written::Window>(&loading.tree, node);
    let written = take(loading, reading)?;
    if loading.tree.get(main, "zone").is_some() && zone.is_none() {
        // What is wrong with the zone is told already.
        return None;
    }
    let start = instant(loading, node, "start", written.start, zone);
    let end = instant(loading, node, "must_be_up_by", written.must_be_up_by, zone);
    if written.margin.percent > 100 {
        let at = loading.tree.descend(node, &["margin", "percent"]);
        loading.findings.push(
            Finding::at(loading.tree.place(at), "this is more than the whole rollback")
                .label("expected 0 to 100")
                .help("`at_least` keeps a fixed time in hand, such as `at_least: 30m`"),
        );
    }
    period(loading, node, &["margin", "at_least"], written.margin.at_least);
    if let Some(verify) = written.verify {
        period(loading, node, &["verify"], verify);
    }
    let (start, must_be_up_by) = (start?, end?);
    let end = loading.tree.get(node, "must_be_up_by").unwrap_or(node);
    in_order(loading, end, start, must_be_up_by);
    let window = Window {
        start,
        must_be_up_by,
        margin: Margin { percent: written.margin.percent, at_least_s: written.margin.at_least.0.as_secs() },
        verify_s: written.verify.map_or(0, |verify| verify.0.as_secs()),
        place: Place { file: "".into(), line: 1 },
    };
    Some((end, window))
}

fn instant(
    loading: &mut Loading<'_>,
    window: NodeId,
    key: &str,
    moment: Moment,
    zone: Option<&str>,
) -> Option<Timestamp> {
    let zone = zone.and_then(crate::clock::zone);
    match moment.at(zone.as_ref()) {
        Ok(at) => Some(at),
        Err(unclear) => {
            let at = loading.tree.get(window, key).unwrap_or(window);
            loading.findings.push(
                Finding::at(loading.tree.place(at), unclear.message)
                    .label("which instant is this?")
                    .help(unclear.help),
            );
            None
        }
    }
}

fn in_order(loading: &mut Loading<'_>, end: NodeId, start: Timestamp, must_be_up_by: Timestamp) {
    let lasts = must_be_up_by.duration_since(start);
    let (message, label) = if lasts.is_negative() || lasts.is_zero() {
        let before = Period(lasts.unsigned_abs());
        ("this window ends before it starts".to_owned(), format!("{before} before `start`"))
    } else if lasts > SignedDuration::try_from(LONGEST).unwrap_or(SignedDuration::MAX) {
        ("this window is longer than a month".to_owned(), "is it the right month and year?".to_owned())
    } else {
        return;
    };
    loading.findings.push(
        Finding::at(loading.tree.place(end), message)
            .label(label)
            .help("`start` is when the first stage may begin, `must_be_up_by` when everything must be up"),
    );
}

/// A clock that takes the way back for nothing says to decide too late.
pub(super) fn without_undo(loading: &mut Loading<'_>, end: NodeId, stages: &[Stage]) {
    if stages.iter().any(|stage| stage.undo_s.is_some() || stage.irreversible) {
        return;
    }
    loading.findings.push(
        Finding::warning(
            loading.tree.place(end),
            "there is a window, and no stage says what undoing it takes",
        )
        .label("turning back is taken to need no time but the margin")
        .help("say it at the stages: `undo: 20m`; `undo: 0s` where there is nothing to undo, `reversible: false` where it cannot be"),
    );
}

/// A planned time has to be believable.
pub(super) fn period(loading: &mut Loading<'_>, node: NodeId, path: &[&str], period: Period) {
    if period.0 <= LONGEST {
        return;
    }
    let at = loading.tree.descend(node, path);
    loading.findings.push(
        Finding::at(loading.tree.place(at), "this is longer than a month")
            .label("out of bounds")
            .help("a duration such as `45m` or `1h 30m`"),
    );
}
