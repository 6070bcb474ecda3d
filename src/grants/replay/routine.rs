//! Functions that are not the server's own: which of them run while planning, and which act beyond the transaction.

use std::collections::HashSet;

use tokio::io::{AsyncRead, AsyncWrite};

use super::lexer::{Kind, lex};
use crate::postgres::session::{Limits, Session, SessionError};

/// Beside what a trusted extension brings, C code of these acts on this database only.
const ROUTINES: &str = "\
    select p.oid, p.proname, p.oid::regprocedure, l.lanname, l.lanpltrusted, p.provolatile <> 'v', \
      exists (select from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid \
        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
          and (e.extname in ('pg_stat_statements', 'postgis', 'vector', 'pgstattuple', 'pg_buffercache') \
            or e.extname in (select name from pg_catalog.pg_available_extension_versions where trusted))), \
      case when l.lanname in ('c', 'internal') then '' else p.prosrc end \
    from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang where p.oid >= 16384 order by 1";

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what the catalogs say of a function")]
pub(super) struct Routine {
    pub(super) oid: u32,
    pub(super) name: String,
    /// `schema.name(arguments)`
    pub(super) whole: String,
    /// IMMUTABLE or STABLE: the planner may run it.
    pub(super) at_plan_time: bool,
    /// It is code with a body of statements, whose rights show only when it runs.
    pub(super) has_body: bool,
    trusted: bool,
    harmless: bool,
    source: String,
}

impl Routine {
    pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
        session: &mut Session<S>,
        limits: Limits,
    ) -> Result<Vec<Self>, SessionError> {
        let answer = session.run(ROUTINES, limits).await?;
        let routines = answer.rows.into_iter().filter_map(|row| {
            let [oid, name, whole, language, trusted, at_plan_time, harmless, source] =
                <[Option<String>; 8]>::try_from(row).ok()?;
            let is = |cell: Option<String>| cell.as_deref() == Some("t");
            let language = language?;
            let in_c = matches!(language.as_str(), "c" | "internal");
            Some(Self {
                oid: oid?.parse().ok()?,
                name: name?,
                whole: whole?,
                at_plan_time: is(at_plan_time),
                has_body: !in_c,
                // The languages of the server itself are not marked as trusted; SQL is.
                trusted: is(trusted) && !in_c || language == "internal",
                harmless: is(harmless),
                source: source.unwrap_or_default(),
            })
        });
        Ok(routines.collect())
    }
}

/// Functions that may act beyond a transaction that only reads: in C or an untrusted language, unless their extension is
/// one that anybody may install; and those whose bodies name one of these.
pub(super) fn beyond(routines: &[Routine]) -> Vec<&Routine> {
    let mut known: HashSet<&str> = HashSet::new();
    let mut found: Vec<&Routine> = Vec::new();
    let (mut rest, first): (Vec<&Routine>, Vec<&Routine>) =
        routines.iter().partition(|routine| routine.trusted || routine.harmless);
    let mut next = first;
    let bodies: Vec<HashSet<String>> = rest.iter().map(|routine| words(&routine.source)).collect();
    let mut bodies: std::collections::HashMap<u32, HashSet<String>> =
        rest.iter().map(|routine| routine.oid).zip(bodies).collect();
    while !next.is_empty() {
        known.extend(next.iter().map(|routine| routine.name.as_str()));
        found.append(&mut next);
        (next, rest) = rest.into_iter().partition(|routine| {
            bodies
                .get(&routine.oid)
                .is_some_and(|words| words.iter().any(|word| known.contains(word.as_str())))
        });
        for routine in &next {
            bodies.remove(&routine.oid);
        }
    }
    found
}

/// The names in a body, those in its constants too: SQL is often made of texts.
fn words(source: &str) -> HashSet<String> {
    let plain = source.split(|character: char| !character.is_alphanumeric() && character != '_');
    let mut words: HashSet<String> = plain.map(str::to_ascii_lowercase).collect();
    for token in lex(source).tokens {
        if let Kind::Quoted(name) = token.kind {
            words.insert(name);
        }
    }
    words
}
