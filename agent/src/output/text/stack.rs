//! A stack for human eyes: one line for the thread, one for each call.

use std::fmt::{self, Write};

use super::word::{clean, word};
use crate::output::json::{Frame, Stack, StackKind};

/// Calls that are shown; all are in the JSON.
const SHOWN: usize = 16;

pub(super) fn write(stack: &Stack<'_>, out: &mut impl Write) -> fmt::Result {
    let thread = format!("{}[{}]", clean(&stack.thread_name), stack.thread_id);
    match stack.kind {
        StackKind::Connect => write!(out, "    connected by {thread} at {}", stack.time.clock())?,
        StackKind::Accept => write!(out, "    accepted by {thread} at {}", stack.time.clock())?,
        StackKind::Current => write!(out, "    now {thread}")?,
    }
    if let Some(call) = &stack.syscall {
        write!(out, " in {}", clean(call))?;
    }
    if let Some(reason) = stack.reason {
        write!(out, " ({})", word(reason))?;
    }
    writeln!(out)?;
    for frame in stack.frames.iter().take(SHOWN) {
        call(frame, out)?;
    }
    let more = stack.frames.len().saturating_sub(SHOWN);
    match (more, stack.truncated) {
        (0, false) => Ok(()),
        (0, true) => writeln!(out, "        …"),
        (more, _) => writeln!(out, "        … {more} more"),
    }
}

fn call(frame: &Frame<'_>, out: &mut impl Write) -> fmt::Result {
    match (&frame.function, &frame.module) {
        (Some(function), _) => write!(out, "        {}", clean(function))?,
        (None, Some(module)) => {
            let offset = frame.offset.as_deref().unwrap_or(&frame.address);
            write!(out, "        {}+{offset}", clean(module))?;
        }
        (None, None) => write!(out, "        {}", frame.address)?,
    }
    match (&frame.file, frame.line, &frame.module, frame.reason) {
        (Some(file), Some(line), _, _) => write!(out, " {}:{line}", clean(file))?,
        (Some(file), None, _, _) => write!(out, " {}", clean(file))?,
        (None, _, _, Some(reason)) => write!(out, " ({})", word(reason))?,
        (None, _, Some(module), None) => write!(out, " {}", clean(module))?,
        (None, _, None, None) => {}
    }
    writeln!(out)
}
