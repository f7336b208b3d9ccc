//! S12: a thread per peer, each blocked on a channel that nobody sends to; the peers hang up.
mod stage;

use std::io::Read;
use std::sync::mpsc;

fn main() {
    let listener = stage::listen();
    let mut senders = Vec::new();
    for _ in 0..2 {
        let (mut peer, _) = listener.accept().unwrap();
        let (sender, orders) = mpsc::channel::<()>();
        senders.push(sender);
        std::thread::spawn(move || {
            peer.read(&mut [0; 64]).unwrap();
            orders.recv().ok();
            drop(peer);
        });
    }
    stage::stuck();
    stage::wait_for_end();
}
