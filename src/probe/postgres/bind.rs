//! What makes no sense in a `postgres` probe, told when the plan is loaded; and a login named in the plan, looked up.

use super::{Expect, ExpectServer, Postgres};
use crate::postgres::settings::{Beside, SettingsError, SslMode, Written};
use crate::probe::{Problem, Surroundings, idle};
use crate::suggest::closest;

/// Statements that would end or change the transaction that protects the database from the probe, or that need data.
const NOT_OURS: [&str; 11] = [
    "abort", "begin", "commit", "copy", "end", "prepare", "release", "rollback", "savepoint", "set", "start",
];

impl Postgres {
    pub(super) fn bound(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (&self.url, &self.database) {
            (Some(_), Some(_)) => {
                problems.push(Problem::at("database", "`url` and `database` say the same twice").help("leave out one"));
            }
            (None, None) => problems.push(Problem::at("", "`postgres` needs `url` or `database`")),
            (None, Some(_)) => problems.extend(self.look_up(surroundings)),
            (Some(_), None) => {}
        }
        for path in self.ca.iter_mut().filter(|path| path.is_relative()) {
            *path = surroundings.folder.join(&path);
        }
        if let Some(password) = &mut self.password {
            password.anchor(surroundings.folder);
        }
        problems.extend(self.connection_problems());
        problems.extend(self.query_problems());
        problems
    }

    /// Replace `database` and `user` by what the plan's `databases` say of them.
    fn look_up(&mut self, surroundings: &Surroundings<'_>) -> Vec<Problem> {
        let Some(id) = self.database.take() else { return Vec::new() };
        let databases = surroundings.databases;
        let Some(database) = databases.get(&id) else {
            return vec![unknown("database", &id, databases.keys().map(String::as_str))];
        };
        self.url = Some(database.postgres.url.clone());
        let users = &database.postgres.users;
        let Some(user) = self.user.take() else {
            // Without `user` the URL's own role logs in, if it names one.
            let named = Written::parse(&database.postgres.url).is_ok_and(|url| url.get("user").is_some());
            return if named || users.is_empty() {
                Vec::new()
            } else {
                let known: Vec<&str> = users.keys().map(String::as_str).collect();
                vec![
                    Problem::at("", format!("`user` is missing: database `{id}` has several logins or one"))
                        .help(format!("one of {}", known.join(", "))),
                ]
            };
        };
        let Some(login) = users.get(&user) else {
            return vec![unknown("user", &user, users.keys().map(String::as_str))];
        };
        self.user = Some(login.name.clone());
        if self.password.is_none() {
            self.password.clone_from(&login.password);
        }
        Vec::new()
    }

    fn connection_problems(&self) -> Vec<Problem> {
        let Some(url) = &self.url else { return Vec::new() };
        let problem = |path: &str, error: &SettingsError| {
            let problem = Problem::at(path, error.to_string());
            match error.help() {
                Some(help) => problem.help(help),
                None => problem,
            }
        };
        let written = match Written::parse(url) {
            Ok(written) => written,
            Err(error) => return vec![problem("url", &error)],
        };
        let mut problems = Vec::new();
        if self.password.is_some() && written.password().is_some() {
            problems.push(
                Problem::at("password", "the password is also given in the connection string")
                    .help("leave out the one in the connection string"),
            );
        }
        let user = Beside { user: self.user.as_deref(), ..Beside::default() };
        if let Err(error) = user.over(&written) {
            problems.push(problem("user", &error));
        }
        let ca = Beside { ca: self.ca.as_deref(), ..Beside::default() };
        if let Err(error) = ca.over(&written) {
            problems.push(problem("ca", &error));
        }
        if self.ca.is_some() && written.get("sslmode") == Some(SslMode::Disable.name()) {
            problems.push(Problem::at("ca", "`sslmode=disable` looks at no certificate"));
        }
        problems
    }

    fn query_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(query) = &self.query {
            let word: String =
                query.trim_start().chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
            if query.trim().is_empty() {
                problems.push(Problem::at("query", "the statement is empty"));
            } else if query.contains('\0') {
                problems.push(Problem::at("query", "a statement cannot hold a NUL byte"));
            } else if NOT_OURS.contains(&word.as_str()) {
                problems.push(
                    Problem::at("query", format!("`{word}` cannot be the statement"))
                        .help("gonogo begins and ends the transaction itself"),
                );
            }
        }
        if self.commit && self.read_only {
            problems.push(Problem::at("commit", "`commit: true` needs `read_only: false`"));
        }
        if self.statement_timeout.is_some_and(|period| period.0.is_zero()) {
            problems.push(Problem::at("statement_timeout", "a statement needs some time"));
        }
        problems.extend(idle::problem(self.reuse_after));
        if self.reuse_after.is_some() && self.commit {
            problems.push(Problem::at("reuse_after", "the statement runs twice, so it may keep nothing").help("leave out `commit`"));
        }
        let without = [
            ("commit", self.commit),
            ("read_only", !self.read_only),
            ("statement_timeout", self.statement_timeout.is_some()),
            ("reuse_after", self.reuse_after.is_some()),
            ("expect.rows", self.expect.as_ref().is_some_and(|expect| expect.rows.is_some())),
            ("expect.value", self.expect.as_ref().is_some_and(|expect| expect.value.is_some())),
            ("expect.columns", self.expect.as_ref().is_some_and(|expect| expect.columns.is_some())),
        ];
        if self.query.is_none() {
            for (path, given) in without {
                if given {
                    let name = path.rsplit('.').next().unwrap_or(path);
                    problems.push(Problem::at(path, format!("`{name}` needs a `query`")));
                }
            }
        }
        if let Some(expect) = &self.expect {
            let server = expect.server.as_ref();
            if server.is_some_and(ExpectServer::is_empty) {
                problems.push(Problem::at("expect.server", "`server` asserts nothing").help(
                    "name `in_recovery`, `read_only`, `database` or `version`",
                ));
            } else if expect.is_empty() {
                problems.push(
                    Problem::at("expect", "`expect` asserts nothing")
                        .help("name `rows`, `value`, `columns` or `server`"),
                );
            }
        }
        problems
    }
}

