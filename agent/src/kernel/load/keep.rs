//! Pins what must not end with the daemon: the tables that the truth of findings rests on, and the programs that keep them
//! up.
//!
//! The programs of an earlier daemon go on until the new ones are attached, proven and pinned in their place. For that
//! moment both write the tables; one FIN has one place all the same, and a delivery that both count is before the first
//! look, from which rates are measured.

use std::collections::BTreeSet;
use std::path::Path;

use finback_common::hook::{Flavour, Hook, Kind, Signal};
use finback_common::map;
use finback_common::place::{HALF_PLACES, HalfPlace, OpenerPlace};

use super::attach::Programs;
use super::options::Options;
use super::plan::{Plan, hooks};
use super::report::Means;
use crate::kernel::pin::{Pins, Shape};

/// The tables that outlive the daemon.
pub(super) fn shapes(options: &Options) -> [Shape; 2] {
    [
        Shape {
            name: map::HALF,
            value_bytes: size_of::<HalfPlace>(),
            places: HALF_PLACES,
        },
        Shape {
            name: map::OPENERS,
            value_bytes: size_of::<OpenerPlace>(),
            places: options.opener_places,
        },
    ]
}

/// Whether programs of these names keep up the tables: every place is written, and freed with its socket.
pub(super) fn keep_up(names: &BTreeSet<String>) -> bool {
    let by_state = covers(names, Signal::State);
    covers(names, Signal::Release)
        && covers(names, Signal::Reset)
        && (by_state || covers(names, Signal::Half))
        && (by_state || covers(names, Signal::Open))
}

/// Whether these programs have seen everything that this plan sees all the time.
pub(super) fn have_seen_all(names: &BTreeSet<String>, plan: &Plan) -> bool {
    let always = Signal::ALL
        .iter()
        .filter(|signal| signal.is_always_attached());
    always.copied().all(|signal| match plan.means(signal) {
        Means::Hooks { .. } => covers(names, signal),
        Means::ThroughState => covers(names, Signal::State),
        Means::Look | Means::Sweep | Means::Missing { .. } => true,
    })
}

/// Whether one flavour of a signal is complete.
fn covers(names: &BTreeSet<String>, signal: Signal) -> bool {
    let complete = |flavour: &Flavour| {
        let mut required = hooks(signal, *flavour)
            .filter(|hook| hook.required())
            .peekable();
        required.peek().is_some() && required.all(|hook| names.contains(hook.program()))
    };
    Flavour::ALL.iter().any(complete)
}

/// Pins the tables and what is attached now; then lets go of what an earlier daemon has left.
pub(super) fn keep(pins: &mut Pins, programs: &mut Programs, shapes: &[Shape]) {
    if !pins.are_on() {
        return;
    }
    if let Err(reason) = pin_all(pins, programs, shapes) {
        tracing::warn!("nothing is pinned: {reason}");
        pins.give_up(reason);
        return;
    }
    pins.drop_other_versions();
}

fn pin_all(pins: &mut Pins, programs: &mut Programs, shapes: &[Shape]) -> Result<(), String> {
    if !pins.all_go_on(shapes) {
        // Killed in the middle of this, no old program must seem to have kept up a new table.
        pins.drop_links(&BTreeSet::new());
    }
    for shape in shapes {
        match pins.table(shape.name).map(Path::to_owned) {
            Some(path) => pins.own_up(&path),
            None => pins.put(shape.name, |path| programs.pin_table(shape.name, path))?,
        }
    }
    let attached: Vec<Hook> = programs.attached().collect();
    let mut pinned = BTreeSet::new();
    for hook in attached {
        let name = hook.program();
        if hook.kind() == Kind::Kprobe && !aya::features().bpf_perf_link() {
            pins.leave_out(
                name,
                "before Linux 5.15 the attachment of a kprobe is no link, which could be pinned",
            );
            continue;
        }
        pins.put(name, |path| programs.pin(hook, path))?;
        pinned.insert(name);
    }
    pins.drop_links(&pinned);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::options::Attach;
    use super::*;

    fn names(hooks: &[Hook]) -> BTreeSet<String> {
        hooks.iter().map(|hook| hook.program().to_owned()).collect()
    }

    const TRACEPOINTS: [Hook; 4] = [
        Hook::TpReceiveReset,
        Hook::TpDestroySock,
        Hook::TpSetState,
        Hook::TpRecvLength,
    ];

    #[test]
    fn tables_are_kept_up_only_by_all_who_write_and_free_their_places() {
        assert!(keep_up(&names(&TRACEPOINTS)));
        let of_functions = [
            Hook::FeFin,
            Hook::FeConnect,
            Hook::TpReceiveReset,
            Hook::TpDestroySock,
        ];
        assert!(keep_up(&names(&of_functions)));
        for missing in of_functions {
            let rest: Vec<Hook> = of_functions.into_iter().filter(|h| *h != missing).collect();
            assert!(!keep_up(&names(&rest)), "without {missing:?}");
        }
        assert!(!keep_up(&BTreeSet::new()));
    }

    #[test]
    fn a_signal_that_was_not_followed_before_interrupts() {
        let plan = Plan::new(Attach::Forced(Flavour::Tracepoint));
        assert!(have_seen_all(&names(&TRACEPOINTS), &plan));
        assert!(
            !have_seen_all(&names(&TRACEPOINTS[..3]), &plan),
            "deliveries were not"
        );
    }
}
