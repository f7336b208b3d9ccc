//! Growth, judged by when the model's connections really came and went.

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;
/// Milliseconds between two looks.
const TICK: u64 = 15_000;

/// A connection: when its peer hung up and when it was closed.
#[derive(Clone, Copy, Debug)]
struct Life {
    fin: u64,
    end: u64,
}

/// So many minutes, with so many that hang up in each, and for how many seconds each stays, if not for ever.
fn phases() -> impl Strategy<Value = Vec<Life>> {
    let stay = prop_oneof![
        2 => Just(None),
        1 => (5_u64..600).prop_map(Some),
    ];
    let phase = (1_u64..25, 0_u64..4, stay);
    prop::collection::vec(phase, 1..5).prop_map(|phases| {
        let (mut began, mut lives) = (0, Vec::new());
        for (minutes, each, stay) in phases {
            for n in 0..minutes * each {
                let fin = began + n * MINUTE / each + 1;
                let end = stay.map_or(u64::MAX, |seconds| fin + seconds * 1_000);
                lives.push(Life { fin, end });
            }
            began += minutes * MINUTE;
        }
        lives
    })
}

fn sockets(pid: u32, lives: &[Life], now: u64) -> impl Iterator<Item = SocketView> {
    let first = u64::from(pid) * 1_000;
    let present = lives.iter().zip(first..);
    let present = present.filter(move |(life, _)| (life.fin..life.end).contains(&now));
    present.map(move |(life, n)| SocketView {
        half: Some(fin(life.fin)),
        ..held_by(pid, sent(drained(n), 100 + now))
    })
}

/// At least five that have been there for longer than a minute, and that did not come all at once.
fn may_be_growth(lives: &[Life], now: u64) -> bool {
    let old = |life: &&Life| life.fin + MINUTE < now && life.end > now;
    let mut fins: Vec<u64> = lives.iter().filter(old).map(|life| life.fin).collect();
    fins.sort_unstable();
    let spread = fins.last().zip(fins.first());
    fins.len() >= 5 && spread.is_some_and(|(last, first)| last - first >= MINUTE)
}

/// For a quarter of an hour one in every minute at least, and none has ever left.
fn must_be_growth(lives: &[Life], now: u64) -> bool {
    let Some(first) = now.checked_sub(15 * MINUTE) else {
        return false;
    };
    let none_left = lives.iter().all(|life| life.end == u64::MAX);
    let came = |minute| {
        let minute = first + minute * MINUTE..first + (minute + 1) * MINUTE;
        lives.iter().any(|life| minute.contains(&life.fin))
    };
    none_left && (0..15).all(came)
}

/// When the process's findings began and ended.
fn told(world: &World, pid: u32) -> Vec<(u64, Action)> {
    let findings = world.events.iter().filter_map(|event| {
        let (owner, finding) = about_process(event)?;
        (owner.process.id.pid == pid).then_some((ms(event.time), finding.action))
    });
    findings.collect()
}

fn check(lives: &[Life], minutes: u64, told: &[(u64, Action)]) {
    let mut open = false;
    let mut events = told.iter().peekable();
    for now in (0..minutes * MINUTE).step_by(usize::try_from(TICK).unwrap()) {
        while let Some((at, action)) = events.next_if(|(at, _)| *at <= now) {
            assert_eq!(*action != Action::Opened, open, "{action:?} at {at} ms");
            open = *action != Action::Resolved;
            let begins = *action == Action::Opened;
            assert!(!begins || may_be_growth(lives, *at), "opened at {at} ms");
        }
        let due = must_be_growth(lives, now.saturating_sub(TICK));
        assert!(open || !due, "missed at {now} ms: {told:?}");
        let any = |moment: u64| {
            let mut lives = lives.iter();
            lives.any(|life| (life.fin..life.end).contains(&moment))
        };
        let gone = now > 2 * TICK && (now - 2 * TICK..=now).step_by(1_000).all(|now| !any(now));
        assert!(!open || !gone, "stays at {now} ms");
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn growth_is_found_where_there_is_growth(one in phases(), other in phases()) {
        let mut world = World::scanning(Settings::default());
        let minutes = 60;
        world.run(minutes * MINUTE, |now| {
            sockets(7, &one, now).chain(sockets(8, &other, now)).collect()
        });
        check(&one, minutes, &told(&world, 7));
        check(&other, minutes, &told(&world, 8));
    }
}
