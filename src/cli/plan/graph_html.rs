//! The picture of a plan as one page without anything from elsewhere: an SVG, and the links as a table.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::graph::{Arrow, Graph, Placed};
use crate::plan::PieceKind;
use crate::report::text;

/// Width and height of a box, the room between columns and between rows, and above them, in pixels.
const WIDTH: usize = 190;
const HEIGHT: usize = 58;
const BETWEEN_COLUMNS: usize = 190;
const BETWEEN_ROWS: usize = 42;
const TOP: usize = 56;
const MARGIN: usize = 24;
/// Pixels between arrows of the same two boxes.
const APART: usize = 16;
/// Letters of an id shown on an arrow or in a box; the table has all of them.
const LETTERS: usize = 26;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1b1f24;background:#fff}\
h1{font-size:1.3rem}svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:#1b1f24}\
svg .small{font-size:11px;fill:#57606a}svg .stage{font-weight:600}\
rect.box{fill:#fff;stroke:#57606a;stroke-width:1.5}rect.database{fill:#eef4fb}rect.system{fill:#f6f0e4;stroke-dasharray:6 3}\
rect.column{fill:#f6f8fa}path.link{fill:none;stroke:#57606a}path.blocker{stroke:#a40e26;stroke-width:3}\
path.major{stroke:#a40e26;stroke-width:1.5}path.minor{stroke-dasharray:7 4}path.info{stroke-dasharray:2 4}\
text.on{paint-order:stroke;stroke:#fff;stroke-width:4px;font-size:11px}\
table{border-collapse:collapse;margin-top:1.5rem}th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid #d0d7de}";

/// The page.
pub(super) fn render(graph: &Graph<'_>) -> String {
    let name = text::html(&graph.outline.name);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{name}: links</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
    );
    if graph.boxes.is_empty() {
        out.push_str("<p>This plan names no apps, databases or systems: there is nothing to draw.</p>\n");
    } else {
        out.push_str(
            "<p>From left to right, by the stage each is up from. An arrow leads from the app that calls to what it needs: \
             thick for a blocker, thin for a major, dashed for a minor, dotted for info.</p>\n",
        );
        svg(&mut out, graph);
        table(&mut out, graph);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn left(column: usize) -> usize {
    MARGIN + column * (WIDTH + BETWEEN_COLUMNS)
}

fn top(row: usize) -> usize {
    TOP + MARGIN + row * (HEIGHT + BETWEEN_ROWS)
}

fn svg(out: &mut String, graph: &Graph<'_>) {
    let rows = graph.boxes.iter().map(|placed| placed.row + 1).max().unwrap_or(1);
    // Arrows within the last column bend out to the right.
    let width = left(graph.columns.len()) - BETWEEN_COLUMNS / 2 + MARGIN;
    let height = top(rows);
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Links of {}\">\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"10\" refY=\"5\" markerWidth=\"11\" markerHeight=\"11\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#57606a\"/></marker></defs>",
        text::html(&graph.outline.name)
    );
    for column in 0..graph.columns.len() {
        let x = left(column);
        let _ = writeln!(
            out,
            "<rect class=\"column\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/><text class=\"stage\" x=\"{x}\" y=\"{}\">{}</text>",
            x - MARGIN / 2,
            MARGIN / 2,
            WIDTH + MARGIN,
            height - MARGIN,
            MARGIN + 18,
            text::html(&cut(&format!("up from {}", graph.stage(column)))),
        );
    }
    for placed in &graph.boxes {
        piece(out, graph, placed);
    }
    let mut between: HashMap<(usize, usize), usize> = HashMap::new();
    for link in &graph.arrows {
        let pair = (link.from.min(link.to), link.from.max(link.to));
        let nth = between.entry(pair).or_insert(0);
        arrow(out, graph, link, *nth);
        *nth += 1;
    }
    out.push_str("</svg>\n");
}

fn piece(out: &mut String, graph: &Graph<'_>, placed: &Placed<'_>) {
    let (x, y) = (left(placed.column), top(placed.row));
    let piece = placed.piece;
    let corner = match piece.kind {
        PieceKind::App => 6,
        PieceKind::Database => 18,
        PieceKind::System => 0,
    };
    let kind = piece.kind.name();
    let owner =
        piece.owner.as_deref().map_or_else(String::new, |id| format!(", {}", graph.outline.person(id)));
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect class=\"box {kind}\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"{corner}\"/><text x=\"{}\" y=\"{}\">{}</text><text class=\"small\" x=\"{}\" y=\"{}\">{}</text></g>",
        text::html(&format!("{kind} {}{owner} {}", piece.id, piece.runs_on.join(", "))),
        x + 12,
        y + 25,
        text::html(&cut(&piece.id)),
        x + 12,
        y + 44,
        text::html(&cut(&format!("{kind}{owner}"))),
    );
}

/// From side to side; within a column, out to the right and back.
fn arrow(out: &mut String, graph: &Graph<'_>, arrow: &Arrow<'_>, nth: usize) {
    let (Some(from), Some(to)) = (graph.boxes.get(arrow.from), graph.boxes.get(arrow.to)) else { return };
    let shift = (nth * APART) % HEIGHT;
    let middle = |placed: &Placed<'_>| top(placed.row) + (HEIGHT / 2 + shift) % HEIGHT;
    let (y1, y2) = (middle(from), middle(to));
    let (x1, x2, c1, c2) = match from.column.cmp(&to.column) {
        std::cmp::Ordering::Greater => {
            let (x1, x2) = (left(from.column), left(to.column) + WIDTH);
            (x1, x2, x1 - BETWEEN_COLUMNS / 2, x2 + BETWEEN_COLUMNS / 2)
        }
        std::cmp::Ordering::Less => {
            let (x1, x2) = (left(from.column) + WIDTH, left(to.column));
            (x1, x2, x1 + BETWEEN_COLUMNS / 2, x2 - BETWEEN_COLUMNS / 2)
        }
        std::cmp::Ordering::Equal => {
            let side = left(from.column) + WIDTH;
            let out = side + BETWEEN_COLUMNS / 3 + shift;
            (side, side, out, out)
        }
    };
    let severity = arrow.severity.name();
    // The middle of the curve: an eighth of its ends and three eighths of its handles.
    let at = (x1 + x2 + 3 * (c1 + c2)) / 8;
    let _ = writeln!(
        out,
        "<g><title>{}</title><path class=\"link {severity}\" d=\"M{x1} {y1}C{c1} {y1} {c2} {y2} {x2} {y2}\" marker-end=\"url(#tip)\"/><text class=\"on\" text-anchor=\"middle\" x=\"{at}\" y=\"{}\">{}</text></g>",
        text::html(&format!("{}: {severity}, path due at {}", arrow.id, arrow.due)),
        usize::midpoint(y1, y2).saturating_sub(5),
        text::html(&cut(arrow.id)),
    );
}

fn table(out: &mut String, graph: &Graph<'_>) {
    if graph.arrows.is_empty() {
        out.push_str("<p>This plan has no links.</p>\n");
        return;
    }
    out.push_str("<table>\n<tr><th>link</th><th>from</th><th>to</th><th>severity</th><th>path due at</th><th>through due at</th></tr>\n");
    for arrow in &graph.arrows {
        let id = |index: usize| graph.boxes.get(index).map_or("", |placed| placed.piece.id.as_str());
        let severity = arrow.severity.name();
        let cells =
            [arrow.id, id(arrow.from), id(arrow.to), severity, arrow.due, arrow.through.unwrap_or("-")];
        let cells = cells.map(|cell| format!("<td>{}</td>", text::html(cell))).concat();
        let _ = writeln!(out, "<tr>{cells}</tr>");
    }
    out.push_str("</table>\n");
}

fn cut(words: &str) -> String {
    text::cut(words, LETTERS).into_owned()
}
