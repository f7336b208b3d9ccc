//! Which hooks there are, in each flavour.

use std::time::Instant;

use finback::kernel::load::report::{HookStatus, Means, SnapshotReport};
use finback::kernel::{Attach, Kernel, KernelError, Options};
use finback_common::hook::{Flavour, Signal};
use finback_core::model::interest::Interest;
use finback_core::model::state::TcpState;

use crate::rig::{Rig, in_new_namespace, options};

#[test]
fn the_forced_tracepoint_flavour_gives_every_signal_that_this_kernel_has() {
    let rig = Rig::load(&options(Attach::Forced(Flavour::Tracepoint)));
    let report = rig.kernel.report();
    println!("{}", serde_json::to_string_pretty(report).unwrap());
    assert_eq!(report.unproven, None);
    let means = |signal| &report.signal(signal).unwrap().means;
    let by_tracepoint = Means::Hooks {
        flavour: Flavour::Tracepoint,
    };
    for signal in [
        Signal::State,
        Signal::Segment,
        Signal::Reset,
        Signal::Release,
    ] {
        assert_eq!(*means(signal), by_tracepoint);
    }
    for signal in [Signal::Half, Signal::Open, Signal::Shutdown, Signal::Close] {
        assert_eq!(*means(signal), Means::ThroughState);
    }
    assert_eq!(*means(Signal::TimeWait), Means::Sweep);
    assert_eq!(*means(Signal::Accept), Means::Look);
    assert_eq!(report.snapshot, SnapshotReport::Iterator);
    for row in report
        .signals
        .iter()
        .filter(|row| row.is_available())
        .flat_map(|row| &row.hooks)
    {
        // A copy works only where the first program was skipped.
        if !row.hook.is_copy() {
            assert_eq!(row.status, HookStatus::Firing, "{row:?}");
            assert!(row.hits > 0, "{row:?}");
        }
    }
}

#[test]
fn auto_finds_a_way_for_every_signal() {
    let start = Instant::now();
    let rig = Rig::auto();
    println!("loaded in {:?}", start.elapsed());
    for row in &rig.kernel.report().signals {
        println!("{:9} {}", row.signal.name(), row.means.name());
        for hook in &row.hooks {
            println!("  {:30} {:?}", hook.program, hook.status);
        }
        assert!(row.is_available(), "{row:?}");
    }
}

/// Every signal by hooks of this flavour, all firing; or a refusal in the kernel's own words.
fn forced_flavour_gives_every_signal(flavour: Flavour, refusal: &str) {
    let kernel = match Kernel::load(&options(Attach::Forced(flavour))) {
        Ok(kernel) => kernel,
        Err(KernelError::NoSignal { signal, reasons }) => {
            assert_eq!(signal, Signal::State);
            assert!(reasons.contains(refusal), "{reasons}");
            println!("{}: {reasons}", flavour.name());
            return;
        }
        Err(error) => panic!("{error}"),
    };
    for row in &kernel.report().signals {
        println!("{:9} {}", row.signal.name(), row.means.name());
        for hook in &row.hooks {
            println!("  {:30} {:?} {}", hook.program, hook.status, hook.hits);
        }
    }
    for row in &kernel.report().signals {
        let flavour = match row.signal {
            Signal::Reset | Signal::Release => Flavour::Tracepoint,
            _ => flavour,
        };
        assert_eq!(row.means, Means::Hooks { flavour }, "{row:?}");
        for hook in row.hooks.iter().filter(|hook| hook.required) {
            assert_eq!(hook.status, HookStatus::Firing, "{hook:?}");
        }
    }
}

#[test]
fn the_forced_kprobe_flavour_gives_every_signal_or_the_kernel_has_no_kprobes() {
    let refusal = "/sys/bus/event_source/devices/kprobe/type";
    forced_flavour_gives_every_signal(Flavour::Kprobe, refusal);
}

#[test]
fn the_forced_fentry_flavour_gives_every_signal_or_the_kernel_forbids_it() {
    forced_flavour_gives_every_signal(Flavour::Fentry, "Operation not permitted");
}

#[test]
fn every_program_is_accepted_with_its_log_on() {
    for flavour in Flavour::ALL {
        let options = |log_level| Options {
            log_level,
            ..options(Attach::Forced(*flavour))
        };
        let means = |log_level| {
            let kernel = Kernel::load(&options(log_level)).ok()?;
            let rows = &kernel.report().signals;
            Some(rows.iter().map(|row| row.means.clone()).collect::<Vec<_>>())
        };
        assert_eq!(means(5), means(0), "{}", flavour.name());
    }
}

#[test]
fn what_is_refused_does_not_stay_loaded() {
    let check = |rig: &mut Rig| {
        for row in rig
            .kernel
            .report()
            .signals
            .iter()
            .flat_map(|signal| &signal.hooks)
        {
            println!("{:32} {:?} instructions", row.program, row.verified);
            if matches!(row.status, HookStatus::Missing { .. }) {
                assert_eq!(row.verified, None, "{row:?}");
            }
        }
    };
    // Here one flavour after the other is tried.
    check(&mut Rig::auto());
    Rig::in_each_flavour(check);
}

/// Then no other is made, and whoever would tell of one stays silent in the proof.
#[test]
fn a_host_with_as_many_minisocks_as_it_may_have_is_told_of_them_as_another() {
    let means = || {
        let rig = Rig::auto();
        let row = rig.kernel.report().signal(Signal::TimeWait).unwrap();
        println!("{row:?}");
        row.means.clone()
    };
    let full = in_new_namespace(|| {
        std::fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0").unwrap();
        means()
    });
    assert_eq!(full, means());
}

fn attached(rig: &mut Rig) -> Vec<&'static str> {
    let hooks = rig
        .kernel
        .refresh_report()
        .signals
        .iter()
        .flat_map(|signal| &signal.hooks);
    hooks
        .filter(|hook| hook.attached)
        .map(|hook| hook.program)
        .collect()
}

#[test]
fn hooks_come_with_who_listens_and_go_with_him() {
    Rig::in_each_flavour(|rig| {
        let quiet = attached(rig);
        let is_segment = |program: &str| program.contains("rcv_") || program.contains("probe");
        assert!(
            !quiet.iter().any(|program| is_segment(program)),
            "{quiet:?}"
        );
        let mut interest = Interest::in_states([TcpState::CloseWait]);
        interest.segments = true;
        rig.ask_for(interest);
        let busy = attached(rig);
        assert!(busy.iter().any(|program| is_segment(program)), "{busy:?}");
        assert!(
            busy.iter().any(|program| program.contains("set_state")),
            "{busy:?}"
        );
        assert!(busy.len() > quiet.len(), "{busy:?}");
        rig.ask_for(Interest::NONE);
        assert_eq!(attached(rig), quiet);
    });
}
