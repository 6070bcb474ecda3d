//! Which request gets which answer. A new page is one line in `ROUTES` and one arm below it.

use std::convert::Infallible;
use std::net::IpAddr;
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
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::answers::{self, Answer};
use super::door::{Role, Stranger, may_write};
use super::events::{Last, Place, stream_of};
use super::{Server, desk, github, say};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Bytes of what is sent to us.
const LARGEST_BODY: usize = 64 * 1024;
/// The longest that sending it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is asked of whoever shows no token (RFC 6750 section 3).
const BEARER: &str = "Bearer realm=\"gonogo\"";
/// Before a wrong token is told to be wrong: guessing takes long.
const WRONG: Duration = Duration::from_millis(300);

/// What can be asked for, for whoever asks for something else.
const ROUTES: &str =
    "/ (the page), /say, /events, /result.json, /verdict, /gate, /github, /metrics, /healthz";

/// Answer one request.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: Request<Incoming>,
    place: Place,
    from: IpAddr,
) -> Result<Response<Body>, Infallible> {
    Ok(routed(server, request, place, from).await)
}

async fn routed(
    server: &Arc<Server>,
    request: Request<Incoming>,
    place: Place,
    from: IpAddr,
) -> Response<Body> {
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
    let asked = Asked { query: head.uri.query().unwrap_or_default().to_owned() };
    // Signed, it needs no token; whose name it was sent to is looked at all the same.
    if path == "/github" && head.method == Method::POST && server.door.is_meant(&head.headers) {
        return match read(body).await {
            Ok(body) => whole(github::take_in(server, &head.headers, &body, asked.stage())),
            Err(()) => too_large(),
        };
    }
    let role = match server.door.admit(&head.headers) {
        Ok(role) => role,
        Err(Stranger::Misdirected) => {
            let text = "this server does not answer to that name; start it with --name NAME if it should\n";
            return whole(Answer::text(StatusCode::MISDIRECTED_REQUEST, text));
        }
        Err(Stranger::Unknown) if path == "/gate" && server.open_gate => {
            if read(body).await.is_err() {
                return too_large();
            }
            let answered =
                render(server, move |server| answers::gate(server, asked.stage().as_deref(), false));
            return answered.await;
        }
        Err(Stranger::Unknown) => {
            tokio::time::sleep(WRONG).await;
            let answer = if path == "/" { answers::login(Role::Reader, false) } else { answers::no_token() };
            return with(whole(answer), WWW_AUTHENTICATE, BEARER);
        }
    };
    match path.as_str() {
        // Flagger and others send what they are about, which changes nothing.
        "/gate" if reads || head.method == Method::POST => {
            if head.method == Method::POST && read(body).await.is_err() {
                return too_large();
            }
            render(server, move |server| answers::gate(server, asked.stage().as_deref(), true)).await
        }
        "/say" if reads || head.method == Method::POST => {
            speak(server, role, &head, (head.method == Method::POST).then_some(body), &asked, from).await
        }
        "/" | "/say" | "/body" | "/events" | "/result.json" | "/verdict" | "/metrics" | "/gate" if !reads => {
            let answer = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "this can only be read\n");
            with(
                whole(answer),
                ALLOW,
                if matches!(path.as_str(), "/gate" | "/say") { "GET, HEAD, POST" } else { "GET, HEAD" },
            )
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
    let Ok(form) = read(body).await else { return too_large() };
    let field = |wanted: &str| {
        url::form_urlencoded::parse(&form).find(|(name, _)| name == wanted).map(|(_, value)| value)
    };
    match server.door.log_in(headers, field("token").as_deref().unwrap_or_default()) {
        Ok((role, cookie)) => {
            let place = if role == Role::Operator { "/say" } else { "/" };
            let entered = with(whole(Answer::text(StatusCode::SEE_OTHER, "")), LOCATION, place);
            with(entered, SET_COOKIE, &cookie)
        }
        Err(Stranger::Unknown) => {
            tokio::time::sleep(WRONG).await;
            let as_operator = field("who").is_some_and(|who| who == "operator");
            whole(answers::login(if as_operator { Role::Operator } else { Role::Reader }, true))
        }
        Err(Stranger::Misdirected) => of_another_page(),
    }
}

/// The operator's desk, and what is said there.
async fn speak(
    server: &Arc<Server>,
    role: Role,
    head: &Parts,
    body: Option<Incoming>,
    asked: &Asked,
    from: IpAddr,
) -> Response<Body> {
    let is_browser = say::is_browser(&head.headers);
    if !server.door.lets_write() {
        let text =
            "this page can only be read; gonogo serve --operator-token-file FILE lets operators write\n";
        return whole(Answer::text(StatusCode::NOT_FOUND, text));
    }
    if role != Role::Operator {
        tokio::time::sleep(WRONG).await;
        let answer = if is_browser { answers::login(Role::Operator, false) } else { answers::no_operator() };
        return with(whole(answer), WWW_AUTHENTICATE, BEARER);
    }
    let Some(body) = body else { return whole(desk::desk(server, asked.value("by").as_deref(), None).await) };
    if !may_write(&head.headers) {
        return of_another_page();
    }
    let Ok(body) = read(body).await else { return too_large() };
    let said = say::say(server, &head.headers, &body, from).await;
    match &said.outcome {
        _ if !is_browser => whole(said.answer(&head.headers)),
        Ok(_) => {
            let by = url::form_urlencoded::byte_serialize(said.by.as_deref().unwrap_or_default().as_bytes());
            let desk = format!("/say?by={}#said", by.collect::<String>());
            with(whole(Answer::text(StatusCode::SEE_OTHER, "")), LOCATION, &desk)
        }
        Err(wrong) => whole(desk::desk(server, said.by.as_deref(), Some(wrong)).await),
    }
}

fn of_another_page() -> Response<Body> {
    let text =
        "this form was sent by another page; a proxy before this server has to pass the Host header on\n";
    whole(Answer::text(StatusCode::FORBIDDEN, text))
}

fn too_large() -> Response<Body> {
    whole(Answer::text(StatusCode::PAYLOAD_TOO_LARGE, "at most 64 KiB, within 10 s\n"))
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
        // With `no-referrer` a browser would hide from us that a form is of our own page (Fetch section 3.2).
        (REFERRER_POLICY, "same-origin"),
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
