//! What must not be flagged.

use super::super::step::Step::{
    Burst, Close, Flood, Freeze, Half, Hear, HearAll, HearFor, Pause, Reset, Say, Thaw, Tick,
};
use super::Act::{Both, Call, Serve};
use super::Language::{C, Go, Java, Node, Php, Python, Ruby, Rust};
use super::{Act, Language, Scenario, scenario};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Ticks that last longer than every threshold.
const LONG: u32 = 45;

const fn control(
    language: Language,
    file: &'static str,
    says: Option<&'static str>,
    act: Act,
) -> Scenario {
    Scenario {
        says,
        ..scenario("control", language, file, act, &[])
    }
}

pub(super) const ALL: &[Scenario] = &[
    control(
        Python,
        "answers_after_fin.py",
        None,
        Call {
            count: 1,
            steps: &[Say(GET), Half, HearAll, Close],
        },
    ),
    control(
        Ruby,
        "upload.rb",
        Some("ready"),
        Serve {
            count: 1,
            steps: &[Hear, Say("HTTP/1.0 200 OK\r\n\r\n"), Half, HearAll, Close],
        },
    ),
    control(
        Php,
        "http10.php",
        Some("ready"),
        Serve {
            count: 5,
            steps: &[Hear, Say("HTTP/1.0 200 OK\r\n\r\nhello"), Close],
        },
    ),
    control(
        Go,
        "forward.go",
        None,
        Both {
            front: &[Say("question"), Half, HearAll, Close],
            back: &[Hear, Tick(LONG), Close],
        },
    ),
    control(
        C,
        "lingering.c",
        None,
        Call {
            count: 1,
            steps: &[Say("POST /\r\n"), Hear, Tick(LONG), Close],
        },
    ),
    control(
        Rust,
        "slow_reader.rs",
        Some("stuck"),
        Serve {
            count: 1,
            steps: &[Hear, Flood(4500)],
        },
    ),
    control(
        Python,
        "pool_reused.py",
        Some("ready"),
        Serve {
            count: 6,
            steps: &[Hear, Say(OK), Pause(200), Close],
        },
    ),
    control(
        C,
        "serves.c",
        None,
        Call {
            count: 2,
            steps: &[
                Say(GET),
                Pause(200),
                Freeze,
                Half,
                Pause(400),
                Thaw,
                HearAll,
                Close,
            ],
        },
    ),
    control(
        C,
        "forks.c",
        None,
        Call {
            count: 2,
            steps: &[Say("a"), Hear, Pause(3000), Say("b"), Hear, Close],
        },
    ),
    control(
        Node,
        "long_poll.js",
        None,
        Call {
            count: 1,
            steps: &[Say(GET), Hear, Close],
        },
    ),
    control(
        Node,
        "stream.js",
        None,
        Call {
            count: 1,
            steps: &[Say(GET), HearFor(4500), Close],
        },
    ),
    control(
        Node,
        "agent_idle.js",
        Some("ready"),
        Serve {
            count: 1,
            steps: &[Hear, Say(OK), Pause(500), Close],
        },
    ),
    control(
        Go,
        "transport.go",
        Some("ready"),
        Serve {
            count: 3,
            steps: &[Hear, Say(OK), Pause(300), Close],
        },
    ),
    control(
        Go,
        "burst.go",
        None,
        Call {
            count: 100,
            steps: &[Burst(20000), Close],
        },
    ),
    control(
        Java,
        "Load.java",
        None,
        Call {
            count: 300,
            steps: &[Say(GET), Hear, Close],
        },
    ),
    control(
        Python,
        "restart.py",
        None,
        Call {
            count: 3,
            steps: &[Say(GET), Close],
        },
    ),
    control(
        Python,
        "reset.py",
        None,
        Call {
            count: 3,
            steps: &[Say(GET), Pause(50), Reset],
        },
    ),
    control(
        Python,
        "exits.py",
        None,
        Call {
            count: 4,
            steps: &[Say(GET), Close],
        },
    ),
];
