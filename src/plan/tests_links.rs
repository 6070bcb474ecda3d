//! Links: which checks they become, from where, due when, owed until when, and what each says of the whole.

use crate::model::outline::{Check, LinkPart, PieceKind};
use crate::plan::Plan;
use crate::plan::tests::{plan, told, warned};
use crate::probe::Spec;

/// Two apps, the second of which calls the first, and what stands beside them.
fn night(link: &str, more: &str, stages: &str) -> String {
    format!(
        "
gonogo: 1
vantages: {{ app1-a: {{ ssh: {{ host: a }} }}, app1-b: {{ ssh: {{ host: b }} }}, app2-a: {{ ssh: {{ host: c }} }} }}
apps:
  app1: {{ runs_on: [app1-a, app1-b], up_from: app1, owner: web }}
  app2: {{ runs_on: app2-a, up_from: app2, owner: back }}
databases: {{ orders: {{ up_from: db-split, owner: dba, runs_on: [app2-a], postgres: {{ url: 'postgres://u:secret@orders-db/orders' }} }} }}
systems: {{ payments: {{ owner: partner, address: 'payments.example:443', up_from: app2 }} }}
links:
  - {{ id: link, from: app1, {link} }}
stages: {stages}
{more}"
    )
}

const STAGES: &str = "[{ id: db-split }, { id: app2 }, { id: app1 }, { id: landing }]";
const PATH: &str = "to: app2, http: { url: 'https://app2.example:8443/version' }";
const THROUGH: &str = "through: { http: { url: 'https://app1.example/diagnostics' } }";

fn check<'p>(plan: &'p Plan, id: &str) -> &'p Check {
    plan.outline.checks.iter().find(|check| &*check.id == id).unwrap_or_else(|| panic!("no check {id}"))
}

/// Stage that owns it, stage it is due at, why it is put off.
fn due<'p>(plan: &'p Plan, id: &str) -> (&'p str, &'p str, &'p str) {
    let check = check(plan, id);
    let stage = |index: usize| plan.outline.stages[index].id.as_str();
    let because = check.defer.as_ref().map_or("", |defer| defer.because.as_str());
    (stage(check.stage), stage(check.due()), because)
}

fn configured(plan: &Plan, id: &str) -> Option<String> {
    let position = plan.outline.checks.iter().position(|check| &*check.id == id)?;
    let Spec::Config(config) = &plan.jobs[position].probe else { panic!("{id} reads no configuration") };
    config.address.clone()
}

#[test]
fn the_parts_of_a_link_are_checks_from_every_place_the_source_runs_on() {
    let link = format!(
        "{PATH}, {THROUGH}, title: stock, severity: major, tags: [t], needs: [first], timeout: 7s, again: false, \
         configured: [{{ file: a.env, key: A }}, {{ process: app1, key: B }}], compare_from: [here, app2-a]"
    );
    let plan = plan(&night(&link, "checks: [{ id: first, command: { argv: [date] } }]", STAGES));
    let ids: Vec<&str> = plan.outline.checks.iter().map(|check| &*check.id).collect();
    assert_eq!(ids, ["first", "link", "link/through", "link/configured", "link/configured-2"]);
    for (index, part) in [LinkPart::Path, LinkPart::Through, LinkPart::Configured, LinkPart::Configured]
        .into_iter()
        .enumerate()
    {
        let check = &plan.outline.checks[index + 1];
        let from: Vec<&str> = check.from.iter().map(|from| &**from).collect();
        assert_eq!(from, ["app1-a", "app1-b"], "{}", check.id);
        assert_eq!((check.severity.name(), check.owner.as_deref()), ("major", Some("web")), "{}", check.id);
        assert_eq!(
            (check.tags.as_slice(), &*check.needs[0], check.again),
            (&["t".to_owned()][..], "first", false)
        );
        assert_eq!(plan.jobs[index + 1].timeout.as_secs(), 7);
        let link = check.link.as_deref().unwrap();
        assert_eq!(
            (&*link.id, link.part, link.from.as_str(), link.to.as_str()),
            ("link", part, "app1", "app2")
        );
        assert_eq!(link.to_owner.as_deref(), Some("back"));
        let names = |names: &[std::sync::Arc<str>]| names.join(" ");
        assert_eq!(
            (names(&link.to_runs_on), names(&link.compare_from)),
            ("app2-a".into(), "here app2-a".into())
        );
    }
    assert_eq!(check(&plan, "link/through").title.as_deref(), Some("stock, through app1"));
    assert!(check(&plan, "first").link.is_none());
}

#[test]
fn a_path_is_due_when_its_target_is_up_and_what_the_source_has_to_answer_is_owed() {
    let link =
        format!("{PATH}, {THROUGH}, configured: [{{ file: a.env, key: A }}, {{ process: app1, key: B }}]");
    let plan_ = plan(&night(&link, "", STAGES));
    assert_eq!(due(&plan_, "link"), ("app2", "app2", ""));
    assert_eq!(due(&plan_, "link/configured"), ("app2", "app2", ""));
    assert_eq!(due(&plan_, "link/through"), ("app2", "app1", "app1 is not up yet"));
    assert_eq!(due(&plan_, "link/configured-2"), ("app2", "app1", "app1 is not up yet"));
    // A target that comes up after the source: nothing is owed, all is due with it.
    let late = night(&link, "", "[{ id: db-split }, { id: app1 }, { id: app2 }]");
    for id in ["link", "link/through", "link/configured", "link/configured-2"] {
        let wanted = if id == "link/configured-2" { "app1" } else { "app2" };
        assert_eq!(due(&plan(&late), id), (wanted, wanted, ""), "{id}");
    }
    for (to, wanted) in [
        ("to: orders, postgres: { database: orders }", "db-split"),
        ("to: payments, tcp: { address: 'payments.example:443' }", "app2"),
    ] {
        assert_eq!(due(&plan(&night(to, "", STAGES)), "link"), (wanted, wanted, ""), "{to}");
    }
    let unstaged = night(&format!("{PATH}, {THROUGH}"), "", STAGES).replace("up_from: app1, ", "");
    assert_eq!(due(&plan(&unstaged), "link/through"), ("app2", "app2", ""), "up from the start");
}

