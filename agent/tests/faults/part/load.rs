//! Short connections that are handled as they should be, so many a second.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use super::{number, orders, say};

/// Takes them, answers, reads each to its end, and closes it.
pub(super) fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    say("listening", json!({"port": listener.local_addr()?.port()}))?;
    for _ in 0..4 {
        let listener = listener.try_clone()?;
        thread::spawn(move || {
            while let Ok((end, _)) = listener.accept() {
                // The client may have been killed.
                drop(answer(end));
            }
        });
    }
    orders(|order| bail!("a server does not {order}"))
}

fn answer(mut end: TcpStream) -> Result<()> {
    let mut request = [0; 64];
    end.read_exact(&mut request)?;
    end.write_all(&request)?;
    while end.read(&mut request)? > 0 {}
    Ok(())
}

/// `PORT RATE`, until it is told to stop; then says how many there were.
pub(super) fn load(arguments: &[String]) -> Result<()> {
    let (port, rate): (u16, u64) = (number(arguments, 0)?, number(arguments, 1)?);
    let over = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicU64::new(0));
    // Two of them keep the rate while one waits.
    let workers = [0, 1].map(|worker| {
        let (over, made) = (Arc::clone(&over), Arc::clone(&made));
        thread::spawn(move || go_on(port, rate.div_ceil(2), worker, &over, &made))
    });
    say("running", json!({}))?;
    let mut workers = Some(workers);
    orders(|order| match order {
        "stop" => {
            over.store(true, Ordering::Relaxed);
            for worker in workers.take().into_iter().flatten() {
                worker.join().map_err(|_panic| anyhow!("a panic"))??;
            }
            say(
                "stopped",
                json!({"connections": made.load(Ordering::Relaxed)}),
            )
        }
        "count" => say(
            "counted",
            json!({"connections": made.load(Ordering::Relaxed)}),
        ),
        _ => bail!("a load does not {order}"),
    })
}

fn go_on(port: u16, rate: u64, worker: u8, over: &AtomicBool, made: &AtomicU64) -> Result<()> {
    let started = Instant::now();
    let mut own: u64 = 0;
    while !over.load(Ordering::Relaxed) {
        let due = Duration::from_nanos(own * 1_000_000_000 / rate.max(1));
        if let Some(early) = due.checked_sub(started.elapsed()) {
            thread::sleep(early);
        }
        // Ports in TIME_WAIT are not enough for thousands a second toward one address.
        let turn = u8::try_from(own % 100)?;
        let mut end = TcpStream::connect((Ipv4Addr::new(127, 0, 1 + worker, 1 + turn), port))?;
        end.write_all(&[1; 64])?;
        end.read_exact(&mut [0; 64])?;
        drop(end);
        own += 1;
        made.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
