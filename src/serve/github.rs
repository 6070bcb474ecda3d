//! GitHub's deployment protection rules, for a GitHub App of the team's own: a deployment that waits for us is approved once
//! the run is a go, and rejected once it ended in a no-go; until then it waits. What comes in is signed with the App's webhook
//! secret; what goes out with its key (docs.github.com: "Creating custom deployment protection rules").

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::{HeaderMap, StatusCode};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use tokio::time::Instant;
use url::Url;

use super::Server;
use super::answers::{Answer, Gate};
use crate::model::notification::endpoint;
use crate::model::verdict::Verdict;
use crate::net::delivery::{Headers, deliver};
use crate::probe::Context;
use crate::report::text;
use crate::secret::Secret;

/// Deployments that wait for us at once.
const MOST: usize = 100;
/// GitHub gives a deployment up that has waited for 30 days.
const LONGEST: Duration = Duration::from_hours(30 * 24);
/// How often the verdict is looked at while one waits.
const TICK: Duration = Duration::from_secs(1);
/// The verdict changes with the time, too.
const CLOCK: Duration = Duration::from_secs(10);
/// How often GitHub is told again that could not be told, and after how long: a try is three requests.
const MOST_FAILURES: u32 = 20;
const AGAIN: Duration = Duration::from_secs(30);
/// Characters of a comment that we make.
const COMMENT: usize = 500;

/// A GitHub App, as which we answer.
pub struct App {
    id: String,
    key: Arc<dyn SigningKey>,
    secret: Secret,
    api: Url,
    context: Context,
    tell: Arc<dyn Fn(&str) + Send + Sync>,
    waiting: Mutex<HashSet<Deployment>>,
}

/// A deployment that waits for us.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Deployment {
    callback: Url,
    environment: String,
    installation: u64,
}

/// What GitHub sends, as far as it matters to us.
#[derive(Debug, Clone, Deserialize)]
struct Requested {
    action: String,
    environment: String,
    deployment_callback_url: String,
    installation: Installation,
}

#[derive(Debug, Clone, Deserialize)]
struct Installation {
    id: u64,
}

/// The token that GitHub gives for our signature.
#[derive(Deserialize)]
struct Granted {
    token: String,
}

impl App {
    /// The App with this id and private key (a PEM file), whose webhooks are signed with `secret`; `api` is where GitHub
    /// answers, and the only place that anything is sent to.
    ///
    /// # Errors
    /// A sentence, when the key cannot sign.
    pub fn new(
        id: String,
        key: &Path,
        secret: Secret,
        mut api: Url,
        context: Context,
        tell: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Self, String> {
        let wrong = |reason: String| format!("{}: {reason}", key.display());
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(error.to_string()))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&private)
            .map_err(|error| wrong(error.to_string()))?;
        if key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_none() {
            return Err(wrong("GitHub gives its Apps RSA keys, and this is another".to_owned()));
        }
        endpoint(api.as_str()).map_err(|reason| format!("{api}: {reason}"))?;
        if !api.path().ends_with('/') {
            api.set_path(&format!("{}/", api.path()));
        }
        Ok(Self { id, key, secret, api, context, tell, waiting: Mutex::default() })
    }

    /// Whether GitHub sent it (`X-Hub-Signature-256`: HMAC-SHA256 over the body).
    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let signature = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
        let Some(signature) = signature.and_then(|value| value.strip_prefix("sha256=")).and_then(from_hex)
        else {
            return false;
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes()) else {
            return false;
        };
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    }

    /// Who we are, for ten minutes (RFC 7519, signed as RS256 of RFC 7518 section 3.3).
    fn token_of_ours(&self) -> Result<String, String> {
        // By the real clock, whatever was set for a rehearsal: it is GitHub's.
        let now = jiff::Timestamp::now().as_second();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        // Their clock may be behind ours.
        let claims = json!({ "iat": now - 60, "exp": now + 540, "iss": self.id }).to_string();
        let claimed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signer =
            self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or("the key cannot sign")?;
        let signature = signer.sign(claimed.as_bytes()).map_err(|error| error.to_string())?;
        Ok(format!("{claimed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    async fn post(&self, url: &Url, token: &str, body: serde_json::Value) -> Result<Bytes, String> {
        let headers: &Headers<'_> = &|_| {
            Ok(vec![
                ("authorization", format!("Bearer {token}")),
                ("accept", "application/vnd.github+json".to_owned()),
                ("x-github-api-version", "2022-11-28".to_owned()),
            ])
        };
        deliver(&self.context, url, &body.to_string(), headers).await.1
    }

    /// Say what became of a deployment, to whoever serves.
    fn say(&self, deployment: &Deployment, line: &str) {
        let line = format!("GitHub, deployment to {}: {line}", deployment.environment);
        (self.tell)(&text::line(&self.context.vault.scrubber().text(&line)));
    }

    /// Tell GitHub about a deployment: approved, rejected, or, without a state, only why it waits.
    async fn review(
        &self,
        deployment: &Deployment,
        state: Option<&str>,
        comment: &str,
    ) -> Result<(), String> {
        let access = format!("app/installations/{}/access_tokens", deployment.installation);
        let access = self.api.join(&access).map_err(|error| error.to_string())?;
        let granted = self.post(&access, &self.token_of_ours()?, json!({})).await?;
        let granted: Granted = serde_json::from_slice(&granted).map_err(|_| "it gave no token".to_owned())?;
        self.context.vault.scrubber().learn(&granted.token);
        let mut review = json!({ "environment_name": deployment.environment, "comment": comment });
        if let Some(state) = state {
            review["state"] = state.into();
        }
        self.post(&deployment.callback, &granted.token, review).await.map(drop)
    }
}

