//! Growth, judged by how many half-closed connections the model's processes really had at every moment.

use proptest::prelude::*;

use super::*;

/// Milliseconds between two looks.
const TICK: u64 = 15_000;
/// Ticks in a window.
const WINDOW: usize = 4;
/// Ticks in which growth is found at the latest: six samples, each up to a look later than its window's end.
const CERTAIN: usize = 32;
/// Ticks that hold two samples for certain.
const TWO_SAMPLES: usize = 11;

/// So many ticks, and what each adds or takes away.
fn phases() -> impl Strategy<Value = Vec<u32>> {
    let growth = (20_usize..50, prop::collection::vec(0_i32..3, 1..5));
    let other = (1_usize..15, prop::collection::vec(-3_i32..3, 1..5));
    let phase = prop_oneof![growth, other];
    prop::collection::vec(phase, 1..5).prop_map(|phases| {
        let steps = phases
            .into_iter()
            .flat_map(|(ticks, steps)| steps.into_iter().cycle().take(ticks));
        let count = |count: &mut i32, step: i32| {
            *count = (*count + step).max(0);
            Some(count.unsigned_abs())
        };
        steps.scan(0, count).collect()
    })
}

fn count(counts: &[u32], ms: u64) -> u32 {
    let tick = usize::try_from(ms / TICK).unwrap();
    counts.get(tick).or(counts.last()).copied().unwrap_or(0)
}

fn sockets(pid: u32, counts: &[u32], ms: u64) -> impl Iterator<Item = SocketView> {
    let first = u64::from(pid) * 1000;
    (first..first + u64::from(count(counts, ms))).map(move |n| SocketView {
        holders: vec![holder(pid, 5)],
        ..view(n)
    })
}

/// Six moments, each a window later than the one before and with more, the last of them this tick.
fn may_be_growth(counts: &[u32], tick: usize) -> bool {
    let mut longest: Vec<u32> = Vec::new();
    for now in 0..=tick {
        let before = 0..(now + 1).saturating_sub(WINDOW);
        let chain = before
            .filter(|&then| counts[then] < counts[now])
            .map(|then| longest[then])
            .max();
        longest.push(chain.unwrap_or(0) + 1);
    }
    longest[tick] >= 6
}

/// More in every window for so long that no choice of moments hides it.
fn must_be_growth(counts: &[u32], tick: usize) -> bool {
    let Some(first) = tick.checked_sub(CERTAIN) else {
        return false;
    };
    let span = &counts[first..=tick];
    span[0] > 0 && span.is_sorted() && span.windows(WINDOW + 1).all(|w| w[0] < w[WINDOW])
}

fn must_be_over(counts: &[u32], tick: usize) -> bool {
    let Some(first) = tick.checked_sub(TWO_SAMPLES) else {
        return true;
    };
    counts[first..=tick].is_sorted_by(|a, b| a >= b)
}

/// When the process's findings began and ended.
fn told(world: &World, pid: u32) -> Vec<(u64, Action)> {
    let about = |event: &Event| {
        if let Body::ProcessFinding { owner, finding } = &event.body
            && owner.process.id.pid == pid
        {
            assert_eq!(finding.verdict, Verdict::CloseWaitGrowth);
            let ms = event.time.since(at(0)).as_millis();
            Some((u64::try_from(ms).unwrap(), finding.action))
        } else {
            None
        }
    };
    world.events.iter().filter_map(about).collect()
}

fn check(counts: &[u32], told: &[(u64, Action)]) {
    let mut open = false;
    let mut events = told.iter().peekable();
    for tick in 0..counts.len() {
        let end = (tick as u64 + 1) * TICK;
        while let Some((ms, action)) = events.next_if(|(ms, _)| *ms < end) {
            assert_eq!(open, *action == Action::Resolved, "at {ms} ms");
            open = *action == Action::Opened;
            assert!(!open || may_be_growth(counts, tick), "tick {tick}");
        }
        assert!(
            open || !must_be_growth(counts, tick),
            "missed at {tick}: {told:?}"
        );
        assert!(!open || !must_be_over(counts, tick), "stays at {tick}");
    }
}

proptest! {
    #[test]
    fn growth_is_found_where_there_is_growth(one in phases(), other in phases()) {
        let mut world = World::new();
        world.tracker.settings.scan_interval = Duration::from_millis(TICK);
        world.state(0, 90, TcpState::SynReceived, TcpState::Established);
        let end = one.len().max(other.len()) as u64 * TICK;
        world.run(end, |ms| sockets(7, &one, ms).chain(sockets(8, &other, ms)).collect());
        check(&one, &told(&world, 7));
        check(&other, &told(&world, 8));
    }
}
