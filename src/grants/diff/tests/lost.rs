//! A database that lost everything: what is told stays small, and what is left out is counted.

use super::*;
use crate::grants::finding::Counts;

/// Tables, each granted to all the roles.
const TABLES: usize = 500;
/// Roles beside the owner; the even ones log in.
const ROLES: usize = 20;

fn many(granted: bool) -> Facts {
    let names: Vec<String> = (0..ROLES).map(|number| format!("r{number}")).collect();
    let names: Vec<&str> = std::iter::once("boss").chain(names.iter().map(String::as_str)).collect();
    let mut facts = hand::facts(&names);
    let login = |role: &Role| Role {
        login: role
            .name
            .strip_prefix('r')
            .is_some_and(|number| number.parse().is_ok_and(|n: u32| n.is_multiple_of(2))),
        ..role.clone()
    };
    facts.roles = Roles::new(facts.roles.iter().map(|(_, role)| login(role)).collect());
    let database = AclDefault { owner: Kind::Database.privileges(), public: Privilege::Connect.into() };
    facts.acl_defaults.insert(Kind::Database, database);
    let all: Vec<String> = names[1..].iter().map(|name| format!("{name}=r/boss")).collect();
    let grants = format!("{{boss=arwdDxt/boss,{}}}", all.join(","));
    for number in 0..TABLES {
        let key = Key::within(Kind::Table, "shop", &format!("t{number}"));
        add(&mut facts, key, "boss", granted.then_some(grants.as_str()));
    }
    facts
}

#[test]
fn a_total_loss_is_one_finding_whose_rest_is_counted() {
    const KEPT: usize = 200;
    let findings = judged(&many(true), &many(false));
    let [finding] = findings.as_slice() else { panic!("{} findings", findings.len()) };
    assert_eq!((&*finding.id, finding.severity), ("copy_without_privileges", Severity::Blocker));
    assert_eq!((finding.consequences.len(), finding.fix.len()), (KEPT, KEPT));
    assert!(finding.consequences.iter().all(|one| one.severity == Severity::Blocker), "the worst are kept");
    let half = (TABLES * ROLES / 2) as u64;
    let left_out = Counts { blocker: half - KEPT as u64, minor: half, ..Counts::default() };
    assert_eq!(finding.consequences_left_out, left_out);
    assert_eq!(finding.fix_left_out, 2 * half - KEPT as u64);
}
