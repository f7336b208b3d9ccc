//! What is not in lines.

/// Who has made them, and where.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Version of finback.
    pub finback: &'static str,
    /// Where the lines come from, in one line.
    pub source: String,
    /// Name of the host, if the lines are from this one and it may be told.
    pub host: Option<String>,
    /// Release of its kernel.
    pub kernel: Option<String>,
    /// Text of the configuration file.
    pub configuration: Option<String>,
    /// Whether lines have been anonymized.
    pub anonymized: bool,
}
