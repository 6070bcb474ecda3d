//! The one list of probe kinds: from it come the modules, the `Spec` enum, the plan keys, the schema and the dispatch.

macro_rules! probes {
    ($($kind:literal => $module:ident::$Probe:ident,)+) => {
        $(pub mod $module;)+

        /// Any probe, as written in a plan.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Spec {
            $(
                #[doc = concat!("A `", $kind, "` probe.")]
                $Probe(Box<$module::$Probe>),
            )+
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
                match self { $(Self::$Probe(_) => $kind,)+ }
            }

            /// See [`Probe::layers`].
            #[must_use]
            pub fn layers(&self) -> Vec<$crate::model::layer::Layer> {
                match self { $(Self::$Probe(probe) => probe.layers(),)+ }
            }

            /// See [`Probe::target`].
            #[must_use]
            pub fn target(&self) -> String {
                match self { $(Self::$Probe(probe) => probe.target(),)+ }
            }

            /// See [`Probe::endpoint`].
            #[must_use]
            pub fn endpoint(&self) -> String {
                match self { $(Self::$Probe(probe) => probe.endpoint(),)+ }
            }

            /// See [`Probe::bind`].
            pub fn bind(&mut self, surroundings: &$crate::probe::Surroundings<'_>) -> Vec<$crate::probe::Problem> {
                match self { $(Self::$Probe(probe) => probe.bind(surroundings),)+ }
            }

            /// See [`Probe::local_files`].
            pub fn local_files(&mut self) -> Vec<&mut std::path::PathBuf> {
                match self { $(Self::$Probe(probe) => probe.local_files(),)+ }
            }

            /// See [`Probe::commands`].
            #[must_use]
            pub fn commands(&self) -> Vec<String> {
                match self { $(Self::$Probe(probe) => probe.commands(),)+ }
            }

            /// See [`Probe::run`].
            ///
            /// # Errors
            /// `Stop`, when the probe goes no further.
            pub async fn run(&self, recorder: &mut $crate::probe::Recorder) -> Result<(), $crate::probe::Stop> {
                // Boxed: a probe takes the room of its own kind, not of the largest.
                match self { $(Self::$Probe(probe) => Box::pin(probe.run(recorder)).await,)+ }
            }
        }
    };
}

pub(super) use probes;