#[test]
fn a_stage_may_list_the_parts_by_id_or_all_by_tag() {
    let link = format!("{PATH}, {THROUGH}, tags: [shop]");
    let listed = |entry: &str, stage: &str| {
        STAGES.replace(&format!("{{ id: {stage} }}"), &format!("{{ id: {stage}, checks: ['{entry}'] }}"))
    };
    // The id alone is the path: the rest stays when it can first be answered.
    let plan_ = plan(&night(&link, "", &listed("link", "landing")));
    assert_eq!(due(&plan_, "link"), ("landing", "landing", ""));
    assert_eq!(due(&plan_, "link/through"), ("app1", "app1", ""));
    let plan_ = plan(&night(&link, "", &listed("link/through", "landing")));
    assert_eq!(due(&plan_, "link"), ("app2", "app2", ""));
    assert_eq!(due(&plan_, "link/through"), ("landing", "landing", ""));
    // A tag lists both, and what cannot be answered yet is a debt, not a mistake.
    let plan_ = plan(&night(&link, "", &listed("tag:shop", "app2")));
    assert_eq!(due(&plan_, "link"), ("app2", "app2", ""));
    assert_eq!(due(&plan_, "link/through"), ("app2", "app1", "app1 is not up yet"));
    let told = told(&night(&link, "", &listed("link/through", "app2")));
    assert!(told.contains("`link/through` is due at stage `app2`, before `app1` is up"), "{told}");
}

#[test]
fn what_is_configured_is_compared_with_the_address_of_the_path_and_no_password() {
    let files = "configured: [{ file: a.env, key: A }, { file: b.env, key: B, expect: x }, \
                 { file: c.env, key: C, address: 'other:1' }]";
    let address =
        |path: &str| configured(&plan(&night(&format!("{path}, {files}"), "", STAGES)), "link/configured");
    assert_eq!(address(PATH).as_deref(), Some("https://app2.example:8443"));
    assert_eq!(address("to: app2, tcp: { address: 'APP2:80' }").as_deref(), Some("app2:80"));
    assert_eq!(address("to: app2, dns: { name: app2.example }").as_deref(), Some("app2.example"));
    assert_eq!(
        address("to: orders, postgres: { database: orders }").as_deref(),
        Some("postgres://orders-db:5432")
    );
    let plan = plan(&night(&format!("{PATH}, {files}"), "", STAGES));
    assert_eq!(configured(&plan, "link/configured-2"), None);
    assert_eq!(configured(&plan, "link/configured-3").as_deref(), Some("other:1"));
}

#[test]
fn references_find_the_parts_and_a_link_for_each_value_has_its_own() {
    let link = format!("{PATH}, {THROUGH}, for_each: {{ n: [a, b] }}");
    let more = "checks: [{ id: after, needs: [link/through], command: { argv: [date] } }]
waivers: [{ check: link-a/through, until: 2007-12-31, by: x, because: y }]";
    let stages = STAGES.replace("{ id: landing }", "{ id: landing, checks: [after] }");
    let plan = plan(&night(&link, more, &stages));
    assert_eq!(check(&plan, "after").needs.join(" "), "link-a/through link-b/through");
    assert_eq!(&*check(&plan, "link-b").link.as_ref().unwrap().id, "link-b");
    assert_eq!(&*plan.outline.waivers[0].check, "link-a/through");
}

#[test]
fn a_database_may_name_its_own_host() {
    let text = night("to: orders, postgres: { database: orders }", "", STAGES);
    let own = |plan: &Plan| check(plan, "link").link.as_ref().unwrap().to_runs_on.join(" ");
    assert_eq!(own(&plan(&text)), "app2-a");
    assert_eq!(own(&plan(&text.replace("runs_on: [app2-a], ", ""))), "");
    let told = told(&text.replace("runs_on: [app2-a], ", "runs_on: [app2-b], "));
    assert!(told.contains("`app2-b` is no place to look from"), "{told}");
}

#[test]
fn a_link_nobody_owns_is_told_once() {
    let link = format!("{PATH}, {THROUGH}, configured: [{{ file: a.env, key: A }}]");
    let people = "people: { back: { name: Back } }";
    let text = night(&link, people, STAGES).replace(", owner: web", "").replace("owner: dba, ", "");
    let warned = warned(&text.replace("owner: partner, ", ""));
    assert_eq!(warned.matches("nobody owns").count(), 1, "{warned}");
    assert!(warned.contains("nobody owns the blocker `link`"), "{warned}");
}

#[test]
fn the_plan_knows_what_the_release_is_made_of() {
    let plan = plan(&night(PATH, "", STAGES));
    let pieces: Vec<(PieceKind, &str, usize)> =
        plan.outline.pieces.iter().map(|piece| (piece.kind, piece.id.as_str(), piece.up_from)).collect();
    let wanted = [
        (PieceKind::App, "app1", 2),
        (PieceKind::App, "app2", 1),
        (PieceKind::Database, "orders", 0),
        (PieceKind::System, "payments", 1),
    ];
    assert_eq!(pieces, wanted);
    assert_eq!(plan.outline.pieces[0].runs_on.join(" "), "app1-a app1-b");
}
