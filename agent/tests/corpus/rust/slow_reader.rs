//! Control: reads slowly, but reads.
mod stage;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn main() {
    let mut stream = TcpStream::connect(("127.0.0.1", stage::port())).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stage::stuck();
    while stream.read(&mut [0; 512]).unwrap() > 0 {
        std::thread::sleep(Duration::from_millis(50));
    }
}
