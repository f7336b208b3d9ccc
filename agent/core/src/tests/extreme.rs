//! Numbers beyond measure. No kernel has them; a recording may claim any.

use super::*;
use crate::model::guard::Guard;
use crate::model::process::Descriptors;

const PID: u32 = 7;

fn guard() -> Guard {
    Guard {
        keep_alive: true,
        time: u32::MAX,
        interval: u32::MAX,
        probes: u8::MAX,
        user_timeout: u32::MAX,
    }
}

fn beyond_measure(view: SocketView) -> SocketView {
    counted(view, |counters| {
        *counters = SocketCounters {
            unread: u32::MAX,
            unacked: u32::MAX,
            bytes_sent: u64::MAX,
            bytes_acked: u64::MAX,
            bytes_received: u64::MAX,
            last_sent: u32::MAX,
            last_received: u32::MAX,
            last_heard: u32::MAX,
            backlog: u32::MAX,
            max_backlog: u32::MAX,
            guard: Some(guard()),
            ..*counters
        };
    })
}

#[test]
fn numbers_beyond_measure_overflow_nothing() {
    let mut settings = Settings {
        inspection_interval: Duration::MAX,
        ..Settings::default()
    };
    settings.incidents.trend_window = Duration::MAX;
    settings.incidents.halted_after = Duration::MAX;
    let mut world = World::with(settings);
    let full = Descriptors {
        open: u64::MAX,
        limit: u64::MAX,
    };
    world.kernel.descriptors.insert(PID, full);
    for look in 1..40 {
        let leaks = (0..look).map(|n| {
            world.kernel.half.insert(sock(n), fin(1_000));
            beyond_measure(held_by(PID, drained(n)))
        });
        let leaks: Vec<_> = leaks.collect();
        let ms = 60_000 * look;
        let mut snapshot = world.snapshot(ms, leaks);
        (snapshot.took, snapshot.cost) = (Duration::MAX, Duration::MAX);
        if let Some(jiffies) = &mut snapshot.jiffies {
            jiffies.length = Duration::MAX;
        }
        world.engine.handle_look(&snapshot, at(ms));
        world.drain(at(ms), &|_| Vec::new());
    }
    assert_eq!(world.engine.stats().looks.took, Duration::MAX);
}
