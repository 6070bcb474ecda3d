//! Conditions of gatus, such as `[BODY].status == UP`, as expectations. Values are compared as texts or whole numbers there.

use serde_json::{Map, Value, json};

use crate::import::draft::Item;
use crate::matcher::JsonPath;

/// The conditions of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    status: Vec<Value>,
    max_ms: Option<u64>,
    body: Vec<Value>,
    json: Vec<(String, Value)>,
    /// Whole days that the certificate has to be good for.
    pub(super) days_left: Option<u64>,
    code: Option<String>,
    /// `[CONNECTED] == true`, which every probe asserts.
    connected: bool,
    lost: Vec<String>,
}

impl Conditions {
    pub(super) fn of(texts: &[String]) -> Self {
        let mut all = Self::default();
        for text in texts {
            if all.take(text.trim()).is_none() {
                all.lost.push(text.clone());
            }
        }
        all
    }

    /// None when it cannot be said here.
    fn take(&mut self, text: &str) -> Option<()> {
        let operators = ["==", "!=", "<=", ">=", "<", ">"];
        let (operator, (left, right)) =
            operators.iter().find_map(|one| Some((*one, text.split_once(&format!(" {one} "))?)))?;
        let (left, right) = (left.trim(), right.trim());
        if let Some(inner) = function(left, "len") {
            let path = json_path(inner)?;
            self.json.push((path, json!({ "count": whole(operator, right)? })));
            return Some(());
        }
        if let Some(inner) = function(left, "has") {
            let wanted = match (operator, right) {
                ("==", "true") | ("!=", "false") => true,
                ("==", "false") | ("!=", "true") => false,
                _ => return None,
            };
            self.json.push((json_path(inner)?, json!({ "exists": wanted })));
            return Some(());
        }
        match left {
            "[STATUS]" => self.status.push(status(operator, right)?),
            "[RESPONSE_TIME]" => {
                let limit: u64 = right.parse().ok()?;
                let limit = match operator {
                    "<" => limit.checked_sub(1)?,
                    "<=" => limit,
                    _ => return None,
                };
                self.max_ms = Some(self.max_ms.map_or(limit, |known| known.min(limit)));
            }
            "[CONNECTED]" if operator == "==" && right == "true" => self.connected = true,
            "[CERTIFICATE_EXPIRATION]" if matches!(operator, ">" | ">=") => {
                let days = days(right)?;
                self.days_left = Some(self.days_left.map_or(days, |known| known.max(days)));
            }
            "[DNS_RCODE]" if operator == "==" && self.code.is_none() => self.code = Some(right.to_owned()),
            "[BODY]" => self.body.push(whole_body(operator, right)?),
            _ => self.json.push((json_path(left)?, value(operator, right)?)),
        }
        Some(())
    }

    /// What an HTTP answer has to be like. Without a condition on it, gatus takes any status.
    pub(super) fn http(mut self, item: &mut Item) -> Map<String, Value> {
        let mut expect = Map::new();
        let status = match self.status.len() {
            0 => json!({ "at_least": 100 }),
            1 => self.status.remove(0),
            _ => json!({ "all_of": self.status }),
        };
        expect.insert("status".to_owned(), status);
        if let Some(limit) = self.max_ms {
            expect.insert("max_ms".to_owned(), limit.into());
        }
        match self.body.len() {
            0 => {}
            1 => _ = expect.insert("body".to_owned(), self.body.remove(0)),
            _ => _ = expect.insert("body".to_owned(), json!({ "all_of": self.body })),
        }
        let mut json: Map<String, Value> = Map::new();
        for (path, condition) in std::mem::take(&mut self.json) {
            let condition = match json.remove(&path) {
                Some(known) => json!({ "all_of": [known, condition] }),
                None => condition,
            };
            json.insert(path, condition);
        }
        if !json.is_empty() {
            expect.insert("json".to_owned(), json.into());
        }
        (self.status, self.body, self.max_ms, self.days_left) = (Vec::new(), Vec::new(), None, None);
        self.lost(item);
        expect
    }

    /// Of an endpoint that is only connected to.
    pub(super) fn connected(mut self, item: &mut Item) {
        self.days_left = None;
        self.lost(item);
    }

