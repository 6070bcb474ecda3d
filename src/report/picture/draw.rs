//! The picture as an SVG. Everything it says is in a table beside it; colours come from the page's style sheet.

use std::collections::HashMap;

use maud::{Markup, html};

use super::{Arrow, Graph, Placed};
use crate::model::outline::PieceKind;
use crate::report::html::tone::Tone;
use crate::report::html::words::Cut;

/// Width and height of a box, the room between columns and between rows, and above them, in pixels.
const WIDTH: usize = 190;
const HEIGHT: usize = 60;
const BETWEEN_COLUMNS: usize = 270;
const BETWEEN_ROWS: usize = 54;
const TOP: usize = 84;
const MARGIN: usize = 24;
/// Pixels between arrows of the same two boxes.
const APART: usize = 18;
/// Letters of a line in a box or on an arrow; the table has all of them.
const LETTERS: usize = 30;
/// Width of a letter on an arrow, about; height of a label.
const LETTER: usize = 7;
const LABEL: usize = 38;

/// What is written at a place, beside its name.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// How bad that is.
    pub(crate) tone: Tone,
    /// A few words.
    pub(crate) words: String,
}

/// Left, top, right and bottom, in pixels.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Area {
    const fn overlaps(self, other: Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// A curve from side to side, and the middle of it.
struct Curve {
    path: String,
    at: (usize, usize),
    /// Within one column, where the boxes end: its label stands to the right of them.
    beside: Option<usize>,
}

/// Draw it: what stands at each stage's column, and at each link.
pub(crate) fn draw(
    graph: &Graph<'_>,
    stage: impl Fn(usize) -> Note,
    link: impl Fn(&Arrow<'_>) -> Note,
) -> Markup {
    let boxes: Vec<Area> = graph.boxes.iter().map(area).collect();
    let mut taken = boxes.clone();
    let mut between: HashMap<(usize, usize), usize> = HashMap::new();
    let links: Vec<(Curve, Area, &Arrow<'_>, Note)> = graph
        .arrows
        .iter()
        .filter_map(|arrow| {
            let nth = between.entry((arrow.from.min(arrow.to), arrow.from.max(arrow.to))).or_insert(0);
            let curve = curve(graph, arrow, *nth)?;
            *nth += 1;
            let note = link(arrow);
            let label = free(label(&curve, arrow.id, &note.words), &taken);
            taken.push(label);
            Some((curve, label, arrow, note))
        })
        .collect();
    let height = taken.iter().map(|area| area.bottom).max().unwrap_or(TOP) + MARGIN;
    let width = taken.iter().map(|area| area.right).max().unwrap_or(0) + MARGIN;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(rems(width)) height=(rems(height)) viewBox={ "0 0 " (width) " " (height) }
            role="img" aria-labelledby="picture-title picture-about" {
            title #picture-title { "The systems of " (Cut(&graph.outline.name, 200)) }
            desc #picture-about {
                "From left to right by the stage each is up from. "
                @for (_, _, arrow, note) in &links { (Cut(arrow.id, 200)) ": " (Cut(&note.words, 200)) ". " }
            }
            defs {
                @for tone in [Tone::Good, Tone::Idle, Tone::Caution, Tone::Bad] {
                    marker id={ "tip-" (tone.name()) } class={ "tip " (tone.name()) } viewBox="0 0 10 10" refX="9" refY="5"
                        markerWidth="12" markerHeight="12" markerUnits="userSpaceOnUse" orient="auto" { path d="M0 0 10 5 0 10z" {} }
                }
            }
            @for column in 0..graph.columns.len() { (heading(graph, column, height, &stage)) }
            @for (curve, _, arrow, note) in &links {
                path class={ "link " (arrow.severity.name()) " " (note.tone.name()) } d=(curve.path)
                    marker-end={ "url(#tip-" (note.tone.name()) ")" } {}
            }
            @for (placed, area) in graph.boxes.iter().zip(&boxes) { (piece(graph, placed, *area)) }
            @for (_, area, arrow, note) in &links { (words(*area, arrow.id, note)) }
        }
    }
}

/// In units that grow with the letters of the page.
fn rems(pixels: usize) -> String {
    format!("{}.{}rem", pixels / 16, pixels % 16 * 10 / 16)
}

const fn left(column: usize) -> usize {
    MARGIN + column * (WIDTH + BETWEEN_COLUMNS)
}

fn area(placed: &Placed<'_>) -> Area {
    let (left, top) = (left(placed.column), TOP + MARGIN + placed.row * (HEIGHT + BETWEEN_ROWS));
    Area { left, top, right: left + WIDTH, bottom: top + HEIGHT }
}

fn heading(graph: &Graph<'_>, column: usize, height: usize, stage: &impl Fn(usize) -> Note) -> Markup {
    let x = left(column);
    let note = graph.columns.get(column).map(|&index| stage(index));
    html! {
        rect class="column" x=(x - MARGIN / 2) y=(MARGIN / 2) width=(WIDTH + MARGIN) height=(height - MARGIN) rx="10" {}
        text class="stage" x=(x) y=(MARGIN + 20) { (Cut(&format!("up from {}", graph.stage(column)), LETTERS - 6)) }
        @if let Some(note) = note.filter(|note| !note.words.is_empty()) {
            (shape(note.tone, x, MARGIN + 34))
            text class={ "small " (note.tone.name()) } x=(x + 20) y=(MARGIN + 46) { (Cut(&note.words, LETTERS - 4)) }
        }
    }
}

fn shape(tone: Tone, x: usize, y: usize) -> Markup {
    html! { g class={ "shape " (tone.name()) } transform={ "translate(" (x) " " (y) ") scale(.9)" } { (tone.outline()) } }
}

fn piece(graph: &Graph<'_>, placed: &Placed<'_>, area: Area) -> Markup {
    let piece = placed.piece;
    let corner = match piece.kind {
        PieceKind::App => 8,
        PieceKind::Database => 20,
        PieceKind::System => 0,
    };
    let kind = piece.kind.name();
    let owner =
        piece.owner.as_deref().map_or_else(String::new, |id| format!(", {}", graph.outline.person(id)));
    html! {
        rect class={ "box " (kind) } x=(area.left) y=(area.top) width=(WIDTH) height=(HEIGHT) rx=(corner) {}
        text class="name" x=(area.left + 14) y=(area.top + 26) { (Cut(&piece.id, 22)) }
        text class="small" x=(area.left + 14) y=(area.top + 46) { (Cut(&format!("{kind}{owner}"), 26)) }
    }
}

/// From side to side; within a column, out to the right and back.
fn curve(graph: &Graph<'_>, arrow: &Arrow<'_>, nth: usize) -> Option<Curve> {
    let (from, to) = (graph.boxes.get(arrow.from)?, graph.boxes.get(arrow.to)?);
    let shift = (nth * APART) % HEIGHT;
    let middle = |placed: &Placed<'_>| area(placed).top + (HEIGHT / 2 + shift) % HEIGHT;
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
            let out = side + BETWEEN_COLUMNS / 4 + shift;
            (side, side, out, out)
        }
    };
    // The middle of the curve: an eighth of its ends and three eighths of its handles.
    let at = ((x1 + x2 + 3 * (c1 + c2)) / 8, usize::midpoint(y1, y2));
    let path = format!("M{x1} {y1}C{c1} {y1} {c2} {y2} {x2} {y2}");
    Some(Curve { path, at, beside: (from.column == to.column).then_some(x1) })
}

