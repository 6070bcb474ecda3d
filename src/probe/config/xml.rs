//! A path through XML: elements from the root, `server/connector[@name='main']/@port`. Namespaces are looked through.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

/// Elements of a file larger than any configuration.
const MOST_NODES: u32 = 1_000_000;

/// A path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    elements: Vec<Step<'a>>,
    attribute: Option<&'a str>,
}

/// One element's name, and an attribute it has to have.
#[derive(Debug, PartialEq, Eq)]
struct Step<'a> {
    name: &'a str,
    with: Option<(&'a str, &'a str)>,
}

impl<'a> Path<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let mut parts = split(text.strip_prefix('/').unwrap_or(text));
        let attribute = parts.last().and_then(|last| last.strip_prefix('@'));
        if attribute.is_some() {
            parts.pop();
        }
        let elements = parts.into_iter().map(step).collect::<Result<Vec<_>, _>>()?;
        if elements.is_empty() || attribute == Some("") {
            return Err("a path through XML is `root/element/@attribute`".to_owned());
        }
        Ok(Self { elements, attribute })
    }
}

/// At each `/` that is not inside brackets.
fn split(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(|character| {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        character == '/' && !inside
    })
    .collect()
}

fn step(part: &str) -> Result<Step<'_>, String> {
    let wrong = || format!("`{part}` is neither an element nor `element[@attribute='value']`");
    let (name, with) = match part.split_once('[') {
        None => (part, None),
        Some((name, rest)) => {
            let (attribute, value) = rest
                .strip_prefix('@')
                .and_then(|rest| rest.strip_suffix(']'))
                .and_then(|rest| rest.split_once('='))
                .ok_or_else(wrong)?;
            let value = ['\'', '"']
                .iter()
                .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote))
                .ok_or_else(wrong)?;
            (name, Some((attribute, value)))
        }
    };
    if name.is_empty() || name.starts_with('@') {
        return Err(wrong());
    }
    Ok(Step { name, with })
}

/// The value at the path; several make a list.
pub(super) fn find(text: &str, path: &str) -> Result<Option<Value>, String> {
    let path = Path::parse(path)?;
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let place = error.pos();
        format!("mistake at line {}, column {} (a document type is not read)", place.row, place.col)
    })?;
    let mut nodes = vec![document.root()];
    for step in &path.elements {
        nodes = nodes.iter().flat_map(Node::children).filter(|node| step.matches(node)).collect();
    }
    let mut values: Vec<Value> = nodes.iter().filter_map(|node| path.value(node)).collect();
    Ok(match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    })
}

impl Path<'_> {
    fn value(&self, node: &Node<'_, '_>) -> Option<Value> {
        if let Some(name) = self.attribute {
            return attribute(node, name).map(Value::from);
        }
        let text: String = node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
        Some(Value::from(text.trim()))
    }
}

impl Step<'_> {
    fn matches(&self, node: &Node<'_, '_>) -> bool {
        node.is_element()
            && node.tag_name().name() == self.name
            && self.with.is_none_or(|(name, value)| attribute(node, name) == Some(value))
    }
}

fn attribute<'a>(node: &Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.name() == name).map(|attribute| attribute.value())
}
