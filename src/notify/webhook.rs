//! A webhook of one's own: `gonogo.notification/1`, signed by the rules of Standard Webhooks (standardwebhooks.com): the
//! signature is HMAC-SHA256 over id, time and body, joined by dots; the id is the same on every try.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::notice::Notice;
use super::{Sent, Tries, post};
use crate::json;
use crate::model::notification::Webhook;
use crate::net::Context;
use crate::secret::SecretRef;

/// What a key in Base64 begins with.
const ENCODED: &str = "whsec_";

pub(super) async fn send(webhook: &Webhook, notice: &Notice, context: &Context, tries: &Tries) -> Sent {
    let key = key(&webhook.secret, context).await?;
    let body = json::line(notice).map_err(|error| error.to_string())?;
    let headers = |body: &str| {
        // By the real clock, whatever was set for a rehearsal: it lets a receiver refuse what is played again.
        let timestamp = jiff::Timestamp::now().as_second().to_string();
        let signature = signature(&key, &notice.id, &timestamp, body)?;
        Ok(vec![
            ("webhook-id", notice.id.clone()),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
        ])
    };
    post::post(context, &webhook.url, body, &headers, tries).await
}

/// The bytes that are signed with.
pub(super) async fn key(secret: &SecretRef, context: &Context) -> Result<Vec<u8>, String> {
    let found = context.vault.get(secret).await.map_err(|error| error.to_string())?;
    let key = match found.expose().strip_prefix(ENCODED) {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| format!("{secret} begins with `{ENCODED}`, and what follows is not Base64"))?,
        None => found.expose().as_bytes().to_vec(),
    };
    if key.is_empty() { Err(format!("{secret} is empty: anybody could sign with it")) } else { Ok(key) }
}

fn signature(key: &[u8], id: &str, timestamp: &str, body: &str) -> Result<String, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the reference implementations.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
