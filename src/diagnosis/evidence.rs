//! What is known of one check from one vantage, and words for it.

use std::net::{IpAddr, SocketAddr};

use crate::model::cause::Blame;
use crate::model::examination::{Answer, Question, ways};
use crate::model::fact::{Attempt, ConnectError, ConnectErrorKind, Fact};
use crate::model::fault::Fault;
use crate::model::host::{ListenerFacts, NameFacts, SocketFacts};
use crate::model::layer::Layer;
use crate::model::outline::{Check, HERE, Outline};
use crate::model::trace::{Ended, Seen, Trace};

/// What is known of one check from one vantage.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    /// The plan: who owns what.
    pub outline: &'a Outline,
    /// The check.
    pub check: &'a Check,
    /// Where it was looked from.
    pub vantage: &'a str,
    /// What was seen.
    pub trace: &'a Trace,
    /// When it was seen.
    pub seen_at: Option<jiff::Timestamp>,
    /// What was seen when all was well.
    pub before: Option<&'a Trace>,
    /// What was asked further.
    pub answers: &'a [Answer],
    /// The same check from its other vantages.
    pub beside: Vec<(&'a str, &'a Trace)>,
    /// Links of the plan in the other direction whose path is broken, by their id.
    pub back: Vec<(&'a str, &'a Trace)>,
    /// Of a call through the source application: what our own probe saw last on the same link's path.
    pub path: Option<&'a Trace>,
}

/// How far a probe came from one place.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The vantage.
    pub vantage: &'a str,
    /// What was seen from it.
    pub trace: &'a Trace,
}

impl<'a> Evidence<'a> {
    /// The lowest broken layer, and how it broke.
    #[must_use]
    pub fn broken(&self) -> Option<(Layer, &'a Fault)> {
        self.trace.broken()
    }

