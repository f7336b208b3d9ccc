//! Plays a scenario: starts the program, is its peer, and hands what came of it to the judge.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use libtest_mimic::Failed;

use super::daemon::Daemon;
use super::judge::{self, Judgement};
use super::netns::Netns;
use super::program::{Did, Program};
use super::report::Outcome;
use super::setting::need_root;
use super::step::{self, Step};
use super::table::{self, Act, Scenario};
use super::wire::{Event, Lost};
use super::{compile, owner, runtime};

/// One run of the corpus.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) daemon: Daemon,
    netns: Netns,
    shared: Mutex<Shared>,
}

/// What the scenarios have come to.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Network namespaces of the corpus; what happens in others is not its business.
    pub(crate) namespaces: BTreeSet<u32>,
    /// Processes that the corpus has started.
    pub(crate) programs: BTreeSet<u32>,
    /// Those whose scene does not count: what is found of them later does not, either.
    pub(crate) void: BTreeSet<u32>,
    /// Findings that were expected.
    pub(crate) claimed: BTreeSet<String>,
    pub(crate) outcomes: Vec<Outcome>,
}

/// A connection of a program with the test.
#[derive(Debug)]
pub(crate) struct Link {
    /// The program's port.
    pub(crate) program: u16,
    /// The test's port.
    pub(crate) test: u16,
    /// When the test had taken its last step.
    pub(crate) done: Timestamp,
    #[expect(
        dead_code,
        reason = "the test's end, if it was not closed: stays open as long as this"
    )]
    stream: Option<TcpStream>,
}

/// A scenario whose situation is established.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) scenario: &'static Scenario,
    pub(crate) netns: u32,
    /// The process that the test has started.
    pub(crate) pid: u32,
    /// What the program said last.
    pub(crate) said: Option<Did>,
    pub(crate) listening: Option<u16>,
    pub(crate) established: Timestamp,
    pub(crate) links: &'a [Link],
}

impl Run {
    /// Compiles, starts the daemon, makes a network namespace.
    pub(crate) fn start() -> Result<Self> {
        need_root()?;
        compile::prepare()?;
        let netns = Netns::new()?;
        let run = Self {
            daemon: Daemon::start_with(&table::config(), &[])?,
            shared: Mutex::default(),
            netns,
        };
        run.shared().namespaces.insert(run.netns.inode()?);
        Ok(run)
    }

    /// What the scenarios share.
    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays one.
    pub(crate) fn play(&self, scenario: &'static Scenario) -> Result<(), Failed> {
        let judgement = self.play_patiently(scenario);
        let judgement = judgement.map_err(|error| Failed::from(format!("{error:#}")))?;
        self.shared().outcomes.extend(judgement.outcomes);
        if judgement.faults.is_empty() {
            return Ok(());
        }
        Err(judgement.faults.join("\n").into())
    }

    /// Plays it again, twice at the most, if something was wrong while the kernel left out programs and the daemon
    /// said so: what was announced as lost cannot be asked for.
    fn play_patiently(&self, scenario: &'static Scenario) -> Result<Judgement> {
        for _ in 0..2 {
            let judgement = self.play_once(scenario, true)?;
            if !judgement.void {
                return Ok(judgement);
            }
            println!(
                "again: {}: the kernel did not run a program, as the daemon said; {}",
                scenario.name(),
                judgement.faults.join("\n")
            );
        }
        self.play_once(scenario, false)
    }

    fn missed_since(&self, from: usize) -> bool {
        let missed = |event: &Event| event.lost.as_ref().is_some_and(Lost::is_missed);
        self.daemon.stream().count(from, missed) > 0
    }

    /// `lenient`: what was wrong while programs were left out makes it void, not failed.
    fn play_once(&self, scenario: &'static Scenario, lenient: bool) -> Result<Judgement> {
        if !scenario.own_netns {
            let inode = self.netns.inode()?;
            return self.netns.inside(|| self.perform(scenario, inode, lenient));
        }
        let netns = Netns::new()?;
        let inode = netns.inode()?;
        self.shared().namespaces.insert(inode);
        netns.inside(|| self.perform(scenario, inode, lenient))
    }

