//! Which request gets which answer. A new page is one line in `ROUTES` and one arm below it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use super::Server;
use super::answers::{self, Answer};
use super::door::Stranger;
use super::events::{Last, Place, stream_of};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Bytes of what is sent to us.
const LARGEST_BODY: usize = 64 * 1024;
/// The longest that sending it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before a wrong token is told to be wrong: guessing takes long.
const WRONG: Duration = Duration::from_millis(300);

/// What can be asked for, for whoever asks for something else.
const ROUTES: &str = "/ (the page), /events, /result.json, /verdict, /gate, /metrics, /healthz";

/// Answer one request.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: Request<Incoming>,
    place: Place,
) -> Result<Response<Body>, Infallible> {
    Ok(routed(server, request, place).await)
}

async fn routed(server: &Arc<Server>, request: Request<Incoming>, place: Place) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    // For load balancers, which have no token; it tells nothing but that we are there.
    if path == "/healthz" {
        return whole(answers::health(server));
    }
    let reads = matches!(head.method, Method::GET | Method::HEAD);
    if path == "/login" && head.method == Method::POST {
        return log_in(server, &head.headers, body).await;
    }
    match server.door.admit(&head.headers) {
        Ok(()) => {}
        Err(Stranger::Misdirected) => {
            let text = "this server does not answer to that name; start it with --name NAME if it should\n";
            return whole(Answer::text(StatusCode::MISDIRECTED_REQUEST, text));
        }
        Err(Stranger::Unknown) => {
            tokio::time::sleep(WRONG).await;
            let answer = if path == "/" { answers::login(false) } else { answers::no_token() };
            return with(whole(answer), WWW_AUTHENTICATE, "Bearer realm=\"gonogo\"");
        }
    }
    let asked = Asked { query: head.uri.query().unwrap_or_default().to_owned() };
    match path.as_str() {
        // Flagger and others send what they are about, which changes nothing.
        "/gate" if reads || head.method == Method::POST => {
            if head.method == Method::POST && read(body).await.is_err() {
                return whole(Answer::text(StatusCode::PAYLOAD_TOO_LARGE, "at most 64 KiB, within 10 s\n"));
            }
            render(server, move |server| answers::gate(server, asked.stage().as_deref())).await
        }
        "/" | "/body" | "/events" | "/result.json" | "/verdict" | "/metrics" | "/gate" if !reads => {
            let answer = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "this can only be read\n");
            with(whole(answer), ALLOW, if path == "/gate" { "GET, HEAD, POST" } else { "GET, HEAD" })
        }
        "/" => render(server, answers::page).await,
        "/body" => render(server, answers::body).await,
        "/result.json" => render(server, answers::result).await,
        "/verdict" => render(server, move |server| answers::verdict(server, asked.stage().as_deref())).await,
        "/metrics" => render(server, answers::metrics).await,
        "/events" => {
            let named =
                head.headers.get("last-event-id").and_then(|id| id.to_str().ok().map(ToOwned::to_owned));
            let last = named.or_else(|| asked.value("after")).and_then(|id| Last::parse(&id));
            let stream = stream_of(Arc::clone(&server.feed), last, place).await;
            finished(StatusCode::OK, "text/event-stream", StreamBody::new(stream).boxed_unsync())
        }
        _ => whole(Answer::text(
            StatusCode::NOT_FOUND,
            &format!("there is no such page; there are {ROUTES}\n"),
        )),
    }
}

/// What stands after the `?`.
struct Asked {
    query: String,
}

impl Asked {
    fn value(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    fn stage(&self) -> Option<String> {
        self.value("stage")
    }
}

async fn log_in(server: &Server, headers: &hyper::HeaderMap, body: Incoming) -> Response<Body> {
    if !server.door.is_meant(headers) {
        return whole(Answer::text(
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not answer to that name\n",
        ));
    }
    let Ok(form) = read(body).await else {
        return whole(Answer::text(StatusCode::PAYLOAD_TOO_LARGE, "at most 64 KiB, within 10 s\n"));
    };
    let token = url::form_urlencoded::parse(&form).find(|(name, _)| name == "token");
    match server.door.log_in(headers, token.as_ref().map_or("", |(_, token)| token)) {
        Ok(cookie) => {
            let entered = with(whole(Answer::text(StatusCode::SEE_OTHER, "")), LOCATION, "/");
            with(entered, SET_COOKIE, &cookie)
        }
        Err(Stranger::Unknown) => {
            tokio::time::sleep(WRONG).await;
            whole(answers::login(true))
        }
        Err(Stranger::Misdirected) => {
            whole(Answer::text(StatusCode::FORBIDDEN, "this form was sent by another page\n"))
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, ()> {
    let whole = Limited::new(body, LARGEST_BODY).collect();
    let whole = tokio::time::timeout(PATIENCE, whole).await.map_err(drop)?;
    whole.map(http_body_util::Collected::to_bytes).map_err(drop)
}

/// Off the runtime: a large run takes a while to be told.
async fn render(
    server: &Arc<Server>,
    answer: impl FnOnce(&Server) -> Answer + Send + 'static,
) -> Response<Body> {
    let server = Arc::clone(server);
    let answered = tokio::task::spawn_blocking(move || answer(&server)).await;
    whole(answered.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be made");
        Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error: please report this; this is no go\n")
    }))
}

fn whole(answer: Answer) -> Response<Body> {
    finished(answer.status, answer.content_type, Full::new(answer.body).boxed_unsync())
}

/// With what every answer has: nobody keeps it, frames it, or takes it for something else.
fn finished(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let policy = if content_type.starts_with("text/html") {
        "frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, policy),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn with(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