/// Take in what GitHub sends.
pub(super) fn take_in(
    server: &Arc<Server>,
    headers: &HeaderMap,
    body: &[u8],
    stage: Option<String>,
) -> Answer {
    let Some(app) = &server.github else {
        let text = "no GitHub App is set up here: gonogo serve --github-app ID --github-key PEM\n";
        return Answer::text(StatusCode::NOT_FOUND, text);
    };
    if !app.is_signed(headers, body) {
        return Answer::text(
            StatusCode::UNAUTHORIZED,
            "X-Hub-Signature-256 is not of the App's webhook secret\n",
        );
    }
    let event = headers.get("x-github-event").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if event != "deployment_protection_rule" {
        return Answer::text(StatusCode::OK, "nothing to do: it is about no deployment protection rule\n");
    }
    let asked: Requested = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return Answer::text(StatusCode::BAD_REQUEST, &format!("not understood: {error}\n")),
    };
    if asked.action != "requested" {
        return Answer::text(StatusCode::OK, "nothing to do: nothing is requested\n");
    }
    // Our token goes there.
    let callback = Url::parse(&asked.deployment_callback_url).ok();
    let Some(callback) = callback.filter(|url| url.as_str().starts_with(&format!("{}repos/", app.api)))
    else {
        let text =
            format!("deployment_callback_url is not below {}: --github-api says where GitHub is\n", app.api);
        return Answer::text(StatusCode::BAD_REQUEST, &text);
    };
    let deployment =
        Deployment { callback, environment: asked.environment, installation: asked.installation.id };
    let mut waiting = app.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.len() >= MOST {
        return Answer::text(StatusCode::SERVICE_UNAVAILABLE, "too many deployments wait already\n");
    }
    if waiting.insert(deployment.clone()) {
        let (server, app) = (Arc::clone(server), Arc::clone(app));
        tokio::spawn(async move {
            let told = decide(&server, &app, &deployment, stage.as_deref()).await;
            app.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&deployment);
            app.say(
                &deployment,
                &told.unwrap_or_else(|reason| format!("given up, it goes on waiting: {reason}")),
            );
        });
    }
    Answer::text(StatusCode::ACCEPTED, "it will be told once the verdict is known\n")
}

/// Wait until the run is a go or ended in a no-go, and tell.
async fn decide(
    server: &Arc<Server>,
    app: &App,
    deployment: &Deployment,
    stage: Option<&str>,
) -> Result<String, String> {
    let (mut says_why, mut failures) = (true, 0);
    let mut changed = server.feed.end().1;
    let began = Instant::now();
    while began.elapsed() < LONGEST {
        // Off the runtime: a large run takes a while to be judged.
        let (of, named) = (Arc::clone(server), stage.map(ToOwned::to_owned));
        let gate = tokio::task::spawn_blocking(move || Gate::of(&of, named.as_deref())).await;
        let (verdict, why) = match gate.map_err(|error| error.to_string())? {
            Ok(gate) => (gate.verdict, gate.why),
            Err(answer) => (Verdict::Hold, String::from_utf8_lossy(&answer.body).trim().to_owned()),
        };
        let comment = text::cut(&text::line(&format!("{verdict}: {why}")), COMMENT).into_owned();
        let review = match verdict {
            Verdict::Go | Verdict::GoWithIssues => Some("approved"),
            Verdict::NoGo => Some("rejected"),
            Verdict::Hold | Verdict::ProvisionalGo => None,
        };
        if review.is_some() || says_why {
            let waits = if review.is_some() { "" } else { ". This deployment waits." };
            match (app.review(deployment, review, &format!("{comment}{waits}")).await, review) {
                (Ok(()), Some(review)) => return Ok(format!("{review}, {comment}")),
                (Ok(()), None) => says_why = false,
                (Err(reason), _) if failures == MOST_FAILURES => return Err(reason),
                (Err(reason), _) => {
                    failures += 1;
                    app.say(deployment, &format!("could not be told, and is tried again: {reason}"));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        // Many events come at once.
        tokio::time::sleep(TICK).await;
        let _ = tokio::time::timeout(CLOCK, changed.changed()).await;
    }
    Err("no verdict within 30 days".to_owned())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
