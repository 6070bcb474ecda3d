//! The node tree: every scalar with its letters, every node with its place.

use std::ops::Range;

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// A file of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place: bytes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Past the last byte.
    pub end: u32,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A single value.
    Scalar {
        /// Its letters, escapes resolved.
        text: Box<str>,
        /// Not quoted: it may stand for null, a boolean or a number.
        plain: bool,
    },
    /// A list.
    List(Vec<NodeId>),
    /// Keys and values, in order; keys are scalars and differ from each other.
    Map(Vec<(NodeId, NodeId)>),
}

/// A node with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it is written.
    pub span: Span,
    /// The key it is the value of.
    pub key: Option<NodeId>,
}

/// The nodes of one or more files.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Span {
    /// The bytes.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Tree {
    /// Add a node.
    pub fn push(&mut self, kind: Kind, span: Span) -> NodeId {
        // Far beyond the node budget of the parser and of copies.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { kind, span, key: None });
        id
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Every node of every file.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// The letters of a scalar.
    #[must_use]
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Replace the letters of a scalar.
    pub fn set_text(&mut self, id: NodeId, new: String) {
        if let Kind::Scalar { text, .. } = &mut self.node_mut(id).kind {
            *text = new.into_boxed_str();
        }
    }

    /// The keys and values of a map; none when it is not a map.
    #[must_use]
    pub fn entries(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self.node(id).kind {
            Kind::Map(entries) => entries,
            Kind::Scalar { .. } | Kind::List(_) => &[],
        }
    }

    /// The items of a list; none when it is not a list.
    #[must_use]
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.node(id).kind {
            Kind::List(items) => items,
            Kind::Scalar { .. } | Kind::Map(_) => &[],
        }
    }

    /// The key and value under a key of a map.
    #[must_use]
    pub fn entry(&self, id: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        self.entries(id).iter().copied().find(|(node, _)| self.text(*node) == Some(key))
    }

    /// The value under a key of a map.
    #[must_use]
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.entry(id, key).map(|(_, value)| value)
    }

    /// The letters of the value under a key of a map.
    #[must_use]
    pub fn get_text(&self, id: NodeId, key: &str) -> Option<&str> {
        self.text(self.get(id, key)?)
    }

    /// The deepest node found going down these keys and positions.
    pub fn descend<S: AsRef<str>>(&self, from: NodeId, path: &[S]) -> NodeId {
        let mut here = from;
        for step in path {
            let step = step.as_ref();
            let below = self.get(here, step).or_else(|| {
                step.parse::<usize>().ok().and_then(|index| self.items(here).get(index).copied())
            });
            match below {
                Some(below) => here = below,
                None => break,
            }
        }
        here
    }

    /// The letters of the key a node is the value of.
    #[must_use]
    pub fn key_text(&self, id: NodeId) -> Option<&str> {
        self.text(self.node(id).key?)
    }

    /// Where to point for a node: at its key when it has no letters of its own.
    #[must_use]
    pub fn place(&self, id: NodeId) -> Span {
        let node = self.node(id);
        match node.key {
            Some(key) if node.span.start == node.span.end => self.node(key).span,
            _ => node.span,
        }
    }

    /// Where to point for the key of a node, or for the node when it has none.
    #[must_use]
    pub fn key_place(&self, id: NodeId) -> Span {
        self.node(id).key.map_or_else(|| self.place(id), |key| self.node(key).span)
    }

    /// A copy of a node and everything below, without the entries of the top map that have this key.
    pub fn copy_without(&mut self, id: NodeId, left_out: &str) -> NodeId {
        let entries: Vec<_> =
            self.entries(id).iter().copied().filter(|(key, _)| self.text(*key) != Some(left_out)).collect();
        let copied = entries.into_iter().map(|(key, value)| (key, self.copy(value))).collect();
        let span = self.node(id).span;
        let key = self.node(id).key;
        let copy = self.push(Kind::Map(copied), span);
        self.node_mut(copy).key = key;
        copy
    }

    fn copy(&mut self, id: NodeId) -> NodeId {
        let Node { kind, span, key } = self.node(id).clone();
        let kind = match kind {
            Kind::Scalar { .. } => kind,
            Kind::List(items) => Kind::List(items.into_iter().map(|item| self.copy(item)).collect()),
            Kind::Map(entries) => {
                Kind::Map(entries.into_iter().map(|(key, value)| (key, self.copy(value))).collect())
            }
        };
        let copy = self.push(kind, span);
        self.node_mut(copy).key = key;
        copy
    }
}
