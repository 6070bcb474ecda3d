//! `${name}` and `${env:NAME}` in scalars, replaced before anything is read.

use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;

use crate::environment::Environment;
use crate::suggest::closest;
use crate::yaml::tree::NodeId;

/// Bytes one scalar may grow to.
const LARGEST: usize = 64 * 1024;
/// Bytes all scalars may grow by.
pub const TOTAL: usize = 64 * 1024 * 1024;

/// Comparisons of names for suggestions: many unset variables among many others must not take minutes.
const COMPARED: usize = 100_000;

/// What is wrong with one `${...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The letters it is about, such as `${domain}`.
    pub written: String,
    /// What is wrong.
    pub message: String,
    /// What to write under the caret.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// A scalar that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was told yet.
    Trouble(Trouble),
    /// It uses a variable that is itself wrong, which is told there.
    Told,
}

#[derive(Debug, Clone)]
struct Variable {
    state: State,
    /// Where it is written.
    origin: Option<NodeId>,
}

#[derive(Debug, Clone)]
enum State {
    Raw(String),
    Expanding,
    Good(String),
    Bad,
}

/// Names that have a value for one check only.
pub type Locals = IndexMap<String, String>;

/// Every variable, and what was used of the environment.
#[derive(Debug)]
pub struct Variables<'e> {
    environment: &'e Environment,
    known: IndexMap<String, Variable>,
    /// What is wrong with variables themselves, where they are written.
    pub failures: Vec<(NodeId, Trouble)>,
    /// Names something asked for.
    asked: HashSet<String>,
    /// Environment variables used, with their values.
    pub used: BTreeMap<String, String>,
    grown: usize,
    /// Names compared to make suggestions.
    compared: usize,
}

impl<'e> Variables<'e> {
    /// None yet.
    #[must_use]
    pub fn new(environment: &'e Environment) -> Self {
        Self {
            environment,
            known: IndexMap::new(),
            failures: Vec::new(),
            asked: HashSet::new(),
            used: BTreeMap::new(),
            grown: 0,
            compared: 0,
        }
    }

    /// A variable whose value may use others. One that is there already stays.
    pub fn offer(&mut self, name: &str, text: &str, origin: NodeId) {
        let fresh = || Variable { state: State::Raw(text.to_owned()), origin: Some(origin) };
        self.known.entry(name.to_owned()).or_insert_with(fresh);
    }

    /// A variable whose value may use others, whatever it was before.
    pub fn override_with(&mut self, name: &str, text: &str, origin: NodeId) {
        let variable = Variable { state: State::Raw(text.to_owned()), origin: Some(origin) };
        self.known.insert(name.to_owned(), variable);
    }

    /// A variable with exactly this value, whatever it was before.
    pub fn set(&mut self, name: &str, text: &str) {
        self.known.insert(name.to_owned(), Variable { state: State::Good(text.to_owned()), origin: None });
    }

    /// Expand every variable, used or not, so that `failures` is complete.
    pub fn settle(&mut self) {
        let names: Vec<String> = self.known.keys().cloned().collect();
        for name in names {
            // What is wrong is kept in `failures`.
            drop(self.value(&name, "", &Locals::new()));
        }
    }

    /// Whether anything asked for this variable.
    #[must_use]
    pub fn is_used(&self, name: &str) -> bool {
        self.asked.contains(name)
    }

