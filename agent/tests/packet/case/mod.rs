//! The cases, one theme a file.

pub(crate) mod bytes;
pub(crate) mod close;
pub(crate) mod fin;
pub(crate) mod record;
pub(crate) mod reset;
pub(crate) mod silence;
pub(crate) mod timer;

use std::net::TcpStream;

use anyhow::Result;

use crate::link::Link;
use crate::peer::Peer;
use crate::watch::Ends;

/// The peer's port.
const PORT: u16 = 50_002;

/// A connection of the scripted peer that this process has accepted.
#[derive(Debug)]
struct Accepted<'a> {
    end: TcpStream,
    peer: Peer<'a>,
    ends: Ends,
}

impl<'a> Accepted<'a> {
    fn new(link: &'a Link) -> Result<Self> {
        let listener = link.listen()?;
        let port = listener.local_addr()?.port();
        let peer = Peer::connect(link, PORT, port)?;
        let (end, _) = listener.accept()?;
        Ok(Self {
            end,
            peer,
            ends: link.ends(port, PORT)?,
        })
    }
}
