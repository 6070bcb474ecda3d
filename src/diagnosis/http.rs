//! The protocol of the web: what proxies answer for others, requests that are refused by their form, and bodies that break.

mod body;
mod form;
mod missing;
mod redirect;
pub(super) mod upstream;

pub(super) use redirect::redirect;

use super::registry::{Rule, causes};

causes! { Http:
    UPSTREAM_DOWN = "http-502-upstream-down" at Target,
        "The proxy is up, and what is behind it does not accept connections.",
        "The answer is the proxy's own; on the target's host nothing else answers.",
        ["start the application behind the proxy, and read the log of its start", "the proxy's error log names the address it tried"];
    UPSTREAM_RESET = "http-502-upstream-reset" at Target,
        "What is behind the proxy takes the request and drops the connection.",
        "The answer is the proxy's own; the port behind it resets or closes without an answer.",
        ["read the application's log of that second: a crash, or a protocol it does not speak"];
    UPSTREAM_SECURED = "http-502-upstream-protocol" at Proxy,
        "The proxy speaks plain HTTP to a port that expects TLS.",
        "The answer is the proxy's own; a port behind it wants TLS.",
        ["let the proxy speak https to it (proxy_pass https://, ssl)"];
    UPSTREAM_PLAIN = "http-502-upstream-tls-wrong-version" at Proxy,
        "The proxy speaks TLS to a port that speaks plain HTTP.",
        "The answer is the proxy's own; the port behind it answers plain HTTP.",
        ["let the proxy speak http to it (proxy_pass http://)"];
    UPSTREAM_HEAD = "http-502-header-too-big" at Proxy,
        "The head of the application's answer is larger than the proxy takes.",
        "The answer is the proxy's own; asked directly, the application answers with a very large head.",
        ["raise the proxy's buffer (proxy_buffer_size, tune.bufsize)", "see which header or cookie has grown"];
    UPSTREAM_SLOW = "http-504-upstream-timeout" at Target,
        "The application behind the proxy is slower than the proxy waits.",
        "The answer is the proxy's own, after its timeout; the port behind it takes the request and is as slow.",
        ["take a thread dump, and look at what the application waits for", "raise the proxy's timeout only if it was close to it before"];
    UPSTREAM_UNREACHABLE = "http-504-upstream-unreachable" at Proxy,
        "The proxy cannot reach what is behind it: a wrong address, or a firewall between the two.",
        "The answer is the proxy's own, after its timeout; the application answers others.",
        ["look at the address in the proxy's configuration, and connect to it from the proxy's host"];
    TOO_LARGE = "http-413-body-too-large" at Proxy,
        "The request's body is larger than a proxy or the server takes.",
        "413, while the baseline of the same request was good.",
        ["raise the limit at every tier (client_max_body_size, LimitRequestBody, maxAllowedContentLength)"];
    HEAD_TOO_LARGE = "http-431-header-too-large" at Proxy,
        "The request's headers are larger than a proxy or the server takes: a big cookie, or a token.",
        "431, or 400 that says so; the same without its own headers is answered.",
        ["see what grew in the token or cookie", "raise the limit (large_client_header_buffers, maxHttpHeaderSize)"];
    DEFAULT_PAGE = "http-wrong-vhost-default-page" at Proxy,
        "The request lands at the web server's default site: none is configured for this host name.",
        "A web server's own welcome page comes in the place of the application's answer.",
        ["compare server_name, the ingress host or the binding with the name that is called"];
    NO_VHOST = "http-404-vhost" at Proxy,
        "The proxy or ingress has no rule for this host name.",
        "404 by the proxy itself, for the root path too; behind it, the application answers the same path.",
        ["compare the ingress's or proxy's host names with the name that is called"];
    UNDERSCORE = "http-underscore-header-dropped" at Proxy,
        "A header with an underscore in its name is dropped on the way: proxies do so without a word.",
        "The server misses a header that was sent; asked directly it does not.",
        ["underscores_in_headers on, or a name with hyphens"];
    STRIPPED = "http-proxy-strips-path" at Proxy,
        "The proxy changes the path: what the application is asked for is not what was called.",
        "404 by the application through the proxy; asked directly for the same path, it answers.",
        ["look at the proxy's path rules: proxy_pass with a trailing slash, rewrite, StripPrefix"];
    OLD_HTTP = "http-grpc-through-h1-proxy" at Proxy,
        "HTTP/2, as gRPC needs it, is spoken to a proxy that takes HTTP/1.1.",
        "HTTP/2 is refused; the same in HTTP/1.1 is answered.",
        ["let the proxy speak HTTP/2 (listen ... http2, grpc_pass, h2c)"];
    NO_H2C = "http-h2-cleartext-mismatch" at Source,
        "HTTP/2 without TLS is spoken to a server that does not know it.",
        "HTTP/2 is refused; the same in HTTP/1.1 is answered.",
        ["let the caller use HTTP/1.1, or turn h2c on at the server"];
    CONTEXT_PATH = "http-404-context-path" at Target,
        "The application is not at this path: its context path has changed.",
        "404 by the application server itself, and the baseline of the same path was good.",
        ["look at the context path of the deployment (ROOT, server.servlet.context-path)", "compare with the contexts the server lists"];
    METHOD = "http-405" at Target,
        "The method is not supported at this path: the interface changed, or a redirect turned POST into GET.",
        "405; the Allow header lists what is supported.",
        ["compare the interface's versions of both sides"];
    NOT_ACCEPTABLE = "http-406" at Target,
        "The server does not offer the representation that is asked for.",
        "406; the same request without its own Accept is answered.",
        ["compare the Accept header with what the new version offers"];
    MEDIA_TYPE = "http-415" at Target,
        "The server does not take the Content-Type that is sent.",
        "415; Accept-Post, where it is sent, lists what is taken.",
        ["compare the Content-Type with what the new version takes"];
    MISDIRECTED = "http-421-misdirected" at Proxy,
        "The request came to a server that is not responsible for this name.",
        "421 (RFC 9110 section 15.5.20).",
        ["compare SNI and Host; let no connection be shared by names of one certificate"];
    UPGRADE = "http-426" at Target,
        "The server wants another protocol, most often https.",
        "426; the Upgrade header says which.",
        ["call it by https"];
    RATE = "http-429" at Target,
        "A limit on the rate of requests is reached.",
        "The first calls pass, then 429; Retry-After says for how long.",
        ["wait as long as Retry-After says, and do not retry sooner", "ask for another limit, or look for who else calls from this address"];
    TO_HTTP = "http-redirect-to-http" at Target,
        "The application redirects to http: it does not know that it is called by https.",
        "A call by https is redirected to the same host by http.",
        ["send X-Forwarded-Proto, and let the application trust it (RemoteIpValve, ForwardedHeaders)"];
    INTERNAL = "http-redirect-internal-host" at Target,
        "The application redirects to a name of its own, which callers do not know.",
        "Location names localhost or an internal host, not the one that was called.",
        ["configure the application's external address", "let the proxy rewrite Location"];
    LOOP = "http-redirect-loop" at Target,
        "Redirects lead in a circle.",
        "A Location that was followed already comes again.",
        ["look at X-Forwarded-Proto, and at the cookie the redirect depends on"];
    POST_TO_GET = "http-301-post-becomes-get" at Source,
        "A redirect turned POST into GET, which the new address does not take.",
        "After a 301 or 302 the request is a GET, and 405 allows POST.",
        ["call the final address; a slash at its end is the usual difference", "redirect by 307 or 308"];
    CONTENT_TYPE = "http-wrong-content-type" at Target,
        "The answer's Content-Type has changed, its content has not.",
        "The body is of the same kind as before; the header is another.",
        ["compare the interface's versions of both sides"];
    TRUNCATED = "http-truncated-body" at Target,
        "The body ends before its Content-Length.",
        "The head came whole, and the connection ended within the body.",
        ["read the log of that second: a crash while it answered, a full disk of the proxy"];
    SHORT_LENGTH = "http-content-length-short" at Target,
        "Content-Length is smaller than the body: the rest is cut off.",
        "The JSON breaks off exactly at Content-Length; the body was longer before.",
        ["look for a filter or a compression that changes the body after its length was set"];
    BAD_CHUNKS = "http-chunked-illegal" at Proxy,
        "The answer says that it is chunked, and is not.",
        "Transfer-Encoding: chunked, and the body does not begin with a chunk's size.",
        ["look for a proxy or filter that unpacks the body and leaves the header"];
    CHUNKS_CUT = "http-chunked-cut" at Target,
        "The stream ends before its last chunk.",
        "The head came whole, and the connection ended between or within chunks.",
        ["read the application's log of that second: a crash, or a timeout in mid-stream"];
    BAD_GZIP = "http-gzip-broken" at Target,
        "Content-Encoding says that the body is packed, and it is not, or it is broken.",
        "The head came whole; the body cannot be unpacked.",
        ["look for two tiers that both compress, or for one that unpacks and leaves the header"];
    UNTOLD_GZIP = "http-gzip-unasked" at Target,
        "The body is packed and no Content-Encoding says so.",
        "The body begins with gzip's magic number.",
        ["look for a tier that drops Content-Encoding, or for a file that is served packed"];
    SLOW = "http-slow-first-byte" at Target,
        "The application is slow to answer.",
        "The connection is made at once, and the first byte of the answer comes late.",
        ["look at what the application waits for: its database, a cold cache, another system"];
    DRIP = "http-drip-body" at Target,
        "The answer begins, and its body does not come to an end.",
        "The head comes at once and the body stalls, on the target's own host too.",
        ["look at what the application waits for while it writes", "look for a stream where a whole answer is expected"];
    PROXY_PROTOCOL = "tcp-proxy-protocol-unexpected" at Proxy,
        "The load balancer sends the PROXY protocol to a server that does not expect it.",
        "400 through the load balancer; the server behind it answers the same request.",
        ["take send-proxy away, or let the server accept it"];
    EXPECT = "http-expect-100-hang" at Target,
        "The server, or a proxy, does not know Expect: 100-continue: it waits, or refuses.",
        "The request with the header is not answered, or 417; one without it is.",
        ["let the caller send no Expect header", "or let the server answer 100 (RFC 9110 section 10.1.1)"];
    NO_UPGRADE = "ws-upgrade-blocked" at Proxy,
        "The proxy does not pass on the upgrade to WebSocket.",
        "The handshake is answered otherwise than by 101; asked directly, the application switches.",
        ["proxy_http_version 1.1, and proxy_set_header Upgrade $http_upgrade with Connection upgrade (nginx)"];
}

/// From the particular to the general.
pub(super) const RULES: &[Rule] = &[
    redirect::led_away,
    redirect::post_to_get, redirect::looped, redirect::to_http, redirect::internal, form::limited, form::too_large,
    form::head_too_large, form::not_acceptable, form::media_type, form::method, form::misdirected, form::upgrade,
    form::no_upgrade, body::expect,
    missing::underscore, missing::default_page, missing::stripped, missing::vhost, missing::context_path,
    missing::proxy_protocol, body::chunks, body::cut, body::compression, body::packed, body::short, body::drip,
    body::content_type, body::slow, upstream::old_http, upstream::failed, upstream::silent,
];
