//! Who we are for the server, and what we may do.

use url::Url;

use super::answer::{Answer, before, contrasted, well};
use super::evidence::Evidence;
use super::http;
use super::quoted::{Quoted, Words};
use super::registry::{Rule, Ruling, causes};
use crate::model::cause::{Cause, Confidence};
use crate::model::fault::Fault;
use crate::model::layer::Layer;
use crate::model::response::BodyKind;

causes! { Auth:
    NO_CREDENTIALS = "http-401" at Source,
        "The server wants credentials, and none are sent.",
        "401 to a request without credentials; WWW-Authenticate says which scheme is expected.",
        ["give the caller its service account"];
    EXPIRED = "auth-token-expired" at Source,
        "The token has expired: it was kept and not renewed.",
        "401 to a token; the answer says that it has expired.",
        ["renew the token, or restart the caller", "compare the token's exp with the server's Date"];
    AUDIENCE = "auth-wrong-audience" at Source,
        "The token is for somebody else: another audience or issuer, most often another environment's.",
        "401 to a token; the answer names its audience or issuer.",
        ["compare aud and iss of the token with what the server is configured for"];
    TOO_EARLY = "auth-token-not-yet-valid" at Source,
        "The token is not valid yet: the clocks of its issuer and of the server differ.",
        "401 to a token; the answer names nbf, iat or a time that has not come.",
        ["compare the clocks (NTP) of the issuer, the caller and the server"];
    KEY = "auth-signature-key-rotated" at Target,
        "The server does not know the key that signed the token: its issuer has a new one, or the server keeps old ones.",
        "401 to a token; the answer names the signature, the key or its id (kid).",
        ["let the server read the issuer's keys (JWKS) again", "see whether the token was made before the change"];
    ROTATED = "auth-credentials-rotated" at Source,
        "The credentials that are sent are not valid any more: the secret was changed on one side.",
        "401 to credentials that were good in the baseline.",
        ["give the caller the new secret, and restart it", "look for a line break at the end of the secret"];
    ADDRESS = "http-403-ip" at Target,
        "The caller's address is not on the server's allow list.",
        "403 from here; the same request from another place is answered.",
        ["put the caller's address, as the server sees it, on the list"];
    SCOPE = "http-403-scope" at Target,
        "The account is known, and lacks a role or scope.",
        "403, not 401, from every place; the answer names what is missing, where it does.",
        ["grant the role or scope again: it was there before"];
    LOGIN = "http-redirect-login" at Source,
        "The server sends us to a login page: our session, token or account is not accepted.",
        "Redirected to a page for people to log in, or that page comes with status 200.",
        ["use an account for machines, or take this path out of single sign-on"];
    LDAP = "ldap-bind" at Dependency,
        "The directory refuses the application's own account.",
        "The application quotes LDAP result 49 (RFC 4511); Active Directory's sub-code after `data` tells the reason.",
        ["unlock the service account, or give the application its password"];
    KERBEROS = "kerberos-spn-clock" at Dependency,
        "Kerberos refuses: the service's name or key is not that of this host, or the clocks differ.",
        "The application quotes an error of Kerberos (RFC 4120 section 7.5.9) by its name, number or text.",
        ["move the service principal to the new host: setspn -L ACCOUNT, klist -k KEYTAB", "compare the clocks; five minutes are allowed"];
    GRPC = "grpc-unauthenticated-permission" at Source,
        "The gRPC server does not accept the token, or it gives no right to the method.",
        "grpc-status 16 or 7 in an answer of type application/grpc: the server itself says so, not a proxy.",
        ["give the caller its token, or grant the role"];
}

pub(super) const RULES: &[Rule] = &[directory, kerberos, login, login_page, token, no_credentials, rotated, address, scope];

/// LDAP result 49 (RFC 4511 section 4.1.9) as clients write it: JNDI, `OpenLDAP`, ldapjs, Spring, .NET.
const LDAP_WORDS: &[Words] = &[(LDAP, &[
    &["ldap", "error code 49"], &["acceptsecuritycontext error"], &["ldap", "invalid credentials (49)"],
    &["ldap", "invalidcredentialserror"], &["ldap", "invalidcredentials", "49"],
])];

