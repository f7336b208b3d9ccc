//! What is half-closed now: places are written, kept and cleared.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use aya::maps::{Array, Map, MapData, MapType, loaded_maps};
use finback_common::map;
use finback_common::place::{HALF_PLACES, beside, index};
use finback_core::model::look::HalfClosed;
use finback_core::model::state::TcpState;

use crate::rig::{Rig, abort, pair};

fn half(rig: &mut Rig, stream: &TcpStream) -> HalfClosed {
    let view = rig.view(stream);
    view.half().unwrap_or_else(|| panic!("no place: {view:?}"))
}

#[test]
fn a_fin_writes_a_place_and_the_release_of_the_socket_clears_it() {
    Rig::in_each_flavour(|rig| {
        let (_listener, mut client, mut server) = pair("127.0.0.1:0");
        server.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        client.write_all(b"abc").unwrap();
        let before = rig.kernel.now();
        let sock = rig.view(&server).sock;
        assert!(!rig.is_candidate(sock));
        client.shutdown(Shutdown::Write).unwrap();
        rig.eventually(|rig| rig.is_candidate(sock));
        let view = rig.view(&server);
        let (half, now) = (view.half().unwrap(), view.counters.unwrap());
        assert_eq!(view.state, TcpState::CloseWait);
        assert!(
            half.fin_at >= before && half.fin_at <= rig.kernel.now(),
            "{half:?}"
        );
        // Three bytes and the FIN, whichever hook has seen it.
        assert_eq!((half.unread, now.unread), (4, 4));
        assert_eq!(Some(half.write_seq), now.write_seq);
        assert_eq!(Some(half.snd_una), now.snd_una);
        assert_eq!(
            (half.last_sent, half.last_received),
            (now.last_sent, now.last_received)
        );
        assert_ne!(half.last_received, 0);
        assert_eq!(
            (half.eof_count, half.eof_by, half.by_reset),
            (0, None, false)
        );
        assert!(now.fin_received);
        drop(server);
        rig.eventually(|rig| !rig.is_candidate(sock));
    });
}

#[test]
fn deliveries_of_the_end_are_counted_and_name_the_process() {
    Rig::in_each_flavour(|rig| {
        if !rig.tells_eof() {
            return;
        }
        let (_listener, client, mut server) = pair("127.0.0.1:0");
        client.shutdown(Shutdown::Write).unwrap();
        for _ in 0..3 {
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        }
        let half = half(rig, &server);
        assert_eq!((half.eof_count, half.eof_by), (3, Some(std::process::id())));
        assert!(half.eof_at.unwrap() >= half.fin_at);
        assert!(!half.fin_with_data);
    });
}

#[test]
fn a_fin_that_went_with_the_last_data_is_told_apart() {
    Rig::in_each_flavour(|rig| {
        if !rig.tells_eof() {
            return;
        }
        let (_listener, mut client, mut server) = pair("127.0.0.1:0");
        client.write_all(b"abc").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        rig.eventually(|rig| rig.view(&server).state == TcpState::CloseWait);
        server.read_exact(&mut [0; 3]).unwrap();
        let half = half(rig, &server);
        assert!(half.fin_with_data, "{half:?}");
        assert_eq!(half.eof_at, None);
    });
}

#[test]
fn after_a_reset_the_end_is_counted_too() {
    Rig::in_each_flavour(|rig| {
        let (_listener, client, mut server) = pair("127.0.0.1:0");
        let sock = rig.view(&server).sock;
        abort(client);
        rig.eventually(|rig| rig.is_candidate(sock));
        server.read(&mut [0; 8]).unwrap_err();
        for _ in 0..2 {
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        }
        let view = rig.view_of(sock);
        let half = view.half().unwrap();
        assert!(half.by_reset, "{half:?}");
        let wanted = if rig.tells_eof() {
            (2, Some(std::process::id()))
        } else {
            (0, None)
        };
        assert_eq!((half.eof_count, half.eof_by), wanted);
        assert_eq!(view.state, TcpState::Closed);
        drop(server);
        rig.eventually(|rig| !rig.is_candidate(sock));
    });
}

#[test]
fn a_reset_after_the_fin_keeps_the_place_while_a_descriptor_is_open() {
    Rig::in_each_flavour(|rig| {
        let (_listener, client, server) = pair("127.0.0.1:0");
        client.shutdown(Shutdown::Write).unwrap();
        let sock = rig.view(&server).sock;
        rig.eventually(|rig| rig.is_candidate(sock));
        abort(client);
        rig.eventually(|rig| rig.view_of(sock).state == TcpState::Closed);
        let half = rig.view_of(sock).half.unwrap();
        assert!(!half.by_reset, "{half:?}");
        drop(server);
        rig.eventually(|rig| !rig.is_candidate(sock));
    });
}

