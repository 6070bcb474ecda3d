//! libpq's rules, one by one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;

struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = vec![
            ("HOME".to_owned(), folder.path().display().to_string()),
            ("PGSYSCONFDIR".to_owned(), folder.path().join("etc").display().to_string()),
            ("PGUSER".to_owned(), "me".to_owned()),
        ];
        Self { folder, variables }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn environment(&self) -> Environment {
        Environment::from_pairs(self.variables.clone())
    }

    fn try_resolve(&self, text: &str) -> Result<Settings, SettingsError> {
        Settings::resolve(&Written::parse(text)?, &Beside::default(), &self.environment())
    }

    fn resolve(&self, text: &str) -> Settings {
        self.try_resolve(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }
}

fn resolve(text: &str) -> Settings {
    Home::new().resolve(text)
}

fn refused(text: &str) -> String {
    Home::new().try_resolve(text).expect_err(text).to_string()
}

fn places(settings: &Settings) -> Vec<String> {
    settings.servers.iter().map(|server| server.place.to_string()).collect()
}

fn password(settings: &Settings) -> Option<&str> {
    settings.servers.first().and_then(|server| server.password.as_ref()).map(Secret::expose)
}

#[test]
fn urls() {
    let settings = resolve("postgresql://app1:p%40ss%2Fw@db.example:5433/orders?sslmode=require");
    assert_eq!(places(&settings), ["db.example:5433"]);
    assert_eq!((settings.user.as_str(), settings.database.as_str()), ("app1", "orders"));
    assert_eq!(password(&settings), Some("p@ss/w"));
    assert_eq!(settings.tls.mode, SslMode::Require);
    assert_eq!(places(&resolve("postgres://[2001:db8::1]:99/x")), ["[2001:db8::1]:99"]);
    assert_eq!(places(&resolve("postgres://[2001:db8::1]/x")), ["[2001:db8::1]:5432"]);
    // The rest of a URL's parts may be absent.
    assert_eq!(resolve("postgres://db").database, "me");
    assert_eq!(resolve("postgres://app1@db").database, "app1");
    assert_eq!(resolve("postgres://app1@").user, "app1");
    assert_eq!(resolve("postgres://db?user=x&dbname=y").database, "y");
    // `?host=` wins over the host before it.
    assert_eq!(places(&resolve("postgres://ignored/x?host=db")), ["db:5432"]);
    assert_eq!(resolve("postgres://db/x?ssl=true").tls.mode, SslMode::Require);
}

