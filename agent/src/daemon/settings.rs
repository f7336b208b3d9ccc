//! One configuration, four readers: the kernel side, the engine, the stream, and `hello`.

use std::borrow::Cow;

use crate::config::{Attach, Config};
use crate::kernel::load::report::{HookReport, Means};
use crate::kernel::pin::Place;
use crate::kernel::{self, Options, boot_id};
use crate::output::json;
use crate::output::select::{Kind, Selection};
use finback_core::model::interest::Interest;
use finback_core::model::state::TcpState;
use finback_core::model::time::Timestamp;
use finback_core::settings::Settings;

/// What the kernel side is told. Nothing is pinned: that is for the daemon alone.
pub fn kernel_options(config: &Config, log_level: u8) -> Options {
    Options {
        pins: Place::default(),
        attach: match config.attach {
            Attach::Auto => kernel::Attach::Auto,
            Attach::Only(flavour) => kernel::Attach::Forced(flavour),
        },
        ring_bytes: config.ring_bytes.get(),
        opener_places: config.openers,
        ignored_pid: Some(std::process::id()),
        stacks: config.stacks,
        groups: config.has_groups(),
        log_level,
    }
}

/// What the engine is told.
pub(super) fn engine(config: &Config, report: &HookReport, since: Timestamp) -> Settings {
    let rows = report.signals.iter();
    let available = rows.filter(|row| row.is_available()).map(|row| row.signal);
    Settings {
        boot_id: boot_id().into(),
        signals: available.collect(),
        watching_since: since,
        time_wait_by_sweep: report.signals.iter().any(|row| row.means == Means::Sweep),
        ..config.settings()
    }
}

/// What the configuration says of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    states: Interest,
    segments: bool,
}

impl Stream {
    pub(super) fn of(config: &Config) -> Self {
        let all = (1..=12).filter_map(TcpState::from_kernel);
        let wanted = all.filter(|state| config.states.contains(*state));
        Self {
            states: Interest::in_states(wanted),
            segments: config.segment,
        }
    }

    /// What the kernel is to tell for this selection.
    pub(super) fn interest(self, wanted: Selection) -> Interest {
        let transitions = wanted.has(Kind::Transition);
        let mut interest = if transitions {
            self.states
        } else {
            Interest::NONE
        };
        interest.eof = transitions;
        interest.segments = transitions && self.segments;
        interest.connections = wanted.has(Kind::Connection);
        interest
    }
}

/// What subscribers are greeted with.
pub(super) fn hello(report: &HookReport) -> json::Hello<'static> {
    let machine = rustix::system::uname();
    let signals = report.signals.iter().map(|row| {
        let means = match &row.means {
            Means::Hooks { flavour } => Some((*flavour).into()),
            Means::ThroughState => Some(json::Means::ThroughState),
            Means::Look => Some(json::Means::Look),
            Means::Sweep => Some(json::Means::Sweep),
            Means::Missing { .. } => None,
        };
        (Cow::Borrowed(row.signal.name()), means)
    });
    json::Hello {
        version: env!("CARGO_PKG_VERSION").into(),
        host: machine.nodename().to_string_lossy().into_owned().into(),
        kernel: report.kernel.clone().into(),
        boot_id: boot_id().into(),
        signals: signals.collect(),
        next_seq: 1,
    }
}
