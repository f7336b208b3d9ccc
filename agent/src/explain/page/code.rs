//! Where it was opened, and where the threads of its holders are.

use super::super::case::Case;
use super::super::words::wire;
use crate::output::json::{Frame, Stack, StackKind, State};

/// Calls of a stack that are shown; all are in the finding.
const CALLS: usize = 6;

/// Stacks that are shown.
const STACKS: usize = 4;

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let own = case.finding().map_or(&[][..], |finding| &finding.stacks);
    let mut all: Vec<String> = own.iter().take(STACKS).flat_map(stack).collect();
    if opener(own).is_none() {
        let others = of_incident(case);
        if others.is_empty() && !all.is_empty() {
            all.push("Where it was opened was not seen.".to_owned());
        }
        all.extend(others);
    }
    if all.is_empty() && has_process(case) {
        all.push(
            "Not known. `finback run --stacks` tells the line for every connection that is opened from then on, and \
             where the threads are; this needs no restart of the program."
                .to_owned(),
        );
    }
    all
}

fn has_process(case: &Case<'_, '_>) -> bool {
    case.finding().is_some() && !case.holders().is_empty() && case.state() != State::Listen
}

fn opener<'s, 'a>(stacks: &'s [Stack<'a>]) -> Option<&'s Stack<'a>> {
    stacks.iter().find(|stack| stack.kind != StackKind::Current)
}

/// Where most like it were opened.
fn of_incident(case: &Case<'_, '_>) -> Vec<String> {
    let most = case.incident.and_then(|incident| incident.stacks.first());
    most.map_or_else(Vec::new, |most| {
        let mut all = vec![format!(
            "{} of the {} connections of its incident were opened here:",
            most.connections,
            case.incident.map_or(0, |incident| incident.connections)
        )];
        all.extend(calls(&most.stack));
        all
    })
}

fn stack(stack: &Stack<'_>) -> Vec<String> {
    let thread = format!("thread {} ({})", stack.thread_id, stack.thread_name);
    let head = match stack.kind {
        StackKind::Connect => format!("connected by {thread}:"),
        StackKind::Accept => format!("accepted by {thread}:"),
        StackKind::Current => {
            let call = stack
                .syscall
                .as_ref()
                .map_or_else(String::new, |call| format!(", in {call}"));
            format!("now {thread}{call}:")
        }
    };
    let mut all = vec![head];
    if let Some(reason) = stack.reason {
        all.push(format!("    no frames: {}", wire(reason)));
    }
    all.extend(calls(stack));
    all
}

/// From the innermost that has a line on, where one has.
pub(in super::super) fn calls(stack: &Stack<'_>) -> Vec<String> {
    let frames = &stack.frames;
    let start = frames
        .iter()
        .position(|frame| frame.line.is_some())
        .unwrap_or(0);
    let shown = frames.iter().skip(start).take(CALLS);
    shown.map(|frame| format!("    {}", call(frame))).collect()
}

fn call(frame: &Frame<'_>) -> String {
    let module = || {
        let offset = frame.offset.as_deref().unwrap_or(&frame.address);
        let module = frame.module.as_deref();
        module.map_or_else(
            || frame.address.to_string(),
            |module| format!("{module}+{offset}"),
        )
    };
    let name = frame
        .function
        .as_ref()
        .map_or_else(module, ToString::to_string);
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{name} ({file}:{line})"),
        (Some(file), None) => format!("{name} ({file})"),
        (None, _) => name,
    }
}
