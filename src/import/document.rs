//! The documents of a file: each a tree of nodes, with the lines they stand on.

use super::ImportError;
use super::draft::VARIABLE;
use crate::file::source::Source;
use crate::yaml::parse::parse;
use crate::yaml::tree::{FileId, Kind, Node, NodeId, Tree};

/// Documents of one file.
const MOST: usize = 1_000;

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    /// Its nodes.
    pub(super) tree: Tree,
    /// Its outermost node.
    pub(super) root: NodeId,
    source: Source,
    /// Lines of the file before it.
    before: usize,
}

impl Document {
    /// Where a node is written, such as `goss.yaml:12`.
    pub(super) fn place(&self, node: NodeId) -> String {
        let start = self.tree.key_place(node).range().start;
        format!("{}:{}", self.source.name, self.before + self.source.line_of(start).0)
    }

    /// The file's name.
    pub(super) fn file(&self) -> &str {
        &self.source.name
    }
}

/// The documents of a file; those that are empty left out. A line that begins with `---` begins one, whatever comes before
/// (YAML 1.2 section 9.1.2).
pub(super) fn split(file: &Source) -> Result<Vec<Document>, ImportError> {
    let mut documents = Vec::new();
    let mut part = String::new();
    let mut before = 0;
    let mut count = 0;
    let lines: Vec<&str> = file.text.split_inclusive('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let rest = line
            .strip_prefix("---")
            .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if rest.is_some() {
            documents.extend(read(file, std::mem::take(&mut part), before)?);
            before = index;
            count += 1;
            if count > MOST {
                return Err(ImportError::TooMany { file: file.name.clone(), what: "documents", most: MOST });
            }
        }
        part.push_str(line);
    }
    documents.extend(read(file, part, before)?);
    Ok(documents)
}

fn read(file: &Source, text: String, before: usize) -> Result<Option<Document>, ImportError> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line.trim_end() == "---")
    {
        return Ok(None);
    }
    let source = Source::new(file.name.clone(), file.path.clone(), text);
    let mut tree = Tree::default();
    let (root, mistakes) = parse(&mut tree, FileId(0), &source.text);
    if let Some(mistake) = mistakes.into_iter().next() {
        let (line, start, _) = source.line_of(mistake.span.range().start);
        let column =
            source.text.get(start..mistake.span.range().start).map_or(0, |before| before.chars().count());
        let place = format!("{}:{}:{}", file.name, before + line, column + 1);
        let template = source.text.contains("{{");
        let help = if template {
            Some(
                "templates have to be rendered first, such as by `goss render` or `helm template`".to_owned(),
            )
        } else {
            mistake.help
        };
        return Err(ImportError::Yaml { place, message: mistake.message, help });
    }
    // A letter of our own, which no file may bring, be it by an escape.
    let brings = |node: &Node| matches!(&node.kind, Kind::Scalar { text, .. } if text.contains(VARIABLE));
    if tree.nodes().any(brings) {
        let message = "the letter U+E000, which is of private use, stands in it".to_owned();
        return Err(ImportError::Yaml {
            place: file.name.clone(),
            message,
            help: Some("take it out".to_owned()),
        });
    }
    Ok(root.map(|root| Document { tree, root, source, before }))
}
