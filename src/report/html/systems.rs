//! The picture of the systems, and the same as a table.

use std::collections::HashMap;

use maud::{Markup, html};

use super::tone::Tone;
use super::words::Words;
use super::{section as titled, wide};
use crate::model::outline::LinkPart;
use crate::report::digest::Digest;
use crate::report::picture::{Arrow, Graph, LinkState, Note, draw, links};

/// Nothing for a plan that names no systems.
pub(super) fn section(digest: &Digest<'_>) -> Option<Markup> {
    let told = digest.told;
    let graph = Graph::of(told.outline);
    if graph.boxes.is_empty() {
        return None;
    }
    let states = links(told);
    let stage = |index: usize| match told.stages.get(index).and_then(|stage| stage.verdict) {
        Some(verdict) => Note { tone: Tone::of(verdict), words: verdict.spoken().to_owned() },
        None => Note { tone: Tone::Idle, words: "not begun".to_owned() },
    };
    let picture = draw(&graph, stage, |arrow| note(&states, arrow));
    Some(titled(
        "systems",
        "Systems",
        "From left to right by the stage each is up from; an arrow leads from the app that calls to what it needs.",
        &html! {
            div.picture role="region" aria-label="Picture of the systems" tabindex="0" { (picture) }
            @if !graph.arrows.is_empty() { (table(&graph, &states)) }
        },
    ))
}

/// The worst part speaks for the link.
fn note(states: &HashMap<&str, Vec<(LinkPart, LinkState)>>, arrow: &Arrow<'_>) -> Note {
    let parts = states.get(arrow.id).map_or(&[][..], Vec::as_slice);
    // Of two that are as bad, the path: it is what has to be repaired first.
    match parts.iter().rev().max_by_key(|(_, state)| state.tone) {
        Some((LinkPart::Path, state)) => Note { tone: state.tone, words: state.words.clone() },
        Some((part, state)) => Note { tone: state.tone, words: format!("{}: {}", name(*part), state.words) },
        None => Note { tone: Tone::Idle, words: "not looked at".to_owned() },
    }
}

const fn name(part: LinkPart) -> &'static str {
    match part {
        LinkPart::Path => "path",
        LinkPart::Through => "through",
        LinkPart::Configured => "configured",
    }
}

fn table(graph: &Graph<'_>, states: &HashMap<&str, Vec<(LinkPart, LinkState)>>) -> Markup {
    let id = |index: usize| graph.boxes.get(index).map_or("", |placed| placed.piece.id.as_str());
    wide(
        "Links",
        &html! {
            table {
                caption { "The links" }
                thead { tr { @for head in ["link", "state", "part", "from", "to", "severity"] { th scope="col" { (head) } } } }
                tbody {
                    @for arrow in &graph.arrows {
                        @for (part, state) in states.get(arrow.id).into_iter().flatten() {
                            tr {
                                th scope="row" { (Words(arrow.id)) }
                                td.state { span class={ "mark " (state.tone.name()) } { (state.tone.shape()) (Words(&state.words)) } @if !state.places.is_empty() { ", " (state.places) } }
                                td { (name(*part)) }
                                td { (Words(id(arrow.from))) }
                                td { (Words(id(arrow.to))) }
                                td { (arrow.severity.name()) }
                            }
                        }
                    }
                }
            }
        },
    )
}
