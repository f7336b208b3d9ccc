//! The language: every word on real lines, every error, and what must hold for any text.

mod arguments;
mod errors;
mod lines;
mod page;
mod properties;
mod reference;
mod strategies;
mod words;

use super::Filter;
use lines::lines;

/// Names of the lines that a filter selects.
fn selected(text: &str) -> String {
    let filter: Filter = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let chosen = lines().into_iter();
    let chosen = chosen.filter(|(_, event)| filter.selects(event));
    let names: Vec<_> = chosen.map(|(name, _)| name).collect();
    names.join(" ")
}
