//! Has stacks unwound, and says what lies at their frames.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use finback_common::record::Registers;
use rustc_hash::FxHashMap;

use super::files::Files;
use super::image::{Image, Place};
use super::link::Link;
use super::memory::Top;
use super::model::Absence;
use super::wire::{MAX_FRAMES, Order, Reply, Socket, Step, unexpected};

/// Different stacks that a process is remembered to have had.
const MAX_REMEMBERED: usize = 256;
/// Questions about one stack at most: each frame can lead to a mapping and a file that were not met before.
const MAX_QUESTIONS: usize = 2 * MAX_FRAMES + 2;
/// Longest build id, bytes; SHA-1 is common.
const MAX_BUILD_ID: usize = 64;

/// One frame of a stack that was not named yet.
#[derive(Clone)]
pub(super) struct Spot {
    /// Address in the process.
    pub(super) address: u64,
    /// How far before it the call lies: 0 for the innermost frame, else 1.
    pub(super) back: u64,
    /// What lies at the call.
    pub(super) place: Place,
}

/// A stack that was not named yet, innermost frame first.
#[derive(Clone, Default)]
pub(super) struct Trace {
    pub(super) spots: Vec<Spot>,
    pub(super) truncated: bool,
}

/// A process's mappings and the stacks that it had.
pub(super) struct Walker {
    image: Image,
    remembered: FxHashMap<Box<[u64]>, Arc<Trace>>,
}

/// What all processes share.
pub(super) struct Shared {
    link: Link,
    files: Files,
}

impl Shared {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            files: Files::default(),
        }
    }
}

impl Walker {
    pub(super) fn new(image: Image) -> Self {
        Self {
            image,
            remembered: FxHashMap::default(),
        }
    }

    /// Whether something executable is known at the address: if not, the mappings may be out of date.
    pub(super) fn knows(&self, address: u64) -> bool {
        self.image.is_code(address)
    }

    /// Unwinds. Equal stacks are one.
    pub(super) fn walk(
        &mut self,
        from: Registers,
        top: Top<'_>,
        shared: &mut Shared,
    ) -> Result<Arc<Trace>, Absence> {
        let Shared { link, files } = shared;
        let image = &mut self.image;
        let trace = link.ask(image.subject, |socket| {
            talk(image, files, from, top, socket)
        });
        Ok(self.remember(trace.ok_or(Absence::Unreadable)?))
    }

    fn remember(&mut self, trace: Trace) -> Arc<Trace> {
        let addresses: Box<[u64]> = trace.spots.iter().map(|spot| spot.address).collect();
        if let Some(known) = self.remembered.get(&addresses)
            && known.truncated == trace.truncated
        {
            return Arc::clone(known);
        }
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.clear();
        }
        let trace = Arc::new(trace);
        self.remembered.insert(addresses, Arc::clone(&trace));
        trace
    }
}

/// Orders one stack and answers what the reader asks meanwhile.
pub(super) fn talk(
    image: &mut Image,
    files: &mut Files,
    from: Registers,
    top: Top<'_>,
    socket: &mut Socket,
) -> io::Result<Trace> {
    let order = Order::Unwind {
        image: image.number,
        registers: [from.ip, from.sp, from.fp, from.lr],
        start: top.start,
        bytes: top.bytes,
    };
    socket.send(&order, None)?;
    for _ in 0..MAX_QUESTIONS {
        match socket.receive()? {
            Reply::WhatLies { address } => {
                let lies = image.lies(address, files);
                socket.send(&Order::Lies(lies), None)?;
            }
            Reply::WhichFile { file } => {
                let file = image.file(file).ok_or_else(unexpected)?;
                socket.send(&Order::File, Some(file.file.as_fd()))?;
                let Reply::Loaded { build_id } = socket.receive()? else {
                    return Err(unexpected());
                };
                if let Some(bytes) = build_id.filter(|bytes| bytes.len() <= MAX_BUILD_ID) {
                    file.build_id.get_or_init(|| hexadecimal(&bytes));
                }
            }
            Reply::Trace { spots, truncated } if spots.len() <= MAX_FRAMES => {
                let spots = spots.into_iter().map(|step| spot(step, image, files));
                return Ok(Trace {
                    spots: spots.collect(),
                    truncated,
                });
            }
            Reply::Trace { .. } | Reply::Loaded { .. } | Reply::Names(_) => break,
        }
    }
    Err(unexpected())
}

fn spot(step: Step, image: &mut Image, files: &mut Files) -> Spot {
    let back = u64::from(step.is_return);
    Spot {
        address: step.address,
        back,
        place: image.place(step.address.wrapping_sub(back), step.inside, files),
    }
}

fn hexadecimal(bytes: &[u8]) -> Arc<str> {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat().into()
}