    fn perform(&self, scenario: &'static Scenario, netns: u32, lenient: bool) -> Result<Judgement> {
        let from = self.daemon.stream().len();
        let origin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = origin.local_addr()?.port();
        let mut command = runtime::command(scenario);
        command.arg(port.to_string());
        let program = Program::launch(&scenario.name(), command)?;
        self.shared().programs.insert(program.pid());
        let (links, listening) = act(scenario, &program, &origin)?;
        let said = scenario.says.map(|word| program.did(word)).transpose()?;
        let mut links = links;
        if let (Act::Alone, Some(said)) = (scenario.act, &said) {
            links.push(Link::new(said.port, said.peer_port, None));
        }
        let scene = Scene {
            scenario,
            netns,
            pid: program.pid(),
            said,
            listening,
            established: Timestamp::now(),
            links: &links,
        };
        let mut result = judge::judge(self, &scene, from);
        if let Ok(judgement) = &mut result
            && lenient
            && !judgement.faults.is_empty()
            && self.missed_since(from)
        {
            judgement.void = true;
            judge::claim_all(self, &scene, from);
            self.shared().void.insert(scene.pid);
        }
        // The test's ends first: they must not be the next thing to be found.
        links.clear();
        drop(program);
        result
    }
}

impl Link {
    fn new(program: u16, test: u16, stream: Option<TcpStream>) -> Self {
        Self {
            program,
            test,
            done: Timestamp::now(),
            stream,
        }
    }

    /// Who holds the program's end now.
    pub(crate) fn holders(&self) -> Result<BTreeSet<owner::Holder>> {
        let inode = owner::inode(self.program, self.test)?;
        Ok(inode.map(owner::holders).unwrap_or_default())
    }

    /// Who holds the test's end now.
    pub(crate) fn own_holders(&self) -> Result<BTreeSet<owner::Holder>> {
        let inode = owner::inode(self.test, self.program)?;
        Ok(inode.map(owner::holders).unwrap_or_default())
    }
}

/// Is the program's peer. Gives the connections and the program's listening port.
fn act(
    scenario: &Scenario,
    program: &Program,
    origin: &TcpListener,
) -> Result<(Vec<Link>, Option<u16>)> {
    let pid = program.pid();
    match scenario.act {
        Act::Alone => Ok((Vec::new(), None)),
        Act::Serve { count, steps } => {
            let links = thread::scope(|scope| {
                let started: Result<Vec<_>> = (0..count)
                    .map(|_| {
                        let stream = step::accept(origin)?;
                        Ok(scope.spawn(move || link(stream, steps, pid)))
                    })
                    .collect();
                joined(started?)
            })?;
            Ok((links, None))
        }
        Act::Call { count, steps } => {
            let port = program.did("listening")?.port;
            let links = (0..count).map(|_| link(call(port)?, steps, pid));
            Ok((links.collect::<Result<_>>()?, Some(port)))
        }
        Act::Both { front, back } => {
            let port = program.did("listening")?.port;
            let client = call(port)?;
            let links = thread::scope(|scope| {
                let client = scope.spawn(move || link(client, front, pid));
                let server = scope.spawn(move || link(step::accept(origin)?, back, pid));
                joined(vec![client, server])
            })?;
            Ok((links, Some(port)))
        }
    }
}

fn call(port: u16) -> Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("the program does not listen")
}

fn joined(started: Vec<ScopedJoinHandle<'_, Result<Link>>>) -> Result<Vec<Link>> {
    let all = started.into_iter().map(|one| {
        one.join()
            .unwrap_or_else(|_| Err(anyhow!("panic at the test's end of a connection")))
    });
    all.collect()
}

fn link(stream: TcpStream, steps: &[Step], program: u32) -> Result<Link> {
    let ports = (stream.peer_addr()?.port(), stream.local_addr()?.port());
    let stream = step::take(steps, stream, program)?;
    Ok(Link::new(ports.0, ports.1, stream))
}
