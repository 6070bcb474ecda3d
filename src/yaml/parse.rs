//! From parser events to nodes, within budgets: size, depth, aliases.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::syntax::syntax;
use super::tree::{FileId, Kind, NodeId, Span, Tree};

/// Nodes of all files of a plan.
const NODES: usize = 1_000_000;
/// Nodes that aliases may add to one file.
const ALIASED: u64 = 200_000;
/// Lists and maps inside each other.
const DEPTH: usize = 64;

/// A mistake in the YAML itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to write under the caret.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

/// Read one document. None when it cannot be read at all or is empty; the mistakes say why.
pub fn parse(tree: &mut Tree, file: FileId, text: &str) -> (Option<NodeId>, Vec<Mistake>) {
    let mut builder = Builder {
        tree,
        file,
        open: Vec::new(),
        anchors: HashMap::new(),
        extents: HashMap::new(),
        added: 0,
        root: None,
        mistakes: Vec::new(),
    };
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEPTH;
    options.block_nesting_limit = DEPTH;
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.event(event, byte_span(file, &span)),
            Err(error) => Err(syntax(file, text, &error)),
        };
        if let Err(mistake) = step {
            builder.mistakes.push(mistake);
            return (None, builder.mistakes);
        }
    }
    let mistakes = builder.mistakes;
    (builder.root, mistakes)
}

/// A list or map whose end has not come yet.
struct Open {
    kind: Partial,
    start: Span,
    anchor: usize,
    extent: Extent,
}

/// How much there is below a node, aliases followed.
#[derive(Clone, Copy)]
struct Extent {
    nodes: u64,
    depth: usize,
}

impl Extent {
    const ONE: Self = Self { nodes: 1, depth: 0 };
}

enum Partial {
    List(Vec<NodeId>),
    Map { entries: Vec<(NodeId, NodeId)>, key: Option<NodeId>, merges: Vec<(NodeId, NodeId)> },
}

struct Builder<'a> {
    tree: &'a mut Tree,
    file: FileId,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
    /// What is below anchored nodes.
    extents: HashMap<NodeId, Extent>,
    added: u64,
    root: Option<NodeId>,
    mistakes: Vec<Mistake>,
}