    /// Of a name.
    pub(super) fn dns(mut self, mut probe: Map<String, Value>, item: &mut Item) {
        let answers: Vec<Value> = std::mem::take(&mut self.body)
            .into_iter()
            // The answers are a list here.
            .map(|one| json!({ "contains": [one] }))
            .collect();
        match self.code.take().as_deref() {
            Some("NXDOMAIN") if answers.is_empty() => {
                item.broken_check("dns", probe.into(), "dns");
                item.lose_here(
                    "conditions: [DNS_RCODE]",
                    "any failure to resolve it would do here, not only NXDOMAIN",
                    true,
                );
            }
            Some("NOERROR") | None => {
                if !answers.is_empty() {
                    probe.insert("expect".to_owned(), json!({ "answers": { "all_of": answers } }));
                }
                item.check("", "dns", probe.into());
            }
            Some(code) => {
                item.lose_here(
                    &format!("conditions: [DNS_RCODE] == {code}"),
                    "only NOERROR and NXDOMAIN can be asked for here",
                    true,
                );
            }
        }
        self.lost(item);
    }

    /// Tell what was not carried over.
    pub(super) fn lost(self, item: &mut Item) {
        let mut tell =
            |what: &str| item.lose_here(&format!("conditions: {what}"), "it cannot be said here", true);
        self.lost.iter().for_each(|text| tell(text));
        for (held, what) in [
            (!self.status.is_empty(), "[STATUS]"),
            (self.max_ms.is_some(), "[RESPONSE_TIME]"),
            (!self.body.is_empty(), "[BODY]"),
            (!self.json.is_empty(), "[BODY] by a path"),
            (self.days_left.is_some(), "[CERTIFICATE_EXPIRATION]"),
            (self.code.is_some(), "[DNS_RCODE]"),
        ] {
            if held {
                tell(what);
            }
        }
    }
}

fn function<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')').map(str::trim)
}

/// `[BODY].a[0].b` as a JSON path (RFC 9535).
fn json_path(text: &str) -> Option<String> {
    let rest = text.strip_prefix("[BODY]")?;
    let path = format!("${rest}");
    path.parse::<JsonPath>().is_ok().then_some(path)
}

fn status(operator: &str, right: &str) -> Option<Value> {
    match (operator, function(right, "any")) {
        ("==", Some(list)) => numbers(list).map(|numbers| json!(numbers)),
        ("!=", Some(list)) => numbers(list).map(|numbers| json!({ "not": numbers })),
        _ => whole(operator, right),
    }
}

fn numbers(list: &str) -> Option<Vec<u16>> {
    list.split(',').map(|one| one.trim().parse().ok()).collect()
}

/// A whole number.
fn whole(operator: &str, right: &str) -> Option<Value> {
    let number: i64 = right.parse().ok()?;
    Some(match operator {
        "==" => number.into(),
        "!=" => json!({ "not": number }),
        "<" => json!({ "at_most": number.checked_sub(1)? }),
        "<=" => json!({ "at_most": number }),
        ">" => json!({ "at_least": number.checked_add(1)? }),
        ">=" => json!({ "at_least": number }),
        _ => return None,
    })
}

/// A value in a JSON body.
fn value(operator: &str, right: &str) -> Option<Value> {
    match operator {
        "==" => Some(equal(right)),
        "!=" => Some(json!({ "not": equal(right) })),
        _ => whole(operator, right),
    }
}

fn equal(right: &str) -> Value {
    if let Some(pattern) = function(right, "pat") {
        return json!({ "matches": glob(pattern) });
    }
    if let Some(list) = function(right, "any") {
        let any: Vec<Value> = list.split(',').flat_map(|one| alike(one.trim())).collect();
        return json!({ "one_of": any });
    }
    json!({ "one_of": alike(right) })
}

/// Gatus does not tell a number from its letters.
fn alike(text: &str) -> Vec<Value> {
    let mut all = vec![Value::from(text)];
    let value: Option<Value> = serde_json::from_str(text).ok();
    all.extend(value.filter(|value| value.is_number() || value.is_boolean() || value.is_null()));
    all
}

fn whole_body(operator: &str, right: &str) -> Option<Value> {
    let text = |right: &str| match function(right, "pat") {
        Some(pattern) => Some(json!({ "matches": glob(pattern) })),
        None if function(right, "any").is_some() => None,
        None => Some(json!({ "equals": right })),
    };
    match operator {
        "==" => text(right),
        "!=" => Some(json!({ "not": text(right)? })),
        _ => None,
    }
}

/// `*` is anything.
fn glob(pattern: &str) -> String {
    let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
    format!("(?s)^{}$", parts.join(".*"))
}

/// Whole days in `48h`, `30m` or `7d`, rounded up: never less than was asked for.
fn days(text: &str) -> Option<u64> {
    let period: crate::period::Period = text.parse().ok()?;
    Some(period.0.as_secs().div_ceil(24 * 60 * 60).max(1))
}
