//! Who can do what, for a terminal of 80 columns.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::rows::{Row, Shown};
use crate::grants::acl::RoleId;
use crate::grants::privilege::{Privilege, Privileges};
use crate::report::text::{ascii_exact, wrap};

const WIDTH: usize = 80;
/// Letters of a role's name in the head of a column.
const NAME: usize = 12;
/// Letters of a row's label beside its cells; a longer one has a line of its own.
const LABEL: usize = 34;

/// Roles by objects, as many roles side by side as there is room for.
pub(super) fn matrix(rows: &Shown<'_, '_>) -> String {
    let mut out = String::new();
    let heads = std::iter::once(None).chain(rows.roles.iter().copied().map(Some));
    let columns: Vec<Column> = heads.map(|role| Column::new(rows, role)).collect();
    let label = rows
        .rows
        .iter()
        .map(|row| shown(&row.label()).len())
        .filter(|&width| width <= LABEL)
        .max()
        .unwrap_or(LABEL)
        .max(8);
    let mut rest = columns.as_slice();
    while !rest.is_empty() {
        let mut used = label;
        let fitting = rest.iter().take_while(|column| {
            used += 2 + column.width;
            used <= WIDTH
        });
        let (block, after) = rest.split_at(fitting.count().max(1));
        rest = after;
        write_block(&mut out, rows, block, label);
    }
    legend(&mut out, rows, &columns);
    out
}

/// One role, or everybody, over all rows.
struct Column {
    name: String,
    cells: Vec<String>,
    width: usize,
}

impl Column {
    fn new(rows: &Shown<'_, '_>, role: Option<RoleId>) -> Self {
        let version = rows.paths.facts().server.major();
        let cell = |row: &Row<'_>| match role {
            None => row.letters(row.public, version),
            Some(role) => {
                let letters = row.letters(rows.shown(row, role), version);
                let far = letters != "." && !rows.reach(row, role).is_whole();
                if far { format!("({letters})") } else { letters }
            }
        };
        let cells: Vec<String> = rows.rows.iter().map(cell).collect();
        let name = role.map_or("PUBLIC".to_owned(), |role| {
            shown(&crate::grants::quote::Name(rows.name(role)).to_string())
        });
        let widest = cells.iter().map(String::len).max().unwrap_or_default();
        Self { width: name.len().min(NAME).max(widest), name, cells }
    }

    fn head(&self) -> String {
        if self.name.len() <= self.width {
            self.name.clone()
        } else {
            format!("{}~", &self.name[..self.width - 1])
        }
    }
}

