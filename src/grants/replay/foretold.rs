//! Which functions of the application will run while its statements are planned: told before any of them does.

use std::collections::{BTreeSet, HashMap};

use super::lexer::lex;
use super::reach::{Catalog, Reach};
use crate::grants::snapshot::Statement;

/// IMMUTABLE and STABLE functions of the new database that the recorded statements name, as `schema.name(arguments)`: the
/// planner may run these ("Function Volatility Categories").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foretold {
    /// Those that may run.
    pub run: BTreeSet<String>,
    /// Those that only statements name which are not planned, as they could do harm: [`super::Request::allow_functions`]
    /// would let them run.
    pub kept: BTreeSet<String>,
}

impl Foretold {
    /// Every one of them, by name.
    pub(super) fn all(&self) -> Vec<String> {
        self.run.union(&self.kept).cloned().collect()
    }
}

/// Looks for them, statement by statement.
pub(super) struct Search<'c> {
    named: HashMap<&'c str, Vec<&'c str>>,
    found: Foretold,
}

impl<'c> Search<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
        let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
        for routine in catalog.routines.iter().filter(|routine| routine.at_plan_time) {
            named.entry(&routine.name).or_default().push(&routine.whole);
        }
        Self { named, found: Foretold::default() }
    }

    /// Look into the statements of one role; `forbidden` is what must not run in its session.
    pub(super) fn add(&mut self, statements: &[&Statement], forbidden: Option<&Reach>) {
        if self.named.is_empty() {
            return;
        }
        for statement in statements {
            let text = lex(&statement.query);
            let calls = text.tokens.iter().enumerate().filter(|(index, _)| text.is_mark(index + 1, '('));
            let named = calls.filter_map(|(_, token)| self.named.get(token.kind.name()?));
            let named: Vec<String> = named.flatten().map(|whole| (*whole).to_owned()).collect();
            let is_kept = !named.is_empty() && forbidden.and_then(|reach| reach.of(&text)).is_some();
            let place = if is_kept { &mut self.found.kept } else { &mut self.found.run };
            place.extend(named);
        }
    }

    /// What was found.
    pub(super) fn end(mut self) -> Foretold {
        self.found.kept = &self.found.kept - &self.found.run;
        self.found
    }
}
