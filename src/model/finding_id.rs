//! The rules that find differences of permissions: what `gonogo explain` knows, and what `judge` can say.

macro_rules! finding_ids {
    ($($(#[doc = $doc:literal])+ $Variant:ident = $name:literal,)+) => {
        /// A rule that finds a difference of permissions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FindingId {
            $($(#[doc = $doc])+ $Variant,)+
        }

        impl FindingId {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$Variant),+];

            /// The identifier used in results and by `gonogo explain`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)+ }
            }
        }
    };
}

finding_ids! {
    /// A privilege was granted, and is granted no more.
    GrantMissing = "grant_missing",
    /// A grant is gone, and everybody can do as before by another way.
    Regrouped = "regrouped",
    /// A role is granted a privilege that it was not granted before.
    GrantExtra = "grant_extra",
    /// A privilege is open to everybody now.
    OpenedToPublic = "opened_to_public",
    /// A grantee can no longer hand a privilege on.
    GrantOptionMissing = "grant_option_missing",
    /// A grantee can hand a privilege on now.
    GrantOptionExtra = "grant_option_extra",
    /// The same is granted, by somebody else.
    GrantorChanged = "grantor_changed",
    /// What a role may do in the end is different.
    EffectiveChanged = "effective_changed",
    /// Something is granted, and the way to it is closed.
    OutOfReach = "out_of_reach",
    /// New objects will no longer be granted to somebody.
    DefaultPrivilegeMissing = "default_privilege_missing",
    /// New objects will be granted to somebody they were not granted to.
    DefaultPrivilegeExtra = "default_privilege_extra",
    /// New objects will be granted with other grant options.
    DefaultPrivilegeOption = "default_privilege_option",
    /// A role does not exist.
    RoleMissing = "role_missing",
    /// There is one role more.
    RoleExtra = "role_extra",
    /// A role is a superuser now.
    SuperuserGained = "superuser_gained",
    /// A role bypasses row security now.
    BypassrlsGained = "bypassrls_gained",
    /// A role lost an attribute, such as CREATEDB.
    RoleAttributeMissing = "role_attribute_missing",
    /// A role gained an attribute, such as CREATEROLE.
    RoleAttributeExtra = "role_attribute_extra",
    /// Whether a role inherits from its groups is different.
    InheritChanged = "inherit_changed",
    /// A role can no longer log in.
    LoginMissing = "login_missing",
    /// A role can log in now.
    LoginExtra = "login_extra",
    /// A role's password is gone, or stored in another way.
    PasswordChanged = "password_changed",
    /// A password ends on another day.
    ValidUntil = "valid_until",
    /// A limit of connections is different.
    ConnectionLimit = "connection_limit",
    /// A role is no longer a member of a group.
    MembershipMissing = "membership_missing",
    /// A role is a member of one group more.
    MembershipExtra = "membership_extra",
    /// The options of a membership are different.
    MembershipChanged = "membership_changed",
    /// Whether a database takes connections is different.
    AllowConnections = "allow_connections",
    /// `pg_hba.conf` lets a role in by other rules.
    HbaChanged = "hba_changed",
    /// An object has another owner.
    OwnerChanged = "owner_changed",
    /// What runs with its owner's rights can do more now.
    OwnerEscalated = "owner_escalated",
    /// An object is missing.
    ObjectMissing = "object_missing",
    /// There is one object more.
    ObjectExtra = "object_extra",
    /// A column is missing.
    ColumnMissing = "column_missing",
    /// A row security policy is missing.
    PolicyMissing = "policy_missing",
    /// There is one row security policy more.
    PolicyExtra = "policy_extra",
    /// A row security policy is different.
    PolicyChanged = "policy_changed",
    /// Row security was switched off.
    RowSecurityOff = "row_security_off",
    /// Row security was switched on.
    RowSecurityOn = "row_security_on",
    /// Row security no longer binds the owner.
    RowSecurityNotForced = "row_security_not_forced",
    /// Row security binds the owner now.
    RowSecurityForced = "row_security_forced",
    /// A view is read with its owner's rights now.
    SecurityInvokerLost = "security_invoker_lost",
    /// A view is read with the caller's rights now.
    SecurityInvokerGained = "security_invoker_gained",
    /// A routine runs with the caller's rights now.
    SecurityDefinerLost = "security_definer_lost",
    /// A routine runs with its owner's rights now.
    SecurityDefinerGained = "security_definer_gained",
    /// Whether a view is a security barrier is different.
    SecurityBarrierChanged = "security_barrier_changed",
    /// Whether a function is called leakproof is different.
    LeakproofChanged = "leakproof_changed",
    /// What defines an object is different.
    DefinitionChanged = "definition_changed",
    /// A trigger does something else.
    TriggerChanged = "trigger_changed",
    /// A trigger fires at other times.
    TriggerState = "trigger_state",
    /// The settings of a routine are different.
    RoutineSettings = "routine_settings",
    /// Whether a language is trusted is different.
    LanguageTrust = "language_trust",
    /// An extension is in another schema.
    ExtensionMoved = "extension_moved",
    /// Whether an object belongs to an extension is different.
    ExtensionMemberChanged = "extension_member_changed",
    /// An extension has another version.
    ExtensionVersion = "extension_version",
    /// A sequence belongs to another column.
    SequenceOwnerColumn = "sequence_owner_column",
    /// A sequence is behind its source.
    SequenceBehind = "sequence_behind",
    /// Whether a column numbers itself is different.
    IdentityChanged = "identity_changed",
    /// A materialized view holds no rows.
    NotPopulated = "not_populated",
    /// A publication is of something else.
    PublicationChanged = "publication_changed",
    /// A subscription or replication slot is different.
    ReplicationChanged = "replication_changed",
    /// The options of something foreign are different.
    ForeignOptions = "foreign_options",
    /// A setting of a database or role is gone.
    SettingMissing = "setting_missing",
    /// There is one setting more of a database or role.
    SettingExtra = "setting_extra",
    /// A setting of a database or role is different.
    SettingChanged = "setting_changed",
    /// It looks like a copy without the database's own grants and settings.
    CopyWithoutCreate = "copy_without_create",
    /// It looks like a copy without owners.
    CopyWithoutOwners = "copy_without_owners",
    /// It looks like a copy without grants.
    CopyWithoutPrivileges = "copy_without_privileges",
    /// It looks like a copy of some schemas only.
    CopyOfSomeSchemas = "copy_of_some_schemas",
    /// The split map sends an object nowhere.
    Unmapped = "unmapped",
    /// Something needs what is on the other side of the cut.
    CrossesTheCut = "crosses_the_cut",
    /// Something could not be read.
    Unreadable = "unreadable",
    /// An exception of the split map has run out.
    ExceptionExpired = "exception_expired",
    /// An exception of the split map covers nothing.
    ExceptionUnneeded = "exception_unneeded",
}
