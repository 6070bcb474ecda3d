//! Files of other tools as plans: each format with every key it documents, held to what somebody has read; nothing is
//! dropped without a word; hostile files are refused.

use std::fs;
use std::path::{Path, PathBuf};

use gonogo::file::source::Source;
use gonogo::import::{Format, Imported, import};
use regex::Regex;
use serde_yaml::Value;

use crate::support::program::Program;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/import")
}

/// The files of a format, in order, by name.
fn files(format: Format) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder().join(format.name()).join("from"))
        .expect("the files of a format")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("a text"))).collect()
}

fn imported(files: &[(String, String)], format: Option<Format>) -> Imported {
    let sources = files.iter().map(|(name, text)| Source::new(name.clone(), name, text.clone())).collect();
    import(sources, format).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn plans_are_what_somebody_has_read_and_load() {
    for format in Format::ALL {
        let files = files(*format);
        let made = imported(&files, None);
        assert_eq!(made.format, *format, "recognised by what is in it");
        let path = folder().join(format.name()).join("plan.yaml");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&path, &made.plan).expect("a fixture");
        }
        let known = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(known, made.plan, "read it, then UPDATE_FIXTURES=1");
        assert!(!made.plan.contains("hunter"), "no secret is copied");
        assert!(made.notes.iter().all(|note| !note.to_string().contains("hunter")));

        let program = Program::empty().env("DOMAIN", "shop.example");
        let mut arguments = vec!["init".to_owned()];
        for (name, text) in &files {
            program.write(name, text);
            arguments.extend(["--from".to_owned(), name.clone()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let init = program.run(&arguments);
        init.code(0);
        assert_eq!(program.read("gonogo.yaml"), made.plan);
        assert_eq!(init.stderr.matches("not carried over: ").count(), made.notes.len(), "{}", init.stderr);
        program.run(&["validate"]).code(0);
        program.run(&["plan", "--commands"]).code(0);
        // What asserts something and was lost is asked of a person: never a go without one.
        let manual = made.plan.matches("\n    manual: ").count();
        assert_eq!(manual, made.by_hand);
        assert_eq!(made.plan.matches("\n  - id: ").count(), made.checks + made.by_hand);
        program.run(&arguments).code(2);
    }
}

/// Keys that say the same twice, or say nothing once another was read.
const SILENT: &[&str] = &[
    // What a left-out resource holds, and names beside what cannot be said of them.
    r"^goss/command/left out/exit-status$",
    r"^goss/package/httpd/name$",
    r"^goss/gossfile/.*",
    // What is so anyway: the usual code, the usual path, the usual rules.
    r"/dns_mx/dns/valid_rcodes$|/endpoints/0/enabled$|/paths/0/path$|^blackbox/scrape_configs/0/relabel_configs$",
    // Of what cannot be asked at all, or is left out, and told as such: how it would be asked.
    r"/dns_any/dns|^blackbox/scrape_configs/2/|^gatus/endpoints/(6|7|8|9|10)/(url|dns|conditions)|/worker/healthcheck$",
    // An empty list asks for nothing; of what is told as a whole, its parts.
    r"^goss/command/go version/stderr$",
    r"/(meta|gjson|addrs|matches|usage|stdout|value)/.+|/stdout/gjson$",
    // A secret is told by its user's name or by its file.
    r"/basic_auth/password$|/http/.*/password$|/authorization/credentials$",
    r"/authorization/type$",
    // Parts of what is told as a whole, once.
    r"/(oauth2|icmp|grpc|validate_\w+_rrs|proxy_connect_header|identity-aware-proxy|badge|ui|alerts|ssh|store|extra-labels)(/|$).+",
    r"^gatus/(storage|alerting|announcements|security|web|ui|maintenance)/.+",
    r"/(external-endpoints|suites|maintenance-windows)/\d+/.+",
    r"^blackbox/modules/unused/.+|/(dns_any|tcp_smtp)/.+/(expect|send|starttls|labels|name|value)$",
    r"/labels/.+|/(global|file_sd_configs)/.+|/relabel_configs/.+",
    r"^kubernetes/.*(metadata|status|backend|defaultBackend|selector|sessionAffinityConfig)(/.+|$)",
    r"^kubernetes/.*(apiVersion|protocol|type)$|/pathType$",
    r"^compose/(volumes|networks|secrets|configs)/.+|/environment/.+|/healthcheck/disable$|/container_name$",
];

/// Every map entry of a value, as the keys that lead to it.
fn entries(value: &Value, path: &[Value], found: &mut Vec<Vec<Value>>) {
    let mut below = |key: Value, value: &Value, is_entry: bool| {
        let path = [path, &[key]].concat();
        if is_entry {
            found.push(path.clone());
        }
        entries(value, &path, found);
    };
    if let Value::Mapping(map) = value {
        map.iter().for_each(|(key, value)| below(key.clone(), value, true));
    } else if let Value::Sequence(list) = value {
        list.iter().enumerate().for_each(|(index, one)| below(index.into(), one, false));
    }
}

fn without(value: &mut Value, path: &[Value]) {
    let (first, rest) = path.split_first().expect("a path");
    if let Value::Mapping(map) = value {
        if rest.is_empty() {
            map.remove(first);
        } else {
            without(map.get_mut(first).expect("a value"), rest);
        }
    } else if let Value::Sequence(list) = value {
        let index = usize::try_from(first.as_u64().expect("an index")).expect("small");
        without(&mut list[index], rest);
    }
}

fn words(path: &[Value]) -> String {
    let word = |one: &Value| {
        one.as_str().map_or_else(
            || one.as_u64().map_or_else(String::new, |index| index.to_string()),
            ToOwned::to_owned,
        )
    };
    path.iter().map(word).collect::<Vec<_>>().join("/")
}

#[test]
fn no_key_is_dropped_without_a_word() {
    let silent: Vec<Regex> = SILENT.iter().map(|pattern| Regex::new(pattern).expect("a pattern")).collect();
    let lines = Regex::new(r"\.ya?ml:\d+").expect("a pattern");
    let mut dropped = Vec::new();
    for format in Format::ALL {
        let files = files(*format);
        let mut documents: Vec<(usize, Value)> = Vec::new();
        for (index, (_, text)) in files.iter().enumerate() {
            for document in text.split("\n---\n") {
                let value: Value = serde_yaml::from_str(document).expect("YAML");
                if !value.is_null() {
                    documents.push((index, value));
                }
            }
        }
        let told = |documents: &[(usize, Value)]| -> Option<String> {
            let mut texts: Vec<(String, String)> =
                files.iter().map(|(name, _)| (name.clone(), String::new())).collect();
            for (index, value) in documents {
                texts[*index].1.push_str("---\n");
                texts[*index].1.push_str(&serde_yaml::to_string(value).expect("YAML"));
            }
            let sources =
                texts.iter().map(|(name, text)| Source::new(name.clone(), name, text.clone())).collect();
            let made = import(sources, Some(*format)).ok()?;
            Some(lines.replace_all(&made.plan, ".yaml").into_owned())
        };
        let whole = told(&documents).expect("a plan");
        let mut tried = 0;
        for (index, (_, document)) in documents.iter().enumerate() {
            let mut paths = Vec::new();
            entries(document, &[], &mut paths);
            for path in paths {
                let name = format!("{format}/{}", words(&path));
                let mut fewer = documents.clone();
                without(&mut fewer[index].1, &path);
                tried += 1;
                if told(&fewer).as_ref() == Some(&whole)
                    && !silent.iter().any(|silent| silent.is_match(&name))
                {
                    dropped.push(name);
                }
            }
        }
        assert!(tried > 20, "{format}: {tried}");
    }
    assert!(dropped.is_empty(), "dropped without a word:\n{}", dropped.join("\n"));
}

#[test]
fn an_unknown_key_anywhere_is_told() {
    for (format, text) in [
        (Format::Goss, "port:\n  tcp:22: { listening: true, novelty: 1 }\n"),
        (
            Format::Gatus,
            "endpoints:\n  - { name: a, url: \"tcp://a:1\", conditions: [\"[CONNECTED] == true\"], novelty: 1 }\n",
        ),
        (
            Format::Kubernetes,
            "apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 1, novelty: 1 }] }\n",
        ),
        (Format::Compose, "services:\n  a: { image: b, ports: [\"1:1\"], novelty: 1 }\n"),
    ] {
        let made = imported(&[("a.yaml".to_owned(), text.to_owned())], None);
        assert_eq!(made.format, format);
        let told = made.notes.iter().find(|note| note.key.contains("novelty"));
        assert!(told.is_some_and(|note| note.place.starts_with("a.yaml:")), "{format}: {:?}", made.notes);
        // What may assert something is asked of a person; a compose file asserts nothing of a kind.
        assert!(told.is_some_and(|note| note.asserts) || format == Format::Compose, "{format}");
    }
}

#[test]
fn hostile_files_are_refused_or_harmless() {
    let program = Program::empty();
    let deep = format!("addr: {}{}", "{a: ".repeat(200), "}".repeat(200));
    let bomb = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text = format!("{text}a{level}: &a{level} [{below}]\n");
        }
        text
    };
    let many = "---\napiVersion: v1\nkind: Service\n".repeat(1_001);
    for (name, text, told) in [
        ("deep.yaml", deep.as_str(), "deep"),
        ("bomb.yaml", bomb.as_str(), "alias"),
        ("many.yaml", many.as_str(), "documents"),
        ("other.yaml", "a: b\n", "of no format that is known"),
        (
            "template.yaml",
            "addr:\n  {{ .Vars.x }}: { reachable: true }\n  {{range}}\n",
            "templates have to be rendered",
        ),
        ("empty.yaml", "services: { a: { image: b } }\n", "nothing that could be checked"),
        ("private.yaml", "addr:\n  \"tcp://\\ue000env:HOME}:1\": { reachable: true }\n", "U+E000"),
        ("blackbox.yaml", "modules: { a: { prober: http } }\n", "--from blackbox.yml --from prometheus.yml"),
    ] {
        program.write(name, text);
        let ended = program.run(&["init", "--from", name]);
        assert!(ended.code(2).stderr.contains(told), "{name}: {}", ended.stderr);
        assert!(!program.path("gonogo.yaml").exists(), "{name}");
    }
    // Text that would be more than text: a comment's end, variables, control characters, an id of nothing.
    let strange =
        "addr:\n  \"tcp://\\u001b[31m${env:HOME}\\n# x:1\": { reachable: true, \"no\\nve: lty\": 1 }\n";
    program.write("strange.yaml", strange);
    program.run(&["init", "--from", "strange.yaml", "strange-plan.yaml"]);
    let plan = program.read("strange-plan.yaml");
    assert!(!plan.contains('\u{1b}') && plan.contains("$${env:HOME}"), "{plan}");
    let variable = Regex::new(r"[^$]\$\{").expect("a pattern");
    let words = plan.lines().filter(|line| !line.trim_start().starts_with('#'));
    assert!(words.into_iter().all(|line| !variable.is_match(line)), "no variable of ours: {plan}");
    assert!(
        plan.lines().all(|line| line.is_empty() || line.starts_with(['#', ' ']) || line.contains(':')),
        "{plan}"
    );
    let missing = program.run(&["init", "--from", "none.yaml"]);
    assert!(missing.code(2).stderr.contains("none.yaml"), "{}", missing.stderr);
}
