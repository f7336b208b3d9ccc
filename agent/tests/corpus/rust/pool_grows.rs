//! S10: a client's pool never looks at its idle connections and always opens new ones.
mod stage;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn main() {
    let mut pool = Vec::new();
    for _ in 0..40 {
        let mut pooled = TcpStream::connect(("127.0.0.1", stage::port())).unwrap();
        pooled.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        pooled.read(&mut [0; 4096]).unwrap();
        pool.push(pooled);
        std::thread::sleep(Duration::from_millis(250));
    }
    stage::stuck();
    stage::wait_for_end();
    drop(pool);
}
