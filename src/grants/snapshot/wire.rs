//! The facts as JSON holds them: roles by name, PUBLIC as null.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Formatter;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    AclDefault, Attribute, Confidence, DefaultPrivilege, FORMAT, Fact, Facts, Gap, HbaRule, Key, Kind, Means,
    Membership, Object, Reader, Reference, Role, Roles, SchemaObjects, Server, Setting, Snapshot, Values,
    Workload,
};
use crate::grants::acl::{Acl, AclItem, Grantee, RoleId};
use crate::grants::privilege::Privileges;

/// A text that is borrowed from the file wherever it holds no escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Str<'a>(pub(super) Cow<'a, str>);

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> serde::de::Visitor<'de> for Text {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A file. The order of its parts matters: the digest is that of the text from `server` to `hba`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WireFile<'a> {
    #[serde(borrow)]
    pub(super) format: Str<'a>,
    pub(super) taken_at: Str<'a>,
    pub(super) digest: Str<'a>,
    server: Cow<'a, Server>,
    reader: Cow<'a, Reader>,
    coverage: Cow<'a, [Gap]>,
    acl_defaults: Cow<'a, BTreeMap<Kind, AclDefault>>,
    roles: Vec<Cow<'a, Role>>,
    memberships: Vec<WireMembership<'a>>,
    objects: BTreeMap<Cow<'a, Key>, WireObject<'a>>,
    settings: Vec<WireSetting<'a>>,
    default_privileges: Vec<WireDefaultPrivilege<'a>>,
    references: Option<Vec<WireReference<'a>>>,
    hba: Option<Cow<'a, [HbaRule]>>,
    pub(super) volatile: WireVolatile<'a>,
    pub(super) workload: Option<Cow<'a, Workload>>,
}

