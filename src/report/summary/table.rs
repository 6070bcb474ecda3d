//! The table of layers as text: names whole before times, and a name before what marks it.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::layer::Layer;
use crate::report::layers::{Cell, LayerTable, Mark, TableRow};
use crate::report::page::Page;
use crate::report::text;

const FROM: &str = "seen from";

/// What stands at the left of a row and at its right.
type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// How a table is laid out.
struct Layout<'a> {
    labels: Labels<'a>,
    told: fn(&Cell) -> String,
    widths: Vec<usize>,
    /// Room for the names.
    names: usize,
    is_whole: bool,
}

/// Put a table on a page, each line under `indent`.
pub(super) fn show(page: &mut Page, indent: &str, table: &LayerTable<'_>) {
    let room = page.width().saturating_sub(indent.len());
    let word: fn(&Cell) -> String = |cell| cell.word.clone();
    let ways = [(labels(table, marked), Cell::timed as fn(&Cell) -> String), (labels(table, marked), word)];
    let mut ways = ways.into_iter().map(|(labels, told)| lay_out(table, labels, told, room));
    let whole = ways.find(|layout| layout.is_whole);
    let layout = whole.unwrap_or_else(|| lay_out(table, labels(table, unmarked), word, room));
    let Layout { labels, told, widths, names, .. } = layout;
    let mut head = format!("{indent}{FROM:<names$}");
    for (layer, width) in table.layers.iter().zip(&widths) {
        // Writing to a String cannot fail.
        let _ = write!(head, "  {layer:<width$}");
    }
    page.plain(&head);
    for (row, (name, note)) in table.rows.iter().zip(&labels) {
        // The end of a host's name tells it from the next one.
        let vantage = match name.len().checked_sub(names) {
            None | Some(0) => name.to_string(),
            Some(over) => format!("..{}", &name[over + 2..]),
        };
        let mut line = format!("{indent}{vantage:<names$}");
        for (cell, width) in row.cells.iter().zip(&widths) {
            let _ = write!(line, "  {:<width$}", told(cell));
        }
        if !note.is_empty() {
            let _ = write!(line, "  <- {note}");
        }
        page.plain(&line);
    }
    if table.more > 0 {
        page.plain(&format!("{indent}and {} more places", table.more));
    }
}

fn labels<'a>(
    table: &'a LayerTable<'_>,
    label: fn(&'a TableRow<'_>) -> (Cow<'a, str>, Cow<'a, str>),
) -> Labels<'a> {
    let clean =
        |(name, note): (Cow<'a, str>, Cow<'a, str>)| (text::ascii_exact(&name).into_owned().into(), note);
    table.rows.iter().map(|row| clean(label(row))).collect()
}

fn marked<'a>(row: &'a TableRow<'_>) -> (Cow<'a, str>, Cow<'a, str>) {
    (row.name(), row.note.into())
}

/// With the mark out of the name's way, where there is no room for both.
fn unmarked<'a>(row: &'a TableRow<'_>) -> (Cow<'a, str>, Cow<'a, str>) {
    match &row.mark {
        Mark::Own | Mark::Other => marked(row),
        Mark::Itself if row.note.is_empty() => (row.vantage.into(), "itself".into()),
        Mark::Itself => (row.vantage.into(), format!("itself, {}", row.note).into()),
        // It is the place of a row above.
        Mark::Before(clock) => (format!("at {clock}").into(), row.note.into()),
    }
}

fn lay_out<'a>(
    table: &LayerTable<'_>,
    labels: Labels<'a>,
    told: fn(&Cell) -> String,
    room: usize,
) -> Layout<'a> {
    let width = |(column, layer): (usize, &Layer)| {
        let cells = table.rows.iter().map(|row| told(&row.cells[column]).len());
        cells.max().unwrap_or(0).max(layer.name().len())
    };
    let widths: Vec<usize> = table.layers.iter().enumerate().map(width).collect();
    // The longest note, with its arrow.
    let notes = labels.iter().map(|(_, note)| note.len()).max().map_or(0, |note| note + 5);
    let longest = labels.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(FROM.len());
    let taken = widths.iter().map(|width| width + 2).sum::<usize>() + notes;
    let names = room.saturating_sub(taken).clamp(FROM.len(), longest);
    Layout { labels, told, widths, names, is_whole: names == longest }
}
