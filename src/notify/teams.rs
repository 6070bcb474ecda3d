//! Microsoft Teams: an adaptive card for the webhook of a workflow. Its text is in `TextRun`, in which nothing is Markdown; a
//! mention would need an entry in `msteams.entities`, and there is none.

use serde_json::{Value, json};

use super::notice::Notice;
use super::{Sent, Tries, post};
use crate::model::notification::Teams;
use crate::model::verdict::Verdict;
use crate::net::Context;

/// Bytes of a message, of the 28 KB that Teams takes; counted as UTF-8 and as UTF-16, whichever is more.
const LARGEST: usize = 28_000;

pub(super) async fn send(teams: &Teams, notice: &Notice, context: &Context, tries: &Tries) -> Sent {
    post::post(context, &teams.url, message(notice), &|_| Ok(Vec::new()), tries).await
}

/// With as many failures as fit.
fn message(notice: &Notice) -> String {
    let mut shown = notice.failures.len();
    loop {
        let message = card(notice, shown).to_string();
        if shown == 0 || size(&message) <= LARGEST {
            return message;
        }
        shown -= 1;
    }
}

fn size(text: &str) -> usize {
    text.len().max(text.encode_utf16().count() * 2)
}

fn card(notice: &Notice, shown: usize) -> Value {
    let colour = match notice.verdict {
        Some(Verdict::Go | Verdict::GoWithIssues) => "Good",
        Some(Verdict::ProvisionalGo | Verdict::Hold) => "Warning",
        Some(Verdict::NoGo) | None => "Attention",
    };
    let run = |text: &str| json!({ "type": "TextRun", "text": text });
    let block = |inline: Value, separator: bool| json!({ "type": "RichTextBlock", "separator": separator, "inlines": [inline] });
    let headline = json!({ "type": "TextRun", "text": notice.headline, "size": "Large", "weight": "Bolder", "color": colour });
    let foot = json!({ "type": "TextRun", "text": notice.foot(), "size": "Small", "isSubtle": true });
    let mut body = vec![block(headline, false), block(run(&notice.say), false)];
    for failure in &notice.failures[..shown] {
        let lines = failure.lines();
        body.extend(lines.iter().enumerate().map(|(index, line)| block(run(line), index == 0)));
    }
    body.extend(notice.more(shown).map(|more| block(run(&more), false)));
    body.push(block(foot, true));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": body,
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, notice};
    use super::*;

    #[test]
    fn a_card_as_teams_takes_it() {
        let message: Value = serde_json::from_str(&message(&notice())).unwrap();
        let run = |text: &str| json!({ "type": "TextRun", "text": text });
        let block = |inline: Value, separator: bool| json!({ "type": "RichTextBlock", "separator": separator, "inlines": [inline] });
        assert_eq!(
            message,
            json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": null,
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "msteams": { "width": "Full" },
                        "body": [
                            block(json!({ "type": "TextRun", "text": "NO-GO: stage 2 of 4: app2", "size": "Large", "weight": "Bolder", "color": "Attention" }), false),
                            block(run("App 2 is no-go."), false),
                            block(run("blocker app1-to-app2 from app1-a, app1-b (tcp): no answer from 10.0.0.2:8443 & nothing else [owner Web team]"), true),
                            block(run("cause: filtered [tcp-filtered]"), false),
                            block(run("do: ask the network team"), false),
                            block(run("and 3 more: gonogo status"), false),
                            block(json!({ "type": "TextRun", "text": "September, CHG-1234, run 7f3a attempt 1; 1 check is owed", "size": "Small", "isSubtle": true }), true),
                        ],
                    },
                }],
            })
        );
    }

    #[test]
    fn what_a_server_says_is_plain_text_and_fits() {
        let text = message(&hostile());
        assert!(size(&text) <= LARGEST, "{} bytes", size(&text));
        for harm in ["TextBlock\",\"text", "\"entities\"", "\u{202e}", "\u{1b}"] {
            assert!(!text.contains(harm), "{harm}");
        }
        let message: Value = serde_json::from_str(&text).unwrap();
        let body = message["attachments"][0]["content"]["body"].as_array().unwrap();
        for block in body {
            assert_eq!(
                (block["type"].as_str(), block["inlines"][0]["type"].as_str()),
                (Some("RichTextBlock"), Some("TextRun"))
            );
        }
    }
}
