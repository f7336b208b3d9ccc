//! Both ends of the socket to a reader of programs, and what it reads.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use finback_common::record::Registers;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{SendFlags, Shutdown, send, shutdown};

use super::files::{Files, OpenFile};
use super::image::Image;
use super::memory::Top;
use super::wire::{Lies, MAX_FRAMES, MAX_INLINED, Order, Reply, Socket};
use super::{image, names, reader, threads, unwind};

/// Nobody waits so long here.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where the program's first byte lies in a process that there is not.
const START: u64 = 0x10_0000;
const END: u64 = 0x20_0000;

/// Files of a process that this side reads.
pub(in crate::process) fn proc_files(text: &str) {
    text.lines().filter_map(image::parse).for_each(drop);
    threads::parse(text);
}

/// A file with these bytes.
fn file(bytes: &[u8]) -> File {
    let mut file = File::from(memfd_create("program", MemfdFlags::CLOEXEC).expect("memory"));
    file.write_all(bytes).expect("memory");
    file.rewind().expect("memory");
    file
}

/// The libraries that parse programs may panic, or overflow: that ends a reader, which is a process of its own for that
/// reason. Whatever else panics is a fault.
#[cfg(fuzzing)]
fn let_libraries_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map_or("", |place| place.file());
            if !place.contains("/registry/src/") {
                before(info);
            }
        }));
    });
}

/// A reader unwinds a stack in this program, names addresses of it, and reads it as a list of generated code. The
/// program is its own stack.
pub(crate) fn program(bytes: &[u8]) {
    #[cfg(fuzzing)]
    let_libraries_panic();
    let (own, other) = Socket::pair(PATIENCE).expect("a pair of sockets");
    let reader = thread::spawn(|| reader::serve(other.into()));
    let asked = ask_all(own, &file(bytes), &bytes[..bytes.len().min(4096)]);
    if let Ok(end) = reader.join() {
        end.expect("it ends when nobody is left");
        asked.expect("a reader that lives answers");
    }
}

/// What there is to be asked.
fn ask_all(mut own: Socket, program: &File, top: &[u8]) -> io::Result<()> {
    let order = Order::Unwind {
        image: 1,
        registers: [START + 0x1000, END, END + 64, 0],
        start: END,
        bytes: top,
    };
    own.send(&order, None)?;
    while let Some(answer) = unwound(own.receive()?) {
        let with = matches!(answer, Order::File).then(|| program.as_fd());
        own.send(&answer, with)?;
        if with.is_some() {
            assert!(matches!(own.receive()?, Reply::Loaded { .. }));
        }
    }
    let addresses = vec![0, 0x1000, 0x1234, u64::MAX];
    let count = addresses.len();
    let order = Order::Name {
        file: 2,
        addresses: addresses.clone(),
    };
    own.send(&order, None)?;
    named(&mut own, program, count)?;
    let order = Order::Generated { addresses };
    own.send(&order, Some(program.as_fd()))?;
    named(&mut own, program, count)
}

/// What to answer while a stack is unwound; `None` at its end.
fn unwound(reply: Reply) -> Option<Order<'static>> {
    match reply {
        Reply::WhatLies { address } => {
            let lies = Lies {
                start: START,
                end: END,
                file: Some((1, 0)),
            };
            Some(Order::Lies((START..END).contains(&address).then_some(lies)))
        }
        Reply::WhichFile { .. } => Some(Order::File),
        Reply::Trace { spots, .. } => {
            assert!(spots.len() <= MAX_FRAMES);
            None
        }
        Reply::Loaded { .. } | Reply::Names(_) => panic!("nobody has asked for {reply:?}"),
    }
}

/// So many answers, in each at least a reason why there is no name.
fn named(own: &mut Socket, program: &File, mut count: usize) -> io::Result<()> {
    while count > 0 {
        match own.receive()? {
            Reply::WhichFile { .. } => own.send(&Order::File, Some(program.as_fd()))?,
            Reply::Names(names) => {
                assert!((1..=MAX_INLINED).contains(&names.len()));
                count -= 1;
            }
            Reply::WhatLies { .. } | Reply::Loaded { .. } | Reply::Trace { .. } => {
                panic!("no answer")
            }
        }
    }
    Ok(())
}

thread_local! {
    /// This process, as the daemon sees others.
    static OWN: RefCell<(Image, Files, Arc<OpenFile>)> = RefCell::new(own());
}

fn own() -> (Image, Files, Arc<OpenFile>) {
    let process = crate::process::id(std::process::id()).expect("this process");
    let image = Image::read(process)
        .expect("its mappings")
        .expect("it lives");
    let mut files = Files::default();
    let open = files.get(file(b"program"), "/program").expect("a file");
    (image, files, open)
}

/// The daemon listens to a reader that says anything: datagrams, each behind its length in one byte.
pub(crate) fn hostile_reader(bytes: &[u8]) {
    OWN.with_borrow_mut(|(image, files, open)| {
        let (mut own, other) = Socket::pair(PATIENCE).expect("a pair of sockets");
        say(bytes, &other);
        let from = Registers::default();
        let top = Top {
            start: 0,
            bytes: &[],
        };
        if let Ok(trace) = unwind::talk(image, files, from, top, &mut own) {
            assert!(trace.spots.len() <= MAX_FRAMES);
        }
        let (mut own, other) = Socket::pair(PATIENCE).expect("a pair of sockets");
        say(bytes, &other);
        if let Ok(names) = names::answers(3, Some(open), &mut own) {
            let shown = format!("{names:?}");
            assert!(!shown.contains(char::is_control));
        }
    });
}

/// As much as the socket has room for, then the end.
fn say(bytes: &[u8], to: &impl AsFd) {
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first() {
        let (message, after) = after.split_at(after.len().min(usize::from(*length)));
        if !message.is_empty() && send(to, message, SendFlags::DONTWAIT).is_err() {
            break;
        }
        rest = after;
    }
    shutdown(to, Shutdown::Write).expect("an open socket");
}
