//! HTTP as a few lines: one request, one answer, over whatever stream.

use std::io::{Read, Write};

/// The head and the body of an answer.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks for a path.
pub(crate) fn get(mut stream: impl Read + Write, path: &str, headers: &str) -> Option<Answer> {
    // An answer to 1.0 is neither in chunks nor followed by another one.
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer {
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}

/// A query's value as a URL has it.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}
