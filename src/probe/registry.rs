//! The one list of probe kinds: from it come the modules, the `Spec` enum, the plan keys, the schema and the dispatch.

macro_rules! probes {
    ($($kind:literal => $module:ident::$Probe:ident,)+ $(internal $own:literal => $own_module:ident::$Own:ident,)*) => {
        $(pub mod $module;)+
        $(pub mod $own_module;)*
        $(pub use $own_module::$Own;)*

        /// Any probe, as written in a plan.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Spec {
            $(
                #[doc = concat!("A `", $kind, "` probe.")]
                $Probe(Box<$module::$Probe>),
            )+
            $(
                #[doc = concat!("A `", $own, "` probe, which is never written in a plan.")]
                $Own($own_module::$Own),
            )*
        }

        impl Spec {
            /// The plan keys of every kind of probe.
            pub const KINDS: &[&str] = &[$($kind),+];

            /// Read the probe written under the key `kind`; none when no probe has this key.
            pub fn read<'de, D: serde::Deserializer<'de>>(kind: &str, node: D) -> Option<Result<Self, D::Error>> {
                match kind {
                    $($kind => Some(<$module::$Probe as serde::Deserialize>::deserialize(node).map(|probe| Self::$Probe(Box::new(probe)))),)+
                    _ => None,
                }
            }

            /// The JSON Schema of each kind, by plan key.
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($kind, generator.subschema_for::<$module::$Probe>())),+]
            }

            /// The plan key of this probe.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$Probe(_) => $kind,)+ $(Self::$Own(_) => $own,)* }
            }

            /// See [`Probe::layers`].
            #[must_use]
            pub fn layers(&self) -> Vec<$crate::model::layer::Layer> {
                match self { $(Self::$Probe(probe) => probe.layers(),)+ $(Self::$Own(probe) => probe.layers(),)* }
            }

            /// See [`Probe::target`].
            #[must_use]
            pub fn target(&self) -> String {
                match self { $(Self::$Probe(probe) => probe.target(),)+ $(Self::$Own(probe) => probe.target(),)* }
            }

            /// See [`Probe::endpoint`].
            #[must_use]
            pub fn endpoint(&self) -> String {
                match self { $(Self::$Probe(probe) => probe.endpoint(),)+ $(Self::$Own(probe) => probe.endpoint(),)* }
            }

            /// See [`Probe::bind`].
            pub fn bind(&mut self, surroundings: &$crate::probe::Surroundings<'_>) -> Vec<$crate::probe::Problem> {
                match self { $(Self::$Probe(probe) => probe.bind(surroundings),)+ $(Self::$Own(probe) => probe.bind(surroundings),)* }
            }

            /// See [`Probe::local_files`].
            pub fn local_files(&mut self) -> Vec<&mut std::path::PathBuf> {
                match self { $(Self::$Probe(probe) => probe.local_files(),)+ $(Self::$Own(probe) => probe.local_files(),)* }
            }

            /// See [`Probe::harmless`].
            #[must_use]
            pub fn harmless(&self) -> Option<Self> {
                match self {
                    $(Self::$Probe(probe) => probe.harmless().map(|probe| Self::$Probe(Box::new(probe))),)+
                    $(Self::$Own(probe) => probe.harmless().map(Self::$Own),)*
                }
            }

            /// See [`Probe::rests`].
            #[must_use]
            pub fn rests(&self) -> std::time::Duration {
                match self { $(Self::$Probe(probe) => probe.rests(),)+ $(Self::$Own(probe) => probe.rests(),)* }
            }

            /// See [`Probe::commands`].
            #[must_use]
            pub fn commands(&self) -> Vec<String> {
                match self { $(Self::$Probe(probe) => probe.commands(),)+ $(Self::$Own(probe) => probe.commands(),)* }
            }

            /// See [`Probe::run`].
            ///
            /// # Errors
            /// `Stop`, when the probe goes no further.
            pub async fn run(&self, recorder: &mut $crate::probe::Recorder) -> Result<(), $crate::probe::Stop> {
                // Boxed: a probe takes the room of its own kind, not of the largest.
                match self { $(Self::$Probe(probe) => Box::pin(probe.run(recorder)).await,)+ $(Self::$Own(probe) => Box::pin(probe.run(recorder)).await,)* }
            }
        }
    };
}

pub(super) use probes;
