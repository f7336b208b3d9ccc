//! A file that was read again: what of it a daemon that runs can take on, and what waits for its restart.

use super::Config;

/// What comes of a file that was read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What holds from now on.
    pub config: Config,
    /// Keys that stay as they were until the daemon is started again.
    pub waiting: Vec<&'static str>,
}

/// Keeps fields as they are, and names those that were to change.
macro_rules! keep {
    ($old:ident, $new:ident, $waiting:ident: $($field:ident),+ $(,)?) => {
        $(if $old.$field != $new.$field {
            $waiting.push(stringify!($field));
            $new.$field.clone_from(&$old.$field);
        })+
    };
}

impl Config {
    /// What `new` can change while the daemon runs. The rest is what the kernel side was loaded with, and where the daemon
    /// listens, looks and writes.
    pub fn change(&self, new: Self) -> Change {
        let (old, mut new) = (self, new);
        let mut waiting = Vec::new();
        keep!(old, new, waiting: attach, filter, host_root, max_sockets, metrics_listen, openers, pins, ring_bytes, segment, socket, stacks);
        match (&old.history, &mut new.history) {
            (None, None) => {}
            (Some(old), Some(new)) => {
                let names = [
                    ("history.path", old.path != new.path),
                    ("history.select", old.select != new.select),
                    ("history.filter", old.filter != new.filter),
                ];
                waiting.extend(names.iter().filter(|one| one.1).map(|one| one.0));
                new.path.clone_from(&old.path);
                new.select = old.select;
                new.filter.clone_from(&old.filter);
            }
            (old, new) => {
                waiting.push("history.enabled");
                new.clone_from(old);
            }
        }
        // The kernel side looks control groups up only if it was told so when it was loaded.
        if new.has_groups() && !old.has_groups() {
            waiting.push("override.cgroup");
        }
        Change {
            config: new,
            waiting,
        }
    }

    /// Whether others are to be told otherwise than `new` says.
    pub fn exports_otherwise(&self, new: &Self) -> bool {
        let same = self.journal == new.journal
            && self.webhook == new.webhook
            && self.otlp == new.otlp
            && self.docs == new.docs;
        !same
    }

    /// Whether anything is set for control groups.
    pub fn has_groups(&self) -> bool {
        let mut exceptions = self.exceptions.iter();
        exceptions.any(|exception| exception.cgroup.is_some())
    }
}
