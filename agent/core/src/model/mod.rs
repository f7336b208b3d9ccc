//! Words: what there is to say of connections, without behaviour of its own.

pub(crate) mod cause;
pub mod ends;
pub mod event;
pub mod finding;
pub mod guard;
pub mod incident;
pub mod incident_id;
pub mod index;
pub mod interest;
pub mod look;
pub(crate) mod missing;
pub mod observation;
pub mod peer;
pub mod process;
pub mod run;
pub mod socket;
pub mod state;
pub mod time;
pub mod waiting;