impl Expect {
    fn is_empty(&self) -> bool {
        self.rows.is_none() && self.value.is_none() && self.columns.is_none() && self.server.is_none()
    }
}

impl ExpectServer {
    fn is_empty(&self) -> bool {
        self.in_recovery.is_none()
            && self.read_only.is_none()
            && self.database.is_none()
            && self.version.is_none()
    }
}

fn unknown<'a>(what: &str, id: &str, known: impl Iterator<Item = &'a str> + Clone) -> Problem {
    let problem = Problem::at(what, format!("unknown {what} `{id}`"));
    if let Some(nearest) = closest(id, known.clone()) {
        return problem.help(format!("did you mean `{nearest}`?"));
    }
    let known: Vec<&str> = known.collect();
    problem.help(if known.is_empty() {
        format!("there is no {what} at all")
    } else {
        format!("there are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use indexmap::IndexMap;
    use serde_json::json;

    use super::*;
    use crate::probe::Probe;
    use crate::probe::database::Database;

    fn databases() -> IndexMap<String, Database> {
        serde_json::from_value(json!({
            "orders": { "postgres": {
                "url": "postgres://db.example/orders?sslmode=verify-full",
                "users": { "app1": { "name": "app1_rw", "password": { "env": "ORDERS_PASSWORD" } } },
            } },
            "plain": { "postgres": { "url": "postgres://me@db.example/plain" } },
        }))
        .unwrap()
    }

    fn bound(node: serde_json::Value) -> (Postgres, Vec<Problem>) {
        let mut probe: Postgres = serde_json::from_value(node).unwrap();
        let problems =
            probe.bind(&Surroundings { folder: Path::new("/plans"), databases: &databases() });
        (probe, problems)
    }

    fn messages(node: serde_json::Value) -> Vec<(String, String)> {
        let (_, problems) = bound(node);
        problems.into_iter().map(|problem| (problem.path.join("."), problem.message)).collect()
    }

    #[test]
    fn a_named_login_is_looked_up() {
        let (probe, problems) = bound(json!({ "database": "orders", "user": "app1", "ca": "ca.pem" }));
        assert_eq!(problems, []);
        assert_eq!(probe.user.as_deref(), Some("app1_rw"));
        assert_eq!(probe.password.as_ref().map(ToString::to_string).as_deref(), Some("env ORDERS_PASSWORD"));
        assert_eq!(probe.ca.as_deref(), Some(Path::new("/plans/ca.pem")));
        assert_eq!(probe.target(), "postgres://db.example/orders");
        // Bound once, it travels as it is.
        let again: Postgres = serde_json::from_value(serde_json::to_value(&probe).unwrap()).unwrap();
        assert_eq!(again.target(), probe.target());
        assert_eq!(bound(json!({ "database": "plain" })).1, []);
    }

    #[test]
    fn unknown_names_say_which_there_are() {
        let (_, problems) = bound(json!({ "database": "order", "user": "app1" }));
        assert_eq!(problems[0].help.as_deref(), Some("did you mean `orders`?"));
        let (_, problems) = bound(json!({ "database": "orders", "user": "zebra" }));
        assert_eq!(problems[0].help.as_deref(), Some("there are app1"));
        assert_eq!(messages(json!({ "database": "orders" })).len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let url = "postgres://app1:pw@db/x";
        for (node, path) in [
            (json!({}), ""),
            (json!({ "url": url, "database": "orders" }), "database"),
            (json!({ "url": "postgres://db/x?sslmod=require" }), "url"),
            (json!({ "url": url, "password": "other" }), "password"),
            (json!({ "url": url, "user": "app2" }), "user"),
            (json!({ "url": "postgres://db/x?sslmode=disable", "ca": "ca.pem" }), "ca"),
            (json!({ "url": url, "query": " " }), "query"),
            (json!({ "url": url, "query": "COMMIT" }), "query"),
            (json!({ "url": url, "query": "copy t from stdin" }), "query"),
            (json!({ "url": url, "query": "select 1", "commit": true }), "commit"),
            (json!({ "url": url, "query": "select 1", "statement_timeout": "0s" }), "statement_timeout"),
            (json!({ "url": url, "query": "select 1", "reuse_after": "0s" }), "reuse_after"),
            (json!({ "url": url, "query": "select 1", "reuse_after": "2h" }), "reuse_after"),
            (json!({ "url": url, "reuse_after": "60s" }), "reuse_after"),
            (json!({ "url": url, "read_only": false }), "read_only"),
            (json!({ "url": url, "expect": { "rows": 1 } }), "expect.rows"),
            (json!({ "url": url, "expect": {} }), "expect"),
            (json!({ "url": url, "expect": { "server": {} } }), "expect.server"),
        ] {
            let told = messages(node.clone());
            assert_eq!(told.len(), 1, "{node}: {told:?}");
            assert_eq!(told[0].0, path, "{node}: {told:?}");
            assert!(!told[0].1.contains("pw"), "{told:?}");
        }
        assert_eq!(messages(json!({ "url": url, "query": "select 1", "expect": { "rows": 1 } })), []);
    }
}
