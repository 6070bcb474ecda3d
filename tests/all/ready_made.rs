//! What is there to be used as it is, tried as far as a machine without those systems allows: the action's script is run, the
//! image is built and run, manifests are held to the rules of who reads them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;

use crate::support::program::{Ended, Program};
use crate::support::skip;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents(name: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let text = std::fs::read_to_string(root().join(name)).expect(name);
    serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).expect(name)).collect()
}

const GO: &str = "gonogo: 1\nname: night\nchecks:\n  - { id: a, command: { argv: [\"true\"] } }\n";
const PROVISIONAL: &str = "gonogo: 1\nname: night\nstages: [{ id: one }, { id: two }]\nchecks:\n  - { id: a, command: { argv: [\"true\"] } }\n  - { id: b, command: { argv: [\"true\"] }, defer: { until: two, because: later } }\n";

/// Run the action's script as a runner would.
fn act(program: &Program, inputs: &[(&str, &str)]) -> Ended {
    let action = documents("action.yml").remove(0);
    let step = &action["runs"]["steps"][0];
    let script = step["run"].as_str().expect("a script");
    let mut shell = Command::new("bash");
    shell.args(["-eo", "pipefail", "-c", script]).current_dir(program.path(""));
    shell.env("GITHUB_ACTION_PATH", root()).env("GITHUB_ACTIONS", "true");
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        shell.env(name, program.path(name));
    }
    // Every input as the step hands it on, its default where none is given.
    for (name, expression) in step["env"].as_mapping().expect("a map") {
        let input = expression
            .as_str()
            .expect("an expression")
            .trim_start_matches("${{ inputs.")
            .trim_end_matches(" }}");
        let default = action["inputs"][input]["default"].as_str().unwrap_or_else(|| panic!("input {input}"));
        let given = inputs.iter().find(|(known, _)| *known == input).map_or(default, |(_, value)| *value);
        shell.env(name.as_str().expect("a name"), given);
    }
    Ended::of(&shell.output().expect("bash"))
}

#[test]
fn the_action_runs_a_plan_and_hands_its_outputs_on() {
    let own = env!("CARGO_BIN_EXE_gonogo");
    let program = Program::with_plan(GO);
    act(&program, &[("program", own), ("arguments", "--junit-minor\nskipped\n")]).code(0);
    assert!(program.read("GITHUB_OUTPUT").contains("\ngo\n"));
    assert!(program.read("GITHUB_STEP_SUMMARY").starts_with("# GO"));
    assert!(program.path("gonogo-out/junit.xml").exists());

    let program = Program::with_plan(PROVISIONAL);
    act(&program, &[("program", own), ("stages", "one")]).code(3);
    act(&program, &[("program", own), ("stages", "one"), ("provisional", "pass")]).code(0);
    act(&program, &[("program", own), ("provisional", "maybe")]).code(2);
    // Inputs are words, whatever is in them.
    let hostile = act(
        &program,
        &[("program", own), ("stages", "$(touch${IFS}pwned) *"), ("arguments", "`touch pwned`")],
    );
    hostile.code(2);
    assert!(!program.path("pwned").exists());
    act(&program, &[("program", own), ("plan", "none.yaml")]).code(2);
}

#[test]
fn the_action_says_what_it_takes_and_gives() {
    let action = documents("action.yml").remove(0);
    assert_eq!(action["runs"]["using"], "composite");
    for step in action["runs"]["steps"].as_sequence().expect("steps") {
        assert!(step["shell"].is_string(), "composite actions need a shell at each step");
        let script = step["run"].as_str().expect("a script");
        assert!(!script.contains("${{"), "an expression in a script is read as a program: {script}");
    }
    for part in ["inputs", "outputs"] {
        for (name, one) in action[part].as_mapping().expect("a map") {
            assert!(one["description"].is_string(), "{name:?}");
        }
    }
}

