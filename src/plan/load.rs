//! The way in: from plan files to a plan, or to every mistake in them.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::Plan;
use super::draft::Draft;
use super::expand::{Expanded, Expander};
use super::files::{Files, file_id, shown};
use super::{due, finish, needs, references};
use crate::environment::Environment;
use crate::file::diagnostic::{Diagnostic, Gravity};
use crate::file::findings::Findings;
use crate::file::source::Source;
use crate::file::{Stars, variables::Variables};
use crate::secret::Scrubber;
use crate::suggest::suggestion;
use crate::yaml::tree::{NodeId, Span, Tree};

/// What to load, and with what.
#[derive(Debug)]
pub struct LoadRequest<'a> {
    /// Plan files; the first is the main one, the others are as if it included them.
    pub files: &'a [PathBuf],
    /// Files of variables, later ones win.
    pub vars: &'a [PathBuf],
    /// Variables set by hand, which win over all others.
    pub set: &'a [(String, String)],
    /// Where `${env:NAME}` is looked up.
    pub environment: &'a Environment,
    /// Learns every secret that is met.
    pub scrubber: &'a Scrubber,
    /// For waivers that are out of date.
    pub today: Date,
}

/// What came of it.
#[derive(Debug)]
pub struct Loaded {
    /// The plan, unless there is an error.
    pub plan: Option<Plan>,
    /// Errors, then warnings, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether the plan does not load.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Gravity::Error)
    }
}

/// Comparisons of words for suggestions: ten thousand checks that all need a misspelt one must not take minutes.
const COMPARED: usize = 500_000;

/// What every step of loading works on.
pub(super) struct Loading<'a> {
    pub(super) request: &'a LoadRequest<'a>,
    pub(super) sources: Vec<Source>,
    pub(super) tree: Tree,
    pub(super) variables: Variables<'a>,
    pub(super) stars: Stars,
    pub(super) findings: Findings,
    /// Words compared to make suggestions.
    compared: usize,
}

/// Load a plan. Touches no network, runs no command, reads no secret but the environment variables the plan names.
#[must_use]
pub fn load(request: &LoadRequest<'_>) -> Loaded {
    let mut loading = Loading {
        request,
        sources: Vec::new(),
        tree: Tree::default(),
        variables: Variables::new(request.environment),
        stars: Stars::default(),
        findings: Findings::default(),
        compared: 0,
    };
    let files = Files::open(&mut loading);
    let expanded = Expander::run(&mut loading, &files);
    let plan = expanded.and_then(|expanded| plan(&mut loading, &files, &expanded));
    for (index, source) in loading.sources.iter().enumerate() {
        loading.stars.urls(file_id(index), source);
    }
    loading.stars.keys(&loading.tree);
    let plan = plan.filter(|_| !loading.findings.has_errors()).map(|mut plan| {
        plan.sources = shown(&loading.sources, &loading.stars);
        plan
    });
    let diagnostics = loading.findings.finish(&loading.sources, &loading.stars, request.scrubber);
    Loaded { plan, diagnostics }
}

impl Loading<'_> {
    /// `did you mean ...?`, or what there is to choose from; after much comparing, only the latter.
    pub(super) fn suggest<'c>(
        &mut self,
        word: &str,
        candidates: impl Iterator<Item = &'c str> + Clone,
    ) -> String {
        self.compared = self.compared.saturating_add(candidates.clone().count());
        if self.compared > COMPARED { suggestion("", candidates) } else { suggestion(word, candidates) }
    }

    /// The place of some letters within a wider place; the wider place when they are not found.
    pub(super) fn narrowed(&self, whole: Span, letters: &str) -> Span {
        let found = self
            .sources
            .get(whole.file.0 as usize)
            .and_then(|source| source.text.get(whole.range()))
            .and_then(|text| text.find(letters))
            .and_then(|index| u32::try_from(index).ok().zip(u32::try_from(letters.len()).ok()));
        match found {
            Some((index, width)) if width > 0 => {
                let start = whole.start.saturating_add(index);
                Span { start, end: start.saturating_add(width), ..whole }
            }
            _ => whole,
        }
    }

    /// The folder of the file a node is written in.
    pub(super) fn folder(&self, node: NodeId) -> &Path {
        let file = self.tree.node(node).span.file;
        self.sources.get(file.0 as usize).map_or(Path::new("."), Source::folder)
    }
}

fn plan(loading: &mut Loading<'_>, files: &Files, expanded: &Expanded) -> Option<Plan> {
    let mut draft = Draft::read(loading, files, expanded)?;
    references::check(loading, &draft);
    let stages = due::stages(loading, &mut draft)?;
    let due = due::checks(loading, &draft, &stages);
    needs::check(loading, &draft, &due);
    finish::bind(loading, &mut draft);
    if loading.findings.has_errors() {
        return None;
    }
    finish::plan(loading, draft, &stages, &due)
}
