//! TAP: in the hands of perl's `TAP::Parser`, and counted anew from the text.

use std::process::Command;

use gonogo::report::{JunitMinor, Options, tap};
use gonogo::verdict::{Assessment, Standing, assess};

use super::{scenarios, shape};
use crate::support::skip;

fn text(told: &Assessment<'_>) -> String {
    tap::render(told, &Options::default()).remove(0).text
}

/// Test points, those that are `ok`, and those that are to do.
fn counts(text: &str) -> [usize; 3] {
    let points: Vec<&str> =
        text.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok ")).collect();
    [
        points.len(),
        points.iter().filter(|line| line.starts_with("ok ")).count(),
        points.iter().filter(|line| line.contains(" # TODO ")).count(),
    ]
}

fn expected(told: &Assessment<'_>) -> usize {
    let left_out = told.run.stages.iter().flat_map(|stage| &stage.left_out).map(|id| {
        told.outline.checks.iter().find(|check| check.id == *id).map_or(0, |check| check.from.len())
    });
    let begun = told.stages.iter().filter(|stage| stage.verdict.is_some());
    begun.map(|stage| stage.rows.len()).sum::<usize>() + left_out.sum::<usize>() + 1
}

#[test]
fn every_row_is_a_point_and_nothing_is_ok_that_did_not_pass() {
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        let text = text(&told);
        let [points, ok, todo] = counts(&text);
        assert_eq!(points, expected(&told), "{name}");
        let begun = told.stages.iter().filter(|stage| stage.verdict.is_some());
        let passed =
            begun.flat_map(|stage| &stage.rows).filter(|row| row.standing == Standing::Passed).count();
        assert_eq!(ok, passed + usize::from(told.verdict.is_go()), "{name}");
        assert!(text.lines().all(|line| !line.starts_with("ok ") || !line.contains(" # ")), "{name}");
        assert!(!text.contains("# SKIP"), "{name}");
        // A harness sees a failure exactly when the verdict is red, or when something red does not decide.
        let red = points - ok - todo;
        assert!(red > 0 || told.verdict < gonogo::model::verdict::Verdict::Hold, "{name}: {}", told.verdict);
        assert_eq!(text.lines().nth(1), Some(&*format!("1..{points}")), "{name}");
    }
}

#[test]
fn minors_can_be_told_as_to_do() {
    let (_, night) =
        scenarios::all().into_iter().find(|(name, _)| *name == "go-with-issues").expect("a scenario");
    let told = assess(&night.run, night.now());
    let lenient = Options { junit_minor: JunitMinor::Skipped, ..Options::default() };
    let [_, ok, todo] = counts(&tap::render(&told, &lenient)[0].text);
    let [_, same, fewer] = counts(&text(&told));
    assert_eq!((ok, todo), (same, fewer + 1));
}

#[test]
fn a_run_that_died_bails_out() {
    let early = tap::render_early(&shape::early()).remove(0).text;
    assert!(early.ends_with("Bail out! the plan does not load: 2 mistakes\n"), "{early}");
    assert_eq!(counts(&early), [1, 0, 0], "{early}");
    let (_, night) =
        scenarios::all().into_iter().find(|(name, _)| *name == "interrupted").expect("a scenario");
    let told = text(&assess(&night.run, night.now()));
    assert!(told.lines().last().is_some_and(|line| line.starts_with("Bail out! ")), "{told}");
}

#[test]
fn perl_reads_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"
use strict; use warnings; use TAP::Parser;
for my $path (@ARGV) {
    open my $file, '<', $path or die; local $/; my $tap = <$file>;
    # Perl before 5.38 knows no version 14, which is one of 13 with more.
    $tap =~ s/\ATAP version 14\n/TAP version 13\n/ or die "$path: no version";
    my $parser = TAP::Parser->new({ tap => $tap });
    my ($points, $ok, $todo, $blocks, $bail) = (0, 0, 0, 0, 0);
    while (my $result = $parser->next) {
        if ($result->is_test) { $points++; $ok += $result->is_actual_ok ? 1 : 0; $todo += $result->has_todo ? 1 : 0 }
        elsif ($result->is_yaml) { $blocks++; die "$path: no map" unless ref $result->data eq 'HASH' }
        elsif ($result->is_bailout) { $bail = 1 }
        elsif ($result->is_unknown) { die "$path: unknown: " . $result->raw }
    }
    die "$path: " . join('; ', $parser->parse_errors) if $parser->parse_errors;
    print "$points $ok $todo $bail\n";
}
"#;
    let mut texts: Vec<(String, String)> = scenarios::all()
        .iter()
        .map(|(name, night)| ((*name).to_owned(), text(&assess(&night.run, night.now()))))
        .collect();
    texts.push(("early".to_owned(), tap::render_early(&shape::early()).remove(0).text));
    let mut paths = Vec::new();
    for (name, text) in &texts {
        let path = folder.path().join(format!("{name}.tap"));
        std::fs::write(&path, text).expect("a file");
        paths.push(path);
    }
    let output = Command::new("perl").args(["-e", script]).args(&paths).output();
    let Ok(output) = output else { return skip("perl") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.lines().count(), texts.len());
    for ((name, text), line) in texts.iter().zip(told.lines()) {
        let bail = u8::from(text.lines().any(|line| line.starts_with("Bail out! ")));
        let [points, ok, todo] = counts(text);
        assert_eq!(line, format!("{points} {ok} {todo} {bail}"), "{name}");
    }
}

#[test]
fn diagnostics_are_yaml() {
    let (_, night) = scenarios::all().into_iter().find(|(name, _)| *name == "hostile").expect("a scenario");
    let text = text(&assess(&night.run, night.now()));
    let mut blocks = 0;
    for block in text.split("\n  ---\n").skip(1) {
        let block = block.split("\n  ...\n").next().expect("its end");
        let value: serde_yaml::Value =
            serde_yaml::from_str(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        assert!(value.is_mapping(), "{block}");
        blocks += 1;
    }
    assert!(blocks > 1);
}
