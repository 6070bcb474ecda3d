//! From files to plans: what is due when, what wins, what the hash covers, what is never shown.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{LoadRequest, Loaded, Plan, load, render_all};
use crate::environment::Environment;
use crate::model::outline::Severity;
use crate::probe::Spec;
use crate::secret::Scrubber;

struct Night {
    folder: TempDir,
    files: Vec<PathBuf>,
    vars: Vec<PathBuf>,
    set: Vec<(String, String)>,
    environment: Environment,
    scrubber: Scrubber,
}

impl Night {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut night = Self {
            files: Vec::new(),
            vars: Vec::new(),
            set: Vec::new(),
            environment: Environment::from_pairs([("PLANTED", "planted-secret")]),
            scrubber: Scrubber::default(),
            folder,
        };
        let main = night.write("night.yaml", text);
        night.files.push(main);
        night
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> Loaded {
        load(&LoadRequest {
            files: &self.files,
            vars: &self.vars,
            set: &self.set,
            environment: &self.environment,
            scrubber: &self.scrubber,
            today: jiff::civil::date(2007, 9, 22),
        })
    }

    fn plan(&self) -> Plan {
        let loaded = self.load();
        let told = render_all(&loaded.diagnostics, false);
        loaded.plan.unwrap_or_else(|| panic!("does not load:\n{told}"))
    }
}

pub(super) fn plan(text: &str) -> Plan {
    Night::new(text).plan()
}

pub(super) fn told(text: &str) -> String {
    let loaded = Night::new(text).load();
    assert!(loaded.plan.is_none(), "loads");
    render_all(&loaded.diagnostics, false)
}

pub(super) fn warned(text: &str) -> String {
    let loaded = Night::new(text).load();
    let told = render_all(&loaded.diagnostics, false);
    assert!(loaded.plan.is_some(), "does not load:\n{told}");
    told
}

fn due(plan: &Plan) -> Vec<(&str, &str)> {
    let outline = &plan.outline;
    outline.checks.iter().map(|check| (&*check.id, outline.stages[check.due()].id.as_str())).collect()
}

#[test]
fn the_smallest_plan_has_one_stage_and_every_default() {
    let plan = plan("gonogo: 1\nchecks: [{ id: a, command: { argv: [date] } }]\n");
    let check = &plan.outline.checks[0];
    assert_eq!((plan.outline.name.as_str(), plan.outline.max_minor), ("night", 5));
    assert_eq!(due(&plan), [("a", "all")]);
    assert_eq!(
        (check.severity, check.again, check.manual, check.place.line),
        (Severity::Blocker, true, false, 2)
    );
    assert_eq!(&*check.from[0], "here");
    assert_eq!(plan.jobs[0].timeout.as_secs(), 10);
    assert_eq!(plan.sources.len(), 1);
}

#[test]
fn a_check_is_due_where_it_is_listed_else_where_its_database_is_up_else_at_once() {
    let text = "
gonogo: 1
databases: { orders: { up_from: two, owner: dba, postgres: { url: 'postgres://db.example/orders' } } }
checks:
  - { id: plain, command: { argv: [date] } }
  - { id: tagged, tags: [late], command: { argv: [date] } }
  - { id: named, tags: [late], command: { argv: [date] } }
  - { id: base, postgres: { database: orders } }
  - { id: later, postgres: { database: orders }, defer: { until: three, because: of the firewall } }
  - { id: owed, command: { argv: [date] }, defer: { until: two, because: not built } }
stages:
  - { id: one, checks: [later, named] }
  - { id: three, after: two, checks: ['tag:late'] }
  - { id: two, after: [one] }
";
    let plan = plan(text);
    let stages: Vec<&str> = plan.outline.stages.iter().map(|stage| stage.id.as_str()).collect();
    assert_eq!(stages, ["one", "two", "three"]);
    let wanted = [
        ("plain", "one"),
        ("tagged", "three"),
        ("named", "one"),
        ("base", "two"),
        ("later", "three"),
        ("owed", "two"),
    ];
    assert_eq!(due(&plan), wanted);
    assert_eq!(plan.outline.checks[4].stage, 0, "a debt belongs to the stage that lists it");
    assert_eq!(plan.outline.checks[3].owner.as_deref(), Some("dba"), "who owns the database owns its checks");
}

