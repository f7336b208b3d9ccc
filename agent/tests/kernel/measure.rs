//! Measurements: `cargo test --release --test kernel -- --ignored --nocapture --test-threads=1`.

use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use crate::rig::Rig;

#[test]
#[ignore = "measurements: mean something only in a release build on an idle machine"]
fn start_memory_and_looks() {
    const PAIRS: usize = 4_500;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let lines = status
            .lines()
            .filter(|line| line.contains("Rss") || line.contains("VmHWM"));
        lines
            .map(|line| line.replace('\t', ""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    println!("before: {}", resident());
    for _ in 0..3 {
        let start = Instant::now();
        let rig = Rig::auto();
        println!("load: {:?}, {}", start.elapsed(), resident());
        let start = Instant::now();
        drop(rig);
        println!("drop: {:?}, {}", start.elapsed(), resident());
    }
    let mut rig = Rig::auto();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = |_| {
        (
            TcpStream::connect(address).unwrap(),
            listener.accept().unwrap(),
        )
    };
    let open: Vec<_> = (0..PAIRS).map(connect).collect();
    for _ in 0..3 {
        let snapshot = rig.look();
        println!(
            "{} sockets by iterator: {:?}",
            snapshot.sockets.len(),
            snapshot.took
        );
        drop(snapshot);
    }
    println!("after looks: {}", resident());
    let snapshot = rig.looker.look_in_proc().unwrap();
    println!(
        "{} sockets by /proc: {:?}",
        snapshot.sockets.len(),
        snapshot.took
    );
    assert!(snapshot.sockets.len() > 2 * PAIRS);
    for _ in 0..3 {
        let start = Instant::now();
        let candidates = rig.scan().len();
        println!("scan: {:?}, {candidates} candidates", start.elapsed());
    }
    drop(open);
}
