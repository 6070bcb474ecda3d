//! Differences judged: each alone, then folded into the cause it goes away with, then weighed by whom it hurts.

mod attribution;
mod causes;
mod copies;
mod excuse;
mod facts;
mod fold;
mod grants;
mod item;
mod objects;
mod others;
mod roles;
mod told;
mod used;
mod who;
mod words;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;

use super::effects::{Closures, Effect, effects};
use super::people::People;
use crate::grants::change::Change;
use crate::grants::finding::{AppError, Class, Counts, Finding, FindingId, Repair, Severity};
use crate::grants::fix;
use crate::grants::map::Exception;
use crate::grants::privilege::Privileges;
use crate::grants::snapshot::{Facts, Workload};
use causes::Causes;
use excuse::Exceptions;
use grants::Net;
use item::Folded;
use used::Usage;
use who::Applications;

/// What a judgement needs beside the differences.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The database as it should be.
    pub expected: &'a Facts,
    /// The database as it is.
    pub actual: &'a Facts,
    /// The statements recorded before; none when they were not.
    pub workload: Option<&'a Workload>,
    /// Roles of the workload that have other names now: old to new.
    pub renamed: &'a BTreeMap<String, String>,
    /// Differences that are wanted.
    pub exceptions: &'a [Exception],
    /// When AFTER was taken, RFC 3339: passwords expire.
    pub taken_at: &'a str,
    /// The day on which exceptions must still hold.
    pub today: Date,
}

/// Consequences and statements of each finding that are kept. A lost database has half a million.
const KEPT: usize = 200;

/// Judge these differences, which `diff` found between the context's facts: worst first.
#[must_use]
pub fn judge(changes: &[Change], context: &Context<'_>) -> Vec<Finding> {
    let people = People::new(context.expected, context.actual);
    let closures = Closures::new(&people);
    let judge = Judge {
        applications: Applications::new(&people),
        usage: Usage::new(context.workload, context.renamed),
        effects: effects(&people, &closures),
        nets: grants::nets(&people, changes),
        people: &people,
        closures: &closures,
        changes,
        context,
    };
    judge.findings()
}

struct Judge<'a> {
    context: &'a Context<'a>,
    changes: &'a [Change],
    people: &'a People<'a>,
    closures: &'a Closures<'a>,
    effects: Vec<Effect>,
    nets: Vec<Option<Net>>,
    applications: Applications,
    usage: Usage,
}

/// What a finding is about, before it is known what follows from it.
#[derive(Debug, Clone)]
struct Judgement {
    id: FindingId,
    class: Class,
    severity: Severity,
    grantee: Option<String>,
    privilege: Option<String>,
    message: String,
    app_error: Option<AppError>,
}

impl Judgement {
    const fn new(id: FindingId, class: Class, severity: Severity, message: String) -> Self {
        Self { id, class, severity, grantee: None, privilege: None, message, app_error: None }
    }

    fn of(self, grantee: &(impl ToString + ?Sized)) -> Self {
        Self { grantee: Some(grantee.to_string()), ..self }
    }

    fn privilege(self, privilege: &(impl ToString + ?Sized)) -> Self {
        Self { privilege: Some(privilege.to_string()), ..self }
    }

    fn told(self, app_error: AppError) -> Self {
        Self { app_error: Some(app_error), ..self }
    }

    fn finding(self, subject: String) -> Finding {
        let key = [
            words::class(self.class),
            &subject,
            self.grantee.as_deref().unwrap_or_default(),
            self.privilege.as_deref().unwrap_or_default(),
        ]
        .join(":");
        Finding {
            id: self.id.name().into(),
            class: self.class,
            subject,
            grantee: self.grantee,
            privilege: self.privilege,
            direct: true,
            effective: false,
            severity: self.severity,
            message: self.message,
            used: None,
            app_error: self.app_error,
            consequences: Vec::new(),
            consequences_left_out: Counts::default(),
            opened_left_out: 0,
            fix: Vec::new(),
            fix_left_out: 0,
            expected: None,
            key,
        }
    }
}

/// What repairs one difference.
fn repairs(change: &Change, context: &Context<'_>) -> Vec<Repair> {
    fix::Sides { expected: context.expected, actual: context.actual }.repairs(change)
}

impl Judge<'_> {
    /// What the grantee of a grant lost and gained there, by whomever granted.
    fn granted(&self, index: usize) -> Option<(Privileges, Privileges)> {
        self.nets[index].map(|net| (net.lost, net.gained))
    }

    fn findings(&self) -> Vec<Finding> {
        let causes = Causes::new(self);
        let effects = self.attribute(&causes);
        let mut roots: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for index in 0..self.changes.len() {
            roots.entry(causes.root(index)).or_default().push(index);
        }
        let mut exceptions = Exceptions::new(self.context.exceptions, self.context.today);
        let mut findings = Vec::new();
        let mut excuse = |folded: Vec<Folded>| -> Vec<Folded> {
            folded.into_iter().filter_map(|folded| exceptions.excuse(self, folded, &mut findings)).collect()
        };
        let rooted =
            roots.iter().map(|(&root, members)| (root, excuse(self.fold(root, members, &effects)))).collect();
        let loose = excuse(self.unattributed(&effects));
        let open = copies::fold(self, rooted).into_iter().chain(loose);
        findings.extend(open.map(|folded| {
            // What an effect is the cause of may yet be joined with another.
            let is_whole = folded.cause.id != FindingId::EffectiveChanged;
            self.told(folded, if is_whole { KEPT } else { usize::MAX })
        }));
        let mut findings = excuse::once(findings);
        for finding in &mut findings {
            finding.keep(KEPT);
        }
        findings.extend(exceptions.told());
        findings.sort_by(|one, other| {
            let order =
                |finding: &Finding| (finding.expected.is_some(), Reverse(finding.severity), finding.class);
            order(one).cmp(&order(other)).then_with(|| one.key.cmp(&other.key))
        });
        findings
    }
}
