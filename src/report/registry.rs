//! The one list of reports: from it come the modules, the names for `--format` and the dispatch.

macro_rules! reports {
    ($($(#[doc = $doc:literal])+ $Format:ident = $name:literal in $module:ident, kept: $kept:literal;)+) => {
        $(pub mod $module;)+

        /// A form a run can be told in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[doc = $doc])+ $Format,)+
        }

        impl Format {
            /// Every report.
            pub const ALL: &[Self] = &[$(Self::$Format),+];

            /// The name for `--format`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Format => $name,)+ }
            }

            /// What it is, in one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$Format => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Whether `run --out` keeps it as a file.
            #[must_use]
            pub const fn is_kept(self) -> bool {
                match self { $(Self::$Format => $kept,)+ }
            }

            /// Tell a run: the text for a terminal or a pipe first, then any further files.
            #[must_use]
            pub fn render(self, told: &$crate::verdict::Assessment<'_>, options: &Options) -> Vec<Rendered> {
                match self { $(Self::$Format => $module::render(told, options),)+ }
            }
        }
    };
}

pub(super) use reports;
