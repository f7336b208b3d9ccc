//! What people write: filters, a configuration, rows of other tools.

use std::path::Path;

use crate::client;
use crate::config::{Config, File, Flags};
use crate::explain::ask::{self, Asked, LINES_MAX};
use crate::filter::Filter;

/// A filter says the same when it is written out; an error lies in the text and can be shown.
pub(super) fn filter(bytes: &[u8]) {
    let text = super::lossy(bytes);
    match text.parse::<Filter>() {
        Ok(filter) => assert_eq!(filter.to_string().parse().as_ref(), Ok(&filter), "{text:?}"),
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column()));
            let told = format!("{error} {}", error.help());
            assert!(!told.contains(char::is_control), "{told:?}");
        }
    }
}

/// A configuration is complete, or wrong on a line that there is.
pub(super) fn configuration(bytes: &[u8]) {
    let text = super::lossy(bytes);
    match File::parse(Path::new("f"), &text) {
        Ok(file) => drop(Config::new(file, Flags::default()).settings()),
        Err(crate::config::Error::Wrong { line, help, .. }) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&line));
            assert!(!help.is_empty());
        }
        Err(error) => panic!("{error}"),
    }
}

/// Rows, or words of a command line: as many answers as there is room for.
pub(super) fn pasted(bytes: &[u8]) {
    let text = super::lossy(bytes);
    let pasted = ask::read(&text);
    let told = pasted.unreadable.len() + pasted.others;
    assert!(told <= LINES_MAX && pasted.asked.len() <= 2 * LINES_MAX);
    may_be_past(&pasted.asked);
    let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    if let Ok(asked) = ask::arguments(&words) {
        assert!(asked.len() <= words.len());
        may_be_past(&asked);
    }
}

/// What is asked of the history is a filter, unless it is too long for one.
fn may_be_past(asked: &[Asked]) {
    if let Some(past) = Asked::past(asked) {
        let filter = past.parse::<Filter>();
        assert!(filter.is_ok() || past.len() > 1000, "{filter:?}");
    }
}

/// What a daemon says when it refuses: fit for a terminal.
pub(super) fn refusal(bytes: &[u8]) {
    if let Some(reason) = client::reason(bytes) {
        assert!(!reason.message.contains(char::is_control));
        assert!(!reason.help.contains(char::is_control));
    }
}