#[test]
fn healthy_connections_leave_no_place_and_no_record() {
    /// Both ends in one process: two descriptors each.
    const CONNECTIONS: usize = 1_000;
    Rig::in_each_flavour(|rig| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for _ in 0..CONNECTIONS {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            client.write_all(b"?").unwrap();
            server.read_exact(&mut [0]).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.read(&mut [0]).unwrap(), 0);
        }
        // A socket is released when the last acknowledgement has come; those of other tests may be half-closed.
        let netns = finback::kernel::netns::own().unwrap();
        let local = listener.local_addr().unwrap();
        rig.eventually(|rig| {
            let snapshot = rig.look();
            let ours = snapshot.sockets.iter().filter(|view| {
                view.endpoints.netns == netns
                    && view.endpoints.local == local
                    && view.half().is_some()
            });
            ours.count() == 0
        });
        while rig.kernel.drain(&mut rig.seen) {}
        assert_eq!(rig.seen, []);
    });
}

type Table = Array<MapData, [u64; 8]>;

/// The table of half-closed sockets of this rig. Other tests have tables of their own, with the same sockets: this one is
/// known by the place that is taken away.
fn own_table(rig: &mut Rig, server: &TcpStream) -> Table {
    let view = rig.view(server);
    let (sock, fin_at) = (view.sock, view.half().unwrap().fin_at);
    let tables = loaded_maps().filter_map(|info| {
        let info = info
            .ok()
            .filter(|info| info.name_as_str() == Some(map::HALF))?;
        Array::try_from(Map::Array(MapData::from_id(info.id()).ok()?)).ok()
    });
    let has_it = |table: &Table| {
        let first = index(sock, HALF_PLACES);
        let is_it = |place: u32| table.get(&place, 0).is_ok_and(|place| place[0] == sock);
        is_it(first) || is_it(beside(first))
    };
    let mut tables: Vec<_> = tables.filter(has_it).collect();
    rig.kernel.clear(sock, fin_at);
    tables.retain(|table| !has_it(table));
    assert_eq!(tables.len(), 1);
    tables.remove(0)
}

#[test]
fn a_socket_whose_places_are_taken_is_counted_and_found_by_the_look() {
    let rig = &mut Rig::auto();
    let (_listener, client, server) = pair("127.0.0.1:0");
    client.shutdown(Shutdown::Write).unwrap();
    let sock = rig.view(&server).sock;
    rig.eventually(|rig| rig.is_candidate(sock));
    let mut table = own_table(rig, &server);

    let (_listener, client, server) = pair("127.0.0.1:0");
    let sock = rig.view(&server).sock;
    let first = index(sock, HALF_PLACES);
    for place in [first, beside(first)] {
        table.set(place, [1, 1, 0, 0, 0, 0, 0, 0], 0).unwrap();
    }
    let before = rig.without_place();
    client.shutdown(Shutdown::Write).unwrap();
    rig.eventually(|rig| rig.view(&server).state == TcpState::CloseWait);
    assert!(rig.without_place() > before);
    assert!(!rig.is_candidate(sock));
    assert_eq!(rig.view(&server).half, None);
}

#[test]
fn a_place_is_freed_only_for_the_fin_that_it_is_of() {
    let rig = &mut Rig::auto();
    let (_listener, client, server) = pair("127.0.0.1:0");
    client.shutdown(Shutdown::Write).unwrap();
    let sock = rig.view(&server).sock;
    rig.eventually(|rig| rig.is_candidate(sock));
    let candidate = *rig
        .scan()
        .iter()
        .find(|candidate| candidate.sock == sock)
        .unwrap();
    rig.kernel.clear(sock, rig.kernel.now());
    assert!(rig.is_candidate(sock));
    rig.kernel.clear(sock, candidate.fin_at);
    assert!(!rig.is_candidate(sock));
    // The look finds it all the same, without what was remembered.
    let view = rig.view(&server);
    assert_eq!((view.state, view.half), (TcpState::CloseWait, None));
}

/// A hash refuses an entry to an interrupt that comes while its bucket is held (`EBUSY`), and while it is read in
/// batches no kprobe runs on that CPU.
#[test]
fn no_table_is_a_hash() {
    let rig = Rig::auto();
    let ours = [
        map::HALF,
        map::OPENERS,
        map::LIFE,
        map::MARKS,
        map::RECORDS,
        map::INTEREST,
    ];
    let mut seen = Vec::new();
    for info in loaded_maps().filter_map(Result::ok) {
        let name = info.name_as_str().unwrap_or_default();
        if ours.contains(&name) {
            seen.push(name.to_owned());
            let kind = info.map_type().unwrap();
            assert!(
                matches!(kind, MapType::Array | MapType::RingBuf),
                "{name}: {kind:?}"
            );
        }
    }
    assert!(
        ours.iter().all(|name| seen.iter().any(|seen| seen == name)),
        "{seen:?}"
    );
    drop(rig);
}
