//! A stack on the wire.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::{FrameReason, StackAbsence, StackKind};
use crate::output::clock::{Time, WallClock};
use crate::process::stack::model;

/// Where a thread was in its program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stack<'a> {
    /// At which moment it was taken.
    pub kind: StackKind,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub thread_id: u32,
    /// Name of the thread.
    pub thread_name: Cow<'a, str>,
    /// The moment.
    pub time: Time,
    /// The system call that the thread is blocked in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<Cow<'a, str>>,
    /// Outer frames are missing: they lay beyond what was copied, or could not be found.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// Why there are no frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<StackAbsence>,
    /// The calls, innermost first.
    #[serde(borrow)]
    pub frames: Vec<Frame<'a>>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frame<'a> {
    /// Address in the process, hexadecimal: where it goes on, so for all but the innermost frame the instruction
    /// after the call.
    pub address: Cow<'a, str>,
    /// File that is mapped there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<Cow<'a, str>>,
    /// Its build id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<Cow<'a, str>>,
    /// The address as that file counts, hexadecimal: what `addr2line` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Cow<'a, str>>,
    /// Function, demangled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<Cow<'a, str>>,
    /// Source file, as the debug information names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Cow<'a, str>>,
    /// Line of the call in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The function was inlined into the one of the next frame, at the same address.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inlined: bool,
    /// Why it has no function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<FrameReason>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> Stack<'a> {
    pub(super) fn from_process(stack: &'a model::Stack, clock: WallClock) -> Self {
        Self {
            kind: stack.kind.into(),
            pid: stack.pid,
            thread_id: stack.thread,
            thread_name: (&*stack.thread_name).into(),
            time: clock.at(stack.time),
            syscall: stack.syscall.as_deref().map(Into::into),
            truncated: stack.truncated,
            reason: stack.absence.map(Into::into),
            frames: stack.frames.iter().map(Frame::from_process).collect(),
        }
    }
}

impl<'a> Frame<'a> {
    fn from_process(frame: &'a model::Frame) -> Self {
        let (place, reason) = match &frame.name {
            model::Name::Known(place) => (Some(&**place), None),
            model::Name::Unknown(reason) => (None, Some((*reason).into())),
        };
        Self {
            address: format!("{:#x}", frame.address).into(),
            module: frame.module.as_deref().map(Into::into),
            build_id: frame.build_id.as_deref().map(Into::into),
            offset: frame.offset.map(|offset| format!("{offset:#x}").into()),
            function: place.map(|place| (&*place.function).into()),
            file: place
                .and_then(|place| place.file.as_deref())
                .map(Into::into),
            line: place.and_then(|place| place.line),
            inlined: place.is_some_and(|place| place.inlined),
            reason,
        }
    }
}
