//! How full the kernel's table of half-closed connections is.

use std::mem::offset_of;

use anyhow::{Context as _, Result};
use aya::maps::{Array, Map, MapData, loaded_maps};
use finback_common::place::HalfPlace;

type Bytes = [u8; size_of::<HalfPlace>()];

/// Places that are taken, of each daemon that runs, the oldest first.
pub(crate) fn places_taken() -> Result<Vec<usize>> {
    let mut ids: Vec<u32> = loaded_maps()
        .filter_map(Result::ok)
        .filter(|map| map.name() == b"HALF")
        .map(|map| map.id())
        .collect();
    ids.sort_unstable();
    ids.into_iter().map(taken).collect()
}

fn taken(id: u32) -> Result<usize> {
    let map = Map::from_map_data(MapData::from_id(id)?)?;
    let places: Array<MapData, Bytes> = map.try_into().context("HALF is no array")?;
    let at = offset_of!(HalfPlace, sock);
    let free = [0; 8];
    let is_taken = |place: &Bytes| place.get(at..at + 8) != Some(&free);
    Ok(places
        .iter()
        .filter_map(Result::ok)
        .filter(is_taken)
        .count())
}
