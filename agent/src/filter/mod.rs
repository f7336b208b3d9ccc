//! The language in which people say which lines they want: that of `ss`, with words of our own.
//!
//! The same everywhere: on the command line, in URLs, in the configuration, for a stream, a list and a recording.
//! Words, grammar and examples: `docs/filters.md`. A filter says nothing about how a line came to be; it sees what the
//! line says and nothing else.

mod arguments;
mod comparison;
mod cursor;
mod end;
mod error;
mod evaluate;
mod expression;
mod fields;
mod found;
mod operator;
mod page;
mod parse;
mod pattern;
mod token;
mod values;
mod vocabulary;
mod whole;
mod words;
mod write;

pub use arguments::FilterArgs;
pub use error::Error;
pub use page::{examples, words};
pub use whole::{Filter, MAX_LENGTH};

#[cfg(test)]
mod tests;
