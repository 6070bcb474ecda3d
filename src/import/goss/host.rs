//! What goss asks of the host itself: asked of its own commands here, with answers that fail when they cannot tell.

use serde_json::{Map, Value, json};

use super::matcher;
use crate::import::draft::Item;
use crate::import::fields::Fields;

/// A matcher that has no like.
const NO_LIKE: &str = "this matcher has no like here";

pub(super) fn read(kind: &str, fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    match kind {
        "file" => file(fields, name, item),
        "group" => group(fields, name, item),
        "interface" => interface(fields, name, item),
        "kernel-param" => kernel_param(fields, name, item),
        "mount" => mount(fields, name, item),
        "port" => port(fields, name, item),
        "process" => {
            let name = fields.filled("comm").unwrap_or(name);
            let argv = json!(["pgrep", "-x", regex::escape(name)]);
            // 1 says that there is none; more, that it could not look.
            truth(fields, "running", &argv, &json!({ "exit": 1 }), item);
        }
        "service" => service(fields, name, item),
        "user" => user(fields, name, item),
        _ => {}
    }
}

/// A command without translations, so that its words are those compared with.
fn command(argv: &Value, expect: &Value) -> Value {
    let mut probe = Map::new();
    probe.insert("argv".to_owned(), argv.clone());
    probe.insert("environment".to_owned(), json!({ "LC_ALL": "C" }));
    if !expect.is_null() {
        probe.insert("expect".to_owned(), expect.clone());
    }
    probe.into()
}

/// A truth that exit code 0 stands for; its contrary is what is named, so that no other failure stands for it.
fn truth(fields: &mut Fields<'_>, key: &str, argv: &Value, contrary: &Value, item: &mut Item) {
    match fields.flag(key) {
        Some(true) => item.check("", "command", command(argv, &Value::Null)),
        Some(false) => item.check("", "command", command(argv, contrary)),
        None => item.lose_here(key, "it is missing, or no truth", true),
    }
}

fn says(item: &mut Item, suffix: &'static str, argv: &Value, stdout: &Value) {
    item.check(suffix, "command", command(argv, &json!({ "stdout": stdout })));
}

fn file(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let path = fields.filled("path").unwrap_or(name).to_owned();
    let absent = json!({ "exit": 1, "stderr": { "contains": "No such file or directory" } });
    truth(fields, "exists", &json!(["stat", "--", path]), &absent, item);
    for (key, suffix, format) in
        [("mode", "mode", "%a"), ("size", "size", "%s"), ("owner", "owner", "%U"), ("group", "group", "%G")]
    {
        let Some(node) = fields.node(key) else { continue };
        let wanted = match (key, fields.document.tree.text(node)) {
            // 0644 and 644 are the same mode.
            ("mode", Some(mode)) => Some(
                json!({ "equals": if mode.trim_start_matches('0').is_empty() { "0" } else { mode.trim_start_matches('0') } }),
            ),
            ("size", _) => matcher::number(fields.document, node),
            _ => matcher::text(fields.document, node),
        };
        match wanted {
            Some(wanted) => says(item, suffix, &json!(["stat", "-c", format, "--", path]), &wanted),
            None => item.lose_here(key, NO_LIKE, true),
        }
    }
    if let Some(kind) = fields.filled("filetype") {
        let words = match kind {
            "file" => Some(json!(["regular file", "regular empty file"])),
            "directory" => Some(json!("directory")),
            "symlink" => Some(json!("symbolic link")),
            "socket" => Some(json!("socket")),
            "pipe" => Some(json!("fifo")),
            "block-device" => Some(json!("block special file")),
            "character-device" => Some(json!("character special file")),
            _ => None,
        };
        match words {
            Some(words) => says(item, "filetype", &json!(["stat", "-c", "%F", "--", path]), &words),
            None => item.lose_here("filetype", "there is no such type of files here", true),
        }
    }
    if let Some(target) = fields.filled("linked-to") {
        says(item, "linked-to", &json!(["readlink", "--", path]), &json!({ "equals": target }));
    }
    for (key, program) in [("md5", "md5sum"), ("sha256", "sha256sum"), ("sha512", "sha512sum")] {
        let Some(node) = fields.node(key) else { continue };
        match fields.document.tree.text(node).filter(|sum| !sum.is_empty()) {
            Some(sum) => {
                says(item, key, &json!([program, "--", path]), &json!({ "starts_with": format!("{sum} ") }));
            }
            None => item.lose_here(key, NO_LIKE, true),
        }
    }
    if let Some(node) = fields.node("contents").or_else(|| fields.node("contains"))
        && let Some(contents) = matcher::stream(fields.document, node, "contents", item)
    {
        // A file may hold secrets.
        let mut probe = command(&json!(["cat", "--", path]), &json!({ "stdout": contents }));
        probe["quiet"] = true.into();
        item.check("contents", "command", probe);
    }
}