#[test]
fn keyword_strings() {
    let settings = resolve(r"host = db port=5433 dbname='my base' user=o\'brien password='a \'b\\'");
    assert_eq!(places(&settings), ["db:5433"]);
    assert_eq!((settings.user.as_str(), settings.database.as_str()), ("o'brien", "my base"));
    assert_eq!(password(&settings), Some(r"a 'b\"));
    assert_eq!(resolve("").database, "me");
}

#[test]
fn unix_sockets() {
    for text in ["postgres:///x?host=/run/pg", "postgres://%2Frun%2Fpg/x", "host=/run/pg/ dbname=x"] {
        assert_eq!(places(&resolve(text)), ["/run/pg/.s.PGSQL.5432"], "{text}");
    }
    assert_eq!(places(&resolve("postgres://:6000/x?host=/run/pg")), ["/run/pg/.s.PGSQL.6000"]);
    assert_eq!(places(&resolve("host=@pg")), ["@pg/.s.PGSQL.5432"]);
    let [nowhere] = &places(&resolve("postgres:///x"))[..] else { panic!() };
    assert!(nowhere.ends_with("/.s.PGSQL.5432"), "{nowhere}");
}

#[test]
fn several_hosts() {
    assert_eq!(places(&resolve("postgres://a:1,b,[::1]:3/x")), ["a:1", "b:5432", "[::1]:3"]);
    assert_eq!(places(&resolve("host=a,b port=77")), ["a:77", "b:77"]);
    assert_eq!(places(&resolve("host=a,/tmp port=1,2")), ["a:1", "/tmp/.s.PGSQL.2"]);
    let pinned = resolve("host=db hostaddr=192.0.2.1");
    let Place::Tcp { host, address, .. } = &pinned.servers[0].place else { panic!() };
    assert_eq!((host.as_str(), *address), ("db", Some([192, 0, 2, 1].into())));
    assert!(refused("host=a,b port=1,2,3").contains("lists 3 and there are 2"));
    assert!(refused("host=a hostaddr=db").contains("never a name"));
}

#[test]
fn what_cannot_be_read_is_refused_without_showing_a_password() {
    for text in [
        "mysql://db/x",
        "just words",
        "host",
        "host='open",
        "postgres://[::1/x",
        "postgres://[]/x",
        "postgres://[::1]x/x",
        "postgres://db:0/x",
        "postgres://db:99999/x",
        "postgres://db/x?novalue",
        "postgres://db/x?a=b=c",
        "postgres://db/%zz",
        "postgres://db/%00",
        "postgres://app1:s3cr/et@db/x",
        "postgres://app1:1234/et@db/x",
        "postgres://app1:s3cr%ffet@db/x",
        "connect_timeout=soon",
        "target_session_attrs=fast",
        "sslmode=yes",
        "channel_binding=1",
        "require_auth=md5,!password",
        "require_auth=telepathy",
    ] {
        let message = refused(text);
        assert!(!message.contains("s3cr") && !message.contains("1234"), "{text}: {message}");
    }
}

#[test]
fn unknown_and_unsupported_parameters() {
    let error = Written::parse("postgres://db/x?sslmod=require").unwrap_err();
    assert_eq!(error.to_string(), "unknown connection parameter `sslmod`");
    assert_eq!(error.help().as_deref(), Some("did you mean `sslmode`?"));
    assert!(refused("sslcrl=/crl.pem").contains("not supported"));
    assert!(refused("gssencmode=require").contains("not supported"));
    let message = refused("sslpassword=s3cret");
    assert!(message.contains("sslpassword") && !message.contains("s3cret"));
    resolve("keepalives=1 tcp_user_timeout=5 client_encoding=auto sslcrl=''");
}

#[test]
fn the_string_wins_over_the_service_and_the_service_over_the_environment() {
    let home = Home::new().with("PGHOST", "env").with("PGDATABASE", "env").with("PGPORT", "1");
    home.write(
        ".pg_service.conf",
        "# comment\n[other]\nhost=wrong\n\n[app]\nhost=service\nhost=second\ndbname=service\npassword=a=b\n",
        0o644,
    );
    let settings = home.resolve("service=app dbname=string");
    assert_eq!(places(&settings), ["service:1"]);
    assert_eq!(settings.database, "string");
    assert_eq!(password(&settings), Some("a=b"));
    let home = home.with("PGSERVICE", "app");
    assert_eq!(home.resolve("").database, "service");
}

#[test]
fn service_files() {
    let home = Home::new();
    let message = home.try_resolve("service=app").unwrap_err().to_string();
    assert!(message.contains("no service file defines it"), "{message}");
    home.write("etc/pg_service.conf", "[app]\nhost=system\n", 0o644);
    assert_eq!(places(&home.resolve("service=app")), ["system:5432"]);
    home.write(".pg_service.conf", "[else]\nhost=x\n", 0o644);
    assert_eq!(places(&home.resolve("service=app")), ["system:5432"]);
    home.write(".pg_service.conf", "[app]\nhost=own\n", 0o644);
    assert_eq!(places(&home.resolve("service=app")), ["own:5432"]);
    let named = home.write("named.conf", "[app]\nhost=named\n", 0o644);
    assert_eq!(
        places(&home.resolve(&format!("service=app servicefile={}", named.display()))),
        ["named:5432"]
    );
    assert!(
        home.try_resolve("service=app servicefile=/no/such").unwrap_err().to_string().contains("/no/such")
    );
    for bad in ["[app]\nservice=x\n", "[app]\nnonsense\n", "[app]\nhosst=x\n", "[app]\nldap://x\n"] {
        home.write(".pg_service.conf", bad, 0o644);
        let message = home.try_resolve("service=app").unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }
}

#[test]
fn the_environment_and_its_defaults() {
    let home = Home::new()
        .with("PGPASSWORD", "from-env")
        .with("PGSSLMODE", "disable")
        .with("PGAPPNAME", "nightly")
        .with("PGOPTIONS", "-c search_path=a")
        .with("PGTZ", "UTC")
        .with("PGCONNECT_TIMEOUT", "7")
        .with("PGTARGETSESSIONATTRS", "read-write")
        .with("PGHOST", "");
    let settings = home.resolve("host=db");
    assert_eq!(password(&settings), Some("from-env"));
    assert_eq!(settings.tls.mode, SslMode::Disable);
    assert_eq!(settings.connect_timeout, Some(Duration::from_secs(7)));
    assert_eq!(settings.attributes, SessionAttributes::ReadWrite);
    let session: Vec<(&str, &str)> =
        settings.session.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        session,
        [("application_name", "nightly"), ("options", "-c search_path=a"), ("TimeZone", "UTC")]
    );
    assert_eq!(resolve("host=db").session, [("application_name".to_owned(), "gonogo".to_owned())]);
    assert_eq!(resolve("connect_timeout=0").connect_timeout, None);
    let nobody = Environment::from_pairs([("HOME", "/nonexistent")]);
    let settings = Settings::resolve(&Written::default(), &Beside::default(), &nobody).unwrap();
    let me = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap();
    assert_eq!((&settings.user, &settings.database), (&me.name, &me.name));
}

#[test]
fn the_password_file() {
    let home = Home::new();
    home.write(
        ".pgpass",
        "# db:5432:orders:app1:comment\nother:*:*:*:no\ndb:5432:orders:app1:o\\:n\\\\e\n\
         db:*:*:app1:two\nlocalhost:*:*:*:local\n/run/pg:*:*:*:folder\n\\*:*:*:*:star\n",
        0o600,
    );
    let found = |text: &str| password(&home.resolve(text)).map(ToOwned::to_owned);
    assert_eq!(found("postgres://app1@db/orders").as_deref(), Some(r"o:n\e"));
    assert_eq!(found("postgres://app1@db:5433/orders").as_deref(), Some("two"));
    assert_eq!(found("postgres://app2@db/orders"), None);
    assert_eq!(found("postgres:///x").as_deref(), Some("local"));
    assert_eq!(found("postgres:///x?host=/run/pg").as_deref(), Some("folder"));
    assert_eq!(found("postgres://app1:given@db/orders").as_deref(), Some("given"));
    // Each host of a list has its own password.
    let several = home.resolve("host=other,db,nowhere user=app1");
    let passwords: Vec<_> =
        several.servers.iter().map(|server| server.password.as_ref().map(Secret::expose)).collect();
    assert_eq!(passwords, [Some("no"), Some("two"), None]);
    let named = home.write("named", "*:*:*:*:named\n", 0o600);
    assert_eq!(found(&format!("host=db passfile={}", named.display())).as_deref(), Some("named"));
}

#[test]
fn a_password_file_that_others_may_read_is_left_out_and_told() {
    let home = Home::new();
    home.write(".pgpass", "*:*:*:*:open\n", 0o640);
    let settings = home.resolve("host=db");
    assert_eq!(password(&settings), None);
    let why = settings.passfile_ignored.unwrap().to_string();
    assert!(why.contains(".pgpass") && why.contains("0640"), "{why}");
    // Not needed, not looked at.
    assert_eq!(home.resolve("host=db password=x").passfile_ignored, None);
}

#[test]
fn what_is_verified() {
    let home = Home::new();
    let trust = |text: &str| home.resolve(text).tls.trust;
    assert_eq!(home.resolve("host=db").tls.mode, SslMode::Prefer);
    assert_eq!(trust("host=db sslmode=require"), Trust::Nothing);
    for mode in ["verify-ca", "verify-full"] {
        let message = home.try_resolve(&format!("host=db sslmode={mode}")).unwrap_err().to_string();
        assert!(message.contains("no root certificate"), "{message}");
    }
    // A file that is named has to be there, whatever the mode.
    assert!(home.try_resolve("host=db sslmode=require sslrootcert=/no/such").is_err());
    let ca = home.write("ca.pem", "", 0o644);
    let named = format!("host=db sslrootcert={}", ca.display());
    assert_eq!(trust(&format!("{named} sslmode=require")), Trust::Chain(Roots::File(ca.clone())));
    assert_eq!(trust(&format!("{named} sslmode=verify-ca")), Trust::Chain(Roots::File(ca.clone())));
    assert_eq!(trust(&format!("{named} sslmode=verify-full")), Trust::ChainAndName(Roots::File(ca)));
    let root = home.write(".postgresql/root.crt", "", 0o644);
    assert_eq!(trust("host=db sslmode=require"), Trust::Chain(Roots::File(root.clone())));
    assert_eq!(trust("host=db sslmode=verify-full"), Trust::ChainAndName(Roots::File(root)));
    let system = home.resolve("host=db sslrootcert=system");
    assert_eq!(system.tls.mode, SslMode::VerifyFull);
    assert_eq!(system.tls.trust, Trust::ChainAndName(Roots::System));
    assert!(home.try_resolve("host=db sslrootcert=system sslmode=verify-ca").is_err());
    // Nothing is verified where nothing is encrypted.
    assert_eq!(trust("host=/tmp sslmode=verify-full"), Trust::Nothing);
    assert_eq!(trust("host=db sslmode=disable"), Trust::Nothing);
    assert!(home.try_resolve("host=db sslnegotiation=direct").is_err());
    assert!(home.resolve("host=db sslnegotiation=direct sslmode=require").tls.direct);
    // A list of revoked certificates that libpq would look into, and gonogo cannot.
    home.write(".postgresql/root.crl", "", 0o644);
    let message = home.try_resolve("host=db sslmode=require").unwrap_err().to_string();
    assert!(message.contains("root.crl"), "{message}");
    assert!(home.try_resolve("host=db sslrootcert=system").is_ok());
}

#[test]
fn client_certificates() {
    let home = Home::new();
    let asked = "host=db sslmode=require";
    assert_eq!(home.resolve(asked).tls.certificate, None);
    let certificate = home.write(".postgresql/postgresql.crt", "", 0o644);
    assert!(home.try_resolve(asked).is_err(), "a certificate without its key");
    let key = home.write(".postgresql/postgresql.key", "", 0o644);
    let message = home.try_resolve(asked).unwrap_err().to_string();
    assert!(message.contains("0644"), "{message}");
    home.write(".postgresql/postgresql.key", "", 0o600);
    assert_eq!(home.resolve(asked).tls.certificate, Some(ClientCertificate { certificate, key }));
    assert_eq!(home.resolve(&format!("{asked} sslcertmode=disable")).tls.certificate, None);
    assert!(home.try_resolve(&format!("{asked} sslcert=/no/such")).is_err());
}

#[test]
fn a_key_beside_the_string_wins_and_a_disagreement_is_an_error() {
    let written = Written::parse("postgres://app1@db/x").unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    let beside = Beside { user: Some("app1"), password: Some(Secret::new("given")), ca: Some(ca.path()) };
    let home = Home::new().with("PGPASSWORD", "from-env");
    let settings = Settings::resolve(&written, &beside, &home.environment()).unwrap();
    assert_eq!(password(&settings), Some("given"));
    assert_eq!(settings.tls.trust, Trust::Chain(Roots::File(ca.path().to_owned())));
    let other = Beside { user: Some("app2"), ..Beside::default() };
    assert_eq!(other.over(&written), Err(SettingsError::Disagreement { keyword: "user" }));
    let written = Written::parse("sslrootcert=/other.pem").unwrap();
    let other = Beside { ca: Some(Path::new("/ca.pem")), ..Beside::default() };
    assert_eq!(other.over(&written), Err(SettingsError::Disagreement { keyword: "sslrootcert" }));
}

#[test]
fn shown_without_its_password() {
    for (text, shown) in [
        ("postgres://app1:s3cret@a:1,b/x?sslmode=require", "postgres://a:1,b/x"),
        ("host=db dbname=x password=s3cret", "postgres://db/x"),
        ("postgres:///x?host=/run/pg", "postgres:///x?host=/run/pg"),
        ("postgres://[::1]:5/x", "postgres://[::1]:5/x"),
        ("service=app", "postgres:///?service=app"),
    ] {
        let written = Written::parse(text).unwrap();
        assert_eq!(written.to_string(), shown);
        assert!(!format!("{written:?}").contains("s3cret"));
    }
}

#[test]
fn accepted_methods() {
    let accepts = |text: &str, method: &str| {
        resolve(&format!("host=db require_auth={text}")).required_auth.unwrap().accepts(method)
    };
    assert!(accepts("scram-sha-256,md5", "md5"));
    assert!(!accepts("scram-sha-256", "md5"));
    assert!(!accepts("!password,!md5", "md5"));
    assert!(accepts("!password", "none"));
}

#[test]
fn a_value_that_looks_like_a_url_is_a_value() {
    let written = Written::parse("host=db password='://A 0 0'").unwrap();
    assert_eq!(written.password().unwrap().expose(), "://A 0 0");
    assert!(Written::parse("http://db/x?user=a").is_err());
}

proptest::proptest! {
    #[test]
    fn no_string_is_too_strange(text in "(postgres://)?[a-z:/@,?&=%\\[\\]' \\\\0-9\u{e9}]{0,40}") {
        if let Ok(written) = Written::parse(&text) {
            let home = Home::new();
            let _ = Settings::resolve(&written, &Beside::default(), &home.environment());
            let _ = written.to_string();
        }
    }

    #[test]
    fn a_password_survives_its_encoding_and_is_never_shown(password in "[ -~]{8,20}") {
        let encoded = percent_encoding::utf8_percent_encode(&password, percent_encoding::NON_ALPHANUMERIC);
        let written = Written::parse(&format!("postgres://app1:{encoded}@db/x")).unwrap();
        let secret = written.password().unwrap();
        proptest::prop_assert_eq!(secret.expose(), password.as_str());
        let shown = written.to_string();
        proptest::prop_assert_eq!(shown, "postgres://db/x");
        let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
        let again = Written::parse(&format!("host=db password='{quoted}'")).unwrap();
        proptest::prop_assert_eq!(again.password(), written.password());
    }
}