#[test]
fn the_script_is_one_for_any_shell() {
    let script = root().join("ready-made/action.sh");
    for shell in [&["sh", "-n"][..], &["busybox", "sh", "-n"], &["bash", "--posix", "-n"]] {
        let Ok(output) = Command::new(shell[0]).args(&shell[1..]).arg(&script).output() else {
            return skip(shell[0]);
        };
        assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Every pod of a document.
fn pods(value: &Value, found: &mut Vec<Value>) {
    if let Value::Mapping(map) = value {
        if map.contains_key("containers") {
            found.push(value.clone());
        }
        for value in map.values() {
            pods(value, found);
        }
    } else if let Value::Sequence(list) = value {
        for value in list {
            pods(value, found);
        }
    }
}

#[test]
fn manifests_keep_the_rules_of_their_readers() {
    let job = documents("ready-made/argo-cd-postsync.yaml").remove(0);
    assert_eq!(job["apiVersion"], "batch/v1");
    assert_eq!(job["metadata"]["annotations"]["argocd.argoproj.io/hook"], "PostSync");
    let policy = job["metadata"]["annotations"]["argocd.argoproj.io/hook-delete-policy"].as_str();
    assert!(["HookSucceeded", "HookFailed", "BeforeHookCreation"].contains(&policy.expect("a policy")));
    assert_eq!(job["spec"]["backoffLimit"], 0, "tried once");

    let canary = documents("ready-made/flagger.yaml").remove(0);
    let webhooks = canary["spec"]["analysis"]["webhooks"].as_sequence().expect("webhooks");
    for webhook in webhooks {
        // Only what confirms is asked again until it is answered with 200; other kinds count as failures of the canary.
        assert!(webhook["type"].as_str().is_some_and(|kind| kind.starts_with("confirm-")), "{webhook:?}");
        assert!(webhook["url"].as_str().is_some_and(|url| url.contains("/gate?stage=")), "{webhook:?}");
    }
    let templates = documents("ready-made/argo-rollouts.yaml");
    assert_eq!(templates.len(), 2);
    for template in &templates {
        assert_eq!(template["apiVersion"], "argoproj.io/v1alpha1");
        assert_eq!(template["kind"], "AnalysisTemplate");
        for metric in template["spec"]["metrics"].as_sequence().expect("metrics") {
            assert_eq!(
                metric["provider"].as_mapping().map(serde_yaml::Mapping::len),
                Some(1),
                "one provider each"
            );
            assert_eq!(metric["failureLimit"], 0);
        }
    }
    let web = &templates[0]["spec"]["metrics"][0];
    // With neither true, a measurement is inconclusive, and the Rollout pauses.
    assert_eq!(web["successCondition"], "result.go == true");
    assert_eq!(web["failureCondition"], "result.verdict == \"no_go\"");

    let mut found = Vec::new();
    pods(&job, &mut found);
    for template in &templates {
        pods(template, &mut found);
    }
    assert_eq!(found.len(), 2);
    for pod in found {
        assert_eq!(pod["restartPolicy"], "Never");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let volumes: Vec<&Value> =
            pod["volumes"].as_sequence().expect("volumes").iter().map(|one| &one["name"]).collect();
        for container in pod["containers"].as_sequence().expect("containers") {
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
            assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
            for mount in container["volumeMounts"].as_sequence().expect("mounts") {
                assert!(volumes.contains(&&mount["name"]), "{mount:?}");
            }
            // The words are ones that the program takes.
            let words: Vec<&str> =
                container["args"].as_sequence().expect("words").iter().filter_map(Value::as_str).collect();
            let ended = Program::empty().run(&[&words[..], &["--help"]].concat());
            ended.code(0);
        }
    }
}

#[test]
fn the_template_for_gitlab_runs_a_plan_and_keeps_its_reports() {
    let template = documents("ready-made/gitlab.yml").remove(0);
    let job = &template[".gonogo"];
    assert_eq!(job["artifacts"]["when"], "always");
    assert_eq!(job["artifacts"]["reports"]["junit"], "gonogo-out/junit.xml");
    let program = Program::with_plan(PROVISIONAL);
    let mut shell = Command::new("sh");
    for (name, value) in job["variables"].as_mapping().expect("variables") {
        shell.env(name.as_str().expect("a name"), value.as_str().expect("a value"));
    }
    shell.env("GONOGO", env!("CARGO_BIN_EXE_gonogo")).env("GONOGO_STAGES", "one");
    let script: Vec<&str> =
        job["script"].as_sequence().expect("a script").iter().filter_map(Value::as_str).collect();
    shell.args(["-ec", &script.join("\n")]).current_dir(program.path(""));
    Ended::of(&shell.output().expect("sh")).code(3);
    assert!(program.path("gonogo-out/junit.xml").exists());
}

/// A static build: of `make agents`, or of `make test`.
fn static_build() -> Option<PathBuf> {
    let triple = format!("target/{}-unknown-linux-gnu", std::env::consts::ARCH);
    ["release", "debug"]
        .iter()
        .map(|profile| root().join(&triple).join(profile).join("gonogo"))
        .find(|path| path.exists())
}

#[test]
fn the_image_is_built_of_nothing_and_runs_as_nobody() {
    let Some(build) = static_build() else { return skip("a static build (make agents)") };
    let docker = |arguments: &[&str]| Command::new("docker").args(arguments).output();
    if !docker(&["version"]).is_ok_and(|output| output.status.success()) {
        return skip("docker");
    }
    let context = tempfile::tempdir().expect("a folder");
    std::fs::copy(build, context.path().join("gonogo")).expect("a copy");
    let tag = format!("gonogo-test-{}", std::process::id());
    let file = root().join("ready-made/Dockerfile").display().to_string();
    let image = docker(&["build", "-q", "-f", &file, "-t", &tag, &context.path().display().to_string()])
        .expect("docker");
    assert!(image.status.success(), "{}", String::from_utf8_lossy(&image.stderr));
    let program =
        Program::with_plan("gonogo: 1\nname: night\nchecks:\n  - { id: a, dns: { name: 127.0.0.1 } }\n");
    let work = format!("{}:/work", program.path("").display());
    let user = format!("{}:{}", nix::unistd::getuid(), nix::unistd::getgid());
    let ran =
        Ended::of(&docker(&["run", "--rm", "--user", &user, "-v", &work, &tag, "run"]).expect("docker"));
    let version = Ended::of(&docker(&["run", "--rm", &tag, "--version"]).expect("docker"));
    let inspected = docker(&["inspect", "-f", "{{.Config.User}}", &tag]).expect("docker");
    let _ = docker(&["rmi", "-f", &tag]);
    ran.code(0);
    version.code(0);
    assert_eq!(String::from_utf8_lossy(&inspected.stdout).trim(), "65532:65532");
    assert_eq!(program.result()["verdict"], "go");
}
