//! Slack: blocks for an incoming webhook. All of them are `plain_text`, in which nothing is markup, and `&`, `<` and `>` are
//! escaped besides (Slack, "Formatting text"), so that no mention and no link can come out of what a server has said.

use serde_json::{Value, json};

use super::notice::{Failure, Notice};
use super::{Sent, Tries, post};
use crate::model::notification::Slack;
use crate::net::Context;

/// Characters of a header (Slack, "Header block").
const HEADER: usize = 150;
/// Characters of a text (Slack, "Text object").
const TEXT: usize = 3000;

pub(super) async fn send(slack: &Slack, notice: &Notice, context: &Context, tries: &Tries) -> Sent {
    post::post(context, &slack.url, message(notice).to_string(), &|_| Ok(Vec::new()), tries).await
}

/// At most 14 blocks, of the 50 there may be.
fn message(notice: &Notice) -> Value {
    let plain = |text: &str, most: usize| json!({ "type": "plain_text", "text": escaped(text, most), "emoji": false });
    let section = |text: &str| json!({ "type": "section", "text": plain(text, TEXT) });
    let mut blocks =
        vec![json!({ "type": "header", "text": plain(&notice.headline, HEADER) }), section(&notice.say)];
    let lines = |failure: &Failure| failure.lines().join("\n");
    blocks.extend(notice.failures.iter().map(|failure| section(&lines(failure))));
    blocks.extend(notice.more(notice.failures.len()).map(|more| section(&more)));
    blocks.push(json!({ "type": "context", "elements": [plain(&notice.foot(), TEXT)] }));
    // Shown where blocks are not: in the list of notifications, and read aloud.
    json!({ "text": escaped(&format!("{}. {}", notice.headline, notice.say), TEXT), "blocks": blocks })
}

/// So much of a text as fits once it is escaped.
fn escaped(text: &str, most: usize) -> String {
    const MORE: &str = " ...";
    let calm = quiet(text);
    let mut whole = String::with_capacity(calm.len());
    // Where to cut, so that what says that there was more still fits.
    let (mut length, mut cut) = (0, 0);
    for letter in calm.chars() {
        let added = match letter {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            letter => {
                whole.push(letter);
                ""
            }
        };
        whole.push_str(added);
        length += added.len().max(1);
        if length > most {
            whole.truncate(cut);
            whole.push_str(MORE);
            return whole;
        }
        if length + MORE.len() <= most {
            cut = whole.len();
        }
    }
    whole
}

/// Words that would call everybody, were a client to take them for more than text.
fn quiet(text: &str) -> String {
    ["@channel", "@here", "@everyone", "@group"]
        .iter()
        .fold(text.to_owned(), |text, word| text.replace(word, &word.replace('@', "@ ")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, notice};
    use super::*;

    #[test]
    fn a_message_as_slack_takes_it() {
        assert_eq!(
            message(&notice()),
            json!({
                "text": "NO-GO: stage 2 of 4: app2. App 2 is no-go.",
                "blocks": [
                    { "type": "header", "text": { "type": "plain_text", "text": "NO-GO: stage 2 of 4: app2", "emoji": false } },
                    { "type": "section", "text": { "type": "plain_text", "text": "App 2 is no-go.", "emoji": false } },
                    { "type": "section", "text": { "type": "plain_text", "text": "blocker app1-to-app2 from app1-a, app1-b (tcp): no answer from 10.0.0.2:8443 &amp; nothing else [owner Web team]\ncause: filtered [tcp-filtered]\ndo: ask the network team", "emoji": false } },
                    { "type": "section", "text": { "type": "plain_text", "text": "and 3 more: gonogo status", "emoji": false } },
                    { "type": "context", "elements": [{ "type": "plain_text", "text": "September, CHG-1234, run 7f3a attempt 1; 1 check is owed", "emoji": false }] },
                ]
            })
        );
    }

    #[test]
    fn what_a_server_says_calls_nobody_and_fits() {
        let message = message(&hostile());
        let text = message.to_string();
        for harm in ["<!", "<@", "<http", "@channel", "@here", "\u{202e}", "\u{1b}"] {
            assert!(!text.contains(harm), "{harm}: {text}");
        }
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        assert!(message["text"].as_str().unwrap().chars().count() <= TEXT);
        for block in blocks {
            let text =
                block["text"]["text"].as_str().or_else(|| block["elements"][0]["text"].as_str()).unwrap();
            let most = if block["type"] == "header" { HEADER } else { TEXT };
            assert!(!text.is_empty() && text.chars().count() <= most, "{text}");
        }
    }

    #[test]
    fn no_entity_is_cut_in_two() {
        for most in 5..40 {
            let text = escaped(&"a<".repeat(30), most);
            assert!(text.chars().count() <= most, "{text}");
            assert!(text.split('&').skip(1).all(|rest| rest.starts_with("lt;")), "{text}");
        }
    }
}
