//! Metrics: in the hands of promtool, and counted anew from the text.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use gonogo::report::{Options, prometheus};
use gonogo::verdict::{Assessment, assess};

use super::{scenarios, shape};
use crate::support::skip;

fn text(told: &Assessment<'_>) -> String {
    prometheus::render(told, &Options::default()).remove(0).text
}

fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("few"))
}

/// Samples by name and labels, the plan's left out.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once("{plan=\"").expect("a plan");
        let labels = labels.split_once("\",").map_or("", |(_, rest)| rest.trim_end_matches('}'));
        let key = format!("{name} {labels}");
        assert!(samples.insert(key, value.parse().expect("a number")).is_none(), "twice: {series}");
    }
    samples
}

#[test]
fn promtool_finds_nothing_to_say() {
    let mut texts: Vec<(String, String)> = scenarios::all()
        .iter()
        .map(|(name, night)| ((*name).to_owned(), text(&assess(&night.run, night.now()))))
        .collect();
    texts.push(("early".to_owned(), prometheus::render_early(&shape::early()).remove(0).text));
    let mut strange = scenarios::all().remove(0).1;
    let outline = std::sync::Arc::make_mut(&mut strange.run.outline);
    outline.name = "a \"night\"\\n\n# TYPE x gauge\nx{} 1\u{202e}".to_owned();
    texts.push(("strange".to_owned(), text(&assess(&strange.run, strange.now()))));
    for (name, text) in texts {
        let started = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = started else { return skip("promtool") };
        promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("its input");
        let output = promtool.wait_with_output().expect("promtool");
        let told = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success() && told.is_empty(),
            "{name}: {}\n{text}",
            String::from_utf8_lossy(&told)
        );
    }
}

#[test]
fn every_row_is_counted_once_and_one_verdict_holds() {
    let mut outcomes = HashSet::new();
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        let samples = samples(&text(&told));
        let sum = |start: &str| -> f64 {
            samples.iter().filter(|(key, _)| key.starts_with(start)).map(|(_, value)| value).sum()
        };
        assert!((sum("gonogo_checks outcome") - float(told.rows.len())).abs() < 0.5, "{name}");
        assert!((sum("gonogo_debts ") - float(told.debts.len())).abs() < 0.5, "{name}");
        assert!((sum("gonogo_run_verdict ") - 1.0).abs() < 0.1, "{name}");
        let begun = told.stages.iter().filter(|stage| stage.verdict.is_some()).count();
        assert!((sum("gonogo_stage_verdict ") - float(begun)).abs() < 0.1, "{name}");
        let verdict = format!("gonogo_run_verdict verdict=\"{}\"", told.verdict.name());
        assert!((samples[&verdict] - 1.0).abs() < 0.1, "{name}");
        assert!(
            (samples["gonogo_run_go "] - f64::from(u8::from(told.verdict.is_go()))).abs() < 0.1,
            "{name}"
        );
        let layers: usize = told.rows.iter().map(|row| row.layers().len()).sum();
        assert!((sum("gonogo_probe_layer_duration_seconds_count ") - float(layers)).abs() < 0.5, "{name}");
        let back = told.clock.as_ref().and_then(|clock| clock.turn_back);
        assert_eq!(samples.contains_key("gonogo_decide_by_timestamp_seconds "), back.is_some(), "{name}");
        for row in &told.rows {
            outcomes.insert(row.judgement.outcome);
        }
        // Nothing of a check, a host or a server is in a label: the number of series is bounded.
        assert!(samples.len() < 200 + told.stages.len() * 6, "{name}: {} series", samples.len());
    }
    assert_eq!(outcomes.len(), 5, "every outcome is among the scenarios");
}

#[test]
fn a_run_that_died_early_replaces_an_old_go() {
    let text = prometheus::render_early(&shape::early()).remove(0).text;
    assert!(
        text.contains("verdict=\"no_go\"} 1\n") && text.contains("gonogo_run_go{plan=\"night\"} 0\n"),
        "{text}"
    );
}