/// What changes while a database is used, and the sum of all that the digest leaves out.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WireVolatile<'a> {
    pub(super) sequences: Cow<'a, BTreeMap<Key, i64>>,
    pub(super) populated: Cow<'a, BTreeMap<Key, bool>>,
    #[serde(borrow)]
    pub(super) seal: Str<'a>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WireMembership<'a> {
    #[serde(borrow)]
    role: Str<'a>,
    member: Str<'a>,
    by: Str<'a>,
    admin: bool,
    inherit: bool,
    set: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WireObject<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    owner: Option<Str<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acl: Option<Vec<WireGrant<'a>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    initial: Option<Vec<WireGrant<'a>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<Str<'a>, Option<Vec<WireGrant<'a>>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<Attribute, WireFact<'a>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WireGrant<'a> {
    #[serde(borrow)]
    to: Option<Str<'a>>,
    privs: Privileges,
    #[serde(default, skip_serializing_if = "is_none")]
    grant: Privileges,
    by: Str<'a>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WireFact<'a> {
    #[serde(borrow)]
    Text(Str<'a>),
    List(Vec<Str<'a>>),
    Roles(Vec<Option<Str<'a>>>),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WireSetting<'a> {
    in_database: bool,
    #[serde(borrow)]
    role: Option<Str<'a>>,
    name: Str<'a>,
    value: Str<'a>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WireDefaultPrivilege<'a> {
    #[serde(borrow)]
    creator: Str<'a>,
    schema: Option<Str<'a>>,
    objects: SchemaObjects,
    acl: Vec<WireGrant<'a>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WireReference<'a> {
    from: Cow<'a, Key>,
    to: Cow<'a, Key>,
    by: Means,
    #[serde(borrow)]
    name: Option<Str<'a>>,
    confidence: Confidence,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_none(privileges: &Privileges) -> bool {
    privileges.is_empty()
}

/// JSON Schema (draft 2020-12) of a snapshot's file.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::model::printed::schema::<WireFile<'static>>(FORMAT)
}

/// A role that the facts name and do not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoSuchRole(pub(super) String);

impl Snapshot {
    /// The file, without its sums.
    pub(super) fn to_wire(&self) -> WireFile<'_> {
        let facts = &self.facts;
        let name = |id: RoleId| Str::from(facts.roles.name(id));
        let acl = |acl: &Acl| -> Vec<WireGrant<'_>> {
            let grant = |item: &AclItem| WireGrant {
                to: grantee(&facts.roles, item.to),
                privs: item.privileges,
                grant: item.grantable,
                by: name(item.by),
            };
            acl.items().iter().map(grant).collect()
        };
        WireFile {
            format: FORMAT.into(),
            taken_at: self.taken_at.as_str().into(),
            digest: "".into(),
            server: Cow::Borrowed(&facts.server),
            reader: Cow::Borrowed(&facts.reader),
            coverage: Cow::Borrowed(&facts.coverage),
            acl_defaults: Cow::Borrowed(&facts.acl_defaults),
            roles: facts.roles.iter().map(|(_, role)| Cow::Borrowed(role)).collect(),
            memberships: facts
                .memberships
                .iter()
                .map(|row| WireMembership {
                    role: name(row.role),
                    member: name(row.member),
                    by: name(row.by),
                    admin: row.admin,
                    inherit: row.inherit,
                    set: row.set,
                })
                .collect(),
            objects: facts
                .objects
                .iter()
                .map(|(key, object)| {
                    (
                        Cow::Borrowed(key),
                        WireObject {
                            owner: object.owner.map(name),
                            acl: object.acl.as_ref().map(&acl),
                            initial: object.initial.as_ref().map(&acl),
                            columns: object
                                .columns
                                .iter()
                                .map(|(column, list)| (Str::from(&**column), list.as_ref().map(&acl)))
                                .collect(),
                            facts: object
                                .facts
                                .iter()
                                .map(|(&attribute, fact)| (attribute, fact.to_wire(&facts.roles)))
                                .collect(),
                        },
                    )
                })
                .collect(),
            settings: facts
                .settings
                .iter()
                .map(|setting| WireSetting {
                    in_database: setting.in_database,
                    role: setting.role.map(name),
                    name: setting.name.as_str().into(),
                    value: setting.value.as_str().into(),
                })
                .collect(),
            default_privileges: facts
                .default_privileges
                .iter()
                .map(|default| WireDefaultPrivilege {
                    creator: name(default.creator),
                    schema: default.schema.as_deref().map(Str::from),
                    objects: default.objects,
                    acl: acl(&default.acl),
                })
                .collect(),
            references: facts.references.as_ref().map(|references| {
                references
                    .iter()
                    .map(|reference| WireReference {
                        from: Cow::Borrowed(&reference.from),
                        to: Cow::Borrowed(&reference.to),
                        by: reference.by,
                        name: reference.name.as_deref().map(Str::from),
                        confidence: reference.confidence,
                    })
                    .collect()
            }),
            hba: facts.hba.as_deref().map(Cow::Borrowed),
            volatile: WireVolatile {
                sequences: Cow::Borrowed(&self.values.sequences),
                populated: Cow::Borrowed(&self.values.populated),
                seal: "".into(),
            },
            workload: self.workload.as_ref().map(Cow::Borrowed),
        }
    }
}

fn grantee(roles: &Roles, to: Grantee) -> Option<Str<'_>> {
    match to {
        Grantee::Public => None,
        Grantee::Role(id) => Some(roles.name(id).into()),
    }
}

impl Fact {
    fn to_wire<'a>(&'a self, roles: &'a Roles) -> WireFact<'a> {
        match self {
            Self::Text(text) => WireFact::Text(text.as_str().into()),
            Self::List(list) => WireFact::List(list.iter().map(|text| text.as_str().into()).collect()),
            Self::Roles(list) => WireFact::Roles(list.iter().map(|&to| grantee(roles, to)).collect()),
        }
    }
}

impl WireFile<'_> {
    /// The snapshot, every name of a role found again.
    pub(super) fn into_snapshot(self) -> Result<Snapshot, NoSuchRole> {
        let roles = Roles::new(self.roles.into_iter().map(Cow::into_owned).collect());
        let id = |name: &Str<'_>| roles.id(&name.0).ok_or_else(|| NoSuchRole(name.0.clone().into_owned()));
        let to = |name: &Option<Str<'_>>| -> Result<Grantee, NoSuchRole> {
            name.as_ref().map_or(Ok(Grantee::Public), |name| id(name).map(Grantee::Role))
        };
        let acl = |grants: &Vec<WireGrant<'_>>| -> Result<Acl, NoSuchRole> {
            let item = |grant: &WireGrant<'_>| {
                Ok(AclItem {
                    to: to(&grant.to)?,
                    by: id(&grant.by)?,
                    privileges: grant.privs,
                    grantable: grant.grant,
                })
            };
            Ok(Acl::new(grants.iter().map(item).collect::<Result<_, _>>()?))
        };
        let fact = |fact: WireFact<'_>| -> Result<Fact, NoSuchRole> {
            Ok(match fact {
                WireFact::Text(text) => Fact::Text(text.0.into_owned()),
                WireFact::List(list) => {
                    Fact::List(list.into_iter().map(|text| text.0.into_owned()).collect())
                }
                WireFact::Roles(list) => Fact::Roles(list.iter().map(to).collect::<Result<_, _>>()?),
            })
        };
        let object = |(key, object): (Cow<'_, Key>, WireObject<'_>)| -> Result<(Key, Object), NoSuchRole> {
            let column = |(name, list): (Str<'_>, Option<Vec<WireGrant<'_>>>)| -> Result<(Box<str>, Option<Acl>), NoSuchRole> {
                Ok((name.0.into(), list.as_ref().map(acl).transpose()?))
            };
            let known = Object {
                owner: object.owner.as_ref().map(id).transpose()?,
                acl: object.acl.as_ref().map(acl).transpose()?,
                initial: object.initial.as_ref().map(acl).transpose()?,
                columns: object.columns.into_iter().map(column).collect::<Result<_, _>>()?,
                facts: object
                    .facts
                    .into_iter()
                    .map(|(attribute, value)| Ok((attribute, fact(value)?)))
                    .collect::<Result<_, _>>()?,
            };
            Ok((key.into_owned(), known))
        };
        let membership = |row: &WireMembership<'_>| -> Result<Membership, NoSuchRole> {
            Ok(Membership {
                role: id(&row.role)?,
                member: id(&row.member)?,
                by: id(&row.by)?,
                admin: row.admin,
                inherit: row.inherit,
                set: row.set,
            })
        };
        let setting = |setting: WireSetting<'_>| -> Result<Setting, NoSuchRole> {
            Ok(Setting {
                in_database: setting.in_database,
                role: setting.role.as_ref().map(id).transpose()?,
                name: setting.name.0.into_owned(),
                value: setting.value.0.into_owned(),
            })
        };
        let default = |default: WireDefaultPrivilege<'_>| -> Result<DefaultPrivilege, NoSuchRole> {
            Ok(DefaultPrivilege {
                creator: id(&default.creator)?,
                schema: default.schema.map(|schema| schema.0.into_owned()),
                objects: default.objects,
                acl: acl(&default.acl)?,
            })
        };
        let reference = |reference: WireReference<'_>| Reference {
            from: reference.from.into_owned(),
            to: reference.to.into_owned(),
            by: reference.by,
            name: reference.name.map(|name| name.0.into_owned()),
            confidence: reference.confidence,
        };
        let facts = Facts {
            server: self.server.into_owned(),
            reader: self.reader.into_owned(),
            coverage: self.coverage.into_owned(),
            acl_defaults: self.acl_defaults.into_owned(),
            memberships: self.memberships.iter().map(membership).collect::<Result<_, _>>()?,
            objects: self.objects.into_iter().map(object).collect::<Result<_, _>>()?,
            settings: self.settings.into_iter().map(setting).collect::<Result<_, _>>()?,
            default_privileges: self.default_privileges.into_iter().map(default).collect::<Result<_, _>>()?,
            references: self.references.map(|references| references.into_iter().map(reference).collect()),
            hba: self.hba.map(Cow::into_owned),
            roles,
        };
        Ok(Snapshot {
            taken_at: self.taken_at.0.into_owned(),
            facts,
            values: Values {
                sequences: self.volatile.sequences.into_owned(),
                populated: self.volatile.populated.into_owned(),
            },
            workload: self.workload.map(Cow::into_owned),
        })
    }
}