impl Builder<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum of the parser can grow")]
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Mistake> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(wrong(
                span,
                "this file holds more than one YAML document",
                "a second document begins here",
                Some(
                    "keep one document, or put the others in files of their own and name them with `include`",
                ),
            )),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = self.is_plain(style, tag.as_deref(), span)?;
                // Nothing at all comes as the text `~`.
                let text = if plain && span.start == span.end { "".into() } else { text.into() };
                let id = self.add(Kind::Scalar { text, plain }, span)?;
                self.anchor(anchor, id, Extent::ONE);
                self.place(id, Extent::ONE)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.only_core_tag(tag.as_deref(), "seq", span)?;
                self.start(Partial::List(Vec::new()), span, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.only_core_tag(tag.as_deref(), "map", span)?;
                self.start(Partial::Map { entries: Vec::new(), key: None, merges: Vec::new() }, span, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => {
                let Some(&id) = self.anchors.get(&anchor) else {
                    return Err(wrong(
                        span,
                        "this alias is inside the very node it stands for",
                        "refers to itself",
                        Some("write the value out instead"),
                    ));
                };
                let extent = self.extents.get(&id).copied().unwrap_or(Extent::ONE);
                if self.open.len() + extent.depth > DEPTH {
                    return Err(too_deep(span));
                }
                self.added = self.added.saturating_add(extent.nodes);
                if self.added > ALIASED {
                    return Err(wrong(
                        span,
                        format!("the aliases of this file stand for more than {ALIASED} values"),
                        "one alias too many",
                        Some("write fewer aliases of large or nested values"),
                    ));
                }
                self.place(id, extent)
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::UnresolvedAlias(_) => Ok(()),
            // Comments are not asked for; what a newer parser may add is refused.
            other => Err(wrong(span, format!("this kind of YAML is not supported: {other:?}"), "here", None)),
        }
    }

    fn add(&mut self, kind: Kind, span: Span) -> Result<NodeId, Mistake> {
        if self.tree.len() >= NODES {
            return Err(wrong(
                span,
                format!("this plan holds more than {NODES} values"),
                "too many",
                Some("split the plan into several plans"),
            ));
        }
        Ok(self.tree.push(kind, span))
    }

    fn anchor(&mut self, anchor: usize, id: NodeId, extent: Extent) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
            self.extents.insert(id, extent);
        }
    }

    fn start(&mut self, kind: Partial, start: Span, anchor: usize) -> Result<(), Mistake> {
        if self.open.len() >= DEPTH {
            return Err(too_deep(start));
        }
        self.open.push(Open { kind, start, anchor, extent: Extent::ONE });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Mistake> {
        let Some(Open { kind, start, anchor, extent }) = self.open.pop() else {
            return Ok(());
        };
        let (kind, first) = match kind {
            Partial::List(items) => {
                let first = items.first().copied();
                (Kind::List(items), first)
            }
            Partial::Map { mut entries, merges, .. } => {
                let first = entries.first().map(|(key, _)| *key);
                self.unique(&mut entries);
                for (key, merged) in merges {
                    self.merge(&mut entries, key, merged);
                }
                (Kind::Map(entries), first)
            }
        };
        // A flow collection is shown whole; of a block one, its first key or item.
        let flow = start.end > start.start;
        let shown = match first {
            _ if flow => Span { end: span.end.max(start.end), ..start },
            Some(first) => self.tree.node(first).span,
            None => start,
        };
        let id = self.add(kind, shown)?;
        let extent = Extent { depth: extent.depth + 1, ..extent };
        self.anchor(anchor, id, extent);
        self.place(id, extent)
    }

    /// Put a finished node where it belongs.
    fn place(&mut self, id: NodeId, extent: Extent) -> Result<(), Mistake> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(());
        };
        open.extent.nodes = open.extent.nodes.saturating_add(extent.nodes);
        open.extent.depth = open.extent.depth.max(extent.depth);
        match &mut open.kind {
            Partial::List(items) => items.push(id),
            Partial::Map { key: key @ None, .. } => {
                if self.tree.text(id).is_none() {
                    return Err(wrong(
                        self.tree.node(id).span,
                        "a key has to be a text",
                        "this is a list or a map",
                        Some("put a key that holds `{`, `[` or `${` in quotes"),
                    ));
                }
                *key = Some(id);
            }
            Partial::Map { entries, key, merges } => {
                if let Some(key) = key.take() {
                    let merge = self.tree.text(key) == Some("<<") && is_plain(self.tree, key);
                    if merge {
                        merges.push((key, id));
                    } else {
                        entries.push((key, id));
                    }
                    let node = self.tree.node_mut(id);
                    node.key = node.key.or(Some(key));
                }
            }
        }
        Ok(())
    }

    /// Tell every repeated key and keep the first.
    fn unique(&mut self, entries: &mut Vec<(NodeId, NodeId)>) {
        let mut seen: HashMap<&str, NodeId> = HashMap::with_capacity(entries.len());
        let tree = &*self.tree;
        let mistakes = &mut self.mistakes;
        entries.retain(|&(key, _)| match seen.entry(tree.text(key).unwrap_or_default()) {
            Entry::Vacant(entry) => {
                entry.insert(key);
                true
            }
            Entry::Occupied(first) => {
                mistakes.push(Mistake {
                    span: tree.node(key).span,
                    message: format!("duplicate key `{}`", first.key()),
                    label: Some("this key is already there, a few lines above".to_owned()),
                    help: Some("keep one of the two: only one of them can count".to_owned()),
                });
                false
            }
        });
    }

    /// `<<: *base`: keys of `base` that are not written out (<https://yaml.org/type/merge.html>).
    fn merge(&mut self, entries: &mut Vec<(NodeId, NodeId)>, key: NodeId, merged: NodeId) {
        let sources: Vec<NodeId> = match &self.tree.node(merged).kind {
            Kind::List(items) => items.clone(),
            Kind::Map(_) | Kind::Scalar { .. } => vec![merged],
        };
        let mut known: HashSet<String> =
            entries.iter().filter_map(|(key, _)| self.tree.text(*key)).map(ToOwned::to_owned).collect();
        for source in sources {
            let Kind::Map(base) = &self.tree.node(source).kind else {
                self.mistakes.push(wrong(
                    self.tree.node(key).span,
                    "`<<` takes a map, or a list of maps",
                    "this is neither",
                    Some("write `<<: *name`, where `&name` stands before a map"),
                ));
                continue;
            };
            for &(key, value) in base {
                if known.insert(self.tree.text(key).unwrap_or_default().to_owned()) {
                    entries.push((key, value));
                }
            }
        }
    }

    fn is_plain(&self, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<bool, Mistake> {
        let plain = style == ScalarStyle::Plain;
        match tag {
            None => Ok(plain),
            Some(tag) if is_core(tag, "str") => Ok(false),
            Some(tag) if ["null", "bool", "int", "float"].iter().any(|core| is_core(tag, core)) => Ok(true),
            Some(tag) => Err(self.unknown_tag(tag, span)),
        }
    }

    fn only_core_tag(&self, tag: Option<&Tag>, core: &str, span: Span) -> Result<(), Mistake> {
        match tag {
            Some(tag) if !is_core(tag, core) => Err(self.unknown_tag(tag, span)),
            _ => Ok(()),
        }
    }

    fn unknown_tag(&self, tag: &Tag, span: Span) -> Mistake {
        debug_assert_eq!(span.file, self.file, "a file is parsed on its own");
        let written: Cow<'_, str> = format!("{}{}", tag.handle(), tag.suffix()).into();
        wrong(
            span,
            format!("the YAML tag `{written}` means nothing here"),
            "has a tag",
            Some("remove the tag"),
        )
    }
}

fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == suffix
}

fn is_plain(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.node(id).kind, Kind::Scalar { plain: true, .. })
}

fn wrong(span: Span, message: impl Into<String>, label: &str, help: Option<&str>) -> Mistake {
    Mistake {
        span,
        message: message.into(),
        label: Some(label.to_owned()),
        help: help.map(ToOwned::to_owned),
    }
}

pub(super) fn too_deep(span: Span) -> Mistake {
    wrong(
        span,
        format!("lists and maps are nested more than {DEPTH} deep"),
        "too deep",
        Some("no plan needs this: look for a bracket that is never closed"),
    )
}

fn byte_span(file: FileId, span: &granit_parser::Span) -> Span {
    let range = span.byte_range().unwrap_or(0..0);
    let cut = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Span { file, start: cut(range.start), end: cut(range.end) }
}
