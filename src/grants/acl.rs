//! Access control lists as `pg_class.relacl` and its like hold them.

use std::borrow::Cow;

use super::privilege::{Privilege, Privileges};

/// A role by its place among the roles of one snapshot, which are sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleId(pub u32);

impl RoleId {
    /// Its index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who is granted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// Everybody. A role may be named "PUBLIC": it is not this.
    Public,
    /// One role, and those that inherit from it.
    Role(RoleId),
}

/// One grantor's grants to one grantee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclItem {
    /// Who is granted it.
    pub to: Grantee,
    /// Who granted it.
    pub by: RoleId,
    /// What is granted.
    pub privileges: Privileges,
    /// What of it may be granted on; never more than `privileges`.
    pub grantable: Privileges,
}

/// The grants on one object, sorted by grantee and grantor. An empty list grants nothing, not even to the owner; a
/// catalog's NULL, which stands for the built-in default, is no list at all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Acl(Vec<AclItem>);

impl Acl {
    /// The list of these.
    #[must_use]
    pub fn new(mut items: Vec<AclItem>) -> Self {
        items.sort_unstable();
        Self(items)
    }

    /// Its items, sorted.
    #[must_use]
    pub fn items(&self) -> &[AclItem] {
        &self.0
    }

    /// What is granted to this grantee itself, by anybody.
    #[must_use]
    pub fn granted(&self, to: Grantee) -> Privileges {
        let own = self.0.iter().filter(|item| item.to == to);
        own.fold(Privileges::NONE, |set, item| set | item.privileges)
    }

    /// Read the text of an `aclitem[]`, such as `{app=rw/owner,=r/owner}`.
    ///
    /// # Errors
    /// When the text is no list of ACL items, or `role` does not know a name: an item may name a role that is gone.
    pub fn parse(text: &str, mut role: impl FnMut(&str) -> Option<RoleId>) -> Result<Self, AclError> {
        let items = Self::parse_each(text, &mut role)?.into_iter().collect::<Result<_, _>>()?;
        Ok(Self::new(items))
    }

    /// The same, item by item: what can be read is, and each of the others says why not.
    ///
    /// # Errors
    /// When the text is no list.
    pub fn parse_each(
        text: &str,
        role: &mut impl FnMut(&str) -> Option<RoleId>,
    ) -> Result<Vec<Result<AclItem, AclError>>, AclError> {
        let elements = elements(text).ok_or_else(|| AclError::Malformed(text.to_owned()))?;
        Ok(elements.iter().map(|element| item(element, role)).collect())
    }
}

/// Why an ACL cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AclError {
    /// Not the text of an `aclitem[]`.
    #[error("`{0}` is no list of ACL items")]
    Malformed(String),
    /// A letter that no version of PostgreSQL known here uses.
    #[error("`{item}` grants `{letter}`, a privilege this program does not know")]
    UnknownPrivilege {
        /// The item as written.
        item: String,
        /// The letter.
        letter: char,
    },
    /// A role that is not among the database's roles.
    #[error("`{item}` names the role {name}, which does not exist")]
    UnknownRole {
        /// The item as written.
        item: String,
        /// The role's name, or its oid.
        name: String,
    },
}

/// The elements of a one-dimensional array's text ("Array Input and Output Syntax").
pub(super) fn elements(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inside;
    while !rest.is_empty() {
        let (element, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unescape(quoted)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (Cow::Borrowed(&rest[..end]), &rest[end..])
        };
        elements.push(element);
        rest = match after.strip_prefix(',') {
            Some(next) if !next.is_empty() => next,
            None if after.is_empty() => after,
            _ => return None,
        };
    }
    Some(elements)
}

/// A quoted element, its opening mark gone, and what follows its closing one.
fn unescape(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(text), &quoted[at + 1..])),
            '\\' => text.push(characters.next()?.1),
            other => text.push(other),
        }
    }
    None
}

