//! Entry points: one file per flavour. A program fetches its arguments and calls its signal; the table of
//! them is `finback_common::hook`.

mod again;
mod fentry;
mod fexit;
mod kprobe;
mod tracepoint;
