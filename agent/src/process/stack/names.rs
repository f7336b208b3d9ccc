//! From addresses in files to functions, files and lines. Remembered under the file's build id: a second process of
//! the same program, in whatever container, costs nothing.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::files::{FileId, Identity, OpenFile, open_in};
use super::image;
use super::keeper::Kept;
use super::link::{Link, Subject};
use super::model::{Frame, Name, Place, Reason, Stack};
use super::unwind::{Spot, Trace};
use super::wire::{self, MAX_INLINED, MAX_TEXT, Order, Reply, Socket, unexpected};
use crate::process::status::Status;
use finback_core::model::socket::ProcessId;

/// Addresses remembered at most.
const MAX: usize = 16 << 10;
/// Debug information takes much memory: it is given back after so long without a question.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// Names of one address, innermost function first: more than one where functions were inlined.
pub(super) type Names = Arc<[Name]>;

/// Makes names.
pub(super) struct Namer {
    link: Link,
    known: FxHashMap<(Identity, u64), Names>,
    /// Time spent in reading and looking up.
    pub(super) spent: Duration,
}

impl Namer {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            known: FxHashMap::default(),
            spent: Duration::ZERO,
        }
    }

    /// Gives back the memory of debug information; what was found stays.
    pub(super) fn rest(&mut self) {
        self.link.rest();
    }

    /// A stack with names.
    pub(super) fn name(&mut self, kept: &Kept) -> Stack {
        let (frames, truncated, absence) = match &kept.trace {
            Ok(trace) => (self.frames(trace, kept.process), trace.truncated, None),
            Err(absence) => (Vec::new(), false, Some(*absence)),
        };
        Stack {
            kind: kept.kind,
            pid: kept.process.pid,
            thread: kept.thread,
            thread_name: kept.thread_name.clone(),
            time: kept.time,
            syscall: kept.syscall.clone(),
            truncated,
            absence,
            frames,
        }
    }

    fn frames(&mut self, trace: &Trace, process: ProcessId) -> Vec<Frame> {
        self.look_up(trace);
        let generated = self.generated(trace, process);
        let spots = trace.spots.iter();
        spots.flat_map(|spot| self.spot(spot, &generated)).collect()
    }

    /// Looks up what is not known yet, all addresses of one file at once.
    fn look_up(&mut self, trace: &Trace) {
        if self.known.len() >= MAX {
            self.known.clear();
        }
        let mut unknown: Vec<(&Arc<OpenFile>, Vec<u64>)> = Vec::new();
        for spot in &trace.spots {
            let image::Place::File(file, address) = &spot.place else {
                continue;
            };
            if self.known.contains_key(&(file.identity(), *address)) {
                continue;
            }
            match unknown
                .iter_mut()
                .find(|(known, _)| Arc::ptr_eq(known, file))
            {
                Some((_, addresses)) => addresses.push(*address),
                None => unknown.push((file, vec![*address])),
            }
        }
        for (file, addresses) in unknown {
            let before = Instant::now();
            let order = Order::Name {
                file: file.number,
                addresses: addresses.clone(),
            };
            let subject = Subject::File(file.id);
            let found = self.link.ask(subject, |socket| {
                socket.send(&order, None)?;
                answers(addresses.len(), Some(file), socket)
            });
            self.spent += before.elapsed();
            // What could not be told now may be another time.
            let names = addresses.into_iter().zip(found.unwrap_or_default());
            self.known
                .extend(names.map(|(address, names)| ((file.identity(), address), names)));
        }
    }

    fn spot(&self, spot: &Spot, generated: &FxHashMap<u64, Names>) -> Vec<Frame> {
        let unknown = |reason| Arc::from([Name::Unknown(reason)]);
        let mut frame = Frame {
            address: spot.address,
            module: None,
            build_id: None,
            offset: None,
            name: Name::Unknown(Reason::Unmapped),
        };
        let names: Names = match &spot.place {
            image::Place::File(file, address) => {
                frame.module = Some(Arc::clone(&file.path));
                frame.build_id = file.build_id.get().cloned();
                frame.offset = Some(address.wrapping_add(spot.back));
                let known = self.known.get(&(file.identity(), *address));
                known.map_or_else(|| unknown(Reason::Unreadable), Arc::clone)
            }
            image::Place::Strange(path) => {
                frame.module = Some((&**path).into());
                unknown(Reason::Unreadable)
            }
            image::Place::Vdso => {
                frame.module = Some("[vdso]".into());
                unknown(Reason::Vdso)
            }
            image::Place::Anonymous => generated
                .get(&spot.address)
                .map_or_else(|| unknown(Reason::GeneratedCode), Arc::clone),
            image::Place::Nothing => unknown(Reason::Unmapped),
        };
        names
            .iter()
            .map(|name| Frame {
                name: name.clone(),
                ..frame.clone()
            })
            .collect()
    }

    /// Code that the process made itself has names if its runtime keeps a list of it, and as long as it lives.
    fn generated(&mut self, trace: &Trace, process: ProcessId) -> FxHashMap<u64, Names> {
        let spots = trace.spots.iter();
        let spots = spots.filter(|spot| matches!(spot.place, image::Place::Anonymous));
        let spots: Vec<&Spot> = spots.collect();
        if spots.is_empty() {
            return FxHashMap::default();
        }
        let before = Instant::now();
        let addresses = spots
            .iter()
            .map(|spot| spot.address.wrapping_sub(spot.back));
        let found = self.generated_in(process, addresses.collect());
        self.spent += before.elapsed();
        let spots = spots.iter().map(|spot| spot.address);
        spots.zip(found.unwrap_or_default()).collect()
    }

    fn generated_in(&mut self, process: ProcessId, addresses: Vec<u64>) -> Option<Vec<Names>> {
        let pid = process.pid;
        let own = Status::read(pid).ok()?.innermost()?;
        let map = open_in(pid, &format!("/tmp/perf-{own}.map")).ok()?;
        if super::super::has_ended(process) {
            return None;
        }
        let subject = Subject::Generated(FileId::of(&map.metadata().ok()?));
        let count = addresses.len();
        self.link.ask(subject, |socket| {
            socket.send(&Order::Generated { addresses }, Some(map.as_fd()))?;
            answers(count, None, socket)
        })
    }
}

