//! Privileges and sets of them.

use std::borrow::Cow;
use std::fmt::{Display, Formatter};
use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! privileges {
    ($($(#[$doc:meta])* $name:ident = $letter:literal $word:literal),* $(,)?) => {
        /// One thing a role may do with an object ("Privileges" in PostgreSQL's manual, table 5.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Privilege { $($(#[$doc])* $name),* }

        impl Privilege {
            /// Every privilege, in the manual's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The privilege that an `aclitem` spells with this letter.
            #[must_use]
            pub const fn from_letter(letter: u8) -> Option<Self> {
                match letter { $($letter => Some(Self::$name),)* _ => None }
            }

            /// The letter an `aclitem` spells it with.
            #[must_use]
            pub const fn letter(self) -> char {
                match self { $(Self::$name => $letter as char),* }
            }

            /// The word of `GRANT`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

privileges! {
    /// Read rows, columns, large objects; `currval` of a sequence.
    Select = b'r' "SELECT",
    /// Add rows.
    Insert = b'a' "INSERT",
    /// Change rows, large objects; `nextval` and `setval` of a sequence.
    Update = b'w' "UPDATE",
    /// Remove rows.
    Delete = b'd' "DELETE",
    /// Empty a table.
    Truncate = b'D' "TRUNCATE",
    /// Refer to it by a foreign key.
    References = b'x' "REFERENCES",
    /// Put a trigger on it.
    Trigger = b't' "TRIGGER",
    /// VACUUM, ANALYZE, CLUSTER, REINDEX, LOCK, REFRESH (17 and later).
    Maintain = b'm' "MAINTAIN",
    /// Look into a schema; use a sequence, type, language, wrapper or server.
    Usage = b'U' "USAGE",
    /// Make things in a database, schema or tablespace.
    Create = b'C' "CREATE",
    /// Call a function or procedure.
    Execute = b'X' "EXECUTE",
    /// Connect to a database.
    Connect = b'c' "CONNECT",
    /// Make temporary tables.
    Temporary = b'T' "TEMPORARY",
    /// Set a parameter (15 and later).
    Set = b's' "SET",
    /// Change a parameter by `ALTER SYSTEM` (15 and later).
    AlterSystem = b'A' "ALTER SYSTEM",
}

impl Display for Privilege {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Privileges(u16);

impl Privileges {
    /// No privilege.
    pub const NONE: Self = Self(0);

    /// The set of these.
    #[must_use]
    pub const fn of(privileges: &[Privilege]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < privileges.len() {
            bits |= 1 << privileges[index] as u16;
            index += 1;
        }
        Self(bits)
    }

    /// Whether it holds this one.
    #[must_use]
    pub const fn has(self, privilege: Privilege) -> bool {
        self.0 & (1 << privilege as u16) != 0
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it holds all of the other.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Each of them, in the manual's order.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.iter().copied().filter(move |&privilege| self.has(privilege))
    }
}

impl From<Privilege> for Privileges {
    fn from(privilege: Privilege) -> Self {
        Self::of(&[privilege])
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        privileges.into_iter().fold(Self::NONE, |set, privilege| set | privilege.into())
    }
}

impl BitOr for Privileges {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Privileges {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Privileges {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Those of the first that are not in the second.
impl Sub for Privileges {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// `SELECT, INSERT`.
impl Display for Privileges {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (index, privilege) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{privilege}")?;
        }
        Ok(())
    }
}

impl Serialize for Privilege {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Privilege {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Privilege;
            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("a privilege, such as SELECT")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Privilege, E> {
                let known = Privilege::ALL.iter().copied().find(|privilege| privilege.as_str() == word);
                known.ok_or_else(|| E::custom(format_args!("there is no privilege {word:?}")))
            }
        }
        deserializer.deserialize_str(Word)
    }
}

impl JsonSchema for Privileges {
    fn schema_name() -> Cow<'static, str> {
        "Privileges".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = Privilege::ALL.iter().map(|privilege| privilege.as_str()).collect();
        json_schema!({ "type": "array", "items": { "type": "string", "enum": words } })
    }
}

impl Serialize for Privileges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for privilege in self.iter() {
            list.serialize_element(&privilege)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Privileges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Privileges;
            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of privileges")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Privileges, A::Error> {
                let mut set = Privileges::NONE;
                while let Some(privilege) = words.next_element::<Privilege>()? {
                    if set.has(privilege) {
                        return Err(A::Error::custom(format_args!("{privilege} is listed twice")));
                    }
                    set |= privilege.into();
                }
                Ok(set)
            }
        }
        deserializer.deserialize_seq(Words)
    }
}
