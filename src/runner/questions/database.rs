//! What else is asked of a database: the catalogs, for the names in a statement that failed; the login in another way.

use super::{Asked, Question};
use crate::model::fact::Fact;
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::trace::{Ended, Seen, Trace, VantageError};
use crate::postgres::session::UNSPOKEN;
use crate::postgres::settings::DEFAULT_PORT;
use crate::probe::Spec;
use crate::probe::catalog::Catalog;
use crate::probe::postgres::Postgres;
use crate::probe::relogin::Relogin;

/// No entry in `pg_hba.conf`, or none for clear text.
const NO_ENTRY: &str = "28000";

impl Asked<'_> {
    /// The questions of a check that logs in to PostgreSQL; none of any other.
    pub(super) fn database(&mut self, layer: Layer, fault: &Fault) {
        let Spec::Postgres(login) = self.probe else { return };
        let elsewhere = self.target.port != DEFAULT_PORT;
        let refused = matches!(fault, Fault::LoginRefused(error) if error.sqlstate == NO_ENTRY);
        if layer == Layer::Auth && refused {
            self.relogin("tls", login, true, None);
        } else if elsewhere && may_be_a_pooler(layer, fault) {
            self.relogin("port", login, false, Some(DEFAULT_PORT));
        } else if layer == Layer::Payload && login.query.is_some() {
            let catalog = Spec::Catalog(Catalog { login: login.clone() });
            self.push(Question::Otherwise { way: "catalog".to_owned() }, self.vantage, Some(catalog));
        }
    }

    fn relogin(&mut self, way: &str, login: &Postgres, tls: bool, port: Option<u16>) {
        let relogin = Relogin { login: Box::new(login.clone()), tls, port };
        self.push(Question::Otherwise { way: way.to_owned() }, self.vantage, Some(Spec::Relogin(relogin)));
    }
}

/// Whether a server asked for a way to log in that is not spoken here.
pub(super) fn is_unspoken(trace: &Trace) -> bool {
    matches!(&trace.ended, Ended::Blind(VantageError::Setting { setting, .. }) if setting == UNSPOKEN)
}

/// Whether a server let us in with a warning.
pub(super) fn warns(trace: &Trace) -> bool {
    trace
        .observations
        .iter()
        .any(|seen| matches!(&seen.seen, Seen::Worked(Fact::Identified(own)) if !own.warnings.is_empty()))
}

/// Whether a server may be on the usual port of the host though this one does not let us in: nothing listens here, or a
/// pooler does, which says nothing or names none of PostgreSQL's routines.
fn may_be_a_pooler(layer: Layer, fault: &Fault) -> bool {
    if let Fault::LoginRefused(error) | Fault::StatementFailed(error) = fault {
        return layer == Layer::Auth && error.routine.is_none();
    }
    let silent = matches!(fault, Fault::TimedOut { .. } | Fault::ClosedEarly { .. } | Fault::Reset { .. });
    layer == Layer::Auth && silent || layer == Layer::Tcp && matches!(fault, Fault::Refused { .. })
}

/// How often the same is asked again from the same place: a refused password too often may lock an account, and what a
/// server says of a statement it says every time.
pub(super) fn again(fault: &Fault, times: usize) -> usize {
    /// `invalid_password`, and what PgBouncer says of every login it refuses.
    const REFUSED: [&str; 2] = ["28P01", "08P01"];
    if let Fault::LoginRefused(error) = fault
        && REFUSED.contains(&error.sqlstate.as_str())
    {
        return 0;
    }
    let is_answer = matches!(fault, Fault::LoginRefused(_) | Fault::StatementFailed(_));
    if is_answer { times.min(1) } else { times }
}
