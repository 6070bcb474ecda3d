//! What each fault of a target means, and what to try.

use super::{Explanation, Kind, entry};

const fn fault(
    name: &'static str,
    what: &'static str,
    means: &'static str,
    next: &'static [&'static str],
) -> Explanation {
    entry(Kind::Fault, name, what, means, next)
}

/// Every fault, shallowest layer first.
pub(super) const ALL: &[Explanation] = &[
    fault(
        "name_not_found",
        "The name does not exist in DNS, says the resolver that was asked (NXDOMAIN).",
        "Nothing was sent to the target: the application that uses this name gets the same answer. Either the name is \
         wrong, or the record was never made, or this host asks a resolver that does not know the zone.",
        &[
            "compare the name letter by letter with the one in the application's configuration",
            "ask for it from another vantage: a name that exists there points at this host's resolver or search list",
            "ask the DNS team whether the record of this release was published, and wait out the negative cache",
        ],
    ),
    fault(
        "no_record",
        "The name exists, but has no record of the type that was asked for.",
        "The zone is known and something is published under this name, only not this: an IPv6-only name asked for an A \
         record, or an MX record nobody made.",
        &["look at the types there are: dig NAME ANY", "ask the DNS team for the missing record"],
    ),
    fault(
        "server_failure",
        "The resolver could not find an answer (SERVFAIL, or EAI_AGAIN from the system).",
        "This says nothing about the name. The resolver could not reach the zone's servers, or DNSSEC validation failed.",
        &[
            "look again in a minute: gonogo retest CHECK",
            "ask another resolver for the same name; if that answers, the resolver is the one to repair",
            "if no resolver answers, the zone's own servers or its DNSSEC signatures are broken: ask the DNS team",
        ],
    ),
    fault(
        "query_refused",
        "The DNS server refused to answer this host (REFUSED).",
        "The server is up, and its policy excludes us: a list of permitted clients, or no recursion for us.",
        &[
            "check which server this host is configured to use",
            "ask the DNS team to permit this host's network",
        ],
    ),
    fault(
        "resolver_failed",
        "The name could not be looked up for another reason; the code is in the message.",
        "The resolver answered something that is neither an address nor a plain no.",
        &[
            "look at the code in the message",
            "look at /etc/resolv.conf and /etc/nsswitch.conf on the vantage",
        ],
    ),
    fault(
        "no_route",
        "This host has no route to the address (ENETUNREACH).",
        "The packet never left this host. Often an IPv6 address on a host without IPv6, or a missing static route.",
        &["on the vantage: ip route get ADDRESS", "ask the network team for the route"],
    ),
    fault(
        "prohibited",
        "A rule on this host forbids talking to the address (EACCES or EPERM).",
        "The packet never left this host: a local firewall, a `prohibit` route, or a policy of the container.",
        &[
            "on the vantage: ip route get ADDRESS, and the local firewall's rules",
            "ask the owner of this host",
        ],
    ),
    fault(
        "refused",
        "Something answered at once that nobody listens on this port (ECONNREFUSED).",
        "The way to the host is open. The service is not started, listens on another port or only on localhost, or a \
         firewall rejects politely.",
        &[
            "ask the owner whether the service is up, and on which address and port it listens: ss -ltn",
            "compare the port with the one in the plan",
            "if it listens and is still refused, ask the network team for a rule that rejects",
        ],
    ),
    fault(
        "connect_timed_out",
        "No answer to the attempt to connect.",
        "Typical of a firewall that drops packets, of a host that is down, or of a way back that is missing. A service \
         that is merely stopped refuses instead.",
        &[
            "compare the vantages in the layer table: if another one connects, the target is up and the path from here is filtered",
            "ask the network team for drops between this source and this destination address and port",
            "if no vantage connects, ask whether the host is up",
        ],
    ),
    fault(
        "unreachable",
        "A router or this host says that the target cannot be reached (EHOSTUNREACH or ENETUNREACH).",
        "The address that told so is in the message when it is known. On the same network it means that the host does \
         not answer ARP: it is down, or the address is wrong.",
        &[
            "ask the owner of the router named in the message",
            "check the address, and whether the host is up",
        ],
    ),
    fault(
        "connect_failed",
        "The connection could not be made for another reason; the errno is in the layers.",
        "The kernel gave an error that is neither a refusal, nor silence, nor a missing way.",
        &[
            "look at the errno of each attempt in result.json",
            "look at limits of this host: ports, files, memory",
        ],
    ),
    fault(
        "socket_failed",
        "The Unix socket could not be connected.",
        "The server is not running on this host, uses another folder for its socket, or its permissions exclude us.",
        &["look whether the socket is there, and who may write to it", "check that the server is started"],
    ),
    fault(
        "reset",
        "The connection was made and then cut by the other side (ECONNRESET or EPIPE).",
        "Something accepted us and then threw us out: a service that crashes, a load balancer without a back end, or a \
         firewall that judges what is inside.",
        &[
            "read the service's own log at this moment",
            "ask whether a load balancer or an inspecting firewall is in between, and whether it has healthy back ends",
        ],
    ),
    fault(
        "connection_lost",
        "The connection was made and then failed on the way, with the error shown.",
        "Something between here and the server changed or gave out: a route that went away, a firewall that was \
         reloaded, a link that flaps. The server itself may know nothing of it.",
        &[
            "ask whether the network changed at this moment",
            "look again: one that comes and goes is a link that flaps",
        ],
    ),
    fault(
        "closed_early",
        "The other side closed the connection before its answer was complete.",
        "It decided to stop: it crashed, it does not speak this protocol, or a balancer in between gave up on it.",
        &["read the service's own log at this moment", "check that the port belongs to this protocol"],
    ),
    fault(
        "timed_out",
        "Nothing, or not enough, came within the limit.",
        "The connection stands, so the network is not the first suspect: the service is busy, blocked on something of \
         its own, or waits for something we did not send. The layer says where it stopped.",
        &[
            "look at the layer that timed out, then at the service's load and locks",
            "check what the service itself depends on: its database, its queue, its back end",
            "only if slowness is expected here, raise `timeout` in the plan",
        ],
    ),
    fault(
        "distrusted",
        "The server's certificates are not trusted; every reason is in the message.",
        "The connection works and the answer came, but not from somebody we can prove. Applications that verify will \
         refuse it in the same way. Nothing was sent after the handshake.",
        &[
            "expired or not yet valid: renew it, and check the clocks",
            "another name: the plan, the DNS name or the certificate is wrong",
            "unknown issuer or missing intermediate: install the whole chain on the server, or name the right `ca`",
        ],
    ),
    fault(
        "alert_received",
        "The server ended the TLS handshake with an alert, named in the message.",
        "It refused us, and says why in one word: `unrecognized_name` is a server that does not know this host name, \
         `protocol_version` one that is too old or too new, `handshake_failure` often a missing client certificate.",
        &[
            "look up the alert's name in RFC 8446 section 6",
            "check `server_name`, `versions` and `client_certificate`",
        ],
    ),
    fault(
        "client_certificate_refused",
        "The server wants a client certificate, and had none from us or did not accept ours.",
        "The server authenticates its clients by certificate. The issuers it accepts are in result.json.",
        &[
            "give `client_certificate` in the plan, if there is none",
            "compare our certificate's issuer and dates with the issuers the server accepts",
        ],
    ),
    fault(
        "not_tls",
        "The port answers, but not with TLS.",
        "A clear-text service, or a protocol that needs STARTTLS first. The first bytes of the answer are in the message.",
        &[
            "check the port: 80 for 443 and 5432 for 6432 are the usual slips",
            "use `starttls` for postgres and smtp",
        ],
    ),
    fault(
        "tls_not_offered",
        "The server speaks its protocol but offers no TLS.",
        "TLS is switched off there, or something in between took the offer away. A client that insists on TLS cannot use it.",
        &[
            "switch TLS on at the server (`ssl = on` for PostgreSQL)",
            "check that nothing in between strips STARTTLS",
        ],
    ),
    fault(
        "handshake_failed",
        "The TLS handshake broke.",
        "No protocol version or cipher suite in common, or an answer that is damaged.",
        &["compare versions and cipher suites at both ends", "look for a middle box that rewrites TLS"],
    ),
    fault(
        "bad_protocol",
        "The port answers, but not in the protocol that was expected.",
        "Something else listens there, or a proxy answers in its place. The first bytes are in result.json.",
        &[
            "check host and port in the plan",
            "read the first bytes: they usually name the program that answered",
        ],
    ),
    fault(
        "bad_compression",
        "The body is said to be compressed and cannot be unpacked.",
        "The server or a cache in between sends a wrong Content-Encoding, or a damaged or oversized body.",
        &["ask for the page without compression and compare", "look at caches and proxies in between"],
    ),
    fault(
        "too_large",
        "The answer is larger than we are willing to read.",
        "A limit protects the host we run on. It says nothing about whether the content is right.",
        &["point the check at a smaller page, such as a health endpoint", "narrow the query"],
    ),
    fault(
        "proxy_refused",
        "The proxy answered our CONNECT with a refusal.",
        "We reached the proxy and not the target: nothing is known about the target. 407 is a login to the proxy, 403 \
         its policy, 502 or 504 its own way to the target.",
        &[
            "look at the status in the message",
            "ask the proxy's owner to permit this destination",
            "check `proxy` in the plan",
        ],
    ),
    fault(
        "unauthorized",
        "The target does not accept our credentials, or wants some (401 or 407).",
        "It is up and it answers. The password is wrong or expired, the scheme is another one, or the account is not \
         there on the new system.",
        &[
            "compare the schemes offered in the message with `auth` in the plan",
            "check that the secret is the one of this environment",
            "ask the owner whether the account was created on the new system",
        ],
    ),
    fault(
        "forbidden",
        "The target knows who we are and does not let us do this (403).",
        "Credentials work, permissions do not: the usual sign of permissions that were not carried over. A web \
         application firewall also answers like this.",
        &[
            "ask the owner which role or group this account needs",
            "compare with the account's permissions before the change",
        ],
    ),
    fault(
        "login_refused",
        "The database refused the login.",
        "The SQLSTATE tells why: 28P01 wrong password, 28000 no pg_hba.conf line or role, 3D000 no such database, \
         42501 no CONNECT permission, 53300 no free connection, 57P03 still starting.",
        &[
            "read the server's message and hint: they name the missing line, role or database",
            "28000: ask the DBA for a pg_hba.conf line for this source, user and database",
            "3D000 or 28000 right after a split: the database or the role was not created on the new server",
        ],
    ),
    fault(
        "statement_failed",
        "The database refused a statement.",
        "The login works. 42501 is a missing permission, 42P01 a table that is not there or not in the search_path, \
         25006 a read-only server, 57014 the statement timeout.",
        &[
            "42501: ask the DBA for the GRANT the message names",
            "42P01: check that the object exists in this database and schema",
            "25006: this is a standby, or the database is read only: check where the name points",
        ],
    ),
    fault(
        "mismatch",
        "The target answered, and the answer is not what the plan expects.",
        "Everything up to the content works. Either the target is wrong (an old version, another environment, wrong \
         data) or the expectation is.",
        &[
            "compare `want` and `got`",
            "check that the new version is really what answers there",
            "if the plan is wrong, correct it and run again",
        ],
    ),
    fault(
        "permissions_differ",
        "A permission is missing, or one is there that nobody granted.",
        "The login works; who may do what in this database is not what it was, or not what the plan says. Each finding \
         names the object, the role, what the application will be told, and the SQL that repairs it: in result.json \
         under `findings`.",
        &[
            "read the worst finding first: one cause often explains many",
            "print the SQL of them all: gonogo grants fix BEFORE AFTER (with --map, after a split)",
            "a difference that is meant belongs under `expect` in the split map, with its reason",
        ],
    ),
    fault(
        "key_missing",
        "The configuration has no such key.",
        "The file or process could be read; the setting is not in it. An application falls back to its default then, \
         which may be the old system.",
        &[
            "check the key's spelling and section",
            "check that the new configuration was deployed to this host",
        ],
    ),
    fault(
        "recorded_fail",
        "A person looked and recorded a fail.",
        "The name and what they saw are in the message.",
        &["ask them what they saw", "once repaired: gonogo record CHECK pass --by NAME"],
    ),
    fault(
        "unknown",
        "A fault that this version of gonogo does not know.",
        "The journal was written by a newer version. The check did not pass; more cannot be told.",
        &["use the version of gonogo that made the run"],
    ),
];
