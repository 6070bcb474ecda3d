//! One statement of one role, from its text to its class.

use std::collections::{BTreeMap, HashMap};

use tokio::io::{AsyncRead, AsyncWrite};

use super::before::{self, Before, path};
use super::desk::{Desk, Explained};
use super::lexer::{Kind, Lexed, lex};
use super::named::{self, Named};
use super::outcome::{Class, Judged, Tried, Used};
use super::plan::Plan;
use super::reach::{Catalog, Reach};
use super::utility::{self, Command, Ruling};
use super::{ReplayError, Request, ladder, rules};
use crate::grants::privilege::{Privilege, Privileges};
use crate::grants::quote::Text;
use crate::grants::snapshot::Statement;

/// Functions of the server's own whose rights depend on what they are given, or on the other side.
const BY_DATA: &[&str] = &[
    "lo_open",
    "lo_get",
    "lo_put",
    "lo_from_bytea",
    "lo_creat",
    "lo_create",
    "lo_unlink",
    "lo_truncate",
    "lo_import",
    "lo_export",
    "loread",
    "lowrite",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "set_config",
    "query_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "ts_stat",
    "ts_rewrite",
    "dblink",
    "dblink_exec",
    "dblink_connect",
    "dblink_open",
    "dblink_fetch",
    "dblink_send_query",
    "dblink_get_result",
];

/// Everything about a role's place that its statements share.
pub(super) struct Place<'p> {
    pub(super) role: &'p str,
    pub(super) search_path: &'p str,
    pub(super) request: &'p Request<'p>,
    pub(super) catalog: &'p Catalog,
    /// What must not run.
    pub(super) forbidden: Option<&'p Reach>,
    pub(super) is_powerful: bool,
    pub(super) known: rules::Known,
    /// Relations that no plan shows, such as views, by how they are named.
    pub(super) views: BTreeMap<Named, Option<String>>,
}

/// The statement, judged.
pub(super) fn tried(role: &str, statement: &Statement, judged: Judged) -> Tried {
    let Judged { class, reason, sqlstate, message, relation } = judged;
    let (query, calls) = (statement.query.clone(), statement.calls);
    Tried { role: role.to_owned(), query, calls, class, reason, sqlstate, message, relation }
}

/// Why no statement of the role will be let in; none when it may connect.
pub(super) async fn gate<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
) -> Result<Option<Judged>, ReplayError> {
    const MAY: &str = "select not rolcanlogin or pg_catalog.has_database_privilege(d.oid, 'CONNECT'), d.datname \
        from pg_catalog.pg_roles r, pg_catalog.pg_database d where r.rolname = current_user and d.datname = pg_catalog.current_database()";
    let answer = desk
        .ask(MAY)
        .await?
        .map_err(|error| ReplayError::Refused { doing: "asking about CONNECT", error })?;
    let row = answer.rows.into_iter().next().unwrap_or_default();
    let mut cells = row.into_iter().flatten();
    if cells.next().as_deref() == Some("t") {
        return Ok(None);
    }
    let database = cells.next().unwrap_or_default();
    let message = format!("permission denied for database \"{database}\"");
    Ok(Some(Judged::new(Class::Denied, "42501", message).because("the role may log in but not CONNECT")))
}

