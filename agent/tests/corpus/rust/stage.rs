//! What every Rust scenario needs.
#![allow(dead_code)]

use std::io::Read;
use std::net::TcpListener;

pub fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    println!("{{\"did\":\"listening\",\"pid\":{},\"port\":{port}}}", std::process::id());
    listener
}

pub fn stuck() {
    println!("{{\"did\":\"stuck\",\"pid\":{}}}", std::process::id());
}

/// The port to connect to.
pub fn port() -> u16 {
    std::env::args().nth(1).unwrap().parse().unwrap()
}

/// Until the test closes our standard input.
pub fn wait_for_end() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
