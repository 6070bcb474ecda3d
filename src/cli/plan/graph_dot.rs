//! The picture of a plan in DOT, for Graphviz (its language: graphviz.org/doc/info/lang.html).

use std::fmt::Write as _;

use crate::model::outline::{Piece, PieceKind, Severity};
use crate::report::picture::Graph;
use crate::report::text;

/// The picture in DOT.
pub(super) fn render(graph: &Graph<'_>) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&graph.outline.name));
    out.push_str("  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for column in 0..graph.columns.len() {
        let label = format!("up from {}", graph.stage(column));
        let _ = writeln!(out, "  subgraph cluster_{column} {{\n    label={};", quoted(&label));
        for placed in graph.boxes.iter().filter(|placed| placed.column == column) {
            let shape = match placed.piece.kind {
                PieceKind::App => "box",
                PieceKind::Database => "cylinder",
                PieceKind::System => "component",
            };
            let mut lines = format!("{}\n{}", placed.piece.id, placed.piece.kind.name());
            if let Some(owner) = &placed.piece.owner {
                let _ = write!(lines, ", {}", graph.outline.person(owner));
            }
            let _ = writeln!(
                out,
                "    {} [label={}, shape={shape}];",
                quoted(&name(placed.piece)),
                quoted(&lines)
            );
        }
        out.push_str("  }\n");
    }
    for arrow in &graph.arrows {
        let (Some(from), Some(to)) = (graph.boxes.get(arrow.from), graph.boxes.get(arrow.to)) else {
            continue;
        };
        let style = match arrow.severity {
            Severity::Blocker => "bold",
            Severity::Major => "solid",
            Severity::Minor => "dashed",
            Severity::Info => "dotted",
        };
        let mut label = format!("{}\n{}, path due at {}", arrow.id, arrow.severity.name(), arrow.due);
        if let Some(through) = arrow.through {
            let _ = write!(label, "\nthrough due at {through}");
        }
        let _ = writeln!(
            out,
            "  {} -> {} [label={}, style={style}];",
            quoted(&name(from.piece)),
            quoted(&name(to.piece)),
            quoted(&label)
        );
    }
    out.push_str("}\n");
    out
}

/// An app and a database may have the same id.
fn name(piece: &Piece) -> String {
    format!("{} {}", piece.kind.name(), piece.id)
}

/// A text in quotes; only a quote and a backslash mean something in there, and each line is shown on its own.
fn quoted(lines: &str) -> String {
    let escaped: Vec<String> =
        lines.lines().map(|line| text::line(line).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", escaped.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quoted("a\"]; b -> c [x=\"\\"), "\"a\\\"]; b -> c [x=\\\"\\\\\"");
        assert_eq!(quoted("one\ntwo"), "\"one\\ntwo\"");
    }
}