    /// How it broke, when it broke at this layer.
    #[must_use]
    pub fn broken_at(&self, layer: Layer) -> Option<&'a Fault> {
        self.broken().filter(|(broken, _)| *broken == layer).map(|(_, fault)| fault)
    }

    /// Whether it broke by taking too long.
    #[must_use]
    pub fn is_late(&self) -> bool {
        let too_long = |fault: &Fault| {
            if let Fault::Mismatch { mismatches, .. } = fault {
                return mismatches.iter().any(|one| one.what == "time");
            }
            matches!(fault, Fault::TimedOut { .. } | Fault::ConnectTimedOut { .. })
        };
        self.broken().is_some_and(|(_, fault)| too_long(fault))
    }

    /// Who to whom.
    #[must_use]
    pub fn way(&self) -> String {
        let from = if self.vantage == HERE { "here" } else { self.vantage };
        format!("{from} -> {}", self.check.target)
    }

    /// Who is called, by where the repair is made.
    #[must_use]
    pub fn owner(&self, blame: Blame) -> Option<String> {
        let of_target = self.check.link.as_ref().and_then(|link| link.to_owner.clone());
        match blame {
            Blame::Target | Blame::Dependency => of_target.or_else(|| self.check.owner.clone()),
            Blame::Source | Blame::Network | Blame::Dns | Blame::Proxy => self.check.owner.clone(),
        }
    }

    /// The same probe from other places that could look, the runner first.
    pub fn elsewhere(&self) -> impl Iterator<Item = Place<'a>> {
        let asked = self.answered(|question| *question == Question::Elsewhere);
        let beside = self.beside.iter().map(|&(vantage, trace)| Place { vantage, trace });
        asked.chain(beside).filter(|place| could_look(place.trace))
    }

    /// Whether a place connects to an address that was called here: the name may lead elsewhere from there.
    #[must_use]
    pub fn reaches_the_same(&self, place: &Place<'_>) -> bool {
        let called: Vec<SocketAddr> = tried(self.trace).map(|attempt| attempt.address).collect();
        let mut reached = facts(place.trace).filter_map(|fact| {
            let Fact::Connected { address, .. } = fact else { return None };
            Some(address)
        });
        place.passes(Layer::Tcp) && (called.is_empty() || reached.any(|address| called.contains(address)))
    }

    /// The same probe from the runner.
    #[must_use]
    pub fn runner(&self) -> Option<Place<'a>> {
        self.elsewhere().find(|place| place.vantage == HERE)
    }

    /// The same probe from the target's own hosts; one that is known not to have the address that is called is none.
    pub fn target(&self) -> impl Iterator<Item = Place<'a>> {
        self.elsewhere().filter(|place| self.is_target(place.vantage))
    }

    /// The same probe from places that are not the target's own host.
    pub fn others(&self) -> impl Iterator<Item = Place<'a>> {
        self.elsewhere().filter(|place| !self.is_target(place.vantage))
    }

    /// Connections on loopback, from the target's own hosts, with the address.
    pub fn loopback(&self) -> impl Iterator<Item = (IpAddr, Place<'a>)> {
        let places = self
            .answered(|question| *question == Question::Loopback)
            .filter(|place| could_look(place.trace) && self.is_target(place.vantage));
        places.filter_map(|place| Some((tried(place.trace).next()?.address.ip(), place)))
    }

    /// Whether the plan's hosts of the target have this address; none when no host tells. The address that is called may be
    /// a load balancer's, or no longer the target's.
    #[must_use]
    pub fn is_of_target(&self, address: IpAddr) -> Option<bool> {
        let own = self.check.link.as_deref().map_or(&[][..], |link| &link.to_runs_on);
        let told: Vec<bool> = own.iter().filter_map(|vantage| self.has(vantage, &[address])).collect();
        (!told.is_empty()).then(|| told.contains(&true))
    }

    /// Whether it broke on the way to where a redirect leads: what is asked about the target says nothing of that.
    fn is_led_away(&self) -> bool {
        self.broken().is_some_and(|(layer, _)| layer < Layer::Protocol)
            && facts(self.trace).any(|fact| matches!(fact, Fact::Responded(_)))
    }

    fn is_target(&self, vantage: &str) -> bool {
        if self.is_led_away() {
            return false;
        }
        let own = self.check.link.as_deref().map_or(&[][..], |link| &link.to_runs_on);
        let called: Vec<IpAddr> = tried(self.trace).map(|attempt| attempt.address.ip()).collect();
        own.iter().any(|own| **own == *vantage) && self.has(vantage, &called) != Some(false)
    }

    /// Whether a host has one of these addresses: it lists its own, or the kernel there leaves for one by that very address.
    fn has(&self, vantage: &str, addresses: &[IpAddr]) -> Option<bool> {
        let lists = self.all_listeners().find(|(there, facts)| *there == vantage && !facts.own.is_empty());
        if let Some((_, facts)) = lists.filter(|_| !addresses.is_empty()) {
            return Some(addresses.iter().any(|address| facts.own.contains(address)));
        }
        let place = self.elsewhere().find(|place| place.vantage == vantage)?;
        let routes = facts(place.trace).filter_map(|fact| {
            let Fact::Routed { address, source } = fact else { return None };
            addresses.contains(address).then_some(address == source)
        });
        routes.reduce(|one, other| one || other)
    }

    /// The same probe again, from the same place.
    pub fn again(&self) -> impl Iterator<Item = &'a Trace> {
        self.answered(|question| *question == Question::Again)
            .map(|place| place.trace)
            .filter(|trace| could_look(trace))
    }

    /// How many calls were made again from the same place, when each of them passed though this one broke: what broke it
    /// was over by then.
    #[must_use]
    pub fn is_over(&self) -> Option<usize> {
        let (layer, _) = self.broken()?;
        // A mere connection in the place of a call that would change something shows nothing of the call.
        let has = |trace: &Trace, layer| trace.observations.iter().any(|seen| seen.layer == layer);
        let above = [Layer::Tls, Layer::Protocol, Layer::Auth].map(|one| (one, has(self.trace, one)));
        let is_call = |trace: &Trace| {
            layer <= Layer::Tcp || above.iter().all(|&(one, was_there)| !was_there || has(trace, one))
        };
        let passed = |trace: &Trace| trace.broken().is_none() && is_call(trace);
        let all = self.again().count();
        (all > 0 && self.again().all(passed)).then_some(all)
    }

    /// Connections to other ports of the same host.
    pub fn other_ports(&self) -> impl Iterator<Item = &'a Trace> {
        let led_away = self.is_led_away();
        let asked = self.answered(|question| matches!(question, Question::OtherPort { .. }));
        asked.filter(move |_| !led_away).map(|place| place.trace)
    }

    /// A connection to the address of the baseline, when that is another one.
    #[must_use]
    pub fn baseline_address(&self) -> Option<(SocketAddr, &'a Trace)> {
        self.answers.iter().find_map(|answer| {
            let Question::BaselineAddress { address } = answer.question else { return None };
            Some((address, &answer.trace))
        })
    }

    /// The same probe in another way.
    #[must_use]
    pub fn otherwise(&self, wanted: &str) -> Option<&'a Trace> {
        let mut found =
            self.answered(|question| matches!(question, Question::Otherwise { way } if way == wanted));
        found.next().map(|place| place.trace)
    }

    /// The same as the vantage's own user with its own environment, when it was looked at as an application.
    #[must_use]
    pub fn own_environment(&self) -> Option<&'a Trace> {
        self.otherwise(ways::OWN_ENVIRONMENT).filter(|trace| could_look(trace))
    }

    /// What ports behind the one that was called answer, on the target's own hosts.
    pub fn behind(&self) -> impl Iterator<Item = &'a Trace> {
        let wanted = |question: &Question| matches!(question, Question::Otherwise { way } if way == "behind");
        self.answered(wanted).map(|place| place.trace).filter(|trace| could_look(trace))
    }

    /// What the source knows of the target's name.
    #[must_use]
    pub fn names(&self) -> Option<&'a NameFacts> {
        self.answered(|question| *question == Question::Names).find_map(|place| {
            facts(place.trace)
                .find_map(|fact| if let Fact::Names(names) = fact { Some(&**names) } else { None })
        })
    }

    /// What listens on the target's own hosts, by vantage; on those that have the address that is called.
    pub fn listeners(&self) -> impl Iterator<Item = (&'a str, &'a ListenerFacts)> {
        self.all_listeners().filter(|(vantage, _)| self.is_target(vantage))
    }

    /// The same on every host that the plan has of the target.
    pub fn all_listeners(&self) -> impl Iterator<Item = (&'a str, &'a ListenerFacts)> {
        self.answered(|question| *question == Question::Listeners).filter_map(|place| {
            let found = facts(place.trace)
                .find_map(|fact| if let Fact::Listening(found) = fact { Some(found) } else { None });
            Some((place.vantage, found?))
        })
    }

    /// Connections that the source's host has.
    #[must_use]
    pub fn sockets(&self) -> Option<&'a SocketFacts> {
        self.answered(|question| *question == Question::Sockets).find_map(|place| {
            facts(place.trace)
                .find_map(|fact| if let Fact::Sockets(sockets) = fact { Some(sockets) } else { None })
        })
    }

    /// The name that was resolved and its addresses; none for an address literal.
    #[must_use]
    pub fn resolved(&self) -> Option<(&'a str, &'a [IpAddr])> {
        resolved(self.trace)
    }

    fn answered(&self, wanted: impl Fn(&Question) -> bool) -> impl Iterator<Item = Place<'a>> {
        let answers = self.answers.iter().filter(move |answer| wanted(&answer.question));
        answers.map(|answer| Place { vantage: &answer.vantage, trace: &answer.trace })
    }
}

