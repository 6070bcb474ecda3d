//! The page, without a browser: it says what the summary says, it is well-formed, and nothing in it can do harm.

use std::collections::HashSet;

use gonogo::report::html::render_early;
use gonogo::report::{Format, Options, text};
use gonogo::verdict::{Assessment, assess};
use regex::Regex;

use super::{scenarios, shape};
use crate::night::{Night, check, differs, outline};

fn page(told: &Assessment<'_>) -> String {
    Format::Html.render(told, &Options::default()).remove(0).text
}

/// As XML: every element closed where it has to be, every attribute quoted, none twice.
fn well_formed(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").expect("a style");
    let (_, rest) = rest.split_once("</style>").expect("its end");
    let body = rest.split_once("<script>").map_or(rest, |(body, _)| body);
    let ended = if body.len() < rest.len() { "</body></html>" } else { "" };
    let text = format!("{}{body}{ended}", head.trim_start_matches("<!DOCTYPE html>"));
    let void = Regex::new(r"<(meta|br|input)\b([^>]*)>").expect("a pattern");
    let flag = Regex::new(r#"( [a-z-]+="[^"]*")| (hidden|open|reversed)\b"#).expect("a pattern");
    let text = void.replace_all(&text, "<$1$2/>");
    let attribute = |found: &regex::Captures<'_>| match found.get(2) {
        Some(flag) => format!(" {}=\"\"", flag.as_str()),
        None => found[0].to_owned(),
    };
    let tag = Regex::new(r"<[a-z][^>]*>").expect("a pattern");
    tag.replace_all(&text, |found: &regex::Captures<'_>| flag.replace_all(&found[0], attribute).into_owned())
        .into_owned()
}

#[test]
fn every_page_is_well_formed_and_every_id_is_there_once() {
    let mut pages: Vec<(String, String)> = scenarios::all()
        .iter()
        .map(|(name, night)| ((*name).to_owned(), page(&assess(&night.run, night.now()))))
        .collect();
    pages.push(("early".to_owned(), render_early(&shape::early()).remove(0).text));
    for (name, page) in &pages {
        let xml = well_formed(page);
        let tree = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut ids = HashSet::new();
        for node in tree.descendants().filter(roxmltree::Node::is_element) {
            if let Some(id) = node.attribute("id") {
                assert!(ids.insert(id), "{name}: {id} twice");
            }
            assert!(node.attribute("style").is_none(), "{name}: a style of its own");
            let handler = node.attributes().find(|attribute| attribute.name().starts_with("on"));
            assert!(handler.is_none() && node.attribute("src").is_none(), "{name}");
            if let Some(link) = node.attribute("href") {
                assert!(link.starts_with('#'), "{name}: {link}");
            }
        }
        for node in tree.descendants() {
            for link in ["href", "aria-labelledby"].into_iter().filter_map(|word| node.attribute(word)) {
                for id in link.trim_start_matches('#').split(' ') {
                    assert!(ids.contains(id), "{name}: nothing has the id {id}");
                }
            }
        }
        assert!(!page.chars().any(|c| c != '\n' && text::is_hidden(c)), "{name}");
        assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{name}");
        assert!(!page.contains("unsafe-inline") && !page.contains("<script>alert"), "{name}");
        assert!(page.len() < 1_000_000, "{name}: {} bytes", page.len());
    }
}

/// The text of a page, a line for each block.
pub(crate) fn text_of(page: &str) -> String {
    let xml = well_formed(page);
    let tree = roxmltree::Document::parse(&xml).expect("a page");
    let mut told = String::new();
    let body = tree.descendants().find(|node| node.has_tag_name("body")).expect("a body");
    for node in body.descendants() {
        if node.is_text() {
            told.push_str(node.text().unwrap_or_default());
        } else if node.is_element() {
            let name = node.tag_name().name();
            let inline = [
                "a", "b", "br", "code", "small", "span", "strong", "time", "option", "title", "g", "path",
                "text", "rect",
            ];
            told.push_str(match name {
                "td" | "th" | "dd" | "text" => " | ",
                name if inline.contains(&name) => " ",
                _ => "\n",
            });
        }
    }
    let lines = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n") + "\n"
}

#[test]
fn it_says_what_the_summary_says() {
    let commands = Regex::new(r"(gonogo (?:run|retest|record|accept|vote|explain|rollback|plan)\b[^\n]*)$")
        .expect("a pattern");
    for (name, night) in scenarios::all() {
        let told = assess(&night.run, night.now());
        let text = text_of(&page(&told));
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let says = |words: &str| {
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(&words), "{name}: `{words}` is not in\n{text}");
        };
        says(told.verdict.spoken());
        says(&gonogo::report::sentence(&told));
        let summary = Format::Summary.render(&told, &Options::default()).remove(0).text;
        for command in summary.lines().filter_map(|line| commands.captures(line)) {
            says(&command[1]);
        }
        for row in
            told.rows.iter().filter(|row| row.judgement.outcome != gonogo::model::outcome::Outcome::Pass)
        {
            says(row.check.id.as_ref());
        }
    }
}

#[test]
fn two_thousand_checks_are_under_a_megabyte_and_a_megabyte_on_one_line_is_cut() {
    let night = scenarios::large(2_400);
    let told = assess(&night.run, night.now());
    assert!(told.rows.len() >= 2_000, "{}", told.rows.len());
    let began = std::time::Instant::now();
    let page = page(&told);
    // 200 ms are promised of the release build: `make bench`.
    assert!(began.elapsed().as_secs() < 3, "{:?}", began.elapsed());
    assert!(page.len() < 1_000_000, "{} bytes", page.len());

    let mut night = Night::begin(outline(&["one"], vec![check("long", 0, |_| {})]));
    let line = "\u{202e}<b>::error::".repeat(1 << 17);
    night.stage(0, |_, _| differs("body", &line, &line));
    let page = self::page(&assess(&night.run, night.now()));
    assert!(page.len() < 200_000, "{} bytes", page.len());
    assert!(!page.contains('\u{202e}') && !page.contains("<b>::"));
}
