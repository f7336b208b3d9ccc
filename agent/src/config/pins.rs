//! `pins`: whether tables and attached programs outlive the daemon, and where they are pinned meanwhile.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::value::DEFAULT_SOCKET;
use crate::kernel::pin::Place;

/// Where the daemon with the usual socket pins.
pub const DEFAULT_PINS: &str = "/sys/fs/bpf/finback";

/// `pins`, `--pins`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PinsArg {
    /// In the usual folder, if the daemon has the usual socket.
    #[default]
    Auto,
    /// Nothing is pinned.
    Off,
    /// In this folder.
    In(PathBuf),
}

impl FromStr for PinsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            path if Path::new(path).is_absolute() => Ok(Self::In(path.into())),
            _ => Err(format!(
                "use auto, off, or the absolute path of a folder on a bpf file system, for example {DEFAULT_PINS}"
            )),
        }
    }
}

impl PinsArg {
    /// Where a daemon with this socket pins.
    pub(super) fn place(&self, socket: &Path) -> Place {
        let off = |reason: &str| Place::Off {
            reason: reason.to_owned(),
        };
        match self {
            Self::In(folder) => Place::Folder(folder.clone()),
            Self::Off => off("pins = \"off\""),
            Self::Auto if socket == Path::new(DEFAULT_SOCKET) => Place::Folder(DEFAULT_PINS.into()),
            Self::Auto => {
                off("this daemon has a socket of its own: name a folder for it with --pins")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pins: &str, socket: &str) -> Place {
        pins.parse::<PinsArg>().unwrap().place(Path::new(socket))
    }

    #[test]
    fn the_usual_folder_is_that_of_the_daemon_with_the_usual_socket() {
        let usual = Place::Folder(DEFAULT_PINS.into());
        assert_eq!(place("auto", DEFAULT_SOCKET), usual);
        assert_eq!(
            place("/sys/fs/bpf/x", "/run/x"),
            Place::Folder("/sys/fs/bpf/x".into())
        );
        for off in [place("off", DEFAULT_SOCKET), place("auto", "/run/x")] {
            assert!(matches!(off, Place::Off { .. }), "{off:?}");
        }
    }

    #[test]
    fn a_folder_has_an_absolute_path() {
        for wrong in ["", "on", "finback", "./finback"] {
            let help = wrong.parse::<PinsArg>().unwrap_err();
            assert!(help.contains("/sys/fs/bpf/finback"), "{help}");
        }
    }
}
