//! What sessions and new objects begin with: settings, default privileges.

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, array};
use super::opening::Opening;
use super::row::{Row, Unread, each};
use super::secrets;
use crate::grants::acl::Grantee;
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Aspect, DefaultPrivilege, SchemaObjects, Setting};
use crate::postgres::session::Session;

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<(Vec<Setting>, Vec<DefaultPrivilege>), ReadError> {
    let statement = format!(
        "select setdatabase, setrole, setconfig::text from pg_db_role_setting where setdatabase in (0, {})",
        opening.database_oid
    );
    let mut settings = Vec::new();
    each(session, "settings of roles and of the database", &statement, |row: Row<'_, 3>| {
        let role = match catalog.grantee(row.number(1)?) {
            Some(Grantee::Public) => None,
            Some(Grantee::Role(role)) => Some(role),
            None => return Ok(()),
        };
        for setting in array(row.maybe(2))? {
            let (name, value) =
                setting.split_once('=').ok_or_else(|| Unread("a setting without a value".to_owned()))?;
            settings.push(Setting {
                in_database: row.text(0)? != "0",
                role,
                name: name.to_owned(),
                value: secrets::value_of(name, value).into_owned(),
            });
        }
        Ok(())
    })
    .await?;
    settings.sort_unstable();
    Ok((settings, default_privileges(session, catalog).await?))
}

async fn default_privileges<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    catalog: &mut Catalog,
) -> Result<Vec<DefaultPrivilege>, ReadError> {
    let statement = "select defaclrole, defaclnamespace, defaclobjtype, defaclacl::text from pg_default_acl";
    let mut found = Vec::new();
    each(session, "default privileges", statement, |row: Row<'_, 4>| {
        let objects = match row.text(2)? {
            "r" => SchemaObjects::Tables,
            "S" => SchemaObjects::Sequences,
            "f" => SchemaObjects::Functions,
            "T" => SchemaObjects::Types,
            "n" => SchemaObjects::Schemas,
            "L" => SchemaObjects::LargeObjects,
            other => return Err(Unread(format!("default privileges of {other:?}"))),
        };
        let acl = catalog.acl(row.text(3)?, || "default privileges".to_owned())?;
        let Some(&creator) = catalog.role_ids.get(&row.number(0)?) else {
            catalog.gap(Aspect::AclItems, "default privileges of a role that is gone");
            return Ok(());
        };
        let schema = match row.number(1)? {
            0 => None,
            oid => match catalog.schemas.get(&oid) {
                Some(schema) => Some(schema.to_string()),
                None => return Ok(()),
            },
        };
        found.push(DefaultPrivilege { creator, schema, objects, acl });
        Ok(())
    })
    .await?;
    found.sort_by(|one, other| {
        (one.creator, &one.schema, one.objects).cmp(&(other.creator, &other.schema, other.objects))
    });
    Ok(found)
}
