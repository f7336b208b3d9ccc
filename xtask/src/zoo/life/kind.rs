//! What lives in the zoo, and what may be said of it.

/// Something that serves.
#[derive(Clone, Copy, Debug)]
pub(in crate::zoo) struct Service {
    /// Names its control group, its log and its row.
    pub(in crate::zoo) name: &'static str,
    /// For `sh`, in the cage; in the foreground.
    pub(in crate::zoo) line: &'static str,
    /// Where it listens once it is ready.
    pub(in crate::zoo) ports: &'static [u16],
}

/// Something that asks, again and again.
#[derive(Clone, Copy, Debug)]
pub(in crate::zoo) struct Client {
    /// Names its control group, its log and its row.
    pub(in crate::zoo) name: &'static str,
    /// For `sh`, in the cage; does not end.
    pub(in crate::zoo) line: &'static str,
}

/// A finding that is true of healthy software and does no harm.
#[derive(Clone, Copy, Debug)]
pub(in crate::zoo) struct May {
    /// Name of the service or client.
    pub(in crate::zoo) of: &'static str,
    pub(in crate::zoo) verdict: &'static str,
    /// Why it is true, and why it is harmless.
    pub(in crate::zoo) why: &'static str,
}