    /// Every variable.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.known.keys().map(String::as_str)
    }

    /// Whether the texts have grown beyond [`TOTAL`]: nothing more is replaced, which has to be told once.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.grown > TOTAL
    }

    /// Whether a text has anything to replace.
    #[must_use]
    pub fn concerns(text: &str) -> bool {
        text.contains("${")
    }

    /// The text with every `${...}` replaced, but for names in `kept`, which are for run time (then `$${` stays too).
    pub fn expand(
        &mut self,
        text: &str,
        locals: &Locals,
        kept: Option<&[String]>,
    ) -> Result<String, Failure> {
        if self.is_exhausted() {
            return Err(Failure::Told);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$${") {
                out.push_str(if kept.is_some() { "$${" } else { "${" });
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                let (name, written, after) = name_of(rest, after)?;
                if kept.is_some_and(|kept| kept.iter().any(|kept| kept == name)) {
                    out.push_str(written);
                } else if let Some(value) = locals.get(name) {
                    out.push_str(value);
                } else {
                    if !self.asked.contains(name) {
                        self.asked.insert(name.to_owned());
                    }
                    out.push_str(&self.value(name, written, locals)?);
                }
                rest = after;
            } else {
                out.push('$');
                rest = &rest[1..];
            }
            if out.len() > LARGEST && out.len() > text.len() {
                self.grown += out.len();
                return Err(too_large(text));
            }
        }
        out.push_str(rest);
        self.grown += out.len().saturating_sub(text.len());
        if self.is_exhausted() { Err(Failure::Told) } else { Ok(out) }
    }

    fn value(&mut self, name: &str, written: &str, locals: &Locals) -> Result<String, Failure> {
        if let Some(variable) = name.strip_prefix("env:") {
            return self.environment_value(variable, written);
        }
        let variable = self.known.get(name).cloned();
        match variable {
            Some(Variable { state: State::Good(text), .. }) => Ok(text),
            Some(Variable { state: State::Bad, .. }) => Err(Failure::Told),
            Some(Variable { state: State::Expanding, .. }) => Err(trouble(
                written,
                format!("the variable `{name}` stands for itself"),
                "goes round in a circle",
                Some("give one of these variables a value of its own".to_owned()),
            )),
            Some(Variable { state: State::Raw(raw), origin }) if raw.len() > LARGEST => {
                self.settled(name, State::Bad, origin);
                if let (Failure::Trouble(trouble), Some(origin)) = (too_large(&raw), origin) {
                    self.failures.push((origin, trouble));
                }
                Err(Failure::Told)
            }
            Some(Variable { state: State::Raw(raw), origin }) => {
                self.settled(name, State::Expanding, origin);
                match self.expand(&raw, &Locals::new(), None) {
                    Ok(text) => {
                        self.settled(name, State::Good(text.clone()), origin);
                        Ok(text)
                    }
                    Err(failure) => {
                        self.settled(name, State::Bad, origin);
                        if let (Failure::Trouble(trouble), Some(origin)) = (failure, origin) {
                            self.failures.push((origin, trouble));
                        }
                        Err(Failure::Told)
                    }
                }
            }
            None => {
                self.compared += locals.len() + self.known.len();
                let known = locals.keys().chain(self.known.keys()).map(String::as_str);
                let near = if self.compared > COMPARED { None } else { closest(name, known) };
                let help = match near {
                    Some(near) => format!("did you mean `${{{near}}}`?"),
                    None => format!(
                        "set it under `vars:`, in a file named with `--vars`, or with `--set {name}=VALUE`; \
                         `$${{` is a literal `${{`"
                    ),
                };
                Err(trouble(
                    written,
                    format!("the variable `{name}` is not set"),
                    "no such variable",
                    Some(help),
                ))
            }
        }
    }

    fn settled(&mut self, name: &str, state: State, origin: Option<NodeId>) {
        self.known.insert(name.to_owned(), Variable { state, origin });
    }

    fn environment_value(&mut self, variable: &str, written: &str) -> Result<String, Failure> {
        let Some(value) = self.environment.get(variable) else {
            return Err(trouble(
                written,
                format!("the environment variable `{variable}` is not set"),
                "not set",
                Some(format!("set it before running: export {variable}=...")),
            ));
        };
        self.used.insert(variable.to_owned(), value.to_owned());
        Ok(value.to_owned())
    }
}

/// The name, the whole `${name}`, and what follows.
fn name_of<'t>(from: &'t str, after: &'t str) -> Result<(&'t str, &'t str, &'t str), Failure> {
    let Some(end) = after.find('}') else {
        return Err(trouble(
            "${",
            "a `${` is never closed".to_owned(),
            "begins here",
            Some("write `${name}`, or `$${` for a literal `${`".to_owned()),
        ));
    };
    let name = &after[..end];
    let written = &from[..end + 3];
    let bare = name.strip_prefix("env:").unwrap_or(name);
    let is_name =
        !bare.is_empty() && bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !is_name {
        return Err(trouble(
            written,
            "this is not the name of a variable".to_owned(),
            "letters, digits, `_`, `-` and `.` only",
            Some("write `${name}` or `${env:NAME}`, or `$${` for a literal `${`".to_owned()),
        ));
    }
    Ok((name, written, &after[end + 1..]))
}