#[test]
fn a_check_from_an_application_is_due_where_that_is_up_and_looks_from_each_of_its_places() {
    let text = "
gonogo: 1
vantages: { app1-a: { ssh: { host: a } }, app1-b: { ssh: { host: b } } }
apps: { app1: { runs_on: [app1-a, app1-b], up_from: two, owner: web } }
databases: { orders: { up_from: two, postgres: { url: 'postgres://db.example/orders' } } }
checks:
  - { id: path, from: [app1, app1-b, here], command: { argv: [date] } }
  - { id: audit, grants: { database: orders, role: app1, may: [SELECT on table:shop.*] } }
stages: [{ id: one }, { id: two }]
";
    let plan = plan(text);
    assert_eq!(due(&plan), [("path", "two"), ("audit", "two")]);
    let path = &plan.outline.checks[0];
    assert_eq!(path.from.iter().map(|from| &**from).collect::<Vec<_>>(), ["app1-a", "app1-b", "here"]);
    assert_eq!(path.owner.as_deref(), Some("web"));
    let early = text.replace("{ id: one }", "{ id: one, checks: [path] }");
    assert!(told(&early).contains("`path` is due at stage `one`, before `app1`, where it looks from, is up"));
}

#[test]
fn for_each_makes_one_check_for_each_combination() {
    let text = "
gonogo: 1
checks:
  - id: ping
    for_each: { host: [a.example, B_2], port: [80, 443] }
    tcp: { address: '${host}:${port}' }
  - { id: after, needs: [ping], command: { argv: [date] } }
";
    let plan = plan(text);
    let ids: Vec<&str> = plan.outline.checks.iter().map(|check| &*check.id).collect();
    assert_eq!(ids, ["ping-a-example-80", "ping-a-example-443", "ping-b-2-80", "ping-b-2-443", "after"]);
    assert_eq!(plan.outline.checks[3].target, "B_2:443");
    assert_eq!(plan.outline.checks[4].needs.len(), 4, "a need of the family is a need of each");
}

#[test]
fn what_is_set_by_hand_wins_over_files_over_the_plan() {
    let mut night = Night::new(
        "gonogo: 1\nvars: { a: plan, b: plan, c: plan, all: '${a} ${b} ${c} ${d}' }\nchecks: [{ id: x, command: { argv: ['${all}'] } }]\n",
    );
    let vars =
        [night.write("one.yaml", "b: one\nc: one\nd: one\n"), night.write("two.yaml", "d: two of ${c}\n")];
    night.vars.extend(vars);
    night.set.push(("c".to_owned(), "hand".to_owned()));
    assert_eq!(night.plan().outline.checks[0].target, "'plan one hand two of hand'");
}

#[test]
fn a_variable_set_by_hand_that_nothing_uses_is_told() {
    let mut night =
        Night::new("gonogo: 1\nvars: { host: a }\nchecks: [{ id: x, command: { argv: ['${host}'] } }]\n");
    night.set.push(("hots".to_owned(), "b".to_owned()));
    let loaded = night.load();
    assert!(loaded.plan.is_some());
    let told = render_all(&loaded.diagnostics, false);
    assert!(told.contains("changes nothing") && told.contains("--set host="), "{told}");
}

#[test]
fn the_hash_covers_everything_that_defines_the_plan_and_nothing_else() {
    let text = "gonogo: 1\nvars: { a: 1 }\nchecks: [{ id: x, command: { argv: ['${a} ${env:PLANTED}'] } }]\n";
    let first = Night::new(text).plan().outline.sha256.clone();
    assert_eq!(first.len(), 64);
    assert_eq!(Night::new(text).plan().outline.sha256, first, "the folder is no part of it");
    let mut set = Night::new(text);
    set.set.push(("a".to_owned(), "2".to_owned()));
    assert_ne!(set.plan().outline.sha256, first);
    let mut environment = Night::new(text);
    environment.environment = Environment::from_pairs([("PLANTED", "planted-secret"), ("OTHER", "x")]);
    assert_eq!(environment.plan().outline.sha256, first, "a variable nobody uses is no part of it");
    environment.environment = Environment::from_pairs([("PLANTED", "another")]);
    assert_ne!(environment.plan().outline.sha256, first);
    assert_ne!(plan(&format!("{text}# a comment\n").replace("${env:PLANTED}", "")).outline.sha256, first);
}