/// Where the words of a link would best stand.
fn label(curve: &Curve, id: &str, words: &str) -> Area {
    let letters = id.chars().count().min(LETTERS).max(words.chars().count().min(LETTERS) + 2);
    let width = letters * LETTER + 18;
    let (x, y) = curve.at;
    let left = curve.beside.map_or_else(|| x.saturating_sub(width / 2), |side| side + 12);
    // Above the curve, which stays in sight.
    let top = y.saturating_sub(LABEL + 8).max(TOP);
    Area { left, top, right: left + width, bottom: top + LABEL }
}

/// The nearest place, up or down, where nothing else stands.
fn free(wanted: Area, taken: &[Area]) -> Area {
    /// Pixels of a step, and steps tried; after that it stands where it would best.
    const STEP: usize = 6;
    const MOST: usize = 60;
    let moved = |by: usize, down: bool| {
        let top =
            if down { wanted.top + by } else { wanted.top.checked_sub(by).filter(|&top| top >= TOP)? };
        Some(Area { top, bottom: top + LABEL, ..wanted })
    };
    let tried = (0..MOST).flat_map(|step| [moved(step * STEP, true), moved(step * STEP, false)]).flatten();
    let mut free = tried.filter(|area| !taken.iter().any(|other| area.overlaps(*other)));
    free.next().unwrap_or(wanted)
}

fn words(area: Area, id: &str, note: &Note) -> Markup {
    html! {
        rect class={ "label " (note.tone.name()) } x=(area.left) y=(area.top) width=(area.right - area.left) height=(LABEL) rx="6" {}
        text class="on" x=(area.left + 9) y=(area.top + 15) { (Cut(id, LETTERS)) }
        (shape(note.tone, area.left + 8, area.top + 20))
        text class={ "on " (note.tone.name()) } x=(area.left + 26) y=(area.top + 31) { (Cut(&note.words, LETTERS)) }
    }
}
