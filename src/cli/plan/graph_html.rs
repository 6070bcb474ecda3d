//! The picture of a plan as one page without anything from elsewhere: an SVG, and the links as a table.

use maud::html;

use crate::report::html::tone::Tone;
use crate::report::html::words::Words;
use crate::report::html::{Head, page};
use crate::report::picture::{Graph, Note, draw};

/// The page.
pub(super) fn render(graph: &Graph<'_>) -> String {
    let name = &graph.outline.name;
    let id = |index: usize| graph.boxes.get(index).map_or("", |placed| placed.piece.id.as_str());
    let body = html! {
        main {
            h1 { (Words(name)) }
            @if graph.boxes.is_empty() {
                p { "This plan names no apps, databases or systems: there is nothing to draw." }
            } @else {
                p {
                    "From left to right, by the stage each is up from. An arrow leads from the app that calls to what it needs: "
                    "thick for a blocker, thin for a major, dashed for a minor, dotted for info."
                }
                div.picture role="region" aria-label="Picture" tabindex="0" {
                    (draw(
                        graph,
                        |_| Note { tone: Tone::Idle, words: String::new() },
                        |arrow| Note { tone: Tone::Idle, words: format!("{}, due at {}", arrow.severity.name(), arrow.due) },
                    ))
                }
                @if graph.arrows.is_empty() {
                    p { "This plan has no links." }
                } @else {
                    div.wide role="region" aria-label="Links" tabindex="0" {
                        table {
                            thead { tr {
                                @for head in ["link", "from", "to", "severity", "path due at", "through due at"] { th scope="col" { (head) } }
                            } }
                            tbody {
                                @for arrow in &graph.arrows {
                                    tr {
                                        th scope="row" { (Words(arrow.id)) }
                                        td { (Words(id(arrow.from))) }
                                        td { (Words(id(arrow.to))) }
                                        td { (arrow.severity.name()) }
                                        td { (Words(arrow.due)) }
                                        td { (Words(arrow.through.unwrap_or("-"))) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    page(&Head { title: &format!("{name}: links"), script: None, live: false }, &body)
}