/// What the reader says of so many addresses. It may ask for the one file.
pub(super) fn answers(
    count: usize,
    file: Option<&OpenFile>,
    socket: &mut Socket,
) -> io::Result<Vec<Names>> {
    let mut found = Vec::with_capacity(count);
    let mut file = file;
    while found.len() < count {
        match socket.receive()? {
            Reply::WhichFile { file: number } => {
                // Once: it has it then.
                let file = file.take().filter(|file| file.number == number);
                let file = file.ok_or_else(unexpected)?;
                socket.send(&Order::File, Some(file.file.as_fd()))?;
            }
            Reply::Names(names) => found.push(checked(names)?),
            Reply::WhatLies { .. } | Reply::Loaded { .. } | Reply::Trace { .. } => {
                return Err(unexpected());
            }
        }
    }
    Ok(found)
}

/// Names as they may be shown: a file can call its functions what it likes.
fn checked(names: wire::Names) -> io::Result<Names> {
    if names.is_empty() || names.len() > MAX_INLINED {
        return Err(unexpected());
    }
    let names = names.into_iter().map(|name| match name {
        Ok(place) => Name::Known(Arc::new(Place {
            function: shown(&place.function),
            file: place.file.as_deref().map(shown),
            ..place
        })),
        Err(reason) => Name::Unknown(reason),
    });
    Ok(names.collect())
}

fn shown(text: &str) -> Box<str> {
    let text = &text[..text.floor_char_boundary(MAX_TEXT)];
    text.replace(char::is_control, "\u{fffd}").into()
}
