//! Grants, roles and ways in, explained.

use super::finding;
use crate::explain::Explanation;
use crate::model::finding_id::FindingId;

/// In the order of the rules.
pub(super) const ALL: &[Explanation] = &[
    finding(
        FindingId::GrantMissing,
        "A privilege was granted, and is granted no more.",
        "Who had it, directly or through a group, is refused: 42501, permission denied. The finding names who can no longer do what, and whether recorded statements need it.",
        &[
            "gonogo grants fix prints the GRANT, to be run by the owner",
            "if it is meant: an exception in the map, `expect`, with a reason",
        ],
    ),
    finding(
        FindingId::Regrouped,
        "A grant is gone, and everybody can do as before by another way.",
        "No application notices. The privilege comes from another grant, a group or PUBLIC now, and goes away with that one.",
        &["nothing tonight", "gonogo grants effective SNAPSHOT --object NAME shows the way it comes now"],
    ),
    finding(
        FindingId::GrantExtra,
        "A role is granted a privilege that it was not granted before.",
        "No application is refused: it is one door more, for one role. Somebody granted it, or the copy gave it.",
        &["ask who granted it", "gonogo grants fix prints the REVOKE"],
    ),
    finding(
        FindingId::OpenedToPublic,
        "A privilege is open to everybody now.",
        "No application is refused. Every role that can connect, those of other applications too, can do it; copies do this when the REVOKE from PUBLIC stays behind.",
        &["gonogo grants fix prints the REVOKE", "look whether anybody used it since the copy was made"],
    ),
    finding(
        FindingId::GrantOptionMissing,
        "A grantee can no longer hand a privilege on.",
        "It still has the privilege. Its own GRANT to others gives only a warning (01007) or 42501, and deployments that grant as this role fail.",
        &["gonogo grants fix prints the GRANT ... WITH GRANT OPTION"],
    ),
    finding(
        FindingId::GrantOptionExtra,
        "A grantee can hand a privilege on now.",
        "No application is refused. This role can give the privilege to anybody.",
        &["gonogo grants fix prints the REVOKE GRANT OPTION FOR"],
    ),
    finding(
        FindingId::GrantorChanged,
        "The same is granted, by somebody else.",
        "No application notices. A REVOKE of the old grantor no longer takes it away, and ALTER ... OWNER TO rewrites grantors.",
        &["nothing tonight"],
    ),
    finding(
        FindingId::EffectiveChanged,
        "What a role may do in the end is different.",
        "What a role may do comes from owners, grants, groups and PUBLIC together. As a consequence it tells who loses what; the application is told 42501. Alone it stands where no single grant explains it.",
        &[
            "repair what it is a consequence of",
            "gonogo grants effective SNAPSHOT --role ROLE shows every way",
        ],
    ),
    finding(
        FindingId::OutOfReach,
        "Something is granted, and the way to it is closed.",
        "The privilege is of no use without USAGE on the schema and CONNECT on the database. The application is told 42501 for the schema or the database, not for the table.",
        &["grant USAGE on the schema, or CONNECT on the database"],
    ),
    finding(
        FindingId::DefaultPrivilegeMissing,
        "New objects will no longer be granted to somebody.",
        "Nothing is refused tonight. After the next deployment that creates a table, the application is refused on it: 42501.",
        &["gonogo grants fix prints the ALTER DEFAULT PRIVILEGES"],
    ),
    finding(
        FindingId::DefaultPrivilegeExtra,
        "New objects will be granted to somebody they were not granted to.",
        "Nothing is open tonight. What the next deployment creates will be.",
        &["gonogo grants fix prints the ALTER DEFAULT PRIVILEGES ... REVOKE"],
    ),
    finding(
        FindingId::DefaultPrivilegeOption,
        "New objects will be granted with other grant options.",
        "Who has the privilege stays the same; who can hand it on will differ for new objects.",
        &["gonogo grants fix prints the ALTER DEFAULT PRIVILEGES"],
    ),
    finding(
        FindingId::RoleMissing,
        "A role does not exist.",
        "It cannot log in (28000), and all it was granted is gone with it, for its members too. Roles belong to the server, not to the database: a dump of one database does not have them.",
        &[
            "pg_dumpall --roles-only on the old server",
            "gonogo grants fix makes the role, without a password",
        ],
    ),
    finding(
        FindingId::RoleExtra,
        "There is one role more.",
        "No application is refused. It is a door more, as wide as what it is granted.",
        &["ask who made it and what for"],
    ),
    finding(
        FindingId::SuperuserGained,
        "A role is a superuser now.",
        "No application is refused: nothing at all is refused to this role any more, row security and pg_hba.conf aside.",
        &["gonogo grants fix prints the ALTER ROLE ... NOSUPERUSER", "look what ran as this role since"],
    ),
    finding(
        FindingId::BypassrlsGained,
        "A role bypasses row security now.",
        "No application is refused: this role sees and changes all rows, whatever the policies say.",
        &["gonogo grants fix prints the ALTER ROLE ... NOBYPASSRLS"],
    ),
    finding(
        FindingId::RoleAttributeMissing,
        "A role lost an attribute, such as CREATEDB.",
        "What needs it is refused with 42501. Without BYPASSRLS nothing is refused: rows are silently missing.",
        &["gonogo grants fix prints the ALTER ROLE"],
    ),
    finding(
        FindingId::RoleAttributeExtra,
        "A role gained an attribute, such as CREATEROLE.",
        "No application is refused. The role can do more on the whole server: make roles or databases, or copy the server.",
        &["gonogo grants fix prints the ALTER ROLE"],
    ),
    finding(
        FindingId::InheritChanged,
        "Whether a role inherits from its groups is different.",
        "Without INHERIT what its groups were granted needs SET ROLE first: statements that do not are told 42501.",
        &["gonogo grants fix prints the ALTER ROLE ... INHERIT"],
    ),
    finding(
        FindingId::LoginMissing,
        "A role can no longer log in.",
        "The application gets no connection at all: 28000, role is not permitted to log in.",
        &["gonogo grants fix prints the ALTER ROLE ... LOGIN"],
    ),
    finding(
        FindingId::LoginExtra,
        "A role can log in now.",
        "No application is refused. A group that can log in is a door that nobody watches.",
        &["gonogo grants fix prints the ALTER ROLE ... NOLOGIN"],
    ),
    finding(
        FindingId::PasswordChanged,
        "A role's password is gone, or stored in another way.",
        "Without a password the application is told 28P01. Stored as SCRAM-SHA-256 in place of MD5, old drivers cannot log in.",
        &[
            "set the password, from where it is kept: it is in no snapshot",
            "then try the login: gonogo probe postgres URL",
        ],
    ),
    finding(
        FindingId::ValidUntil,
        "A password ends on another day.",
        "After that day every login is told 28P01, though the password is right.",
        &["gonogo grants fix prints the ALTER ROLE ... VALID UNTIL"],
    ),
    finding(
        FindingId::ConnectionLimit,
        "A limit of connections is different.",
        "With a lower one the pools of the application are refused when they are full: 53300, too many connections. Not at night, but in the morning.",
        &["compare it with the pools' sizes", "gonogo grants fix prints the ALTER"],
    ),
    finding(
        FindingId::MembershipMissing,
        "A role is no longer a member of a group.",
        "What it could do through the group is refused: 42501. SET ROLE to the group is refused too, and some drivers only warn.",
        &["gonogo grants fix prints the GRANT of the group"],
    ),
    finding(
        FindingId::MembershipExtra,
        "A role is a member of one group more.",
        "No application is refused. The role can do all that the group can, and SET ROLE to it; a blocker when that is a superuser's power.",
        &["gonogo grants fix prints the REVOKE"],
    ),
    finding(
        FindingId::MembershipChanged,
        "The options of a membership are different.",
        "ADMIN lets it make others members, INHERIT has the group's privileges at once, SET allows SET ROLE (16 and newer). What is lost is told 42501.",
        &["gonogo grants fix prints the GRANT ... WITH"],
    ),
    finding(
        FindingId::AllowConnections,
        "Whether a database takes connections is different.",
        "When it takes none every login is told 55000, database is not currently accepting connections.",
        &["gonogo grants fix prints the ALTER DATABASE"],
    ),
    finding(
        FindingId::HbaChanged,
        "`pg_hba.conf` lets a role in by other rules.",
        "Without a line for the new database name the application is told 28000, no pg_hba.conf entry. Nothing in the database repairs this.",
        &[
            "add the line to pg_hba.conf on the new server, then: select pg_reload_conf()",
            "try the login: gonogo probe postgres URL",
        ],
    ),
];