fn group(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let name = fields.filled("groupname").unwrap_or(name).to_owned();
    let ask = json!(["getent", "group", name]);
    truth(fields, "exists", &ask, &json!({ "exit": 2 }), item);
    if let Some(id) = fields.number("gid") {
        says(item, "gid", &ask, &json!({ "matches": format!("^[^:]*:[^:]*:{id}:") }));
    }
}

fn user(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let name = fields.filled("username").unwrap_or(name).to_owned();
    let ask = json!(["getent", "passwd", name]);
    truth(fields, "exists", &ask, &json!({ "exit": 2 }), item);
    for (key, suffix, before) in
        [("uid", "uid", 2), ("gid", "gid", 3), ("home", "home", 5), ("shell", "shell", 6)]
    {
        if let Some(wanted) = fields.filled(key) {
            let skipped = "[^:]*:".repeat(before);
            let pattern = format!("^{skipped}{}(:|$)", regex::escape(wanted));
            says(item, suffix, &ask, &json!({ "matches": pattern }));
        }
    }
    if let Some(node) = fields.node("groups") {
        match crate::import::fields::texts(fields.document, node) {
            Some(groups) if !groups.is_empty() => {
                let each = groups
                    .iter()
                    .map(|group| json!({ "matches": format!("(^| ){}( |$)", regex::escape(group)) }));
                says(
                    item,
                    "groups",
                    &json!(["id", "-nG", "--", name]),
                    &json!({ "all_of": each.collect::<Vec<_>>() }),
                );
            }
            Some(_) | None => item.lose_here("groups", NO_LIKE, true),
        }
    }
}

fn interface(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let name = fields.filled("name").unwrap_or(name).to_owned();
    truth(
        fields,
        "exists",
        &json!(["test", "-d", format!("/sys/class/net/{name}")]),
        &json!({ "exit": 1 }),
        item,
    );
    if let Some(node) = fields.node("mtu") {
        match matcher::number(fields.document, node) {
            Some(mtu) => says(item, "mtu", &json!(["cat", format!("/sys/class/net/{name}/mtu")]), &mtu),
            None => item.lose_here("mtu", NO_LIKE, true),
        }
    }
    if let Some(node) = fields.node("addrs") {
        match crate::import::fields::texts(fields.document, node) {
            Some(addresses) if !addresses.is_empty() => {
                let each = addresses.iter().map(|address| json!({ "contains": format!(" {address} ") }));
                let ask = json!(["ip", "-o", "address", "show", "dev", name]);
                says(item, "addrs", &ask, &json!({ "all_of": each.collect::<Vec<_>>() }));
            }
            Some(_) | None => item.lose_here("addrs", NO_LIKE, true),
        }
    }
}

fn kernel_param(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let name = fields.filled("name").unwrap_or(name).to_owned();
    let wanted = fields.node("value").and_then(|node| {
        matcher::text(fields.document, node).or_else(|| matcher::number(fields.document, node))
    });
    match wanted {
        Some(wanted) => says(item, "", &json!(["sysctl", "-n", "--", name]), &wanted),
        None => item.lose_here("value", NO_LIKE, true),
    }
}

