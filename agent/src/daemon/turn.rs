//! What the daemon does next.

use std::future::Future;

/// One thing that has come.
#[derive(Debug)]
pub(super) enum Turn<Question, Decision, Taken> {
    /// A second has passed.
    Tick,
    /// Something that the engine announced is due.
    Due,
    /// Those who read want something else.
    Readers,
    /// The configuration is to be read again.
    HungUp,
    /// The server asks.
    Asked(Question),
    /// A remedy has decided.
    Decided(Decision),
    /// Something came from the kernel.
    Taken(Taken),
}

/// Waits for the next. Of what has come the choice is even: questions without end must not keep the ring from being
/// read, nor traffic without end the questions from being answered. Loses nothing when dropped while waiting if none of
/// these does.
pub(super) async fn next<Question, Decision, Taken>(
    tick: impl Future,
    due: impl Future<Output = ()>,
    readers: impl Future<Output = ()>,
    hung_up: impl Future<Output = ()>,
    asked: impl Future<Output = Option<Question>>,
    decided: impl Future<Output = Option<Decision>>,
    taken: impl Future<Output = Taken>,
) -> Turn<Question, Decision, Taken> {
    tokio::select! {
        _ = tick => Turn::Tick,
        () = due => Turn::Due,
        () = readers => Turn::Readers,
        () = hung_up => Turn::HungUp,
        Some(question) = asked => Turn::Asked(question),
        Some(decision) = decided => Turn::Decided(decision),
        taken = taken => Turn::Taken(taken),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn questions_without_end_do_not_keep_the_ring_from_being_read_nor_it_them() {
        let (mut asked, mut taken) = (0, 0);
        for _ in 0..1_000 {
            let next = next(
                pending::<()>(),
                pending(),
                pending(),
                pending(),
                ready(Some(())),
                pending::<Option<()>>(),
                ready(()),
            );
            match next.await {
                Turn::Asked(()) => asked += 1,
                Turn::Taken(()) => taken += 1,
                other @ (Turn::Tick
                | Turn::Due
                | Turn::Readers
                | Turn::HungUp
                | Turn::Decided(())) => panic!("{other:?}"),
            }
        }
        assert!(asked >= 100 && taken >= 100, "{asked} and {taken}");
    }

    #[tokio::test]
    async fn a_server_that_has_ended_asks_nothing() {
        let next = next(
            pending::<()>(),
            pending(),
            pending(),
            pending(),
            ready(None::<()>),
            ready(None::<()>),
            ready(()),
        );
        assert!(matches!(next.await, Turn::Taken(())));
    }
}