fn trouble(written: &str, message: String, label: &str, help: Option<String>) -> Failure {
    Failure::Trouble(Trouble { written: written.to_owned(), message, label: label.to_owned(), help })
}

fn too_large(text: &str) -> Failure {
    let written = text.find("${").map_or("", |start| text[start..].split_inclusive('}').next().unwrap_or(""));
    trouble(
        written,
        format!("with its variables this text is longer than {} KB", LARGEST / 1024),
        "grows too large",
        Some("variables that hold each other many times grow very fast".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::tree::{FileId, Kind, Span, Tree};

    fn node() -> NodeId {
        Tree::default().push(Kind::List(Vec::new()), Span { file: FileId(0), start: 0, end: 0 })
    }

    fn expand(variables: &mut Variables<'_>, text: &str) -> Result<String, Failure> {
        variables.expand(text, &Locals::new(), None)
    }

    #[test]
    fn replaces_and_tells() {
        let environment = Environment::from_pairs([("USER", "ann")]);
        let mut variables = Variables::new(&environment);
        variables.offer("domain", "example.internal", node());
        variables.offer("host", "db.${domain}", node());
        variables.set("literal", "${domain}");
        assert_eq!(
            expand(&mut variables, "a ${host} $${host} $5 ${env:USER}").unwrap(),
            "a db.example.internal ${host} $5 ann"
        );
        assert_eq!(expand(&mut variables, "${literal}").unwrap(), "${domain}");
        assert_eq!(variables.used.keys().collect::<Vec<_>>(), ["USER"]);
        let message = |failure| match failure {
            Failure::Trouble(trouble) => trouble.message,
            Failure::Told => "told".to_owned(),
        };
        for (text, wanted) in [
            ("${domian}", "not set"),
            ("${env:NOPE}", "environment variable `NOPE` is not set"),
            ("${", "never closed"),
            ("${a b}", "not the name"),
        ] {
            let told = message(expand(&mut variables, text).unwrap_err());
            assert!(told.contains(wanted), "{text}: {told}");
        }
    }

    #[test]
    fn a_circle_and_a_bomb_end() {
        let environment = Environment::default();
        let mut variables = Variables::new(&environment);
        variables.offer("a", "${b}", node());
        variables.offer("b", "${a}", node());
        assert_eq!(expand(&mut variables, "${a}"), Err(Failure::Told));
        assert!(variables.failures[0].1.message.contains("stands for itself"), "{:?}", variables.failures);
        variables.offer("c0", "xxxxxxxxxxxxxxxx", node());
        for level in 1..40 {
            let below = format!("${{c{}}}", level - 1);
            variables.offer(&format!("c{level}"), &below.repeat(16), node());
        }
        assert!(expand(&mut variables, "${c39}").is_err());
    }

    #[test]
    fn large_values_and_many_unset_names_end_soon() {
        let environment = Environment::default();
        let mut variables = Variables::new(&environment);
        variables.offer("large", &"x".repeat(8 << 20), node());
        variables.offer("page", &"x".repeat(LARGEST), node());
        for name in 0..5_000 {
            variables.offer(&format!("name-number-{name}"), "x", node());
        }
        let began = std::time::Instant::now();
        for other in 0..5_000 {
            assert!(expand(&mut variables, "${large}").is_err());
            assert!(expand(&mut variables, "${page}${page}").is_err());
            assert!(expand(&mut variables, &format!("${{nome-nomber-{other}}}")).is_err());
        }
        assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
        assert!(variables.failures[0].1.message.contains("longer than"), "{:?}", variables.failures);
    }

    #[test]
    fn captures_are_left_for_run_time() {
        let environment = Environment::default();
        let mut variables = Variables::new(&environment);
        variables.set("path", "/orders");
        let kept = ["token".to_owned()];
        let text = variables.expand("${path}/${token} $${x}", &Locals::new(), Some(&kept)).unwrap();
        assert_eq!(text, "/orders/${token} $${x}");
    }
}
