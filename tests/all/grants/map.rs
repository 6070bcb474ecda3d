//! The split map on the real source database: proposed, loaded again, checked, and every object in exactly its targets.

use std::collections::BTreeSet;
use std::path::Path;

use gonogo::grants::expect::transform;
use gonogo::grants::map::{Destination, load};
use gonogo::grants::snapshot::{Key, Kind, read};
use serde_json::Value;

use super::{cluster, fill, take, url};
use crate::support::program::Program;

const SPLIT: &str = "
split:
  format: gonogo.splitmap/1
  source: shop
  targets:
    billing_db: { database: billing, objects: [{ schema: billing }], copy: [{ extension: citext }] }
    shop_db: { database: orders, objects: [rest] }
";

/// Whatever the map says, each target is expected to hold what goes there, and nothing else.
fn every_object_is_in_its_targets(program: &Program, map: &str) {
    let snapshot = read(program.read("snapshot.json").as_bytes()).expect("a snapshot");
    let loaded = load(Path::new(&program.path(map)), jiff::civil::date(2026, 11, 22));
    let map = loaded.map.expect("a map");
    let resolved = map.resolve(&snapshot.facts).expect("it fits");
    assert_eq!(resolved.unmapped(), []);
    for target in map.targets() {
        let expected = transform(&resolved, map.target(&target.name).expect("a target"));
        let names = |key: &Key| key.kind != Kind::UserMapping;
        let held: BTreeSet<&Key> = expected.facts.objects.keys().filter(|key| names(key)).collect();
        let goes_here = |destination: &Destination<'_>| match destination {
            Destination::Targets(targets) => targets.contains(&target.name.as_str()),
            Destination::Dropped | Destination::Unmapped => false,
        };
        let sent =
            resolved.destinations().filter(|(key, to)| names(key) && goes_here(to)).map(|(key, _)| key);
        let database = Key::database();
        let wanted: BTreeSet<&Key> = sent.chain([&database]).collect();
        assert_eq!(held, wanted, "{}", target.name);
        assert!(held.len() > 10, "{}: {}", target.name, held.len());
    }
}

#[test]
fn the_source_database_is_split_and_its_paths_are_shown() {
    let Some(cluster) = cluster() else { return };
    fill(&cluster, "shop");
    let program = Program::empty();
    take(&program, &url(&cluster, "admin", "shop"), &[]).code(0);

    program.run(&["grants", "map", "--propose", "snapshot.json", "-o", "first.yaml"]).code(0);
    program.run(&["grants", "map", "--propose", "snapshot.json", "-o", "first.yaml"]).code(2);
    every_object_is_in_its_targets(&program, "first.yaml");
    program.write("split.yaml", SPLIT);
    every_object_is_in_its_targets(&program, "split.yaml");

    // Billing refers to shop: that is open until something is done about it.
    let ended = program.run(&["grants", "map", "split.yaml", "snapshot.json", "--format", "json"]);
    let told: Value = serde_json::from_str(&ended.code(1).stdout).expect("JSON");
    assert_eq!(told["unmapped"], serde_json::json!([]));
    let crossing = told["targets"][0]["crossing"].as_array().expect("a list");
    assert!(
        crossing.iter().any(|one| one["from"] == "view:billing.v_inv" && one["to"] == "table:shop.orders")
    );
    program.write(
        "whole.yaml",
        &SPLIT
            .replace("{ schema: billing }", "rest")
            .replace("shop_db: { database: orders, objects: [rest] }", ""),
    );
    program.run(&["grants", "map", "whole.yaml", "snapshot.json"]).code(0);
    program.write("wrong.yaml", &SPLIT.replace("{ schema: billing }", "{ schema: biling }"));
    let ended = program.run(&["grants", "map", "wrong.yaml", "snapshot.json"]);
    assert!(ended.code(2).stderr.contains("did you mean `billing`?"), "{}", ended.stderr);

    let ended = program.run(&["grants", "effective", "snapshot.json"]);
    let matrix = &ended.code(0).stdout;
    assert!(matrix.is_ascii() && matrix.lines().all(|line| line.len() <= 80), "{matrix}");
    let ended = program.run(&["grants", "effective", "snapshot.json", "--object", "shop.orders"]);
    assert!(ended.code(0).stdout.contains("through grp_all -> grp_write (granted)"), "{}", ended.stdout);
    let ended = program.run(&["grants", "effective", "snapshot.json", "--object", "shop.order"]);
    assert!(ended.code(2).stderr.contains("did you mean `shop.orders`?"), "{}", ended.stderr);
    let ended = program.run(&["grants", "effective", "snapshot.json", "--role", "nobody_at_all"]);
    assert!(!ended.code(2).stderr.contains("line\nbreak"), "a name drives the terminal: {}", ended.stderr);
    let page =
        &program.run(&["grants", "effective", "snapshot.json", "--format", "html"]).code(0).stdout.clone();
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("\"ird\""), "{page}");
    assert!(page.contains("&quot;ird&quot;"));
}

#[test]
fn good_maps_fit_the_schema() {
    let program = Program::empty();
    let schema: Value = serde_json::from_str(&program.run(&["schema", "map"]).code(0).stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let good = std::fs::read_to_string("fixtures/maps/good/shop.yaml").expect("a map");
    for (text, fits) in [
        (good.as_str(), true),
        (SPLIT, true),
        (&SPLIT.replace("splitmap/1", "splitmap/2"), false),
        (&SPLIT.replace("schema: billing", "tabel: billing"), false),
        (&SPLIT.replace("[rest]", "[all]"), false),
        (&SPLIT.replace("copy", "copies"), false),
    ] {
        let map: Value = serde_yaml::from_str(text).expect("YAML");
        let told: Vec<String> = validator.iter_errors(&map).map(|error| error.to_string()).collect();
        assert_eq!(told.is_empty(), fits, "{text}: {told:?}");
    }
}
