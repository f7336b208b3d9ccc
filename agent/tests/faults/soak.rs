//! The soak: a load of short connections for an hour, leaks planted and healed in the midst of it, and two daemons, one
//! with a subscriber and one without. What they use is written down line by line; `cargo xtask soak` judges the curve.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::ground::{Ends, Ground, Manner};
use crate::half::places_taken;
use crate::subject::Subject;
use crate::truth::{PAUSE, ask, config, explained, never_wrong, number};
use crate::usage::Usage;

/// So long a leak may wait to be told beyond its threshold, and a healed one to be resolved.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two samples.
const STEP: Duration = Duration::from_secs(5);
/// Leaks at the same time.
const MOST: usize = 60;

/// What the environment asks for: `FINBACK_TEST_SOAK` is the file for the samples.
struct Wanted {
    file: PathBuf,
    minutes: f64,
    rate: u32,
}

impl Wanted {
    fn from_environment() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<f64>().ok();
        let rate = number("FINBACK_TEST_SOAK_RATE").unwrap_or(2_000.0);
        Some(Self {
            file: std::env::var_os("FINBACK_TEST_SOAK")?.into(),
            minutes: number("FINBACK_TEST_SOAK_MINUTES").unwrap_or(60.0),
            rate: format!("{rate:.0}").parse().ok()?,
        })
    }
}

/// Whether that is all that this run is for.
pub(crate) fn is_wanted() -> bool {
    Wanted::from_environment().is_some()
}

/// One of the two.
struct Daemon {
    name: &'static str,
    subject: Subject,
}

/// A leak, and since when.
struct Leak {
    ends: Ends,
    planted: Instant,
    healed: Option<Instant>,
    heals_at: Instant,
}

/// Plays until the time is over, then waits until all is told.
pub(crate) fn soak() -> Result<()> {
    let wanted = Wanted::from_environment().context("no file for the samples")?;
    let mut out = File::create(&wanted.file)?;
    let mut ground = Ground::new()?;
    let select = ["--select", "incident,finding,connection"];
    let daemons = [
        Daemon {
            name: "quiet",
            subject: Subject::start(&config(), &["--select", "incident,finding"])?,
        },
        Daemon {
            name: "subscribed",
            subject: Subject::start(&config(), &select)?,
        },
    ];
    ground.load(wanted.rate)?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(60.0 * wanted.minutes);
    let mut play = Play::default();
    while Instant::now() < end {
        let next = Instant::now() + STEP;
        while Instant::now() < next {
            play.turn(&mut ground)?;
            thread::sleep(Duration::from_millis(fastrand::u64(100..1_000)));
        }
        sample(&mut out, begun, &mut ground, &daemons, &play)?;
        play.judge(&ground, &daemons)?;
    }
    let made = ground.rest()?;
    thread::sleep(PAUSE + PATIENCE);
    play.judge(&ground, &daemons)?;
    let told = json!({
        "type": "end", "connections": made, "planted": play.planted, "healed": play.healed,
        "seconds": begun.elapsed().as_secs_f64(),
    });
    writeln!(out, "{told}")?;
    println!("  {told}");
    for mut daemon in daemons {
        daemon.subject.replay.picture().check()?;
        daemon.subject.stop()?;
    }
    Ok(())
}

fn sample(
    out: &mut File,
    begun: Instant,
    ground: &mut Ground,
    daemons: &[Daemon],
    play: &Play,
) -> Result<()> {
    let connections = ground.made()?;
    for daemon in daemons {
        let usage = Usage::of(daemon.subject.pid())?;
        let counters: Value = {
            let status: Value = serde_json::from_str(&ask(&daemon.subject, "/v1/status")?)?;
            status["counters"].clone()
        };
        let line = json!({
            "type": "sample", "daemon": daemon.name, "seconds": begun.elapsed().as_secs_f64(),
            "connections": connections, "leaks": play.open(), "resident_kib": usage.resident, "own_kib": usage.own,
            "descriptors": usage.descriptors, "cpu_ticks": usage.ticks, "counters": counters,
            "watched": number(&daemon.subject, "/watched")?, "half_places": places_taken()?,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// What all daemons say of a leak that one of them has not told.
fn untold(ends: Ends, age: Duration, daemons: &[Daemon]) -> String {
    let said = daemons.iter().map(|daemon| {
        let page = explained(&daemon.subject, ends);
        let (name, errors) = (daemon.name, daemon.subject.errors());
        format!("{name} says: {page:?}\n{errors}")
    });
    let said: Vec<_> = said.collect();
    format!("{ends:?} is not told after {age:.1?}\n{}", said.join("\n"))
}

#[derive(Default)]
struct Play {
    leaks: Vec<Leak>,
    planted: usize,
    healed: usize,
}

impl Play {
    fn open(&self) -> usize {
        let open = self.leaks.iter().filter(|leak| leak.healed.is_none());
        open.count()
    }

    /// Plants one, or heals those whose time has come.
    fn turn(&mut self, ground: &mut Ground) -> Result<()> {
        let now = Instant::now();
        if self.open() < MOST && fastrand::f64() < 0.7 {
            let manner = if fastrand::bool() {
                Manner::Unread
            } else {
                Manner::Read
            };
            let ends = ground.plant(manner)?;
            let life = (PAUSE + PATIENCE).as_secs() + fastrand::u64(1..60);
            self.leaks.push(Leak {
                ends,
                planted: now,
                healed: None,
                heals_at: now + Duration::from_secs(life),
            });
            self.planted += 1;
        }
        for leak in &mut self.leaks {
            if leak.healed.is_none() && leak.heals_at <= now {
                ground.heal(leak.ends)?;
                leak.healed = Some(Instant::now());
                self.healed += 1;
            }
        }
        Ok(())
    }

    /// Each leak that is old enough is told by both daemons, each that was healed long enough ago is not, and nothing else
    /// ever was.
    fn judge(&mut self, ground: &Ground, daemons: &[Daemon]) -> Result<()> {
        let netns = ground.namespace().inode()?;
        let asked = Instant::now();
        for daemon in daemons {
            let picture = daemon.subject.replay.picture();
            never_wrong(&picture, netns, ground).context(daemon.name)?;
            for leak in &self.leaks {
                let sockets = picture.open.values().filter_map(|f| f.socket.as_ref());
                let mut sockets = sockets.filter(|socket| socket.netns == netns);
                let told = sockets.any(|socket| (socket.local, socket.peer) == leak.ends);
                let old = asked.duration_since(leak.planted) > PAUSE + PATIENCE;
                let over = leak
                    .healed
                    .is_some_and(|healed| asked.duration_since(healed) > PATIENCE);
                let ends = leak.ends;
                if !told && old && leak.healed.is_none() {
                    let age = asked.duration_since(leak.planted);
                    drop(picture);
                    bail!("{}: {}", daemon.name, untold(ends, age, daemons));
                }
                ensure!(!told || !over, "{}: {ends:?} is not resolved", daemon.name);
            }
        }
        let over = |leak: &Leak| {
            leak.healed
                .is_some_and(|healed| asked.duration_since(healed) > PATIENCE)
        };
        self.leaks.retain(|leak| !over(leak));
        for daemon in daemons {
            daemon.subject.replay.picture().forget(netns);
        }
        Ok(())
    }
}
