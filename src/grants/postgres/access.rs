//! Who gets in: `pg_hba.conf`, as far as the server tells it.

use tokio::io::{AsyncRead, AsyncWrite};

use super::catalog::{Catalog, array};
use super::opening::Opening;
use super::row::{Row, each};
use crate::grants::reader::ReadError;
use crate::grants::snapshot::{Aspect, HbaRule};
use crate::postgres::session::Session;

pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session<S>,
    opening: &Opening,
    catalog: &mut Catalog,
) -> Result<Option<Vec<HbaRule>>, ReadError> {
    if !opening.may.hba {
        let why = "pg_hba.conf only a superuser may read, or a role with SELECT on \
                   pg_catalog.pg_hba_file_rules and EXECUTE on the function of that name";
        catalog.gap(Aspect::HbaRules, why);
        return Ok(None);
    }
    // Files can include others since 16.
    let order = if opening.since(16) { "rule_number" } else { "line_number" };
    let statement = format!(
        "select line_number, error, type, database::text, user_name::text, address, netmask, auth_method
           from pg_hba_file_rules order by {order}"
    );
    let mut rules = Vec::new();
    let mut wrong = Vec::new();
    each(session, "pg_hba.conf", &statement, |row: Row<'_, 8>| {
        if let Some(error) = row.maybe(1) {
            wrong.push(format!("line {} of pg_hba.conf: {error}", row.maybe(0).unwrap_or("?")));
            return Ok(());
        }
        let address = match (row.maybe(5), row.maybe(6)) {
            (Some(address), Some(mask)) => Some(format!("{address} {mask}")),
            (address, _) => address.map(ToOwned::to_owned),
        };
        rules.push(HbaRule {
            connection: row.text(2)?.to_owned(),
            databases: array(row.maybe(3))?,
            roles: array(row.maybe(4))?,
            address,
            method: row.text(7)?.to_owned(),
        });
        Ok(())
    })
    .await?;
    if wrong.is_empty() {
        return Ok(Some(rules));
    }
    for why in wrong {
        catalog.gap(Aspect::HbaRules, why);
    }
    Ok(None)
}
