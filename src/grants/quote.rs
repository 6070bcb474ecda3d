//! Names and texts as PostgreSQL reads them, whatever they hold.

use std::fmt::{Display, Formatter, Write as _};

/// An identifier that is always quoted, as every name in SQL of ours is: `"odd ""name"""`.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write_between(f, self.0, '"')
    }
}

/// A text constant (with `standard_conforming_strings` on): `'it''s'`.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(pub &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write_between(f, self.0, '\'')
    }
}

/// An identifier for people and for keys: quoted where its characters ask for it, as `quote_ident` does, keywords aside.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(pub &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if is_plain(self.0) { f.write_str(self.0) } else { write_between(f, self.0, '"') }
    }
}

fn is_plain(name: &str) -> bool {
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    begins_well && name.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '_' | '$'))
}

fn write_between(f: &mut Formatter<'_>, text: &str, mark: char) -> std::fmt::Result {
    f.write_char(mark)?;
    for character in text.chars() {
        if character == mark {
            f.write_char(mark)?;
        }
        f.write_char(character)?;
    }
    f.write_char(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(Quoted(r#"a"; drop table b; --"#).to_string(), r#""a""; drop table b; --""#);
        assert_eq!(Text("it's").to_string(), "'it''s'");
    }

    #[test]
    fn plain_names_stay_plain_for_people() {
        let names = ["orders", "_x1$", "Orders", "1st", "a.b", "é", "", "PUBLIC"];
        let written: Vec<String> = names.iter().map(|name| Name(name).to_string()).collect();
        assert_eq!(
            written,
            ["orders", "_x1$", "\"Orders\"", "\"1st\"", "\"a.b\"", "\"é\"", "\"\"", "\"PUBLIC\""]
        );
    }
}
