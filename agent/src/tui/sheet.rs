//! What lies above the lists: help, a page, a question.

use ratatui::crossterm::event::KeyCode;

use super::hands::{Answer, DryRun, Wish};

/// One at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sheet {
    /// The keys.
    Help,
    /// Something was asked for.
    Waiting(&'static str),
    /// Text to be read, from this line on.
    Page(String, u16),
    /// Whether to destroy what was chosen: the text says what that is.
    Question(String, u16),
}

impl Sheet {
    /// What comes of a key: what lies there then, and what is wanted.
    pub(super) fn key(self, key: KeyCode) -> (Option<Self>, Option<Wish>) {
        match (self, key) {
            (Self::Question(..), KeyCode::Char('y')) => {
                (Some(Self::Waiting("Destroying …")), Some(Wish::Destroy))
            }
            (Self::Page(text, line), key) => {
                (scrolled(line, key).map(|line| Self::Page(text, line)), None)
            }
            (Self::Question(text, line), key) => (
                scrolled(line, key).map(|line| Self::Question(text, line)),
                None,
            ),
            (Self::Help | Self::Waiting(_), _) => (None, None),
        }
    }

    /// Shows what came of a wish, unless nobody waits for it any more. What was destroyed is told in any case.
    pub(super) fn answer(lies: &mut Option<Self>, answer: Answer) {
        let waits = matches!(lies, Some(Self::Waiting(_)));
        let page = match answer {
            Answer::Looked(_) => return,
            Answer::Chosen(Ok(DryRun { page, sockets })) if sockets > 0 => Self::Question(page, 0),
            Answer::Chosen(Ok(DryRun { page: text, .. }) | Err(text))
            | Answer::Explained(Ok(text) | Err(text)) => Self::Page(text, 0),
            Answer::Destroyed(Ok(text) | Err(text)) => {
                *lies = Some(Self::Page(text, 0));
                return;
            }
        };
        if waits {
            *lies = Some(page);
        }
    }
}

/// The first line to be shown after a key; `None` if the key closes the page.
#[expect(clippy::wildcard_enum_match_arm, reason = "other keys close it")]
fn scrolled(line: u16, key: KeyCode) -> Option<u16> {
    match key {
        KeyCode::Down | KeyCode::Char('j') => Some(line.saturating_add(1)),
        KeyCode::Up | KeyCode::Char('k') => Some(line.saturating_sub(1)),
        KeyCode::PageDown | KeyCode::Char(' ') => Some(line.saturating_add(10)),
        KeyCode::PageUp => Some(line.saturating_sub(10)),
        _ => None,
    }
}
