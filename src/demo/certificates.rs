//! The certificate of Application 2, good or wrong in one way, and the authority that everybody trusts.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, IsCa, KeyPair, KeyUsagePurpose,
};

use super::DemoError;
use super::night::write_private;
use super::stage::write;

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its days are over.
    Expired,
    /// It is of another host.
    Name,
    /// Nobody knows who signed it.
    Issuer,
}

/// Two authorities, one of them known to all, and the folder that their files are in.
pub(super) struct Authorities {
    known: CertifiedIssuer<'static, KeyPair>,
    unknown: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authorities {
    pub(super) fn new(folder: &Path) -> Result<Self, DemoError> {
        let authorities = Self {
            known: authority("Shop CA").map_err(|error| refused(&error))?,
            unknown: authority("Another department's CA").map_err(|error| refused(&error))?,
            folder: folder.to_owned(),
        };
        write(&authorities.root(), &authorities.known.pem())?;
        Ok(authorities)
    }

    /// The file that callers trust.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Write a certificate for this host, and its key; their files.
    pub(super) fn issue(
        &self,
        name: &str,
        host: &str,
        wrong: Option<Wrong>,
    ) -> Result<[PathBuf; 2], DemoError> {
        let (certificate, key) = self.signed(host, wrong).map_err(|error| refused(&error))?;
        let files = ["crt", "key"].map(|kind| self.folder.join(format!("{name}.{kind}")));
        let [certificate_file, key_file] = &files;
        write(certificate_file, &certificate)?;
        write_private(key_file, &key)?;
        Ok(files)
    }

    fn signed(&self, host: &str, wrong: Option<Wrong>) -> Result<(String, String), Error> {
        let host = if wrong == Some(Wrong::Name) { "app2-old.shop.test" } else { host };
        let issuer = if wrong == Some(Wrong::Issuer) { &self.unknown } else { &self.known };
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        if wrong == Some(Wrong::Expired) {
            params.not_after = rcgen::date_time_ymd(2025, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, issuer)?;
        Ok((format!("{}{}", certificate.pem(), issuer.pem()), key.serialize_pem()))
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn refused(error: &Error) -> DemoError {
    DemoError::System { what: "a certificate", reason: error.to_string() }
}