/// Active Directory's reasons, by the number after `data`: Windows errors in hexadecimal (`winerror.h`).
const SUB_CODES: [(&str, &str); 9] = [
    ("525", "the account is not there"),
    ("52e", "the password is wrong"),
    ("530", "it may not log in at this time"),
    ("531", "it may not log in from this host"),
    ("532", "the password has expired"),
    ("533", "the account is disabled"),
    ("701", "the account has expired"),
    ("773", "the password has to be changed first"),
    ("775", "the account is locked"),
];

fn directory(evidence: &Evidence<'_>) -> Option<Ruling> {
    let quoted = Quoted::of(evidence)?;
    let ruling = quoted.find(LDAP_WORDS)?;
    let (_, after) = quoted.text.split_once("data ").unwrap_or_default();
    let code = after.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    Some(match SUB_CODES.iter().find(|(known, _)| *known == code) {
        Some((_, means)) => ruling.next(format!("sub-code {code} of Active Directory: {means}")),
        None => ruling,
    })
}

/// Names of RFC 4120 section 7.5.9, and the texts that MIT's library and Java have for them.
const KERBEROS_WORDS: &[Words] = &[(KERBEROS, &[
    &["krb_ap_err_skew"], &["clock skew too great"], &["clock skew", "kerberos"],
    &["kdc_err_s_principal_unknown"], &["server not found in kerberos database"],
    &["krb_ap_err_modified"], &["krb_ap_err_badkeyver"], &["specified version of key is not available"],
    &["cannot find key of appropriate type to decrypt"], &["checksum failed", "gssexception"],
])];

fn kerberos(evidence: &Evidence<'_>) -> Option<Ruling> {
    Quoted::of(evidence)?.find(KERBEROS_WORDS)
}

/// Words of hosts and paths where people log in.
const LOGIN_WORDS: &[&str] = &[
    "login", "logon", "signin", "sso", "oauth", "oauth2", "authorize", "authenticate", "saml", "saml2", "openid", "cas", "adfs", "idp",
    "keycloak", "realms",
];

/// Whether a URL is one for people to log in.
pub(super) fn is_login(url: &Url) -> bool {
    let place = format!("{}{}", url.host_str().unwrap_or_default(), url.path()).to_lowercase();
    let words: Vec<&str> = place.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let pairs = words.windows(2).any(|pair| matches!(pair, ["sign" | "log", "in" | "on"]));
    pairs || words.iter().any(|word| LOGIN_WORDS.contains(word))
}

fn login(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, _, to) = http::redirect(evidence).filter(|(_, called, to)| is_login(to) && !is_login(called))?;
    let ruling = answer.tell(LOGIN);
    Some(ruling.saying(&format!("It leads to {}{}.", to.host_str().unwrap_or_default(), to.path())))
}

/// A page for logging in, with status 200, in the place of data; not where only this place gets it.
fn login_page(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = Answer::steady(evidence).filter(|answer| answer.is(BodyKind::Html) && answer.layer >= Layer::Protocol)?;
    let form = answer.says(&["type=\"password\"", "type='password'", "samlrequest", "<title>sign in", "<title>log in", "<title>login"]);
    let was_html = before(evidence).and_then(|was| was.body.as_ref()).is_some_and(|body| body.kind == BodyKind::Html);
    (form && !was_html && well(evidence).is_none()).then(|| answer.tell(LOGIN))
}

/// A refusal of who we are, and whether credentials were sent.
fn unauthorized<'a>(evidence: &'a Evidence<'a>) -> Option<(Answer<'a>, bool)> {
    let answer = Answer::steady(evidence).filter(|answer| answer.response.status == 401)?;
    let sent = answer.has_sent("authorization") || answer.has_sent("cookie") || answer.has_sent("x-api-key");
    Some((answer, sent))
}

/// What the challenge and the body say of it, in small letters.
fn reason(answer: &Answer<'_>) -> String {
    let offered = if let Fault::Unauthorized { offered, .. } = answer.fault { offered.join(" ").to_lowercase() } else { String::new() };
    format!("{offered} {}", answer.text)
}