impl Place<'_> {
    pub(super) async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        desk: &mut Desk<'_, S>,
        statement: &Statement,
        used: &mut Used,
    ) -> Result<Judged, ReplayError> {
        let text = lex(&statement.query);
        if text.tokens.is_empty() || statement.query.contains('\0') {
            return Ok(Judged::not_provable("the text holds no statement"));
        }
        let before = before::of(self.request, &text, statement);
        if before == Before::Elsewhere {
            return Ok(Judged { class: Class::Elsewhere, ..Judged::permitted() });
        }
        let command = Command::of(&text);
        let first = match command {
            Command::Plan(first) => Some(first),
            Command::Temporary(first) => first,
            Command::Call
            | Command::Copy
            | Command::Truncate
            | Command::Lock
            | Command::Refresh
            | Command::Set
            | Command::Free
            | Command::Do
            | Command::Other => None,
        };
        let mut judged = match utility::judge(desk, &text, &command).await? {
            Ruling::Said(judged) => judged,
            Ruling::Does(plan) => self.ruled(desk, &text, &plan, used).await?,
        };
        if let (Some(first), Class::Permitted) = (first, judged.class) {
            let query = query(&statement.query, &text, first);
            judged = self.planned(desk, query, used).await?;
        }
        if judged.class == Class::Broken
            && let Before::Missing(name) = before
        {
            let reason = format!(
                "{name} was not in the recorded database either: a temporary table, or dropped since"
            );
            judged = Judged { class: Class::NotProvable, ..judged }.because(reason);
        }
        let is_refused = matches!(judged.class, Class::Denied | Class::Broken);
        if is_refused && judged.reason.is_none() && !same_path(self.search_path, &statement.search_path) {
            judged = judged.because(format!(
                "search_path of this role is {} here; it was {}",
                self.search_path, statement.search_path
            ));
        }
        Ok(judged)
    }

    /// A statement that has a plan.
    async fn planned<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        desk: &mut Desk<'_, S>,
        query: &str,
        used: &mut Used,
    ) -> Result<Judged, ReplayError> {
        let text = lex(query);
        if let Some(what) = self.forbidden.and_then(|forbidden| forbidden.of(&text)) {
            // Privileges can be asked for without planning anything.
            return Ok(match named::judge(desk, &text).await? {
                Some(judged) => judged,
                None => Judged::not_provable(self.why_forbidden(&what)),
            });
        }
        let explained = ladder::climb(desk, query, &text).await?;
        let is_doubtful = text.parameters() > 0 && ladder::is_doubtful(&explained);
        match explained {
            Explained::Plan(json) => {
                let Some(plan) = Plan::read(&json) else {
                    return Ok(Judged::not_provable("the server's plan cannot be read"));
                };
                self.ruled(desk, &text, &plan, used).await
            }
            Explained::NotPrepared(error) | Explained::NotPlanned(error) => {
                let mut judged = Judged::refused(&error);
                if is_doubtful && !is_unknown(desk, &text, &error.message).await? {
                    judged = Judged { class: Class::NotProvable, ..judged }
                        .because("its normalized text does not parse again");
                }
                let rest =
                    if judged.class == Class::NotProvable { named::judge(desk, &text).await? } else { None };
                Ok(rest.unwrap_or(judged))
            }
        }
    }

    /// What is planned, by the rules over the catalogs.
    async fn ruled<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        desk: &mut Desk<'_, S>,
        text: &Lexed,
        plan: &Plan,
        used: &mut Used,
    ) -> Result<Judged, ReplayError> {
        self.count(desk, text, plan, used).await?;
        let judged = rules::judge(desk, text, plan, &mut self.known).await?;
        Ok(match self.body(text, plan) {
            Some(reason) if judged.class == Class::Permitted => Judged::not_provable(reason),
            Some(_) | None => judged,
        })
    }

    fn why_forbidden(&self, what: &str) -> String {
        if self.is_powerful {
            format!(
                "it reaches {what}, and code of the application must not run in a session with this much power: give \
                 --login {}=URL, or --allow-functions",
                self.role
            )
        } else {
            format!(
                "it reaches {what}, which acts beyond the transaction while planning: --allow-functions lets it"
            )
        }
    }

    /// A function whose own rights show only when it runs.
    fn body(&self, text: &Lexed, plan: &Plan) -> Option<String> {
        let bodies: HashMap<&str, &str> = self
            .catalog
            .routines
            .iter()
            .filter(|routine| routine.has_body)
            .map(|routine| (routine.name.as_str(), routine.whole.as_str()))
            .collect();
        let call = |text: &Lexed| {
            text.tokens.iter().enumerate().find_map(|(index, token)| {
                let name = token.kind.name().filter(|_| text.is_mark(index + 1, '('))?;
                let body = bodies
                    .get(name)
                    .map(|whole| format!("what function {whole} does shows only when it runs"));
                let by_data = BY_DATA
                    .contains(&name)
                    .then(|| format!("what {name} may do depends on what it is given"));
                body.or(by_data)
            })
        };
        // What ON CONFLICT and MERGE do is not in the plan's expressions.
        let hidden = (text.has_word("conflict") || text.has_word("merge")).then(|| call(text)).flatten();
        hidden.or_else(|| plan.expressions.iter().find_map(|expression| call(&lex(expression))))
    }

    /// What the role itself does with which relation: not what a view does as its owner.
    async fn count<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        desk: &mut Desk<'_, S>,
        text: &Lexed,
        plan: &Plan,
        used: &mut Used,
    ) -> Result<(), ReplayError> {
        let mut add = |relation: String, privileges: Privileges| {
            *used.entry((self.role.to_owned(), relation)).or_default() |= privileges;
        };
        let reads = text.has_word("where") || text.has_word("returning");
        for ((schema, name), privileges) in plan.relations.iter().filter(|((_, name), _)| text.names(name)) {
            let read = if reads { Privilege::Select.into() } else { Privileges::NONE };
            add(format!("{schema}.{name}"), *privileges | read);
        }
        for named in named::relations(text) {
            let is_shown =
                named.parts.last().is_some_and(|name| plan.relations.keys().any(|(_, shown)| shown == name));
            if is_shown {
                continue;
            }
            let needs = named.needs;
            if !self.views.contains_key(&named) {
                let resolved = named::resolve(desk, &named).await?.ok();
                let whole = resolved.map(|relation| format!("{}.{}", relation.schema, relation.name));
                self.views.insert(named.clone(), whole);
            }
            if let Some(Some(whole)) = self.views.get(&named) {
                add(whole.clone(), needs.into());
            }
        }
        Ok(())
    }
}