fn mount(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let place = fields.filled("mountpoint").unwrap_or(name).to_owned();
    let ask = |column: &str| json!(["findmnt", "-n", "-o", column, "--mountpoint", place]);
    truth(fields, "exists", &ask("TARGET"), &json!({ "exit": 1, "stdout": "", "stderr": "" }), item);
    for (key, suffix, column) in [("source", "source", "SOURCE"), ("filesystem", "filesystem", "FSTYPE")] {
        if let Some(node) = fields.node(key) {
            match matcher::text(fields.document, node) {
                Some(wanted) => says(item, suffix, &ask(column), &wanted),
                None => item.lose_here(key, NO_LIKE, true),
            }
        }
    }
    for (key, suffix, column) in [("opts", "opts", "VFS-OPTIONS"), ("vfs-opts", "vfs-opts", "FS-OPTIONS")] {
        let Some(node) = fields.node(key) else { continue };
        match crate::import::fields::texts(fields.document, node) {
            Some(options) if !options.is_empty() => {
                let each = options
                    .iter()
                    .map(|one| json!({ "matches": format!("(^|,){}(,|$)", regex::escape(one)) }));
                says(item, suffix, &ask(column), &json!({ "all_of": each.collect::<Vec<_>>() }));
            }
            Some(_) | None => item.lose_here(key, NO_LIKE, true),
        }
    }
    fields.lose("usage", "how full it is, is told by no command that can be compared here", true, item);
}

fn port(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let port = fields.filled("port").unwrap_or(name);
    let (kind, number) = port.split_once(':').unwrap_or(("tcp", port));
    let flags = match kind {
        "tcp" => "-Hltn4",
        "tcp6" => "-Hltn6",
        "udp" => "-Hlun4",
        "udp6" => "-Hlun6",
        _ => return item.lose_here("port", "only tcp, tcp6, udp and udp6 are known", true),
    };
    let Ok(number) = number.parse::<u16>() else {
        return item.lose_here("port", "it is no port's number", true);
    };
    let ask = json!(["ss", flags, "sport", "=", format!(":{number}")]);
    match fields.flag("listening") {
        Some(true) => says(item, "", &ask, &json!({ "matches": "\\S" })),
        Some(false) => says(item, "", &ask, &json!("")),
        None => item.lose_here("listening", "it is missing, or no truth", true),
    }
    if let Some(node) = fields.node("ip") {
        match crate::import::fields::texts(fields.document, node) {
            Some(addresses) if !addresses.is_empty() => {
                let shown = |address: &str| {
                    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
                };
                let each =
                    addresses.iter().map(|one| json!({ "contains": format!(" {}:{number} ", shown(one)) }));
                says(item, "ip", &ask, &json!({ "all_of": each.collect::<Vec<_>>() }));
            }
            Some(_) | None => item.lose_here("ip", NO_LIKE, true),
        }
    }
}

fn service(fields: &mut Fields<'_>, name: &str, item: &mut Item) {
    let name = fields.filled("name").unwrap_or(name).to_owned();
    // Named one by one: a systemd that does not answer says nothing at all.
    let disabled = json!([
        "disabled",
        "masked",
        "masked-runtime",
        "static",
        "indirect",
        "generated",
        "transient",
        "linked"
    ]);
    for (key, suffix, verb, yes, no) in [
        ("enabled", "enabled", "is-enabled", json!(["enabled", "enabled-runtime", "alias"]), disabled),
        ("running", "running", "is-active", json!("active"), json!(["inactive", "failed"])),
    ] {
        let ask = json!(["systemctl", verb, "--", name]);
        match fields.flag(key) {
            Some(true) => says(item, suffix, &ask, &yes),
            Some(false) => {
                let expect = json!({ "exit": { "at_most": 4 }, "stdout": no });
                item.check(suffix, "command", command(&ask, &expect));
            }
            None => {}
        }
    }
    fields.lose("runlevels", "systemd has none", true, item);
}
