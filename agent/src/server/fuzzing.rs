//! Doors for what feeds the server with anything: see [`crate::fuzzing`].

use std::cell::OnceCell;
use std::sync::Arc;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc};

use super::accept::connection;
use super::explained::What;
use super::parameter::{
    COLLECT, Count, FILTER, FOLLOW, Given, LAST, Lifetimes, Moment, SELECT, SINCE, UNTIL, WHAT,
};
use super::past::Past;
use super::query::{Queries, Query};
use super::refused::Refused;
use super::routes::Routes;
use super::table::{ROUTES, Route};
use crate::filter::Filter;
use crate::output::select::Selection;

/// The bytes that are in flight.
const ROOM: usize = 64 << 10;
/// Longest answer to one byte of a request: the schema, the document of this interface.
const MOST: usize = 1 << 20;

/// Queries as every path reads them.
pub(crate) fn query(text: &str) {
    for route in ROUTES {
        let Ok(given) = Given::read(text, route.parameters) else {
            continue;
        };
        let refused = values(route, &given).err();
        drop(refused.map(Refused::into_response));
    }
}

fn values(route: &Route, given: &Given<'_>) -> Result<(), Refused> {
    for parameter in route.parameters {
        match parameter.name {
            name if name == SELECT.name => drop(given.value::<Selection>(&SELECT)?),
            name if name == FILTER.name => drop(given.value::<Filter>(&FILTER)?),
            name if name == WHAT.name => {
                drop(given.value::<What>(&WHAT)?.and_then(|what| what.past()));
            }
            name if name == SINCE.name => drop(given.value::<Moment>(&SINCE)?),
            name if name == UNTIL.name => drop(given.value::<Moment>(&UNTIL)?),
            name if name == LAST.name => drop(given.value::<Count>(&LAST)?),
            name if name == FOLLOW.name => drop(given.value::<bool>(&FOLLOW)?),
            name if name == COLLECT.name => drop(given.value::<Lifetimes>(&COLLECT)?),
            name => panic!("{name} is read by nobody"),
        }
    }
    Ok(())
}

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

/// A client that says all this and then no more, and reads what it is answered.
pub(crate) fn http(bytes: &[u8]) {
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| {
            let mut runtime = Builder::new_current_thread();
            runtime.enable_all().build().expect("a runtime")
        });
        runtime.block_on(client(bytes));
    });
}

async fn client(bytes: &[u8]) {
    let (near, far) = duplex(ROOM);
    let (queries, asked) = mpsc::channel(4);
    let daemon = tokio::spawn(answer(asked));
    let routes = Routes::new(Queries::new(queries), Past::new(None));
    let place = Arc::new(Semaphore::new(1)).acquire_owned().await;
    let place = place.expect("nobody closes it");
    let graceful = GracefulShutdown::new();
    let served = tokio::spawn(connection(far, place, routes, false, graceful.watcher()));
    let (mut from, mut to) = tokio::io::split(near);
    let mut answers = Vec::new();
    let say = async {
        // A server that has hung up is right to.
        drop(to.write_all(bytes).await);
        drop(to.shutdown().await);
    };
    let (read, ()) = tokio::join!(from.read_to_end(&mut answers), say);
    read.expect("memory");
    served.await.expect("the server has not died");
    daemon.await.expect("nor has the daemon");
    assert!(answers.is_empty() || answers.starts_with(b"HTTP/1."));
    assert!(answers.len() <= MOST * (1 + bytes.len() / 16));
}

/// A daemon that has a document for everybody, and nothing else.
async fn answer(mut queries: mpsc::Receiver<Query>) {
    while let Some(query) = queries.recv().await {
        if let Query::Document { answer, .. } = query {
            drop(answer.send("{}".into()));
        }
    }
}