/// Whether an error names a function that the text calls and that is not there under any types.
async fn is_unknown<S: AsyncRead + AsyncWrite + Unpin>(
    desk: &mut Desk<'_, S>,
    text: &Lexed,
    message: &str,
) -> Result<bool, ReplayError> {
    let calls = text.tokens.iter().enumerate().filter(|(index, _)| text.is_mark(index + 1, '('));
    let mut names = calls.filter_map(|(_, token)| token.kind.name());
    let Some(name) = names.find(|name| message.contains(&format!("{name}("))) else { return Ok(false) };
    let query = format!(
        "select not exists (select from pg_catalog.pg_proc where proname = {0}) and not exists (select from pg_catalog.pg_type where typname = {0})",
        Text(name)
    );
    let answer = desk.ask(&query).await?;
    Ok(answer.is_ok_and(|answer| answer.value().flatten() == Some("t")))
}

fn same_path(one: &str, other: &str) -> bool {
    path(one) == path(other)
}

/// The query inside a statement: all from this token on, or what the parenthesis of COPY holds.
fn query<'t>(statement: &'t str, text: &Lexed, first: usize) -> &'t str {
    let Some(begin) = text.tokens.get(first) else { return statement };
    if first == 0 {
        return statement;
    }
    let mut end = statement.len();
    if text.is_word(0, "copy") {
        let mut depth = 0_usize;
        for token in text.tokens.iter().skip(first) {
            match token.kind {
                Kind::Mark('(') => depth += 1,
                Kind::Mark(')') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        end = token.range.end;
                        break;
                    }
                }
                Kind::Word(_)
                | Kind::Quoted(_)
                | Kind::Parameter(_)
                | Kind::Constant
                | Kind::Operator(_)
                | Kind::Mark(_) => {}
            }
        }
    }
    statement.get(begin.range.start..end).unwrap_or(statement)
}
