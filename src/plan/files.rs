//! The files of a plan: read, parsed, included, their variables gathered.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Source as ShownSource;
use super::load::Loading;
use crate::file::findings::{About, Finding};
use crate::file::source::Source;
use crate::file::variables::{Failure, Locals};
use crate::file::{Stars, included};
use crate::yaml::parse::parse;
use crate::yaml::tree::{FileId, Kind, NodeId};

/// Bytes of all files of a plan.
const BYTES: usize = 64 * 1024 * 1024;

/// Every file that was read.
pub(super) struct Files {
    /// The top map of each plan file that could be parsed; the first belongs to the main file.
    pub(super) roots: Vec<NodeId>,
    /// Whether every file could be read: otherwise nothing can be said to be missing.
    pub(super) complete: bool,
}

impl Files {
    pub(super) fn open(loading: &mut Loading<'_>) -> Self {
        let mut files = Self { roots: Vec::new(), complete: true };
        let mut seen = HashSet::new();
        let mut variable_roots = Vec::new();
        for path in loading.request.files {
            if seen.insert(real(path)) {
                let root = files.read(loading, path);
                files.roots.extend(root);
            }
        }
        files.gather_variables(loading, 0);
        let main = files.roots.first().copied();
        let named = files.roots.len();
        // Read before the includes are looked for, so that an include may use them.
        for path in loading.request.vars {
            variable_roots.extend(files.read(loading, path));
        }
        for root in variable_roots {
            override_variables(loading, root);
        }
        for (name, value) in loading.request.set {
            loading.variables.set(name, value);
        }
        if let Some(main) = main {
            for path in Self::included(loading, main) {
                if loading.sources.iter().map(|source| source.text.len()).sum::<usize>() > BYTES {
                    files.complete = false;
                    let most = BYTES / 1024 / 1024;
                    loading.findings.push(
                        Finding::error(
                            About::File(path.display().to_string()),
                            format!("the files before this one have more than {most} MB"),
                        )
                        .help("include fewer or smaller files"),
                    );
                    break;
                }
                if seen.insert(real(&path)) {
                    let root = files.read(loading, &path);
                    files.roots.extend(root);
                }
            }
        }
        files.gather_variables(loading, named);
        files
    }

    fn read(&mut self, loading: &mut Loading<'_>, path: &Path) -> Option<NodeId> {
        let source = match Source::read(path) {
            Ok(source) => source,
            Err(unreadable) => {
                self.complete = false;
                let mut finding = Finding::error(About::File(path.display().to_string()), unreadable.message);
                if let Some(help) = unreadable.help {
                    finding = finding.help(help);
                }
                loading.findings.push(finding);
                return None;
            }
        };
        let file = file_id(loading.sources.len());
        let (root, mistakes) = parse(&mut loading.tree, file, &source.text);
        let name = source.name.clone();
        loading.sources.push(source);
        let failed = root.is_none();
        let had_mistakes = !mistakes.is_empty();
        for mistake in mistakes {
            loading.findings.push(mistake);
        }
        let Some(root) = root else {
            self.complete = false;
            if let Some(source) = loading.sources.last() {
                loading.stars.unparsed(file, source);
            }
            if failed && !had_mistakes {
                loading.findings.push(
                    Finding::error(About::File(name), "this file holds nothing but comments")
                        .help("write a starter plan with `gonogo init`"),
                );
            }
            return None;
        };
        if !matches!(loading.tree.node(root).kind, Kind::Map(_)) {
            self.complete = false;
            loading.findings.push(
                Finding::at(loading.tree.place(root), "a plan is a map of keys, and this is not")
                    .label("expected `key: value`")
                    .help("a plan begins with the line `gonogo: 1`"),
            );
            return None;
        }
        Some(root)
    }

    /// `vars:` of the plan files from this one on.
    fn gather_variables(&self, loading: &mut Loading<'_>, from: usize) {
        for &root in self.roots.get(from..).unwrap_or_default() {
            let Some(vars) = loading.tree.get(root, "vars") else { continue };
            for &(key, value) in loading.tree.entries(vars) {
                if let (Some(name), Some(text)) = (loading.tree.text(key), loading.tree.text(value)) {
                    loading.variables.offer(name, text, value);
                }
            }
        }
    }

    fn included(loading: &mut Loading<'_>, main: NodeId) -> Vec<PathBuf> {
        let Some(include) = loading.tree.get(main, "include") else { return Vec::new() };
        let patterns = match &loading.tree.node(include).kind {
            Kind::List(items) => items.clone(),
            Kind::Scalar { .. } | Kind::Map(_) => vec![include],
        };
        let folder =
            loading.sources.first().map_or_else(PathBuf::new, |source| source.folder().to_path_buf());
        let mut found = Vec::new();
        for node in patterns {
            let span = loading.tree.place(node);
            let Some(text) = loading.tree.text(node).map(ToOwned::to_owned) else {
                loading.findings.push(
                    Finding::at(span, "`include` takes file patterns")
                        .label("this is not a text")
                        .help("such as `include: [checks/*.yaml]`"),
                );
                continue;
            };
            // Trouble with its variables is told when every scalar is expanded.
            let pattern = match loading.variables.expand(&text, &Locals::new(), None) {
                Ok(pattern) => pattern,
                Err(Failure::Trouble(_) | Failure::Told) => continue,
            };
            match included(&folder, &pattern) {
                Ok(paths) => found.extend(paths),
                Err((message, help)) => {
                    let mut finding = Finding::at(span, message);
                    if let Some(help) = help {
                        finding = finding.help(help);
                    }
                    loading.findings.push(finding);
                }
            }
        }
        found
    }
}

/// The files as written, secrets starred.
pub(super) fn shown(sources: &[Source], stars: &Stars) -> Vec<ShownSource> {
    let show = |(index, source): (usize, &Source)| ShownSource {
        file: source.name.clone(),
        text: stars.file(file_id(index), source),
    };
    sources.iter().enumerate().map(show).collect()
}

/// SHA-256 over everything that defines the plan, in hexadecimal.
pub(super) fn sha256(loading: &Loading<'_>) -> String {
    let base = loading.sources.first().map_or_else(PathBuf::new, |main| main.folder().to_path_buf());
    let mut hasher = Sha256::new();
    // Each part with its length before it, so that no two plans read the same.
    let mut part = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    for source in &loading.sources {
        let relative = source.path.strip_prefix(&base).unwrap_or(&source.path);
        part(&relative.to_string_lossy());
        part(&source.text);
    }
    for (name, value) in loading.request.set {
        part(name);
        part(value);
    }
    for (name, value) in &loading.variables.used {
        part(name);
        part(value);
    }
    let mut hexadecimal = String::with_capacity(64);
    for byte in hasher.finalize() {
        hexadecimal
            .extend([byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0')));
    }
    hexadecimal
}

/// Files are numbered in the order they are read.
pub(super) fn file_id(index: usize) -> FileId {
    FileId(u32::try_from(index).unwrap_or(u32::MAX))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// A file of variables: a map of single values.
fn override_variables(loading: &mut Loading<'_>, root: NodeId) {
    for &(key, value) in loading.tree.entries(root) {
        match (loading.tree.text(key), loading.tree.text(value)) {
            (Some(name), Some(text)) => loading.variables.override_with(name, text, value),
            _ => loading.findings.push(not_single(loading.tree.key_place(value))),
        }
    }
}

/// A variable that is a list or a map.
pub(super) fn not_single(span: crate::yaml::tree::Span) -> Finding {
    Finding::at(span, "a variable holds a single value").label("this is a list or a map")
}
