//! Mistakes in a `flow` probe that its types cannot catch.

use super::{Capture, Flow, Step};
use crate::probe::http::bind::url_problems;
use crate::probe::http::fields::{Auth, Text, WrittenUrl, header_problems, within};
use crate::probe::{Problem, Surroundings};

pub(super) fn bind(flow: &mut Flow, surroundings: &Surroundings<'_>) -> Vec<Problem> {
    let mut problems = url_problems("base_url", &flow.base_url);
    if let Some(ca) = &mut flow.ca {
        ca.anchor(surroundings.folder);
    }
    if flow.steps.is_empty() {
        problems.push(Problem::at("steps", "a flow needs at least one step"));
    }
    for (index, step) in flow.steps.iter_mut().enumerate() {
        anchor(step, surroundings);
        problems.extend(step_problems(&format!("steps.{index}"), step));
    }
    problems
}

fn anchor(step: &mut Step, surroundings: &Surroundings<'_>) {
    for text in step.headers.values_mut().chain(step.form.values_mut()) {
        if let Text::Secret(secret) = text {
            secret.anchor(surroundings.folder);
        }
    }
    match &mut step.auth {
        Some(Auth::Basic(basic)) => basic.password.anchor(surroundings.folder),
        Some(Auth::Bearer(token)) => token.anchor(surroundings.folder),
        None => {}
    }
}

fn step_problems(path: &str, step: &Step) -> Vec<Problem> {
    let mut problems = Vec::new();
    let at = |key: &str| format!("{path}.{key}");
    match step.written().count() {
        1 => {}
        0 => problems.push(
            Problem::at(path, "a step needs a path").help("one of `get`, `post`, `put`, `delete`, `patch`, `head`"),
        ),
        _ => problems.push(Problem::at(path, "a step has one path, not several")),
    }
    for (method, written) in step.written() {
        if written.contains("://") {
            problems.extend(url_problems(&at(&method.as_str().to_ascii_lowercase()), &WrittenUrl::from(written)));
        }
    }
    problems.extend(header_problems(path, &step.headers));
    let bodies =
        [!step.form.is_empty(), step.json.is_some(), step.body.is_some()].iter().filter(|given| **given).count();
    if bodies > 1 {
        problems.push(Problem::at(path, "a step sends one of `form`, `json` and `body`"));
    }
    for (name, capture) in &step.capture {
        if !is_name(name) {
            let mut problem = within(path, "capture", name, "a captured name holds letters, digits, `_`, `-` and `.`");
            problem.at_key = true;
            problems.push(problem);
        }
        if let Capture::Regex(pattern) = capture
            && let Err(error) = regex::Regex::new(pattern)
        {
            problems.push(within(path, "capture", name, &format!("`{pattern}` is not a regular expression: {error}")));
        }
    }
    if let Some(expect) = &step.expect {
        problems.extend(expect.problems(&at("expect")));
    }
    problems
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.'))
}
