//! Several runs told as one: the worst verdict wins. JUnit with the suites of each run, JSON with the result of each, and
//! the summaries one after the other below a page that says how each stands.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::json::{self, ResultFile};
use super::{Format, Options, Rendered, junit, summary, text};
use crate::model::verdict::Verdict;
use crate::verdict::Assessment;

/// The name of the format of several results.
pub const SCHEMA: &str = "gonogo.results/1";

/// Several judged runs, in the order they were named; never empty.
#[derive(Debug, Clone, Copy)]
pub struct Merged<'a> {
    runs: &'a [Assessment<'a>],
}

/// Several runs, as programs read them. `go` is true only when it is true of each.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct ResultsFile<'a> {
    /// Always `gonogo.results/1`.
    schema: &'static str,
    /// The version of gonogo that wrote it.
    version: &'static str,
    /// The worst verdict of all.
    verdict: Verdict,
    /// Whether one may go on.
    go: bool,
    /// The result of each run, as in its own `result.json`.
    runs: Vec<ResultFile<'a>>,
}

/// The JSON Schema of several results.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::model::printed::schema::<ResultsFile<'static>>(SCHEMA)
}

impl<'a> Merged<'a> {
    /// Runs to be told as one.
    #[must_use]
    pub const fn new(runs: &'a [Assessment<'a>]) -> Self {
        Self { runs }
    }

    /// The worst verdict; of no run at all, NO-GO.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::NoGo)
    }

    /// Tell them in one form; none for a form that tells one run at a time.
    #[must_use]
    pub fn render(&self, format: Format, options: &Options) -> Option<Vec<Rendered>> {
        match format {
            Format::Summary => Some(summary::merged(self.verdict(), self.runs, options)),
            Format::Json => {
                Some(vec![Rendered { name: json::NAME.to_owned(), text: json::written(&self.results()) }])
            }
            Format::Junit => Some(junit::merged(&self.named(), options)),
            Format::Markdown | Format::Html | Format::Prometheus | Format::Tap | Format::Github => None,
        }
    }

    /// Every form that can tell them.
    #[must_use]
    pub fn every(&self, options: &Options) -> Vec<Rendered> {
        Format::ALL.iter().filter_map(|format| self.render(*format, options)).flatten().collect()
    }

    /// The files of forms that tell one run at a time: what lies in a folder under these names is not of this.
    #[must_use]
    pub fn untold(&self, options: &Options) -> Vec<String> {
        let forms =
            Format::ALL.iter().filter(|form| form.is_kept() && self.render(**form, options).is_none());
        let files =
            forms.flat_map(|form| self.runs.first().map(|run| form.render(run, options)).unwrap_or_default());
        files.map(|file| file.name).collect()
    }

    fn results(&self) -> ResultsFile<'_> {
        ResultsFile {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            verdict: self.verdict(),
            go: self.verdict().is_go(),
            runs: self.runs.iter().map(json::of).collect(),
        }
    }

    /// Each run with a name of its own that is the same the next time: its plan's, numbered where it comes again. Readers
    /// take two cases of the same class and name for one.
    fn named(&self) -> Vec<(String, &Assessment<'a>)> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let named = self.runs.iter().map(|run| {
            let plan = text::slug(&run.outline.name);
            let count = seen.entry(plan.clone()).or_default();
            *count += 1;
            // A plan may itself be called `night-2`; a dot is in no slug.
            let name = if *count == 1 { plan } else { format!("{plan}_{count}") };
            (name, run)
        });
        named.collect()
    }
}
