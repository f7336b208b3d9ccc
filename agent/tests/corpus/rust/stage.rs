//! What every Rust scenario needs.
#![allow(dead_code)]

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

pub fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    println!("{{\"did\":\"listening\",\"pid\":{},\"port\":{port}}}", std::process::id());
    listener
}

pub fn stuck() {
    println!("{{\"did\":\"stuck\",\"pid\":{}}}", std::process::id());
}

/// The same, naming a socket that the kernel lists no more.
pub fn stuck_on(socket: &TcpStream) {
    let (pid, fd) = (std::process::id(), socket.as_raw_fd());
    let inode = std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().ino();
    println!("{{\"did\":\"stuck\",\"pid\":{pid},\"fd\":{fd},\"inode\":{inode}}}");
}

/// The port to connect to.
pub fn port() -> u16 {
    std::env::args().nth(1).unwrap().parse().unwrap()
}

/// Until the test closes our standard input.
pub fn wait_for_end() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
