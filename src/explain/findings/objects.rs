//! Objects, settings, copies and the map, explained.

use super::finding;
use crate::explain::Explanation;
use crate::model::finding_id::FindingId;

/// In the order of the rules.
pub(super) const ALL: &[Explanation] = &[
    finding(
        FindingId::OwnerChanged,
        "An object has another owner.",
        "ALTER, DROP, TRUNCATE of sequences and REFRESH by the old owner are told 42501, must be owner. Grants are rewritten to the new owner as the grantor.",
        &["gonogo grants fix prints the ALTER ... OWNER TO, and the grants after it"],
    ),
    finding(
        FindingId::OwnerEscalated,
        "What runs with its owner's rights can do more now.",
        "A view or a SECURITY DEFINER routine runs as its owner, and the new owner may do more than the old one: whoever may use it may do that too.",
        &["gonogo grants fix prints the ALTER ... OWNER TO"],
    ),
    finding(
        FindingId::ObjectMissing,
        "An object is missing.",
        "Statements that name it are told 42P01, 42883, 42704 or 3F000, by its kind. It was not copied, or the map sends it elsewhere. A rule about objects that do not exist is told so too.",
        &[
            "copy it",
            " no repair of permissions makes objects",
            "if it is meant to be elsewhere, say so in the map",
        ],
    ),
    finding(
        FindingId::ObjectExtra,
        "There is one object more.",
        "No application is refused. It is from a deployment after the snapshot, or a test's leftover.",
        &["take the snapshot again if it is old", "or drop it"],
    ),
    finding(
        FindingId::ColumnMissing,
        "A column is missing.",
        "Statements that name it are told 42703. A deployment was made on one side only.",
        &["make the same deployment on both sides"],
    ),
    finding(
        FindingId::PolicyMissing,
        "A row security policy is missing.",
        "No error at all. Without a permissive policy rows are silently hidden; without a restrictive one they are silently shown.",
        &["gonogo grants fix prints the CREATE POLICY"],
    ),
    finding(
        FindingId::PolicyExtra,
        "There is one row security policy more.",
        "No error at all. A permissive one shows rows that were hidden, a restrictive one hides rows that were shown.",
        &["gonogo grants fix prints the DROP POLICY"],
    ),
    finding(
        FindingId::PolicyChanged,
        "A row security policy is different.",
        "No error at all: other rows are shown or hidden, to those the policy is for.",
        &["gonogo grants fix makes it anew: DROP and CREATE POLICY"],
    ),
    finding(
        FindingId::RowSecurityOff,
        "Row security was switched off.",
        "No error at all: everybody who may read the table sees all rows, those of other customers too.",
        &["gonogo grants fix prints the ALTER TABLE ... ENABLE ROW LEVEL SECURITY"],
    ),
    finding(
        FindingId::RowSecurityOn,
        "Row security was switched on.",
        "No error when reading: rows are silently hidden. Writing what no policy allows is told 42501.",
        &["gonogo grants fix prints the ALTER TABLE ... DISABLE ROW LEVEL SECURITY"],
    ),
    finding(
        FindingId::RowSecurityNotForced,
        "Row security no longer binds the owner.",
        "No error at all: an application that logs in as the owner sees all rows.",
        &["gonogo grants fix prints the ALTER TABLE ... FORCE ROW LEVEL SECURITY"],
    ),
    finding(
        FindingId::RowSecurityForced,
        "Row security binds the owner now.",
        "No error when reading: an application that logs in as the owner silently sees fewer rows.",
        &["gonogo grants fix prints the ALTER TABLE ... NO FORCE ROW LEVEL SECURITY"],
    ),
    finding(
        FindingId::SecurityInvokerLost,
        "A view is read with its owner's rights now.",
        "No application is refused: whoever may read the view reads through the owner's rights, past the policies for himself.",
        &["gonogo grants fix prints the ALTER VIEW"],
    ),
    finding(
        FindingId::SecurityInvokerGained,
        "A view is read with the caller's rights now.",
        "The application is told 42501 for a table that it never named: the one below the view.",
        &["gonogo grants fix prints the ALTER VIEW"],
    ),
    finding(
        FindingId::SecurityDefinerLost,
        "A routine runs with the caller's rights now.",
        "The application is told 42501 for what the routine uses, under names it never wrote.",
        &["gonogo grants fix prints the ALTER ... SECURITY DEFINER"],
    ),
    finding(
        FindingId::SecurityDefinerGained,
        "A routine runs with its owner's rights now.",
        "No application is refused: whoever may call it acts as its owner.",
        &["gonogo grants fix prints the ALTER ... SECURITY INVOKER"],
    ),
    finding(
        FindingId::SecurityBarrierChanged,
        "Whether a view is a security barrier is different.",
        "No error at all: without the barrier a function in a WHERE clause may see rows that the view hides.",
        &["gonogo grants fix prints the ALTER VIEW"],
    ),
    finding(
        FindingId::LeakproofChanged,
        "Whether a function is called leakproof is different.",
        "No error at all: the planner may run a leakproof function before the policies, on rows that they hide.",
        &["gonogo grants fix prints the ALTER FUNCTION"],
    ),
    finding(
        FindingId::DefinitionChanged,
        "What defines an object is different.",
        "A routine, event trigger or the like does something else or by other means. Whether statements fail depends on what it does.",
        &["compare both definitions, and deploy the right one"],
    ),
    finding(
        FindingId::TriggerChanged,
        "A trigger does something else.",
        "No error at all: other things happen when rows are written, or nothing does.",
        &["compare both definitions, and deploy the right one"],
    ),
    finding(
        FindingId::TriggerState,
        "A trigger fires at other times.",
        "No error at all: a disabled trigger does not fire, one for replicas fires only there.",
        &["gonogo grants fix prints the ALTER ... ENABLE or DISABLE TRIGGER"],
    ),
    finding(
        FindingId::RoutineSettings,
        "The settings of a routine are different.",
        "It runs with another search_path or other limits: 42P01, or another table of the same name is used.",
        &["gonogo grants fix prints the ALTER ... SET"],
    ),
    finding(
        FindingId::LanguageTrust,
        "Whether a language is trusted is different.",
        "In an untrusted language only superusers make functions: others are told 42501.",
        &["make the language again, as its extension"],
    ),
    finding(
        FindingId::ExtensionMoved,
        "An extension is in another schema.",
        "Its functions and types are no longer on the search_path: 42883 or 42704. One move changes all its objects.",
        &["gonogo grants fix prints the ALTER EXTENSION ... SET SCHEMA"],
    ),
    finding(
        FindingId::ExtensionMemberChanged,
        "Whether an object belongs to an extension is different.",
        "No application notices. Dumps leave out what belongs to an extension.",
        &["ALTER EXTENSION ... ADD or DROP"],
    ),
    finding(
        FindingId::ExtensionVersion,
        "An extension has another version.",
        "Mostly nothing; what only one version has is told 42883.",
        &["ALTER EXTENSION ... UPDATE, when the release notes ask for it"],
    ),
    finding(
        FindingId::SequenceOwnerColumn,
        "A sequence belongs to another column.",
        "No application notices; DROP of the column takes the sequence along, or no longer does.",
        &["ALTER SEQUENCE ... OWNED BY"],
    ),
    finding(
        FindingId::SequenceBehind,
        "A sequence is behind its source.",
        "The next number exists already: 23505, duplicate key. Rows came after the copy, or the copy left the positions out.",
        &[
            "gonogo grants fix prints the setval",
            "do it last, when nobody writes to the old database any more",
        ],
    ),
    finding(
        FindingId::IdentityChanged,
        "Whether a column numbers itself is different.",
        "An INSERT that names the column is told 428C9 where it is GENERATED ALWAYS; one that does not is told 23502 where it is none.",
        &["ALTER TABLE ... ALTER COLUMN ... ADD or SET GENERATED"],
    ),
    finding(
        FindingId::NotPopulated,
        "A materialized view holds no rows.",
        "Reading it is told 55000, has not been populated. A restore could not refresh it: often row security, forced on the owner.",
        &["gonogo grants fix prints the REFRESH MATERIALIZED VIEW"],
    ),
    finding(
        FindingId::PublicationChanged,
        "A publication is of something else.",
        "No error here: subscribers silently get other tables or operations.",
        &["ALTER PUBLICATION ... ADD, DROP or SET; gonogo grants fix prints it for operations"],
    ),
    finding(
        FindingId::ReplicationChanged,
        "A subscription or replication slot is different.",
        "No error to the application: data no longer flows, or a slot that nobody reads fills the disk.",
        &["look at pg_replication_slots and pg_stat_subscription"],
    ),
    finding(
        FindingId::ForeignOptions,
        "The options of something foreign are different.",
        "Reading through it is told 08001 or 28P01, or silently reads the old database: the host is one of these options.",
        &["gonogo grants fix prints the ALTER ... OPTIONS, without secrets"],
    ),
    finding(
        FindingId::SettingMissing,
        "A setting of a database or role is gone.",
        "Without search_path names are told 42P01, or another table is used; without a timeout statements run on. A dump without --create leaves the database's settings behind.",
        &["gonogo grants fix prints the ALTER ... SET"],
    ),
    finding(
        FindingId::SettingExtra,
        "There is one setting more of a database or role.",
        "Sessions begin with it: a search_path finds other tables, default_transaction_read_only gives 25006, a timeout 57014.",
        &["gonogo grants fix prints the ALTER ... RESET"],
    ),
    finding(
        FindingId::SettingChanged,
        "A setting of a database or role is different.",
        "Sessions begin with another value: a search_path finds other tables (42P01), a shorter timeout ends statements (57014).",
        &["gonogo grants fix prints the ALTER ... SET"],
    ),
    finding(
        FindingId::CopyWithoutCreate,
        "It looks like a copy without the database's own grants and settings.",
        "pg_dump without --create, or CREATE DATABASE ... TEMPLATE: the owner, grants, limit and settings of the database stay behind, and CONNECT is open to everybody.",
        &["gonogo grants fix repairs it all", "or make the copy again: pg_dump --create"],
    ),
    finding(
        FindingId::CopyWithoutOwners,
        "It looks like a copy without owners.",
        "pg_dump or pg_restore with --no-owner: whoever restored it owns everything, and views and SECURITY DEFINER routines run as that role.",
        &["gonogo grants fix repairs it all", "or restore again, as a superuser, without --no-owner"],
    ),
    finding(
        FindingId::CopyWithoutPrivileges,
        "It looks like a copy without grants.",
        "pg_dump or pg_restore with --no-privileges: all grants stay behind (42501), and EXECUTE is open to everybody again.",
        &["gonogo grants fix repairs it all", "or make the copy again, without --no-privileges"],
    ),
    finding(
        FindingId::CopyOfSomeSchemas,
        "It looks like a copy of some schemas only.",
        "pg_dump -n: what is in other schemas and in none stays behind: extensions, casts, publications, foreign servers, large objects.",
        &["make the copy again, of the whole database", "or say in the map what is meant to be elsewhere"],
    ),
    finding(
        FindingId::Unmapped,
        "The split map sends an object nowhere.",
        "Nobody decided where it goes: after the split it is in no new database, and statements that name it are told 42P01.",
        &["name it in the map: in a target, or under drop"],
    ),
    finding(
        FindingId::CrossesTheCut,
        "Something needs what is on the other side of the cut.",
        "After the split the reference cannot be there: a restore fails, or a view or function is told 42P01 or 0A000 when it is used.",
        &[
            "move both to the same side, or copy one",
            "or say under crossing what replaces it, such as a foreign table",
        ],
    ),
    finding(
        FindingId::Unreadable,
        "Something could not be read.",
        "The role that looked may not see it. Nothing is known about it, and what is not known is never equal.",
        &["take the snapshot with more rights: pg_monitor, or a superuser"],
    ),
    finding(
        FindingId::ExceptionExpired,
        "An exception of the split map has run out.",
        "Its last day is over: what it covered counts again. No application is told anything.",
        &["repair what it covered", "or give it another day in the map, with a reason"],
    ),
    finding(
        FindingId::ExceptionUnneeded,
        "An exception of the split map covers nothing.",
        "Either what it names is as it should be, or it is misspelt. It covers only what it names: not what goes away with it.",
        &[
            "take it out of the map",
            "or compare its text with the subject, grantee and privilege of the finding",
        ],
    ),
];
