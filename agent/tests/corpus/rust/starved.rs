//! S11: a task that computes without end starves the executor: nothing is read, nothing is accepted any more.
mod stage;

use std::sync::mpsc;

fn main() {
    let listener = stage::listen();
    let (give, take) = mpsc::channel();
    std::thread::spawn(move || {
        // The executor: its first task never yields (and sleeps here, to be kind to the machine).
        let connections: Vec<_> = (0..2).map(|_| listener.accept().unwrap()).collect();
        give.send(()).unwrap();
        loop {
            std::thread::park();
            assert_eq!(connections.len(), 2);
        }
    });
    take.recv().unwrap();
    stage::stuck();
    stage::wait_for_end();
}