#[test]
fn no_secret_is_in_a_plan_or_its_sources() {
    let text = "
gonogo: 1
vars: { pw: another-secret }
databases:
  orders:
    postgres:
      url: 'postgres://app:${pw}@db.example/orders'
      users: { app1: { name: app1, password: literal-secret } }
checks:
  - { id: a, command: { argv: [echo, '${env:PLANTED}', literal-secret] } }
  - { id: b, command: { argv: [curl, 'https://ann:in-the-url@shop.example/'] } }
";
    let night = Night::new(text);
    let loaded = night.load();
    let told = render_all(&loaded.diagnostics, false);
    let plan = loaded.plan.unwrap_or_else(|| panic!("{told}"));
    let shown = format!("{told}{:?}{}", plan.sources, serde_json::to_string(&*plan.outline).unwrap());
    for secret in ["planted-secret", "another-secret", "literal-secret", "in-the-url"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    assert_eq!(plan.sources[0].text.chars().count(), text.chars().count(), "stars are as wide as secrets");
    assert!(plan.sources[0].text.contains("${env:PLANTED}"));
}

#[test]
fn captured_names_of_a_flow_are_left_for_run_time() {
    let text = "
gonogo: 1
vars: { shop: 'https://shop.example', token: wrong }
checks:
  - id: order
    flow:
      base_url: ${shop}
      steps:
        - { get: /login, capture: { token: { json: '$.token' } } }
        - { get: '/orders/${token}' }
";
    let Spec::Flow(flow) = &plan(text).jobs[0].probe else { panic!("a flow") };
    let written = serde_json::to_string(flow).unwrap();
    assert!(written.contains("/orders/${token}") && written.contains("https://shop.example"), "{written}");
}

#[test]
fn probes_read_back_from_json() {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plans/good");
    let mut probes = 0;
    for entry in std::fs::read_dir(good).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let mut night = Night::new("");
        night.files = vec![path];
        for job in night.plan().jobs {
            let text = serde_json::to_string(&job.probe).unwrap();
            let back: Spec = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
            probes += 1;
        }
    }
    assert!(probes > 10, "only {probes} probes");
}

#[test]
fn more_files_are_as_if_included() {
    let mut night = Night::new(
        "gonogo: 1\ninclude: 'part*.yaml'\nchecks: [{ id: a, needs: [b, c], command: { argv: [date] } }]\n",
    );
    night.write("part1.yaml", "checks: [{ id: b, command: { argv: ['${word}'] } }]\nvars: { word: hello }\n");
    let more = night.write("more.yaml", "gonogo: 1\nchecks: [{ id: c, command: { argv: [date] } }]\n");
    night.files.push(more);
    let plan = night.plan();
    assert_eq!(plan.outline.checks.len(), 3);
    assert_eq!(plan.sources.len(), 3);
    assert_eq!(plan.outline.checks.iter().find(|check| &*check.id == "b").unwrap().target, "hello");
}

#[test]
fn an_include_through_a_link_out_of_the_folder_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x.yaml"), "checks: []\n").unwrap();
    let night =
        Night::new("gonogo: 1\ninclude: ['link/*.yaml']\nchecks: [{ id: a, command: { argv: [date] } }]\n");
    std::os::unix::fs::symlink(outside.path(), night.folder.path().join("link")).unwrap();
    let loaded = night.load();
    assert!(render_all(&loaded.diagnostics, false).contains("leads out of the folder"));
    assert!(loaded.plan.is_none());
}

#[test]
fn one_bad_check_breeds_no_false_unknown_ids() {
    let told = told(
        "
gonogo: 1
checks:
  - { id: bad, tags: [t], severity: bloker, command: { argv: [date] } }
  - { id: good, needs: [bad], command: { argv: [date] } }
stages: [{ id: one, checks: [bad, 'tag:t'] }]
waivers: [{ check: bad, until: 2007-12-31, by: x, because: y }]
",
    );
    assert!(told.ends_with("1 error\n"), "{told}");
}