impl<'a> Place<'a> {
    /// Whether every layer up to and with this one worked.
    #[must_use]
    pub fn passes(&self, layer: Layer) -> bool {
        passes(self.trace, layer)
    }

    /// The vantage for people.
    #[must_use]
    pub fn name(&self) -> &'a str {
        if self.vantage == HERE { "the runner" } else { self.vantage }
    }
}

/// Whether every layer up to and with this one worked, and at least one was seen.
#[must_use]
pub(super) fn passes(trace: &Trace, layer: Layer) -> bool {
    could_look(trace)
        && !trace.observations.is_empty()
        && trace.broken().is_none_or(|(broken, _)| broken > layer)
}

/// The facts of a trace, in order.
pub(super) fn facts(trace: &Trace) -> impl Iterator<Item = &Fact> {
    trace.observations.iter().filter_map(|observation| match &observation.seen {
        Seen::Worked(fact) => Some(fact),
        Seen::Broke(_) => None,
    })
}

/// Every connection that was tried, in order.
pub(super) fn tried(trace: &Trace) -> impl Iterator<Item = &Attempt> {
    let tried = trace.observations.iter().flat_map(|observation| match &observation.seen {
        Seen::Worked(Fact::Connected { attempts, .. })
        | Seen::Broke(
            Fault::Refused { attempts }
            | Fault::ConnectTimedOut { attempts }
            | Fault::Unreachable { attempts }
            | Fault::ConnectFailed { attempts },
        ) => attempts.as_slice(),
        Seen::Worked(_) | Seen::Broke(_) => &[],
    });
    // A route that is not there has no port.
    tried.filter(|attempt| attempt.address.port() != 0)
}

/// The name that was resolved and its addresses; none for an address literal.
#[must_use]
pub(super) fn resolved(trace: &Trace) -> Option<(&str, &[IpAddr])> {
    facts(trace).find_map(|fact| {
        let Fact::Resolved { name, addresses, by } = fact else { return None };
        (by != "literal").then_some((name.as_str(), addresses.as_slice()))
    })
}

/// Our end of the connection, or the address the kernel would use.
#[must_use]
pub(super) fn source(trace: &Trace) -> Option<IpAddr> {
    facts(trace).find_map(|fact| if let Fact::Routed { source, .. } = fact { Some(*source) } else { None })
}

/// Why the first address that was tried did not answer.
#[must_use]
pub(super) fn refusal(trace: &Trace) -> Option<(&Attempt, &ConnectError)> {
    tried(trace).find_map(|attempt| Some((attempt, attempt.error.as_ref()?)))
}

/// How the first address that was tried did not answer.
#[must_use]
pub(super) fn refused_as(trace: &Trace) -> Option<ConnectErrorKind> {
    refusal(trace).map(|(_, error)| error.kind)
}

fn could_look(trace: &Trace) -> bool {
    trace.ended == Ended::Complete
}

/// Names in a row, `and` before the last.
#[must_use]
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.dedup();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
