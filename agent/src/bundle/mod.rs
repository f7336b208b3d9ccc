//! One HTML file for a bug report: pages of `explain`, what happened as a drawing, evidence, circumstances, and the lines
//! themselves.
//!
//! Pure: lines go in, text comes out. What is to be replaced is replaced in the lines, before anything is written.

mod about;
mod anonymize;
mod choose;
mod fields;
mod html;
pub mod lines;
mod page;
mod shown;
mod timeline;
mod topic;

pub use self::about::About;
pub use self::anonymize::Error;
pub use self::topic::Topic;

use self::shown::Shown;
use crate::explain::{Host, Known, Source, explain};
use crate::output::json::{Body, Event};

/// What it is about, and the lines that belong to that.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    topics: Vec<Topic>,
    lines: Vec<String>,
}

impl Bundle {
    /// Takes what belongs to pages that were answered, each once, out of all lines.
    pub fn of(pages: &[Event<'_>], lines: &str, known: &Known<'_>) -> Self {
        let mut topics = Vec::new();
        for topic in pages.iter().filter_map(topic_of) {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        let lines = choose::choose(lines, known, &topics);
        Self { topics, lines }
    }

    /// How many pages, and how many lines.
    pub const fn size(&self) -> (usize, usize) {
        (self.topics.len(), self.lines.len())
    }

    /// Replaces what tells where the lines come from.
    pub fn anonymize(self) -> Result<Self, Error> {
        Ok(Self {
            lines: anonymize::anonymize(&self.lines)?,
            ..self
        })
    }

    /// The file.
    pub fn page(
        &self,
        source: Source,
        host: &dyn Host,
        about: &About,
    ) -> Result<String, std::fmt::Error> {
        let mut known = Known::default();
        let events = self.lines.iter();
        events
            .filter_map(|line| serde_json::from_str(line).ok())
            .for_each(|event| known.add(event));
        // A topic's own page comes first; those that belong to it are topics themselves.
        let pages = self.topics.iter().filter_map(|topic| {
            let answer = explain(&known, &topic.asked(), source, host);
            answer.pages.into_iter().next()
        });
        let pages: Vec<Event<'_>> = pages.collect();
        let shown: Vec<Shown<'_>> = pages.iter().filter_map(shown).collect();
        page::write(&shown, &self.lines, about)
    }
}

/// What a page is about.
pub fn topic_of(event: &Event<'_>) -> Option<Topic> {
    if let Body::Explanation {
        subject,
        explanation,
    } = &event.body
    {
        return Topic::of(subject, explanation);
    }
    None
}

fn shown<'e>(event: &'e Event<'_>) -> Option<Shown<'e>> {
    if let Body::Explanation { explanation, .. } = &event.body {
        return Some(Shown {
            event,
            page: explanation,
        });
    }
    None
}

#[cfg(test)]
mod tests;