#[test]
fn fifteen_mistakes_in_one_file_are_all_told() {
    let told = told(
        "
gonogo: 1
zone: Nowhere/Land
people: { dba: { nmae: x } }
checks:
  - { id: one, titel: x, severity: bloker, timeout: 10, command: { argv: date } }
  - { id: two, needs: [thre], retry: { for: x, every: 1s }, command: { argv: [date] } }
  - { id: two, owner: dbaa, command: { argv: [date] } }
  - { id: Four, command: { argv: [date] }, manual: { steps: [x] } }
  - { id: five }
  - { id: six, http: }
  - { id: seven, command: { argv: ['${nope}'] } }
  - { id: eight, command: { argv: [date] }, defer: {} }
",
    );
    let errors: usize = told.lines().last().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(errors >= 15, "{told}");
}

#[test]
fn ten_thousand_checks_that_need_a_misspelt_one_end_soon() {
    let mut text = String::from("gonogo: 1\nchecks:\n");
    for index in 0..10_000 {
        writeln!(text, "  - {{ id: c{index}, needs: [d{index}], command: {{ argv: [x] }} }}").unwrap();
    }
    let began = std::time::Instant::now();
    assert!(told(&text).contains("more are not shown"));
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn what_for_each_multiplies_is_bounded() {
    let numbers = (0..10_000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let family = |id: &str, more: &str| {
        format!("  - {{ id: {id}, for_each: {{ n: [{numbers}] }}, command: {{ argv: ['${{n}}'] }}{more} }}\n")
    };
    let text = format!("gonogo: 1\nchecks:\n{}{}", family("a", ""), family("b", ", needs: [a]"));
    let began = std::time::Instant::now();
    assert!(told(&text).contains("more than 1000000 needs"));
    let long = "x".repeat(1 << 20);
    let text = format!(
        "gonogo: 1\nchecks: [{{ id: a, for_each: {{ l: [{long}], n: [{numbers}] }}, command: {{ argv: [x] }} }}]\n"
    );
    assert!(told(&text).contains("longer than 1000 bytes"));
    let names = (0..1000).map(|name| format!("n{name}: [x]")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "gonogo: 1\nchecks: [{{ id: a, for_each: {{ {names}, n: [{numbers}] }}, command: {{ argv: [x] }} }}]\n"
    );
    assert!(told(&text).contains("more than 10 names"));
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn the_files_of_a_plan_are_bounded_together() {
    let night = Night::new("gonogo: 1\ninclude: '*.part'\nchecks: [{ id: a, command: { argv: [date] } }]\n");
    let comments = "# nothing\n".repeat(1 << 20);
    for part in 0..8 {
        night.write(&format!("{part}.part"), &format!("checks: []\n{comments}"));
    }
    let loaded = night.load();
    assert!(loaded.plan.is_none());
    let told = render_all(&loaded.diagnostics, false);
    assert!(told.contains("more than 64 MB"), "{told}");
}

#[test]
fn texts_that_grow_beyond_every_measure_are_told_once() {
    let page = "x".repeat(60_000);
    let uses = "'${page}', ".repeat(1500);
    let told = told(&format!(
        "gonogo: 1\nvars: {{ page: {page} }}\nchecks: [{{ id: a, command: {{ argv: [{uses}] }} }}]\n"
    ));
    assert!(told.contains("grow by more than 64 MB"), "{told}");
    assert!(told.ends_with("1 error\n"), "{told}");
}

#[test]
fn thousands_of_different_passwords_are_learnt_soon() {
    let mut text = String::from("gonogo: 1\nchecks:\n");
    for index in 0..2000 {
        let url = format!("postgres://u:password-number-{index}@db.example/d");
        writeln!(text, "  - {{ id: c-{index}, postgres: {{ url: '{url}' }} }}").unwrap();
    }
    let night = Night::new(&text);
    let began = std::time::Instant::now();
    let shown = format!("{}{:?}", render_all(&night.load().diagnostics, false), night.plan().sources);
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    assert!(!shown.contains("password-number"));
}
