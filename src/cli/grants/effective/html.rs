//! Who can do what, as one page that needs nothing else: a row for each object, a column for each role.

use std::fmt::Write as _;

use super::rows::{Row, Shown};
use crate::grants::acl::RoleId;
use crate::grants::privilege::Privilege;
use crate::grants::quote::Name;
use crate::report::text::html;

const STYLE: &str = "\
body{font:14px/1.4 system-ui,sans-serif;margin:1.5em}table{border-collapse:collapse}\
th,td{border:1px solid #bbb;padding:2px 6px;text-align:left;font-weight:normal;white-space:nowrap}\
thead th{position:sticky;top:0;background:#eee}tbody th{position:sticky;left:0;background:#f6f6f6;font-family:monospace}\
td{font-family:monospace}td.far{color:#777;font-style:italic}dt{font-family:monospace;float:left;width:3em}\
@media (prefers-color-scheme:dark){body{background:#181818;color:#ddd}thead th,tbody th{background:#282828}td.far{color:#999}}";

pub(super) fn page(rows: &Shown<'_, '_>) -> String {
    let facts = rows.paths.facts();
    let title = html(&format!("Who can do what in {}", Name(&facts.server.database)));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<style>{STYLE}</style>\n<h1>{title}</h1>\n"
    );
    let superusers: Vec<String> = rows.superusers().iter().map(|name| html(name)).collect();
    let _ = writeln!(
        out,
        "<p>PostgreSQL {}. Superusers may do everything: {}. The paths to a privilege show when the pointer rests on it. \
         <i>(In parentheses)</i>: granted, and out of reach for want of USAGE on the schema or CONNECT on the database.</p>",
        facts.server.major(),
        superusers.join(", ")
    );
    if rows.left_out > 0 {
        let _ =
            writeln!(out, "<p>{} objects of extensions and of the server are left out.</p>", rows.left_out);
    }
    if let Some(message) = rows.no_room() {
        let _ = writeln!(out, "<p>{}.</p>", html(&message));
    }
    out.push_str("<table>\n<thead><tr><th>object</th><th>owner</th><th>PUBLIC</th>");
    for &role in &rows.roles {
        let _ = write!(out, "<th>{}</th>", html(&Name(rows.name(role)).to_string()));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &rows.rows {
        let owner = row.object.owner.map(|owner| html(rows.name(owner))).unwrap_or_default();
        let public = row.letters(row.public, facts.server.major());
        let _ = write!(
            out,
            "<tr><th>{}</th><td>{owner}</td><td>{}</td>",
            html(&row.label()),
            public.replace('.', "")
        );
        rows.roles.iter().for_each(|&role| cell(&mut out, rows, row, role));
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n<dl>\n");
    for privilege in Privilege::ALL {
        let _ = writeln!(out, "<dt>{}</dt><dd>{privilege}</dd>", privilege.letter());
    }
    out.push_str("<dt>all</dt><dd>everything that can be granted</dd>\n</dl>\n</html>\n");
    out
}

fn cell(out: &mut String, rows: &Shown<'_, '_>, row: &Row<'_>, role: RoleId) {
    let may = rows.shown(row, role);
    if may.is_empty() {
        out.push_str("<td></td>");
        return;
    }
    let letters = row.letters(may, rows.paths.facts().server.major());
    let paths: Vec<String> = rows
        .paths(row, role)
        .iter()
        .map(|path| format!("{}: {}", path.privileges, rows.words(path)))
        .collect();
    let title = html(&paths.join("; "));
    let _ = if rows.reach(row, role).is_whole() {
        write!(out, "<td title=\"{title}\">{letters}</td>")
    } else {
        write!(out, "<td class=\"far\" title=\"{title}\">({letters})</td>")
    };
}
