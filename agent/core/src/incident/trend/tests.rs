use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::incident::standing::Standing;

const MINUTE: Duration = Duration::from_mins(1);
const START: Timestamp = Timestamp::from_nanos(1_000_000_000_000_000);

/// What has become of a trend.
#[derive(Debug, Default)]
struct Course {
    opened: u32,
    ended: u32,
    first: Option<Duration>,
}

/// Connections by when they hang up and when they are noticed, looked at every ten seconds.
fn play(lives: &[(Duration, Duration)], live: impl Fn(Duration) -> u32, hours: u64) -> Course {
    let (mut ages, mut trend, mut course) = (Ages::default(), Trend::default(), Course::default());
    let mut ends: BTreeMap<(Duration, usize), u64> = BTreeMap::new();
    let mut lives = lives.iter().enumerate().peekable();
    let mut passed = Duration::ZERO;
    while passed < Duration::from_hours(hours) {
        passed += Duration::from_secs(10);
        let now = START + passed;
        let before = trend.is_rising();
        while let Some((n, (fin, end))) = lives.next_if(|(_, (fin, _))| *fin <= passed) {
            let (second, settled) = ages.add(START + *fin, Standing::Open);
            trend.arrive(settled);
            ends.insert((*end, n), second);
        }
        while let Some(entry) = ends.first_entry()
            && entry.key().0 <= passed
        {
            let ((end, _), second) = entry.remove_entry();
            let settled = ages.remove(second, Standing::Open);
            let began = Timestamp::from_nanos(second * 1_000_000_000);
            trend.leave(settled, (START + end).since(began));
        }
        let measure = Measure {
            window: MINUTE,
            enough: 5,
            live: Some(live(passed)),
        };
        trend.turn(&mut ages, measure, now);
        match (before, trend.is_rising()) {
            (false, true) => {
                course.opened += 1;
                course.first = course.first.or(Some(passed));
            }
            (true, false) => course.ended += 1,
            _ => {}
        }
    }
    course
}

fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        #[expect(clippy::cast_precision_loss, reason = "a random number")]
        let unit = (x >> 11) as f64 / (1_u64 << 53) as f64;
        unit
    }
}

/// Arrivals by an exponential clock; each stays for as long as `stay` says.
fn arrivals(
    random: &mut impl FnMut() -> f64,
    pause: Duration,
    hours: u64,
    stay: impl Fn(f64) -> Duration,
) -> Vec<(Duration, Duration)> {
    let (mut at, mut lives) = (Duration::ZERO, Vec::new());
    while at < Duration::from_hours(hours) {
        at += pause.mul_f64(-(1.0 - random()).ln());
        lives.push((at, at + stay(random())));
    }
    lives
}

fn for_ever(_: f64) -> Duration {
    Duration::from_hours(1_000)
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

/// Twenty leaks with this pause between two connections, for four hours each.
fn leaks(pause: Duration) -> Vec<Course> {
    let leak = |seed| {
        let lives = arrivals(&mut random(seed), pause, 4, for_ever);
        play(&lives, |_| 0, 4)
    };
    (1..=20).map(leak).collect()
}

#[test]
fn a_poisson_leak_of_three_in_two_minutes_rises_within_nine_minutes_and_never_ends() {
    let courses = leaks(Duration::from_secs(40));
    for course in &courses {
        assert_eq!((course.opened, course.ended), (1, 0), "{course:?}");
        assert!(course.first.unwrap() <= MINUTE * 9, "{course:?}");
    }
    let first = courses.iter().filter_map(|course| course.first).collect();
    assert!(median(first) <= MINUTE * 6);
}

/// How late it can be: the exponential clock makes pauses of any length.
#[test]
fn of_a_thousand_poisson_leaks_nearly_all_rise_within_nine_minutes_and_all_within_twenty() {
    let late = (1..=1_000).filter(|seed| {
        let lives = arrivals(&mut random(*seed), Duration::from_secs(40), 1, for_ever);
        let course = play(&lives, |_| 0, 1);
        assert_eq!((course.opened, course.ended), (1, 0), "{seed}: {course:?}");
        let first = course.first.unwrap();
        assert!(first <= MINUTE * 20, "{seed}: {course:?}");
        first > MINUTE * 9
    });
    let late = late.count();
    assert!(late <= 50, "{late} of 1,000 after nine minutes");
}

#[test]
fn a_leak_of_three_a_minute_rises_with_the_fifth_window_and_a_slow_one_within_the_hour() {
    for course in leaks(Duration::from_secs(20)) {
        assert_eq!((course.opened, course.ended), (1, 0), "{course:?}");
        assert!(course.first.unwrap() <= MINUTE * 6, "{course:?}");
    }
    for course in leaks(Duration::from_mins(3)) {
        assert!(course.first.unwrap() <= MINUTE * 75, "{course:?}");
        // The short windows may see it first, by chance; the long ones hold it.
        assert!(course.ended < course.opened, "{course:?}");
    }
}

#[test]
fn a_leak_among_busy_handlers_rises() {
    for seed in 1..=5 {
        let mut random = random(seed);
        let handlers =
            |share: f64| Duration::from_secs(10) + Duration::from_secs(50).mul_f64(share);
        let mut lives = arrivals(&mut random, Duration::from_secs(12), 2, handlers);
        lives.extend(arrivals(&mut random, Duration::from_secs(40), 2, for_ever));
        lives.sort_unstable();
        let course = play(&lives, |_| 0, 2);
        assert_eq!((course.opened, course.ended), (1, 0), "{course:?}");
        assert!(course.first.unwrap() <= MINUTE * 12, "{course:?}");
    }
}

#[test]
fn a_pool_that_goes_stale_does_not_rise_and_new_connections_that_do_rise_for_ten_minutes() {
    let lives: Vec<_> = (0..200)
        .map(|n| Duration::from_secs(n * 3))
        .map(|fin| (fin, for_ever(0.0)))
        .map(|(fin, stay)| (fin, fin + stay))
        .collect();
    let left = |passed: Duration| 200 - u32::try_from(passed.as_secs() / 3).unwrap().min(200);
    assert_eq!(play(&lives, left, 2).opened, 0);
    let course = play(&lives, |_| 200, 2);
    assert_eq!((course.opened, course.ended), (1, 1));
}

proptest! {
    #![proptest_config(crate::tests::cases(64))]

    #[test]
    fn what_is_left_within_a_minute_never_rises(
        mut fins in prop::collection::vec(0_u64..60_000, 1..400),
    ) {
        fins.sort_unstable();
        let fins = fins.into_iter().map(Duration::from_millis);
        let lives: Vec<_> = fins.map(|fin| (fin, fin + for_ever(0.0))).collect();
        prop_assert_eq!(play(&lives, |_| 0, 3).opened, 0);
    }

    #[test]
    fn connections_that_all_come_and_go_within_a_minute_never_rise(
        seed in any::<u64>(),
        pause in 1_u64..60,
    ) {
        let short = |share: f64| Duration::from_secs(50).mul_f64(share);
        let pause = Duration::from_secs(pause);
        let lives = arrivals(&mut random(seed), pause, 3, short);
        prop_assert_eq!(play(&lives, |_| 0, 3).opened, 0);
    }

    #[test]
    fn a_poisson_leak_of_three_in_two_minutes_rises_once_and_stays(seed in any::<u64>()) {
        let lives = arrivals(&mut random(seed), Duration::from_secs(40), 6, for_ever);
        let course = play(&lives, |_| 0, 6);
        prop_assert_eq!((course.opened, course.ended), (1, 0));
    }
}
