//! `sslmode` and the files around it: what is encrypted, what is verified, and against what.
//!
//! PostgreSQL 17 documentation, section 34.19 "SSL Support", table 34.1 "SSL Mode Descriptions".

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::words::one_of;
use super::{SettingsError, Written, home};
use crate::environment::Environment;
use crate::model::trace::VantageError;

/// How connections over TCP are secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether TLS is used at all.
    pub mode: SslMode,
    /// What is verified when it is.
    pub trust: Trust,
    /// What we show when the server asks.
    pub certificate: Option<ClientCertificate>,
    /// Whether TLS begins at once, without asking (`sslnegotiation=direct`, PostgreSQL 17).
    pub direct: bool,
}

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Clear text only.
    Disable,
    /// Clear text, or TLS when the server refuses that.
    Allow,
    /// TLS, or clear text when the server has none.
    Prefer,
    /// TLS only.
    Require,
    /// TLS only, from a certificate that a trusted root signed.
    VerifyCa,
    /// The same, for the host's name.
    VerifyFull,
}

impl SslMode {
    /// The value of `sslmode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// What is verified of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: `sslmode=require` and weaker, without a root certificate.
    Nothing,
    /// That a trusted root signed it.
    Chain(Roots),
    /// That, and that it is for the host's name.
    ChainAndName(Roots),
}

/// Who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// `sslrootcert=system`: those of the operating system.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// The files of a client certificate, in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and what it is signed with.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

pub(super) fn resolve(
    values: &Written,
    environment: &Environment,
    over_tcp: bool,
) -> Result<Tls, SettingsError> {
    let mode = mode(values)?;
    let direct = one_of(values, "sslnegotiation", false, &[("postgres", false), ("direct", true)])?;
    if direct && matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
        return Err(SettingsError::BadValue {
            keyword: "sslmode",
            value: mode.name().to_owned(),
            reason: "`sslnegotiation=direct` needs `require` or stronger".to_owned(),
        });
    }
    if values.get("gssencmode") == Some("require") {
        return Err(SettingsError::BadValue {
            keyword: "gssencmode",
            value: "require".to_owned(),
            reason: "GSSAPI encryption is not supported".to_owned(),
        });
    }
    // The server's name is always sent: without it another certificate may be shown than applications see.
    one_of(values, "sslsni", (), &[("1", ())])?;
    let shown = one_of(values, "sslcertmode", true, &[("allow", true), ("disable", false)])?;
    let used = over_tcp && mode != SslMode::Disable;
    Ok(Tls {
        mode,
        trust: if used { trust(mode, values, environment)? } else { Trust::Nothing },
        certificate: if used && shown { certificate(values, environment)? } else { None },
        direct,
    })
}

/// `prefer` by default, but `verify-full` with `sslrootcert=system`, which allows nothing weaker.
fn mode(values: &Written) -> Result<SslMode, SettingsError> {
    use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    let system = values.get("sslrootcert") == Some("system");
    let default = if system { VerifyFull } else { Prefer };
    let words = [Disable, Allow, Prefer, Require, VerifyCa, VerifyFull].map(|mode| (mode.name(), mode));
    let mode = one_of(values, "sslmode", default, &words)?;
    if system && mode != VerifyFull {
        return Err(SettingsError::BadValue {
            keyword: "sslmode",
            value: mode.name().to_owned(),
            reason: "`sslrootcert=system` needs `verify-full`".to_owned(),
        });
    }
    Ok(mode)
}

/// A root certificate that is there is used by every mode that encrypts: `require` then means `verify-ca`
/// (section 34.19.1, and `initialize_SSL` in libpq's `fe-secure-openssl.c`).
fn trust(mode: SslMode, values: &Written, environment: &Environment) -> Result<Trust, SettingsError> {
    let roots = match values.get("sslrootcert") {
        Some("system") => Some(Roots::System),
        Some(path) => {
            readable(Path::new(path))?;
            Some(Roots::File(PathBuf::from(path)))
        }
        None => default_file(environment, "root.crt").map(Roots::File),
    };
    let Some(roots) = roots else {
        return match mode {
            SslMode::VerifyCa | SslMode::VerifyFull => Err(SettingsError::Vantage(VantageError::Setting {
                setting: format!("sslmode={}", mode.name()),
                reason:
                    "there is no root certificate: give `ca`, or `sslrootcert` (`system` for those of the \
                         operating system), or put one into ~/.postgresql/root.crt"
                        .to_owned(),
            })),
            SslMode::Disable | SslMode::Allow | SslMode::Prefer | SslMode::Require => Ok(Trust::Nothing),
        };
    };
    // Section 34.19.1; libpq looks there with a file of roots only, not with those of the system.
    if matches!(roots, Roots::File(_))
        && let Some(list) = default_file(environment, "root.crl")
    {
        return Err(SettingsError::Vantage(VantageError::Setting {
            setting: list.display().to_string(),
            reason: "libpq would look for revoked certificates in it, and gonogo cannot".to_owned(),
        }));
    }
    Ok(match mode {
        SslMode::VerifyFull => Trust::ChainAndName(roots),
        SslMode::Disable | SslMode::Allow | SslMode::Prefer | SslMode::Require | SslMode::VerifyCa => {
            Trust::Chain(roots)
        }
    })
}

/// Section 34.19.2 "Client Certificates".
fn certificate(
    values: &Written,
    environment: &Environment,
) -> Result<Option<ClientCertificate>, SettingsError> {
    let certificate = match values.get("sslcert") {
        Some(path) => {
            readable(Path::new(path))?;
            PathBuf::from(path)
        }
        None => match default_file(environment, "postgresql.crt") {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let key = match values.get("sslkey") {
        Some(path) => PathBuf::from(path),
        None => home(environment).unwrap_or_default().join(".postgresql/postgresql.key"),
    };
    readable(&key)?;
    private(&key)?;
    Ok(Some(ClientCertificate { certificate, key }))
}

/// A key that others may read is refused: 0600, or 0640 when root owns it.
fn private(path: &Path) -> Result<(), VantageError> {
    let metadata = std::fs::metadata(path).map_err(|error| VantageError::Unreadable {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    let open = if metadata.uid() == 0 { 0o027 } else { 0o077 };
    if mode & open == 0 {
        return Ok(());
    }
    Err(VantageError::Setting {
        setting: path.display().to_string(),
        reason: format!("others may read this private key (mode {mode:04o}; it has to be 0600)"),
    })
}

fn default_file(environment: &Environment, name: &str) -> Option<PathBuf> {
    home(environment).map(|home| home.join(".postgresql").join(name)).filter(|path| path.exists())
}

fn readable(path: &Path) -> Result<(), VantageError> {
    let opened = match std::fs::metadata(path) {
        // Asked before opening: opening a FIFO that nobody writes to would never return.
        Ok(metadata) if !metadata.is_file() => Err("it is not a regular file".to_owned()),
        Ok(_) => std::fs::File::open(path).map(drop).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    opened.map_err(|reason| VantageError::Unreadable { path: path.display().to_string(), reason })
}
