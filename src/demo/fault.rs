//! What can be broken between Application 1 and Application 2, each for real.

use clap::ValueEnum;

use super::DemoError;
use super::certificates::Wrong;
use super::ground::{Ground, NETWORK};
use super::night::Night;

/// A fault, by the name of its cause: `gonogo explain NAME` tells more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A firewall drops what comes from Application 1's host (network namespaces, nft)
    #[value(name = "fw-drop-port")]
    DropPort,
    /// A firewall rejects it with a reset (network namespaces, nft)
    #[value(name = "fw-reject-rst")]
    RejectReset,
    /// A firewall rejects it as prohibited (network namespaces, nft)
    #[value(name = "fw-reject-admin")]
    RejectAdmin,
    /// Application 1's host has a new address, the access list the old one (network namespaces, nft)
    #[value(name = "fw-acl-old-source-ip")]
    OldSource,
    /// Application 1's host has no route to Application 2 (network namespaces)
    #[value(name = "route-none-on-source")]
    NoRoute,
    /// The hosts file of Application 1's host has another address for Application 2 (network namespaces)
    #[value(name = "dns-hosts-override")]
    HostsFile,
    /// Application 2 was not started
    #[value(name = "tcp-not-listening")]
    NotListening,
    /// Application 2 listens on the loopback address alone (network namespaces)
    #[value(name = "tcp-loopback-only")]
    LoopbackOnly,
    /// Application 2 hangs: it takes connections and never answers
    #[value(name = "tcp-process-hung")]
    Hung,
    /// The certificate of Application 2 has expired
    #[value(name = "tls-expired")]
    Expired,
    /// The certificate of Application 2 is of another host (network namespaces)
    #[value(name = "tls-wrong-san")]
    WrongName,
    /// Application 1 does not know who signed the certificate of Application 2
    #[value(name = "tls-unknown-issuer")]
    UnknownIssuer,
    /// Application 2 was deployed without TLS
    #[value(name = "tls-https-to-plain-port")]
    PlainPort,
    /// The context path of Application 2 has changed
    #[value(name = "http-404-context-path")]
    ContextPath,
    /// Application 2 has a new password for Application 1
    #[value(name = "auth-credentials-rotated")]
    Rotated,
    /// Application 2 sends callers to a login page
    #[value(name = "http-redirect-login")]
    Login,
    /// Application 2 is still in maintenance mode
    #[value(name = "app-maintenance-503")]
    Maintenance,
    /// Application 2 is the one of the test environment
    #[value(name = "app-wrong-env")]
    WrongEnvironment,
    /// Application 2 is up, and does not reach its database
    #[value(name = "app-health-ok-dependency-down")]
    Dependency,
    /// Application 2 takes three seconds to answer
    #[value(name = "http-slow-first-byte")]
    Slow,
    /// Application 1 is configured with the old address of Application 2
    #[value(name = "cfg-old-host")]
    OldAddress,
}

/// What a fault cannot be made without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Network,
    Filter,
}

impl Fault {
    /// The one that is told without being asked for: the network's where there is one.
    pub(super) const fn usual(ground: &Ground) -> Self {
        match ground {
            Ground::Namespaces(network) if network.filters => Self::DropPort,
            Ground::Namespaces(_) => Self::NoRoute,
            Ground::Loopback { .. } => Self::Rotated,
        }
    }

    /// The id of its cause.
    #[must_use]
    pub fn id(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it is, in words.
    pub(super) fn describe(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
        let text = help.unwrap_or_default();
        // What it needs is for those who choose.
        text.split(" (").next().unwrap_or_default().to_owned()
    }

    const fn needs(self) -> Needs {
        match self {
            Self::DropPort | Self::RejectReset | Self::RejectAdmin | Self::OldSource => Needs::Filter,
            Self::NoRoute | Self::HostsFile | Self::LoopbackOnly | Self::WrongName => Needs::Network,
            Self::NotListening
            | Self::Hung
            | Self::Expired
            | Self::UnknownIssuer
            | Self::PlainPort
            | Self::ContextPath
            | Self::Rotated
            | Self::Login
            | Self::Maintenance
            | Self::WrongEnvironment
            | Self::Dependency
            | Self::Slow
            | Self::OldAddress => Needs::Nothing,
        }
    }

    /// An error when it cannot be made here.
    pub(super) fn possible(self, ground: &Ground) -> Result<(), DemoError> {
        let lacks = |reason: &str| Err(DemoError::NoNetwork { fault: self.id(), reason: reason.to_owned() });
        match (self.needs(), ground) {
            (Needs::Nothing, _) | (Needs::Network, Ground::Namespaces(_)) => Ok(()),
            (Needs::Filter, Ground::Namespaces(network)) if network.filters => Ok(()),
            (Needs::Filter, Ground::Namespaces(_)) => lacks("nft does not work in it"),
            (Needs::Network | Needs::Filter, Ground::Loopback { why }) => lacks(why),
        }
    }

    /// Break it. [`Night::restore`] takes it back.
    pub(super) async fn inject(self, night: &mut Night<'_>) -> Result<(), DemoError> {
        let port = night.app2.port;
        match self {
            Self::DropPort => night.network()?.filter(&format!("iifname app1 tcp dport {port} drop")).await,
            Self::RejectReset => {
                night.network()?.filter(&format!("iifname app1 tcp dport {port} reject with tcp reset")).await
            }
            Self::RejectAdmin => {
                night
                    .network()?
                    .filter(&format!("iifname app1 tcp dport {port} reject with icmpx admin-prohibited"))
                    .await
            }
            Self::OldSource => {
                let before = night.ground.app1();
                night
                    .network()?
                    .filter(&format!("iifname app1 ip saddr != {before} tcp dport {port} drop"))
                    .await?;
                night.network()?.ip("addr flush dev eth0").await?;
                night.network()?.ip("addr add 198.51.100.60/24 dev eth0").await
            }
            Self::NoRoute => night.network()?.ip(&format!("route del {NETWORK}")).await,
            Self::HostsFile => night.network()?.app2_is_at("198.51.100.99"),
            Self::NotListening => {
                night.stop_app2();
                Ok(())
            }
            Self::LoopbackOnly => {
                night.app2.listen = "127.0.0.1";
                night.deploy_app2().await
            }
            Self::Expired => night.certificate(Wrong::Expired).await,
            Self::WrongName => night.certificate(Wrong::Name).await,
            Self::UnknownIssuer => night.certificate(Wrong::Issuer).await,
            Self::PlainPort => {
                night.app2.settings.remove("tls.certificate");
                night.deploy_app2().await
            }
            Self::Dependency => {
                night.app2.database_port = Some(night.silent.port);
                night.deploy_app2().await
            }
            Self::Hung => night.release("hang", "true").await,
            Self::ContextPath => night.release("context", "/shop").await,
            Self::Rotated => night.release("caller.password", "rotated").await,
            Self::Login => night.release("login.page", "/login?next=/orders").await,
            Self::Maintenance => night.release("maintenance", "true").await,
            Self::WrongEnvironment => night.release("environment", "test").await,
            Self::Slow => night.release("delay.ms", "3000").await,
            Self::OldAddress => night.configure_app1(&format!("https://app2-old.shop.test:{port}")),
        }
    }
}
