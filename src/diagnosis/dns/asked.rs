//! Answers of name servers that come in another way: by TCP only, or only unchecked.

use super::{BOGUS, CUT_OFF, DOWN, SERVFAIL, SILENT, elsewhere_found, seen, unresolved};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::registry::Ruling;
use crate::model::layer::Layer;

pub(super) fn bogus(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    let server = names.servers.iter().find(|server| server.bogus)?;
    let contrast = format!("{} answers for {} when it is asked not to check signatures.", server.server, server.name);
    Some(Ruling::new(BOGUS, Layer::Dns, seen(fault)).proved(contrast).not(&[SERVFAIL]))
}

pub(super) fn cut_off(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (fault, names) = (unresolved(evidence)?, evidence.names()?);
    let server = names.servers.iter().find(|server| server.cut_off)?;
    let elsewhere = elsewhere_found(evidence).unwrap_or_default();
    let contrast = format!("The answer of {} by UDP is cut off, and it takes no connection by TCP. {elsewhere}", server.server);
    Some(Ruling::new(CUT_OFF, Layer::Dns, seen(fault)).proved(contrast).not(&[SERVFAIL, SILENT, DOWN]))
}
