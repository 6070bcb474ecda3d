//! Files of other tools become plans: `gonogo init --from FILE`. Pure: texts in, a plan's text and what it could not say out.
//!
//! Nothing is dropped without a word. Each reader takes the keys it knows from a map (`fields`); what is left is told, and
//! what asserts something becomes a check that a person has to answer (`draft`), so that the plan is never a weaker question
//! than the file was. A new format is one file with a function `read`, and one line below.

mod document;
mod draft;
mod fields;

use std::fmt;

use crate::file::source::Source;
use document::Document;
use draft::Draft;

macro_rules! importers {
    ($($(#[doc = $doc:literal])+ $Format:ident = $name:literal in $module:ident;)+) => {
        $(mod $module;)+

        /// A file that can become a plan.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Format {
            $($(#[doc = $doc])+ $Format,)+
        }

        impl Format {
            /// Every format.
            pub const ALL: &[Self] = &[$(Self::$Format),+];

            /// The name for `--from-format`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Format => $name,)+ }
            }

            /// What it is, in one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$Format => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Whether a document looks like one.
            fn is_one(self, document: &Document) -> bool {
                match self { $(Self::$Format => $module::is_one(document),)+ }
            }

            fn read(self, documents: &[Document], draft: &mut Draft) {
                match self { $(Self::$Format => $module::read(documents, draft),)+ }
            }
        }
    };
}

importers! {
    /// Tests of goss (`goss.yaml`).
    Goss = "goss" in goss;
    /// Modules of the blackbox exporter, with its targets: Prometheus' scrape configuration or a list of targets.
    Blackbox = "blackbox" in blackbox;
    /// Endpoints of gatus.
    Gatus = "gatus" in gatus;
    /// Manifests of Kubernetes: Services and Ingresses.
    Kubernetes = "kubernetes" in kubernetes;
    /// Services of a compose file.
    Compose = "compose" in compose;
}

impl Format {
    /// The format with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The format that was read.
    pub format: Format,
    /// The plan, as text.
    pub plan: String,
    /// Checks that look by themselves.
    pub checks: usize,
    /// Checks that a person has to answer, for what could not be carried over.
    pub by_hand: usize,
    /// Every key that could not be carried over, in the order of the files.
    pub notes: Vec<Note>,
}

/// A key that could not be carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it is written, such as `goss.yaml:12`.
    pub place: String,
    /// Which one, such as `http.https://shop.example/.proxy`; never its value, which may be a secret.
    pub key: String,
    /// Why, and what to do.
    pub why: String,
    /// It asserts something: a person has to answer for it.
    pub asserts: bool,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_hand = if self.asserts { "; by hand until then" } else { "" };
        write!(f, "{}: {}: {}{by_hand}", self.place, self.key, self.why)
    }
}

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is not YAML.
    #[error("{place}: {message}")]
    Yaml {
        /// File, line and column.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// It is no file of a kind that is known.
    #[error("{file} is of no format that is known here")]
    Unknown {
        /// The file.
        file: String,
    },
    /// There is nothing in it to check.
    #[error("{file} holds nothing that could be checked")]
    Nothing {
        /// The file.
        file: String,
    },
    /// The blackbox exporter's modules say how, and nothing says what.
    #[error("{file} says how to probe, and not what")]
    NoTargets {
        /// The file.
        file: String,
    },
    /// More than one would read.
    #[error("{file} holds more than {most} {what}")]
    TooMany {
        /// The file.
        file: String,
        /// What.
        what: &'static str,
        /// How many are taken.
        most: usize,
    },
}

impl ImportError {
    /// What to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Yaml { help, .. } => help.clone(),
            Self::Unknown { .. } => {
                let names = Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>();
                Some(format!("say which it is: --from-format {}", names.join("|")))
            }
            Self::Nothing { .. } => Some("is it the right file?".to_owned()),
            Self::NoTargets { .. } => {
                Some("name the targets too: --from blackbox.yml --from prometheus.yml".to_owned())
            }
            Self::TooMany { .. } => Some("split it, and import a part of it".to_owned()),
        }
    }
}

/// Make a plan of these files, which belong together.
///
/// # Errors
/// When a file cannot be read as the format named, or as any; never for a key that is not known.
pub fn import(files: Vec<Source>, format: Option<Format>) -> Result<Imported, ImportError> {
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let shown = names.join(", ");
    let mut documents = Vec::new();
    for file in files {
        documents.extend(document::split(&file)?);
    }
    let recognised = || {
        Format::ALL.iter().copied().find(|format| documents.iter().any(|document| format.is_one(document)))
    };
    let format = format.or_else(recognised).ok_or_else(|| ImportError::Unknown { file: shown.clone() })?;
    let mut draft = Draft::default();
    format.read(&documents, &mut draft);
    if let Some(error) = draft.failure() {
        return Err(error);
    }
    if draft.is_empty() {
        return Err(ImportError::Nothing { file: shown });
    }
    Ok(draft.finish(format, &names))
}
