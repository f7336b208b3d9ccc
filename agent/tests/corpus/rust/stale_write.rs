//! S9: a pool hands out a connection that the server has closed; the request goes after its FIN and is reset.
mod stage;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn main() {
    let mut pooled = TcpStream::connect(("127.0.0.1", stage::port())).unwrap();
    for _ in 0..2 {
        pooled.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        pooled.read(&mut [0; 4096]).unwrap_or(0);
        std::thread::sleep(Duration::from_millis(500)); // the server's keep-alive timeout passes
    }
    stage::stuck_on(&pooled);
    stage::wait_for_end();
    drop(pooled);
}
