//! The certificates of the lab: a root, an issuing authority under it, and another department's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::namespace::run;
use crate::support::certificates::only_ours;

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Authorities, and the folder that their files are in.
pub(super) struct Pki {
    folder: PathBuf,
    pub(super) issuing: Issuer,
    pub(super) other: Issuer,
    /// Of a device that opens TLS connections on their way.
    pub(super) inspection: Issuer,
}

/// The files of one certificate.
pub(super) struct Certificate {
    /// What the server sends.
    pub(super) chain: String,
    pub(super) key: String,
    /// Both in one, as HAProxy wants them.
    pub(super) both: String,
}

impl Pki {
    /// Make the authorities; `ca.pem` in the folder is the root that everybody trusts.
    pub(super) fn new(folder: &Path) -> Self {
        let root = CertifiedIssuer::self_signed(authority("Corp Root CA"), key()).expect("a root");
        let issuing_key = key();
        let issuing_secret = issuing_key.serialize_pem();
        let issuing = CertifiedIssuer::signed_by(authority("Corp Issuing CA 1"), issuing_key, &root)
            .expect("an authority");
        let other = CertifiedIssuer::self_signed(authority("Other Dept CA"), key()).expect("an authority");
        let inspection = CertifiedIssuer::self_signed(authority("Corp Inspection Proxy CA"), key());
        let inspection = inspection.expect("an authority");
        let pki = Self { folder: folder.to_owned(), issuing, other, inspection };
        pki.write("ca.pem", &root.pem());
        pki.write("issuing.crt", &pki.issuing.pem());
        pki.write("issuing.key", &issuing_secret);
        pki.write("other-ca.pem", &pki.other.pem());
        pki
    }

    /// A certificate as it should be, for application 2.
    pub(super) fn good(&self) -> Certificate {
        self.issue("good", &self.issuing, &leaf(&["app2.corp.test"], "app2.corp.test"))
    }

    /// A certificate of an authority; what is sent is it and, from the issuing authority, the intermediate.
    pub(super) fn issue(&self, name: &str, issuer: &Issuer, params: &CertificateParams) -> Certificate {
        let key = key();
        let certificate = params.clone().signed_by(&key, issuer).expect("a certificate");
        let chain = format!("{}{}", certificate.pem(), issuer.pem());
        self.files(name, &chain, &key.serialize_pem())
    }

    /// A certificate that comes without the one that signed it.
    pub(super) fn alone(&self) -> Certificate {
        let key = key();
        let params = leaf(&["app2.corp.test"], "app2.corp.test");
        let certificate = params.signed_by(&key, &self.issuing).expect("a certificate");
        self.files("alone", &certificate.pem(), &key.serialize_pem())
    }

    /// A certificate that signed itself.
    pub(super) fn self_signed(&self) -> Certificate {
        let key = key();
        let certificate =
            leaf(&["app2.corp.test"], "app2.corp.test").self_signed(&key).expect("a certificate");
        self.files("self-signed", &certificate.pem(), &key.serialize_pem())
    }

    /// A certificate over an RSA key of 1024 bits, which only openssl still makes.
    pub(super) fn weak(&self) -> Certificate {
        self.by_openssl("weak", "rsa:1024", "-sha256")
    }

    /// A certificate signed with SHA-1, which only openssl still makes.
    pub(super) fn signed_with_sha1(&self) -> Certificate {
        self.by_openssl("sha1", "rsa:2048", "-sha1")
    }

    /// An OCSP answer that the certificate of this file is revoked, by its authority; the file in DER.
    pub(super) fn revocation(&self, certificate: &Certificate) -> String {
        let openssl = |words: &str| {
            super::namespace::text(&run(Command::new("openssl")
                .args(words.split(' '))
                .current_dir(&self.folder)))
        };
        let serial = openssl(&format!("x509 -in {} -noout -serial", certificate.chain));
        let serial = serial.strip_prefix("serial=").expect("a number");
        self.write(
            "index.txt",
            &format!("R\t360101000000Z\t260101000000Z\t{serial}\tunknown\t/CN=app2.corp.test\n"),
        );
        openssl(&format!("ocsp -issuer issuing.crt -cert {} -reqout ocsp.req", certificate.chain));
        openssl(
            "ocsp -index index.txt -CA issuing.crt -rsigner issuing.crt -rkey issuing.key -reqin ocsp.req -respout ocsp.der -ndays 7",
        );
        self.folder.join("ocsp.der").display().to_string()
    }

    fn by_openssl(&self, name: &str, key: &str, hash: &str) -> Certificate {
        let of = |kind: &str| format!("{name}-old.{kind}");
        let (extensions, secret, request, made) = (of("ext"), of("key"), of("csr"), of("crt"));
        self.write(&extensions, "subjectAltName = DNS:app2.corp.test\nextendedKeyUsage = serverAuth\n");
        let openssl = |words: &str| {
            run(Command::new("openssl").args(words.split(' ')).current_dir(&self.folder));
        };
        openssl(&format!(
            "req -new -newkey {key} -nodes -subj /CN=app2.corp.test -keyout {secret} -out {request}"
        ));
        openssl(&format!(
            "x509 -req {hash} -in {request} -CA issuing.crt -CAkey issuing.key -days 300 -extfile {extensions} -set_serial 1024 -out {made}"
        ));
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).expect("a file");
        self.files(name, &(read(&made) + &self.issuing.pem()), &read(&secret))
    }

    fn files(&self, name: &str, chain: &str, key: &str) -> Certificate {
        Certificate {
            chain: self.write(&format!("{name}.crt"), chain),
            key: self.write(&format!("{name}.key"), key),
            both: self.write(&format!("{name}.pem"), &format!("{chain}{key}")),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("a file");
        only_ours(&path);
        path.display().to_string()
    }
}

/// What a good leaf has: names, a year of validity around today, and the use of a server.
pub(super) fn leaf(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    valid(&mut params, -30, 365);
    params
}

/// Its validity, in days from today.
pub(super) fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    let day = |days: i64| {
        let date = (Timestamp::now() + (days * 24).hours()).to_zoned(jiff::tz::TimeZone::UTC).date();
        let part = |number: i8| u8::try_from(number).expect("of a date");
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    (params.not_before, params.not_after) = (day(from), day(until));
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    valid(&mut params, -60, 3650);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