/// `grantee=letters/grantor`, as `aclitemout` writes it.
fn item(text: &str, role: &mut impl FnMut(&str) -> Option<RoleId>) -> Result<AclItem, AclError> {
    let malformed = || AclError::Malformed(text.to_owned());
    let mut known = |name: &str| {
        role(name).ok_or_else(|| AclError::UnknownRole { item: text.to_owned(), name: name.to_owned() })
    };
    // Nothing before `=` is PUBLIC; a role whose name is empty cannot be.
    let (grantee, rest) = name(text).ok_or_else(malformed)?;
    let to = if grantee.is_empty() { Grantee::Public } else { Grantee::Role(known(&grantee)?) };
    let rest = rest.strip_prefix('=').ok_or_else(malformed)?;
    let (letters, grantor) = rest.split_once('/').ok_or_else(malformed)?;
    let (grantor, rest) = name(grantor).ok_or_else(malformed)?;
    if !rest.is_empty() {
        return Err(malformed());
    }
    let mut privileges = Privileges::NONE;
    let mut grantable = Privileges::NONE;
    let mut latest = None;
    for letter in letters.chars() {
        if letter == '*' {
            grantable |= latest.ok_or_else(malformed)?;
            continue;
        }
        let found = u8::try_from(letter).ok().and_then(Privilege::from_letter);
        let set: Privileges =
            found.ok_or_else(|| AclError::UnknownPrivilege { item: text.to_owned(), letter })?.into();
        privileges |= set;
        latest = Some(set);
    }
    Ok(AclItem { to, by: known(&grantor)?, privileges, grantable })
}

/// A name at the beginning, quoted or not, and what follows it.
fn name(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['=', '/']).unwrap_or(text.len());
        let plain = &text[..end];
        return (!plain.contains('"')).then_some((Cow::Borrowed(plain), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((Cow::Owned(name), after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String, String, String)>, AclError> {
        let mut names: Vec<String> = Vec::new();
        let acl = Acl::parse(text, |name| {
            if name == "gone" {
                return None;
            }
            names.push(name.to_owned());
            u32::try_from(names.len() - 1).ok().map(RoleId)
        })?;
        Ok(acl
            .items()
            .iter()
            .map(|item| {
                let to = match item.to {
                    Grantee::Public => "-".to_owned(),
                    Grantee::Role(id) => names[id.index()].clone(),
                };
                let by = names[item.by.index()].clone();
                (to, by, item.privileges.to_string(), item.grantable.to_string())
            })
            .collect())
    }

    fn one(to: &str, by: &str, privileges: &str, grantable: &str) -> (String, String, String, String) {
        (to.to_owned(), by.to_owned(), privileges.to_owned(), grantable.to_owned())
    }

    #[test]
    fn items_are_read() {
        assert_eq!(read("{}"), Ok(vec![]));
        assert_eq!(
            read("{app=r*w/boss,=X/boss}").map(|mut items| {
                items.sort();
                items
            }),
            Ok(vec![one("-", "boss", "EXECUTE", ""), one("app", "boss", "SELECT, UPDATE", "SELECT")])
        );
    }

    #[test]
    fn names_that_try_to_break_out_are_read() {
        // As aclitemout and array_out of PostgreSQL 15 write them.
        let text = r#"{"\"a=b/c,\"\"d\\e}\"=r/\"x y\"",PUBLIC=r/o}"#;
        let items = read(text).expect("items");
        assert!(items.contains(&one("a=b/c,\"d\\e}", "x y", "SELECT", "")), "{items:?}");
        assert!(items.contains(&one("PUBLIC", "o", "SELECT", "")), "{items:?}");
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_nothing() {
        assert!(matches!(read("{app=rQ/boss}"), Err(AclError::UnknownPrivilege { letter: 'Q', .. })));
        assert!(matches!(read("{gone=r/boss}"), Err(AclError::UnknownRole { .. })));
        for text in
            ["", "{", "{a}", "{a=r}", "{a=*r/b}", "{a=r/b,}", "{\"a=r/b}", "{a=r/b\"c\"d}", "{\"\\\"a=r/b\"}"]
        {
            assert!(matches!(read(text), Err(AclError::Malformed(_))), "{text}");
        }
    }
}
