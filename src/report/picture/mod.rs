//! The release as a picture: apps, databases and systems in the order of the stages they are up from, links as arrows.
//! `plan --graph` and the page draw the same one.

mod draw;
mod state;

use std::collections::{BTreeSet, HashMap};

use crate::model::outline::{LinkPart, Outline, Piece, PieceKind, Severity};

pub(crate) use draw::{Note, draw};
pub(super) use state::{LinkState, links};

/// Times the boxes of a column are put in the order of what they are linked to.
const SWEEPS: usize = 4;

/// Boxes and arrows.
#[derive(Debug)]
pub(crate) struct Graph<'p> {
    pub(crate) outline: &'p Outline,
    pub(crate) boxes: Vec<Placed<'p>>,
    pub(crate) arrows: Vec<Arrow<'p>>,
    /// Indices of the stages that something is up from, in order: one column each.
    pub(crate) columns: Vec<usize>,
}

/// A thing and where it stands.
#[derive(Debug)]
pub(crate) struct Placed<'p> {
    pub(crate) piece: &'p Piece,
    pub(crate) column: usize,
    pub(crate) row: usize,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Arrow<'p> {
    pub(crate) id: &'p str,
    /// Position of the box it comes from.
    pub(crate) from: usize,
    /// Position of the box it leads to.
    pub(crate) to: usize,
    pub(crate) severity: Severity,
    /// The stage its path is due at.
    pub(crate) due: &'p str,
    /// The stage the way through the app is due at.
    pub(crate) through: Option<&'p str>,
}

impl<'p> Graph<'p> {
    /// The picture of a plan.
    pub(crate) fn of(outline: &'p Outline) -> Self {
        let columns: Vec<usize> =
            outline.pieces.iter().map(|piece| piece.up_from).collect::<BTreeSet<_>>().into_iter().collect();
        let mut heights = vec![0; columns.len()];
        let place = |piece: &'p Piece| {
            let column = columns.binary_search(&piece.up_from).unwrap_or(0);
            let row = heights.get(column).copied().unwrap_or(0);
            if let Some(height) = heights.get_mut(column) {
                *height += 1;
            }
            Placed { piece, column, row }
        };
        let boxes: Vec<Placed<'p>> = outline.pieces.iter().map(place).collect();
        let arrows = arrows(outline, &boxes);
        let mut graph = Self { outline, boxes, arrows, columns };
        for _ in 0..SWEEPS {
            graph.sweep();
        }
        graph
    }

    /// The stage a column stands for.
    pub(crate) fn stage(&self, column: usize) -> &str {
        let stage = self.columns.get(column).and_then(|&index| self.outline.stages.get(index));
        stage.map_or("", |stage| stage.id.as_str())
    }

    /// Put the boxes of each column in the order of the mean row of those they are linked to.
    fn sweep(&mut self) {
        let mut rows: Vec<(usize, usize)> = vec![(0, 0); self.boxes.len()];
        for arrow in &self.arrows {
            for (one, other) in [(arrow.from, arrow.to), (arrow.to, arrow.from)] {
                rows[one] = (rows[one].0 + self.boxes[other].row, rows[one].1 + 1);
            }
        }
        for column in 0..self.columns.len() {
            let mut members: Vec<usize> =
                (0..self.boxes.len()).filter(|&index| self.boxes[index].column == column).collect();
            // In hundredths of a row; what has no link stays where it is.
            let mean = |index: usize| match rows[index] {
                (_, 0) => self.boxes[index].row * 100,
                (sum, count) => sum * 100 / count,
            };
            members.sort_by_key(|&index| (mean(index), self.boxes[index].row));
            for (row, index) in members.into_iter().enumerate() {
                self.boxes[index].row = row;
            }
        }
    }
}

fn arrows<'p>(outline: &'p Outline, boxes: &[Placed<'p>]) -> Vec<Arrow<'p>> {
    let mut apps: HashMap<&str, usize> = HashMap::new();
    let mut targets: HashMap<&str, usize> = HashMap::new();
    for (position, placed) in boxes.iter().enumerate() {
        if placed.piece.kind == PieceKind::App {
            apps.insert(&placed.piece.id, position);
        }
        // What a link leads to is the only thing of this name: the plan does not load otherwise.
        targets.entry(&placed.piece.id).or_insert(position);
    }
    let stage = |index: usize| outline.stages.get(index).map_or("", |stage| stage.id.as_str());
    let mut through: HashMap<&str, &str> = HashMap::new();
    for check in &outline.checks {
        if let Some(link) = check.link.as_deref().filter(|link| link.part == LinkPart::Through) {
            through.insert(&link.id, stage(check.due()));
        }
    }
    let paths = outline.checks.iter().filter_map(|check| {
        let link = check.link.as_deref().filter(|link| link.part == LinkPart::Path)?;
        Some(Arrow {
            id: &link.id,
            from: *apps.get(link.from.as_str())?,
            to: *targets.get(link.to.as_str())?,
            severity: check.severity,
            due: stage(check.due()),
            through: through.get(&*link.id).copied(),
        })
    });
    paths.collect()
}
