//! What is counted and measured, for those who alert and draw.
//!
//! Everything is gathered when somebody asks and not before: a scrape costs at most one look at the sockets, which shows
//! the engine what it shows the metrics. [`family::Family`] is what all of it becomes; [`text`] writes that for
//! Prometheus, other exporters map it to what they speak.

pub mod alerts;
mod census;
mod clean;
pub mod dashboard;
pub mod family;
pub mod health;
mod history;
mod identity;
mod incidents;
pub mod kit;
mod lifetimes;
mod own;
mod stage;
pub mod text;

pub use self::census::{Census, Counter};
pub use self::incidents::families as of_incidents;
pub use self::lifetimes::Lifetimes;
pub use self::own::families as of_this_process;

use tokio::sync::oneshot;

use self::family::Family;

/// Somebody wants all families as they are now.
#[derive(Debug)]
pub struct Request {
    /// Also what costs a record per connection.
    pub lifetimes: bool,
    /// Where they go.
    pub answer: oneshot::Sender<Vec<Family>>,
}

/// Whoever counts something of its own, such as an exporter.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// As it is now.
    fn families(&self) -> Vec<Family>;
}
