//! Where this runs and what it tests: everything that comes from the environment.

use std::env;
use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// The environment of this run.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The binary under test: `FINBACK_BIN`, else the one cargo has just built.
    pub(crate) finback: PathBuf,
    /// The scenario programs: `FINBACK_SCENARIOS`, else those of this source tree.
    pub(crate) scenarios: PathBuf,
    /// Value for `--attach`: `FINBACK_TEST_ATTACH`, else `auto`.
    pub(crate) attach: String,
    /// Name of the kernel series if this is a guest: `FINBACK_GUEST_KERNEL`.
    pub(crate) guest: Option<String>,
    /// The clock skips idle time, so the kernel's own long timers can be awaited: `FINBACK_TEST_TIME=virtual`.
    pub(crate) virtual_time: bool,
    /// Leave out what no flavour changes, because another run on the same kernel has it: `FINBACK_TEST_PART=flavour`.
    pub(crate) only_flavour: bool,
    /// Distribution's Python if there is one: a shim of a version manager would cost a second per start.
    pub(crate) python: PathBuf,
}

/// The environment, read once.
pub(crate) fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(Setting::from_environment)
}

impl Setting {
    fn from_environment() -> Self {
        let path = |name: &str, default: &str| {
            env::var_os(name).map_or(PathBuf::from(default), PathBuf::from)
        };
        let debian = PathBuf::from("/usr/bin/python3");
        Self {
            finback: path("FINBACK_BIN", env!("CARGO_BIN_EXE_finback")),
            scenarios: path(
                "FINBACK_SCENARIOS",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios"),
            ),
            attach: env::var("FINBACK_TEST_ATTACH").unwrap_or_else(|_| "auto".into()),
            guest: env::var("FINBACK_GUEST_KERNEL").ok(),
            virtual_time: env::var("FINBACK_TEST_TIME").is_ok_and(|time| time == "virtual"),
            only_flavour: env::var("FINBACK_TEST_PART").is_ok_and(|part| part == "flavour"),
            python: if debian.exists() {
                debian
            } else {
                "python3".into()
            },
        }
    }

    /// No program of a test lives longer, in seconds.
    pub(crate) fn life(&self) -> u64 {
        4 * self.patience().as_secs()
    }

    /// How long to wait for something that happens at once on a machine with nothing else to do.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(if self.virtual_time {
            // Keep-alive gives up after 2 h 11 min.
            4 * 3600
        } else if self.guest.is_some() {
            90
        } else {
            15
        })
    }

    /// How long the daemon may take to end: 1 s is the promise; an emulated processor is many times slower, and has
    /// no other to run the traffic on.
    pub(crate) fn farewell(&self) -> Duration {
        Duration::from_secs(if self.guest.is_some() { 30 } else { 1 })
    }

    /// Whether one flavour is forced.
    pub(crate) fn forced(&self) -> bool {
        self.attach != "auto"
    }
}

/// Waits until no other run is under way. Where no lock can be had the tests run all the same and say what is wrong.
pub(crate) fn alone_on_this_machine() -> Option<File> {
    let lock = File::create("/run/finback-live.lock").ok()?;
    lock.lock().ok()?;
    Some(lock)
}

/// Only root may load kernel programs; the tests' namespaces need it too.
pub(crate) fn need_root() -> anyhow::Result<()> {
    anyhow::ensure!(
        rustix::process::geteuid().is_root(),
        "live tests load kernel programs and make network namespaces: run them as root"
    );
    Ok(())
}