/// What an answer says of a token, with its cause; more than one may fit, and the first does best.
const OF_TOKENS: &[(&Cause, &[&str])] = &[
    (TOO_EARLY, &["not yet valid", "not valid before", "notbefore", "not before", "nbf", "before the current", "issued in the future", "idx10222", "used before"]),
    (EXPIRED, &["expired", "expiration", "exp claim", "idx10223", "lifetime"]),
    (AUDIENCE, &["audience", "issuer", "aud claim", "iss claim", "idx10214", "idx10205"]),
    (KEY, &["signing key", "signature", "signed jwt rejected", "kid", "jwk", "key id", "idx10501", "idx10503", "no matching key", "unable to find a signing key"]),
];

fn token(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, _) = unauthorized(evidence).filter(|(_, sent)| *sent)?;
    let reason = reason(&answer);
    let cause = OF_TOKENS.iter().find(|(_, words)| words.iter().any(|word| reason.contains(word))).map(|(cause, _)| *cause)?;
    Some(with_challenge(&answer, answer.tell(cause)))
}

/// With the server's own words.
fn with_challenge(answer: &Answer<'_>, ruling: Ruling) -> Ruling {
    let Fault::Unauthorized { offered, .. } = answer.fault else { return ruling };
    let Some(first) = offered.first() else { return ruling };
    ruling.saying(&format!("The server says \"{first}\"."))
}

fn no_credentials(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, sent) = unauthorized(evidence)?;
    (!sent && evidence.check.kind != "flow").then(|| with_challenge(&answer, answer.tell(NO_CREDENTIALS)))
}

fn rotated(evidence: &Evidence<'_>) -> Option<Ruling> {
    let (answer, _) = unauthorized(evidence).filter(|(_, sent)| *sent)?;
    if token(evidence).is_some() {
        return None;
    }
    let ruling = with_challenge(&answer, answer.tell(ROTATED));
    Some(if before(evidence).is_some() {
        ruling
    } else {
        ruling.sure(Confidence::Low).or(&[EXPIRED, AUDIENCE, KEY])
    })
}

fn forbidden<'a>(evidence: &'a Evidence<'a>) -> Option<Answer<'a>> {
    Answer::steady(evidence).filter(|answer| matches!(answer.fault, Fault::Forbidden { .. }))
}

fn address(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = forbidden(evidence)?;
    let place = well(evidence)?;
    let source = super::evidence::source(evidence.trace).map(|source| source.to_string());
    let ruling = answer.tell(ADDRESS).proved(format!("From {} the same request is answered.", place.name()));
    Some(match source {
        Some(source) => ruling.next(format!("allow {source}, or the address it is translated to")),
        None => ruling,
    })
}

/// Words of servers that miss a role, a scope or a right.
const RIGHTS: &[&str] =
    &["insufficient_scope", "scope", "role", "permission", "privilege", "access denied", "accessdenied", "not authorized", "authority"];

/// A page in the place of an application's answer is a web server's or a firewall's: it knows of addresses, not of roles.
fn scope(evidence: &Evidence<'_>) -> Option<Ruling> {
    let answer = forbidden(evidence).filter(|_| well(evidence).is_none())?;
    // API gateways say so of a path that they do not know.
    if answer.says(&["missing authentication token"]) {
        return None;
    }
    let challenge = answer.response.header("www-authenticate").unwrap_or_default().to_lowercase();
    let of_application = !answer.is(BodyKind::Html) && answer.says(RIGHTS);
    let ruling = contrasted(evidence, Ruling::new(SCOPE, Layer::Auth, answer.seen()));
    if of_application || RIGHTS.iter().any(|word| challenge.contains(word)) {
        let said = if challenge.is_empty() { answer.words() } else { format!("\"{challenge}\"") };
        return Some(ruling.saying(&format!("The server says {said}.")));
    }
    if answer.is(BodyKind::Html) {
        return Some(answer.tell(ADDRESS).sure(Confidence::Low).or(&[SCOPE]));
    }
    let asked_elsewhere = evidence.elsewhere().next().is_some();
    let sure = if asked_elsewhere { Confidence::Medium } else { Confidence::Low };
    Some(ruling.sure(sure).or(&[ADDRESS]))
}
