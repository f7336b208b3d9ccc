//! What the test binaries that attach to the kernel share: the daemon, its stream, real programs, and where they run.

pub(crate) mod cgroup;
pub(crate) mod daemon;
pub(crate) mod netns;
pub(crate) mod part;
pub(crate) mod program;
pub(crate) mod proof;
pub(crate) mod replay;
pub(crate) mod setting;
pub(crate) mod ss;
pub(crate) mod stream;
pub(crate) mod subject;
pub(crate) mod traffic;
pub(crate) mod trial;
pub(crate) mod watch;
pub(crate) mod wire;
