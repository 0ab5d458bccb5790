//! The names of the cache's strategies, and of the parts of `pack`.

/// How uploads and answers go together. All strategies keep the same promises on correctness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Steps 2.1 and 2.2 as the workshop's own program solves them: both uploads are done before a put is answered, and a
    /// get asks whether there is metadata, for the metadata, and for the body.
    Workshop,
    /// Uploads go out beside the answers and are waited for at the end.
    Async,
    /// Many outputs in one object, fetched before go asks for them.
    Pack,
}

impl Strategy {
    /// The name that arguments and files have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workshop => "workshop",
            Self::Async => "async",
            Self::Pack => "pack",
        }
    }
}

/// A part of the strategy `pack` that can be switched off, to see what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PackOption {
    /// Packs that come next are fetched before go asks for them.
    Prefetch,
    /// Many outputs share an object.
    Packs,
    /// zstd.
    Compression,
    /// Outputs that are asked for first come first.
    Order,
    /// More than one connection.
    Connections,
}
