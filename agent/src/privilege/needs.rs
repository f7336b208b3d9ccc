//! What a daemon that runs will still do.

/// What the daemon will still do.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// It starts readers of other users' programs, who give up the rest.
    pub stacks: bool,
    /// It runs commands of the user's, of which nothing is known, and which inherit what is given up.
    pub commands: bool,
}
