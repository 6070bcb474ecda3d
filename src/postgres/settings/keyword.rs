//! The connection keywords of libpq, the environment variable of each, and which of them gonogo honours.
//!
//! PostgreSQL 17 documentation, sections 34.1.2 "Parameter Key Words" and 34.15 "Environment Variables".

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It means here what it means to libpq.
    Honoured,
    /// It changes nothing about one short look: keep-alives, say.
    Harmless,
    /// It would change what is trusted or how; looking without it would prove something else.
    Unsupported,
}

/// One keyword of a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    /// The variable that gives it when nothing else does.
    pub(super) variable: Option<&'static str>,
    pub(super) becomes: Use,
}

const fn honoured(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, becomes: Use::Honoured }
}

const fn harmless(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, becomes: Use::Harmless }
}

const fn unsupported(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, becomes: Use::Unsupported }
}

/// Every keyword of libpq.
pub(super) const KEYWORDS: &[Keyword] = &[
    honoured("host", Some("PGHOST")),
    honoured("hostaddr", Some("PGHOSTADDR")),
    honoured("port", Some("PGPORT")),
    honoured("dbname", Some("PGDATABASE")),
    honoured("user", Some("PGUSER")),
    honoured("password", Some("PGPASSWORD")),
    honoured("passfile", Some("PGPASSFILE")),
    honoured("service", Some("PGSERVICE")),
    honoured("servicefile", Some("PGSERVICEFILE")),
    honoured("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    honoured("options", Some("PGOPTIONS")),
    honoured("application_name", Some("PGAPPNAME")),
    honoured("fallback_application_name", None),
    honoured("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    honoured("sslmode", Some("PGSSLMODE")),
    honoured("sslrootcert", Some("PGSSLROOTCERT")),
    honoured("sslcert", Some("PGSSLCERT")),
    honoured("sslkey", Some("PGSSLKEY")),
    honoured("sslcertmode", Some("PGSSLCERTMODE")),
    honoured("sslsni", Some("PGSSLSNI")),
    honoured("sslnegotiation", Some("PGSSLNEGOTIATION")),
    honoured("channel_binding", Some("PGCHANNELBINDING")),
    honoured("require_auth", Some("PGREQUIREAUTH")),
    honoured("gssencmode", Some("PGGSSENCMODE")),
    harmless("client_encoding", Some("PGCLIENTENCODING")),
    harmless("keepalives", None),
    harmless("keepalives_idle", None),
    harmless("keepalives_interval", None),
    harmless("keepalives_count", None),
    harmless("tcp_user_timeout", None),
    harmless("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    harmless("sslcompression", Some("PGSSLCOMPRESSION")),
    harmless("krbsrvname", Some("PGKRBSRVNAME")),
    harmless("gsslib", Some("PGGSSLIB")),
    harmless("gssdelegation", Some("PGGSSDELEGATION")),
    unsupported("replication", None),
    unsupported("requirepeer", Some("PGREQUIREPEER")),
    unsupported("sslpassword", None),
    unsupported("sslcrl", Some("PGSSLCRL")),
    unsupported("sslcrldir", Some("PGSSLCRLDIR")),
    unsupported("sslkeylogfile", None),
    unsupported("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    unsupported("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    unsupported("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    unsupported("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    unsupported("scram_client_key", None),
    unsupported("scram_server_key", None),
    unsupported("oauth_issuer", None),
    unsupported("oauth_client_id", None),
    unsupported("oauth_client_secret", None),
    unsupported("oauth_scope", None),
];

/// Variables that libpq turns into session settings at login, with the setting of each.
pub(super) const SESSION_VARIABLES: [(&str, &str); 3] =
    [("PGDATESTYLE", "DateStyle"), ("PGTZ", "TimeZone"), ("PGGEQO", "geqo")];

pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The keyword that is most likely meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    crate::suggest::closest(name, KEYWORDS.iter().map(|keyword| keyword.name))
}
