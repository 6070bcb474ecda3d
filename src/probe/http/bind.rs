//! Mistakes in an `http` probe that its types cannot catch.

use super::Http;
use super::fields::{WrittenUrl, header_problems};
use super::way::{connect_to, is_secured};
use crate::net::proxy::Proxy;
use crate::probe::reach::Addresses;
use crate::probe::{Probe as _, Problem, Surroundings, idle};

pub(super) fn bind(http: &mut Http, surroundings: &Surroundings<'_>) -> Vec<Problem> {
    let mut problems = url_problems("url", &http.url);
    if http.method().is_none() {
        let written = http.method.clone().unwrap_or_default();
        problems.push(Problem::at("method", format!("`{written}` is not a method")));
    }
    problems.extend(header_problems("", &http.headers));
    if http.body.is_some() && http.json.is_some() {
        problems.push(Problem::at("json", "a request has `body` or `json`, not both"));
    }
    if http.auth.is_some() && http.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
        problems.push(Problem::at("auth", "a request has `auth` or an Authorization header, not both"));
    }
    if let Some(ca) = &mut http.ca {
        ca.anchor(surroundings.folder);
    }
    if let Some(files) = &mut http.client_certificate {
        files.anchor(surroundings.folder);
    }
    if let Some(super::Auth::Basic(basic)) = &mut http.auth {
        basic.password.anchor(surroundings.folder);
        // RFC 7617 section 2.
        if basic.user.contains(':') {
            problems.push(Problem::at("auth.basic.user", "a user's name holds no colon"));
        }
    } else if let Some(super::Auth::Bearer(token)) = &mut http.auth {
        token.anchor(surroundings.folder);
    }
    for text in http.headers.values_mut() {
        if let super::Text::Secret(secret) = text {
            secret.anchor(surroundings.folder);
        }
    }
    if let Some(proxy) = http.proxy.as_deref().filter(|proxy| !matches!(*proxy, "none" | "environment")) {
        match Proxy::parse(proxy) {
            Err(wrong) => problems.push(
                Problem::at("proxy", format!("this proxy cannot be used: {wrong}"))
                    .help("write `http://host:port`, `environment` or `none`"),
            ),
            Ok(proxy) if proxy.authorization.is_some() => problems.push(
                Problem::at("proxy", "a proxy's URL in a plan holds no user and password")
                    .help("put it into https_proxy and write `proxy: environment`"),
            ),
            Ok(_) => {}
        }
    }
    if let Err(wrong) = connect_to(http.connect_to.as_ref()) {
        problems.push(Problem::at("connect_to", wrong).help("write it as `host:port` or `[v6]:port`"));
    }
    let proxied = http.proxy.as_deref().is_some_and(|proxy| proxy != "none");
    if proxied && http.connect_to.is_some() && !is_secured(&http.url) {
        problems.push(
            Problem::at("connect_to", "a proxy that is given an `http` URL connects where the URL says")
                .help("leave out `connect_to` or `proxy`"),
        );
    }
    if http.redirects > 20 {
        problems.push(Problem::at("redirects", "at most 20 redirects are followed"));
    }
    if !(1..=100).contains(&http.repeat) {
        problems.push(Problem::at("repeat", "a call is repeated 1 to 100 times"));
    }
    if http.reuse_after.is_some() {
        problems.extend(reuse_problems(http));
    }
    if let Some(expect) = &http.expect {
        problems.extend(expect.problems("expect"));
        if http.method().is_some_and(|method| method == hyper::Method::HEAD)
            && (expect.body.is_some() || !expect.json.is_empty())
        {
            problems.push(Problem::at("expect", "the answer to HEAD has no body"));
        }
    }
    problems
}

/// What makes no sense beside `reuse_after`, which makes one call twice on one connection.
fn reuse_problems(http: &Http) -> Vec<Problem> {
    let mut problems: Vec<Problem> = idle::problem(http.reuse_after).into_iter().collect();
    if http.repeat > 1 || http.addresses == Addresses::All {
        problems.push(
            Problem::at("reuse_after", "`reuse_after` is of one connection, without `repeat` or `addresses: all`")
                .help("write a second check for the other"),
        );
    }
    if http.harmless().is_none() {
        problems.push(
            Problem::at("reuse_after", "the call is made twice, so it may change nothing")
                .help("call something by GET, without a body"),
        );
    }
    problems
}

/// What is wrong with a URL, found under `path`.
pub(in crate::probe) fn url_problems(path: &str, text: &WrittenUrl) -> Vec<Problem> {
    let url = match text.read() {
        Ok(url) => url,
        Err(error) => {
            let problem = Problem::at(path, format!("`{}` is not a URL: {error}", &**text));
            return vec![problem.help("write the whole URL, such as `https://shop.example/health`")];
        }
    };
    let mut problems = Vec::new();
    if !matches!(url.scheme(), "http" | "https") {
        let problem = Problem::at(path, format!("`{}` is not `http` or `https`", url.scheme()));
        problems.push(match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => {
                problem.help(format!("`tcp: {{ address: \"{host}:{port}\" }}` tells whether anything listens there"))
            }
            (Some(host), None) => problem.help(format!("`https://{host}/`, or a `tcp` check of a port of it")),
            (None, _) => problem.help("write the whole URL, such as `https://shop.example/health`"),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        problems.push(
            Problem::at(path, "a URL holds no user and password")
                .help("use `auth: { basic: { user: NAME, password: { env: VARIABLE } } }`"),
        );
    }
    problems
}
