//! Roles and memberships.

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::Catalog;
use super::opening::Opening;
use super::row::{Row, Unread, each};
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Aspect, Membership, PasswordKind, Role, Roles};
use crate::postgres::session::Session;

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<Vec<Membership>, ReadError> {
    // What is stored never leaves the server: only its kind does.
    let (password, from) = if opening.may.passwords {
        (
            "case when rolpassword is null then 'nothing' when rolpassword like 'SCRAM-SHA-256$%' then 'scram'
                  when rolpassword ~ '^md5[0-9a-f]{32}$' then 'md5' else 'other' end",
            "pg_authid",
        )
    } else {
        catalog.gap(
            Aspect::Passwords,
            "which roles have a password, and of which kind, only a superuser or a role with SELECT on \
             pg_catalog.pg_authid may read (pg_read_all_data has it)",
        );
        ("null", "pg_roles")
    };
    let statement = format!(
        "select oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
                rolbypassrls, rolconnlimit, rolvaliduntil, {password} from {from}"
    );
    let mut roles = Vec::new();
    let mut oids = Vec::new();
    each(session, "roles", &statement, |row: Row<'_, 12>| {
        let name = row.text(1)?.to_owned();
        oids.push((row.number(0)?, name.clone()));
        roles.push(Role {
            name,
            superuser: row.truth(2),
            inherit: row.truth(3),
            create_role: row.truth(4),
            create_db: row.truth(5),
            login: row.truth(6),
            replication: row.truth(7),
            bypass_rls: row.truth(8),
            connection_limit: row.number(9)?,
            valid_until: row.maybe(10).map(ToOwned::to_owned),
            password: row.maybe(11).map(password_kind).transpose()?,
        });
        Ok(())
    })
    .await?;
    catalog.know(Roles::new(roles), &oids);
    memberships(session, opening, catalog).await
}

fn password_kind(word: &str) -> Result<PasswordKind, Unread> {
    match word {
        "nothing" => Ok(PasswordKind::Nothing),
        "scram" => Ok(PasswordKind::Scram),
        "md5" => Ok(PasswordKind::Md5),
        "other" => Ok(PasswordKind::Other),
        other => Err(Unread(format!("a password of kind {other:?}"))),
    }
}

async fn memberships<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<Vec<Membership>, ReadError> {
    // Until 15 the member's own INHERIT decided, and SET ROLE was always possible.
    let options = if opening.since(16) {
        "m.inherit_option, m.set_option"
    } else {
        "(select rolinherit from pg_roles r where r.oid = m.member), true"
    };
    let statement =
        format!("select m.roleid, m.member, m.grantor, m.admin_option, {options} from pg_auth_members m");
    let mut memberships = Vec::new();
    let mut gone = Vec::new();
    each(session, "memberships", &statement, |row: Row<'_, 6>| {
        let find = |column| Ok(catalog.role_ids.get(&row.number(column)?).copied());
        let (role, member, by) = (find(0)?, find(1)?, find(2)?);
        let (Some(role), Some(member)) = (role, member) else {
            gone.push("a membership names a role that is gone".to_owned());
            return Ok(());
        };
        let by = by.or_else(|| {
            let (role, member) = (catalog.roles.name(role), catalog.roles.name(member));
            gone.push(format!(
                "who made {member:?} a member of {role:?} is gone: told as the first superuser"
            ));
            catalog.bootstrap()
        });
        let by = by.ok_or_else(|| Unread("no role of initdb".to_owned()))?;
        memberships.push(Membership {
            role,
            member,
            by,
            admin: row.truth(3),
            inherit: row.truth(4),
            set: row.truth(5),
        });
        Ok(())
    })
    .await?;
    for why in gone {
        catalog.gap(Aspect::AclItems, why);
    }
    memberships.sort_unstable();
    Ok(memberships)
}
