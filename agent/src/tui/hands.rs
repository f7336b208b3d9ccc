//! What the screen asks of whoever can look and act, and what comes back.

use super::data::Data;

/// Looks, explains and destroys for the screen; what does not work it says in words.
pub trait Hands {
    /// What is wrong now.
    fn look(&mut self) -> Result<Data, String>;

    /// A page about this, as `finback explain` takes it.
    fn explain(&mut self, what: &str) -> Result<String, String>;

    /// Looks for the sockets that a filter selects. Nothing is changed.
    fn choose(&mut self, filter: &str) -> Result<DryRun, String>;

    /// Destroys those that were chosen last; says how many.
    fn destroy(&mut self) -> Result<String, String>;
}

/// What it would be to destroy some sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// For how many, for whom, and what they would feel.
    pub page: String,
    /// How many would be destroyed.
    pub sockets: usize,
}

/// Something that takes its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Look now.
    Look,
    /// Explain this.
    Explain(String),
    /// Choose sockets by a filter.
    Choose(String),
    /// Destroy those that were chosen.
    Destroy,
}

impl Wish {
    /// Does it.
    pub(super) fn fulfil(self, hands: &mut dyn Hands) -> Answer {
        match self {
            Self::Look => Answer::Looked(hands.look()),
            Self::Explain(what) => Answer::Explained(hands.explain(&what)),
            Self::Choose(filter) => Answer::Chosen(hands.choose(&filter)),
            Self::Destroy => Answer::Destroyed(hands.destroy()),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What is wrong.
    Looked(Result<Data, String>),
    /// A page.
    Explained(Result<String, String>),
    /// What it would be.
    Chosen(Result<DryRun, String>),
    /// How many.
    Destroyed(Result<String, String>),
}
