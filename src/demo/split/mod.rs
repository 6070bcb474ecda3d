//! The database `shop`, and how it is split in two as a DBA team in a hurry does it: see the SQL beside this file.

use super::DemoError;
use super::night::Database;
use super::servers::{DatabaseServer, Login};

/// Where each object goes; written to the output folder for people to copy.
pub(super) const MAP: &str = include_str!("map.yaml");

/// The roles of the applications, and where their databases are.
pub(super) struct Shop<'a> {
    /// Where `shop` is, and the orders stay.
    old: &'a DatabaseServer,
    /// Where the customers go.
    new: &'a DatabaseServer,
    app1: Login,
    app2: Login,
    /// Whether the servers record the statements that run.
    pub(super) recorded: bool,
}

impl<'a> Shop<'a> {
    /// The database as it is before the night, and two applications that have worked with it.
    pub(super) async fn open(
        old: &'a DatabaseServer,
        new: &'a DatabaseServer,
        recorded: bool,
    ) -> Result<Self, DemoError> {
        let shop = Self { old, new, app1: Login::new("app1_rw")?, app2: Login::new("app2_rw")?, recorded };
        old.psql("postgres", &shop.script(include_str!("shop.sql"))).await?;
        old.psql_as(&shop.app1, "shop", include_bytes!("app1.sql")).await?;
        old.psql_as(&shop.app2, "shop", include_bytes!("app2.sql")).await?;
        Ok(shop)
    }

    /// Split it: the commands are those that `story` shows.
    pub(super) async fn split(&self) -> Result<(), DemoError> {
        let Self { old, new, .. } = self;
        old.psql("postgres", &self.script(include_str!("orders.sql"))).await?;
        let orders = old.dump("shop", &["--schema=orders"]).await?;
        old.psql_as(&old.dba, "orders", &orders).await?;
        new.psql("postgres", &self.script(include_str!("customers.sql"))).await?;
        let customers = old.dump("shop", &["--schema=customers", "--no-privileges"]).await?;
        new.psql_as(&new.dba, "customers", &customers).await?;
        new.psql("customers", include_str!("customers-grants.sql")).await
    }

    /// The database of Application 1 after the split.
    pub(super) fn customers(&self) -> Database {
        Database { port: self.new.port, name: "customers", login: self.app1.clone() }
    }

    /// The database of both before the split, as Application 2 knows it.
    pub(super) fn whole(&self) -> Database {
        Database { port: self.old.port, name: "shop", login: self.app2.clone() }
    }

    /// The database of Application 2 after the split.
    pub(super) fn orders(&self) -> Database {
        Database { port: self.old.port, name: "orders", login: self.app2.clone() }
    }

    /// The script with what it asks for set before it; passwords go through standard input, as all of it does.
    fn script(&self, text: &str) -> String {
        // Passwords are hexadecimal, and need no quoting.
        format!(
            "\\set recorded {}\n\\set app1_password {}\n\\set app2_password {}\n{text}",
            self.recorded, self.app1.password, self.app2.password
        )
    }
}
