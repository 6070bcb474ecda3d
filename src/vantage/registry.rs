//! The one list of vantage kinds: from it come the modules, the `Spec` enum, the plan keys, the schema and the dispatch.

macro_rules! vantages {
    ($($kind:literal => $module:ident::$Vantage:ident,)+) => {
        $(mod $module;)+
        $(pub use $module::$Vantage;)+

        /// Any vantage, as written in a plan.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Spec {
            $(
                #[doc = concat!("A `", $kind, "` vantage.")]
                $Vantage($module::$Vantage),
            )+
        }

        impl Spec {
            /// The plan keys of every kind of vantage.
            pub const KINDS: &[&str] = &[$($kind),+];

            /// See [`Vantage::command`].
            #[must_use]
            pub fn command(&self, words: &[String], private: &std::path::Path) -> Vec<String> {
                match self { $(Self::$Vantage(vantage) => vantage.command(words, private),)+ }
            }

            /// See [`Vantage::set`].
            #[must_use]
            pub fn set(&self) -> Option<Set> {
                match self { $(Self::$Vantage(vantage) => vantage.set(),)+ }
            }

            /// See [`Vantage::member`].
            #[must_use]
            pub fn member(&self, name: &str) -> Self {
                match self { $(Self::$Vantage(vantage) => Self::$Vantage(vantage.member(name)),)+ }
            }

            /// See [`Vantage::beside`].
            #[must_use]
            pub fn beside(&self, name: &str) -> Option<Beside<Self>> {
                match self {
                    $(Self::$Vantage(vantage) => vantage.beside(name).map(|beside| Beside {
                        make: beside.make,
                        state: beside.state,
                        end: beside.end,
                        place: Self::$Vantage(beside.place),
                    }),)+
                }
            }

            /// See [`Vantage::closing`].
            #[must_use]
            pub fn closing(&self, private: &std::path::Path) -> Option<Vec<String>> {
                match self { $(Self::$Vantage(vantage) => vantage.closing(private),)+ }
            }

            /// See [`Vantage::program`].
            #[must_use]
            pub fn program(&self) -> Option<&str> {
                match self { $(Self::$Vantage(vantage) => vantage.program(),)+ }
            }

            /// See [`Vantage::problems`].
            #[must_use]
            pub fn problems(&self) -> Vec<$crate::probe::Problem> {
                match self { $(Self::$Vantage(vantage) => vantage.problems(),)+ }
            }
        }
    };
}

pub(super) use vantages;