fn write_block(out: &mut String, rows: &Shown<'_, '_>, block: &[Column], label: usize) {
    let cut: Vec<&str> = block
        .iter()
        .filter(|column| column.name.len() > column.width)
        .map(|column| column.name.as_str())
        .collect();
    if !cut.is_empty() {
        let _ = writeln!(
            out,
            "{}",
            wrap(&format!("~ stands for the rest of: {}", cut.join(", ")), WIDTH).join("\n")
        );
    }
    let mut line = " ".repeat(label);
    for column in block {
        let _ = write!(line, "  {:width$}", column.head(), width = column.width);
    }
    let _ = writeln!(out, "{}", line.trim_end());
    for (at, row) in rows.rows.iter().enumerate() {
        let name = shown(&row.label());
        let mut line = if name.len() > label {
            format!("{name}\n{}", " ".repeat(label))
        } else {
            format!("{name:label$}")
        };
        for column in block {
            let _ = write!(line, "  {:width$}", column.cells[at], width = column.width);
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push('\n');
}

fn legend(out: &mut String, rows: &Shown<'_, '_>, columns: &[Column]) {
    let cells = || columns.iter().flat_map(|column| &column.cells);
    let used: BTreeSet<char> =
        cells().filter(|cell| !cell.contains("all")).flat_map(|cell| cell.chars()).collect();
    let letters = Privilege::ALL.iter().filter(|privilege| used.contains(&privilege.letter()));
    let mut words: Vec<String> =
        letters.map(|privilege| format!("{} {privilege}", privilege.letter())).collect();
    words.push("all everything".to_owned());
    words.push(". no more than PUBLIC".to_owned());
    let mut say = |text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", wrap(text, WIDTH).join("\n"));
    };
    say(&words.join(", "));
    if cells().any(|cell| cell.starts_with('(')) {
        say("( ) granted, and out of reach: no USAGE on the schema, or no CONNECT on the database");
    }
    let superusers: Vec<String> = rows.superusers().iter().map(|name| shown(name)).collect();
    say(&format!("superusers may do everything: {}", superusers.join(", ")));
    if rows.left_out > 0 {
        say(&format!(
            "{} objects of extensions and of the server are left out: ask for them with --object",
            rows.left_out
        ));
    }
    say("through which path: --role NAME, --object NAME");
}

/// Every path of the roles and objects asked for.
pub(super) fn paths(rows: &Shown<'_, '_>) -> String {
    let mut out = String::new();
    if rows.roles_asked {
        for &role in &rows.roles {
            of_role(&mut out, rows, role);
        }
        return out;
    }
    for row in &rows.rows {
        let owner = row
            .object
            .owner
            .map(|owner| format!(", owned by {}", shown(rows.name(owner))))
            .unwrap_or_default();
        let _ = writeln!(out, "{}{owner}", shown(&row.label()));
        if !row.public.is_empty() {
            let _ = writeln!(out, "  PUBLIC: {}", row.public);
        }
        let able = rows.roles.iter().filter(|&&role| !rows.shown(row, role).is_empty());
        for &role in able {
            let _ = writeln!(
                out,
                "  {}: {}{}",
                shown(rows.name(role)),
                rows.shown(row, role),
                far(rows, row, role)
            );
            ways(&mut out, rows, row, role);
        }
        out.push('\n');
    }
    let superusers: Vec<String> = rows.superusers().iter().map(|name| shown(name)).collect();
    let _ = writeln!(out, "superusers may do everything: {}", superusers.join(", "));
    out
}

fn of_role(out: &mut String, rows: &Shown<'_, '_>, role: RoleId) {
    let known = rows.paths.facts().roles.get(role);
    let mut words = vec![if known.login { "may log in" } else { "may not log in" }];
    words.extend(known.superuser.then_some("superuser"));
    words.extend(known.bypass_rls.then_some("row security does not concern it"));
    let _ = writeln!(out, "{} ({})", shown(&known.name), words.join(", "));
    let mut nothing = true;
    for row in rows.rows.iter().filter(|row| !rows.may(row, role).is_empty()) {
        nothing = false;
        let _ = writeln!(out, "  {}: {}{}", shown(&row.label()), rows.may(row, role), far(rows, row, role));
        ways(out, rows, row, role);
    }
    if nothing {
        out.push_str("  may do nothing with what was asked for\n");
    }
    if rows.left_out > 0 {
        let _ = writeln!(out, "  ({} objects of extensions and of the server are left out)", rows.left_out);
    }
    out.push('\n');
}

/// The paths, each with what it leads to when that is not all.
fn ways(out: &mut String, rows: &Shown<'_, '_>, row: &Row<'_>, role: RoleId) {
    let all: Privileges = rows.may(row, role);
    for path in rows.paths(row, role) {
        let part = if path.privileges == all { String::new() } else { format!("{}: ", path.privileges) };
        let _ = writeln!(out, "      {part}{}", shown(&rows.words(&path)));
    }
}

fn far(rows: &Shown<'_, '_>, row: &Row<'_>, role: RoleId) -> String {
    let reach = rows.reach(row, role);
    let lacks: Vec<&str> = [(reach.usage, "USAGE on the schema"), (reach.connect, "CONNECT on the database")]
        .into_iter()
        .filter_map(|(has, what)| (!has).then_some(what))
        .collect();
    if lacks.is_empty() { String::new() } else { format!("  (out of reach: no {})", lacks.join(", no ")) }
}

fn shown(text: &str) -> String {
    ascii_exact(text).into_owned()
}
