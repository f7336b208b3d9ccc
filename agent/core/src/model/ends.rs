//! Connections of a look by their addresses.

use super::index::Index;
use super::look::SocketView;
use super::socket::Endpoints;
use super::state::TcpState;

/// All but listeners.
#[derive(Debug)]
pub struct Ends<'a> {
    sockets: &'a [SocketView],
    index: Index,
}

impl<'a> Ends<'a> {
    /// Of these.
    pub fn of(sockets: &'a [SocketView]) -> Self {
        let mut index = Index::for_as_many_as(sockets.len());
        for (place, view) in sockets.iter().enumerate() {
            if view.state != TcpState::Listen {
                index.add(place, |place| name(sockets, place));
            }
        }
        Self { sockets, index }
    }

    /// The one that has these.
    pub fn find(&self, endpoints: &Endpoints) -> Option<&'a SocketView> {
        let name = |place| name(self.sockets, place);
        let place = self.index.find(&Some(*endpoints), name)?;
        self.sockets.get(place)
    }
}

fn name(sockets: &[SocketView], place: usize) -> Option<Endpoints> {
    sockets.get(place).map(|view| view.endpoints)
}
