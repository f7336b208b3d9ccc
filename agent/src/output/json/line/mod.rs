//! One line of the stream.
//!
//! What comes in masses, transitions, ends of streams and whole connections, is written by hand: serde's generic way looks for
//! something to escape in every name of a field, and costs several times as much. The tests hold both ways together,
//! byte for byte.

mod subject;

use std::io;

use super::{Body, Eof, Event, Life, Subject, Transition};
use crate::output::clock::Time;
use finback_core::model::state;

/// Appends the event and a line feed.
pub fn write_line(event: &Event<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
    match &event.body {
        Body::Transition {
            subject,
            transition,
        } => {
            let mut line = Line(buffer);
            line.head(event, "transition", subject);
            line.transition(transition);
        }
        Body::Eof { subject, eof } => {
            let mut line = Line(buffer);
            line.head(event, "eof", subject);
            line.eof(eof);
        }
        Body::Connection {
            subject,
            connection,
        } => {
            let mut line = Line(buffer);
            line.head(event, "connection", subject);
            line.life(connection);
        }
        Body::Hello { .. }
        | Body::Finding { .. }
        | Body::Incident { .. }
        | Body::Socket { .. }
        | Body::Destroyed { .. }
        | Body::Remedy { .. }
        | Body::Explanation { .. }
        | Body::Lost { .. }
        | Body::Resync { .. } => {
            serde_json::to_writer(&mut *buffer, event)?;
        }
    }
    buffer.push(b'\n');
    Ok(())
}

struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    #[inline]
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A number after the name of its field.
    #[inline]
    fn number(&mut self, name: &str, number: impl itoa::Integer) {
        self.raw(name);
        self.raw(itoa::Buffer::new().format(number));
    }

    fn optional(&mut self, name: &str, number: Option<impl itoa::Integer>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// A string that somebody outside has chosen.
    fn text(&mut self, text: &str) {
        let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        if text.as_bytes().iter().all(plain) {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        } else if let Ok(escaped) = serde_json::to_string(text) {
            self.raw(&escaped);
        }
    }

    fn time(&mut self, time: Time) {
        self.raw("\"");
        self.0.extend_from_slice(&time.render());
        self.raw("\"");
    }

    fn head(&mut self, event: &Event<'_>, kind: &str, subject: &Subject<'_>) {
        self.number("{\"schema\":", event.schema);
        self.number(",\"seq\":", event.seq);
        self.raw(",\"time\":");
        self.time(event.time);
        self.raw(",\"type\":\"");
        self.raw(kind);
        self.raw("\"");
        self.subject(subject);
    }

    fn transition(&mut self, transition: &Transition) {
        self.raw(",\"transition\":{\"from\":\"");
        self.raw(state::TcpState::from(transition.from).name());
        self.raw("\",\"to\":\"");
        self.raw(state::TcpState::from(transition.to).name());
        self.raw("\"");
        self.optional(",\"after_ns\":", transition.after_ns);
        self.raw(",\"cause\":\"");
        self.raw(state::Cause::from(transition.cause).name());
        self.raw("\"");
        if let Some(moment) = transition.segment_refused {
            self.raw(",\"segment_refused\":");
            self.time(moment);
        }
        self.raw("}}");
    }

    fn life(&mut self, life: &Life) {
        self.raw(",\"connection\":{");
        if let Some(opened) = life.opened {
            self.raw("\"opened\":");
            self.time(opened);
            self.raw(",");
        }
        self.raw("\"closed\":");
        self.time(life.closed);
        self.optional(",\"duration_ns\":", life.duration_ns);
        self.number(",\"sent_bytes\":", life.sent_bytes);
        self.number(",\"received_bytes\":", life.received_bytes);
        self.raw(",\"states\":[");
        for (index, spell) in life.states.iter().enumerate() {
            self.raw(if index == 0 { "" } else { "," });
            self.raw("{\"state\":\"");
            self.raw(state::TcpState::from(spell.state).name());
            self.number("\",\"duration_ns\":", spell.duration_ns);
            self.raw("}");
        }
        self.raw("],\"cause\":\"");
        self.raw(state::Cause::from(life.cause).name());
        self.raw("\"}}");
    }

    fn eof(&mut self, eof: &Eof) {
        self.raw(",\"eof\":{");
        if let Some(after) = eof.after_ns {
            self.number("\"after_ns\":", after);
            self.raw(",");
        }
        self.number("\"thread_id\":", eof.thread_id);
        self.raw("}}");
    }
}

#[cfg(test)]
mod tests;
