//! One message to the URL that a secret holds.

use super::{Sent, Tries};
use crate::model::notification::endpoint;
use crate::net::Context;
use crate::net::delivery::{Headers, deliver_counted};
use crate::secret::SecretRef;

/// Send JSON there, with these headers.
pub(super) async fn post(
    context: &Context,
    url: &SecretRef,
    body: String,
    headers: &Headers<'_>,
    tries: &Tries,
) -> Sent {
    let found = context.vault.get(url).await.map_err(|error| error.to_string())?;
    let there = endpoint(found.expose()).map_err(|reason| format!("{url}: {reason}"))?;
    deliver_counted(context, &there, &body, headers, tries).await.map(drop)
}
