//! Standard output as a subscriber of the feed.
//!
//! It has a thread of its own: a reader that stops reading must not stop the tracker. What it does not take in
//! time is dropped by the feed and announced (`stdout_slow`).

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::oneshot;

use super::feed::Subscription;

/// Reason of the `lost` line.
pub const SLOW: &str = "stdout_slow";

/// Why the writing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The feed ended, everything is written.
    Drained,
    /// Nobody reads any more (a closed pipe): no error, `head` does so.
    ReaderGone,
}

/// The writing thread.
#[derive(Debug)]
pub struct Sink {
    end: oneshot::Receiver<io::Result<End>>,
}

impl Sink {
    /// Begins to write the subscription's lines.
    pub fn spawn(
        subscription: Subscription,
        out: impl io::Write + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, end) = oneshot::channel();
        thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || {
                // Fails if the daemon no longer waits for the end.
                drop(sender.send(end_of(copy(subscription, out))));
            })?;
        Ok(Self { end })
    }

    /// Waits for the end. Must not be called again once it has returned.
    pub async fn end(&mut self) -> io::Result<End> {
        (&mut self.end)
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the writing thread died")))
    }
}

fn copy(mut subscription: Subscription, out: impl io::Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    while let Some(lines) = subscription.blocking_next() {
        out.write_all(&lines)?;
        while let Some(more) = subscription.try_next() {
            out.write_all(&more)?;
        }
        out.flush()?;
    }
    Ok(())
}

fn end_of(result: io::Result<()>) -> io::Result<End> {
    match result {
        Ok(()) => Ok(End::Drained),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(End::ReaderGone),
        Err(error) => Err(error),
    }
}

/// Standard output without the line buffer of [`io::Stdout`]: chunks are complete lines already.
pub fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Whether the reader of a pipe has gone, without writing to it.
pub fn reader_gone(out: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(out, PollFlags::empty())];
    let polled = poll(&mut fds, Some(&Timespec::default()));
    polled.is_ok() && fds[0].revents().contains(PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::output::feed::{Feed, Format};
    use crate::output::json::About;
    use crate::output::samples;
    use crate::output::select::Selection;

    /// 40,000 lines into a pipe that nobody reads at first: publishing goes on, and later the reader can account
    /// for every one of them.
    #[tokio::test]
    async fn a_reader_that_stops_does_not_stop_the_feed_and_learns_what_it_missed() {
        const LINES: u64 = 40_000;
        let mut feed = Feed::new(samples::hello());
        let subscription = feed
            .handle()
            .subscribe(Format::Json, Selection::stream(), SLOW)
            .unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Sink::spawn(subscription, writer).unwrap();
        for _ in 0..LINES {
            feed.publish(&samples::transition(), samples::CLOCK, About::default());
        }
        feed.flush();
        drop(feed);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(sink.end().await.unwrap(), End::Drained);

        let (mut seen, mut lost) = (0, 0);
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            if event["type"] == "lost" {
                assert_eq!(event["lost"]["reason"], SLOW);
                lost += event["lost"]["records"].as_u64().unwrap();
            } else {
                seen += u64::from(event["type"] == "transition");
            }
            assert_eq!(event["seq"], seen + lost);
        }
        assert!(lost > 0);
        assert_eq!(seen + lost, LINES);
    }

    #[tokio::test]
    async fn a_reader_that_leaves_ends_the_sink() {
        let mut feed = Feed::new(samples::hello());
        let subscription = feed
            .handle()
            .subscribe(Format::Json, Selection::stream(), SLOW)
            .unwrap();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut sink = Sink::spawn(subscription, writer).unwrap();
        feed.publish(&samples::transition(), samples::CLOCK, About::default());
        assert_eq!(sink.end().await.unwrap(), End::ReaderGone);
    }

    #[test]
    fn a_closed_pipe_is_noticed_without_a_write() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(!reader_gone(writer.as_fd()));
        drop(reader);
        assert!(reader_gone(writer.as_fd()));
    }

    #[test]
    fn a_closed_pipe_is_no_error_but_a_full_disk_is() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(end_of(Err(closed)).unwrap(), End::ReaderGone);
        assert!(end_of(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
