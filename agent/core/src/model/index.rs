//! Where in a list something is, by its name. The names stay in the list: of a hundred thousand none is kept twice.

use std::hash::{BuildHasher as _, Hash};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Places of a list that grows at its end.
#[derive(Debug, Default)]
pub struct Index(HashTable<u32>);

impl Index {
    /// With room for so many places.
    pub fn for_as_many_as(places: usize) -> Self {
        Self(HashTable::with_capacity(places))
    }

    /// One place more; `name` tells the name of each.
    pub fn add<N: Hash>(&mut self, place: usize, name: impl Fn(usize) -> N) {
        let Ok(short) = u32::try_from(place) else {
            return;
        };
        let hash = |place: &u32| FxBuildHasher.hash_one(name(*place as usize));
        self.0.insert_unique(hash(&short), short, hash);
    }

    /// The place that has this name.
    pub fn find<N: Hash + PartialEq>(
        &self,
        wanted: &N,
        name: impl Fn(usize) -> N,
    ) -> Option<usize> {
        let hash = FxBuildHasher.hash_one(wanted);
        let found = self.0.find(hash, |place| name(*place as usize) == *wanted);
        found.map(|place| *place as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::Index;

    #[test]
    fn every_name_is_found_at_its_place_and_no_other_one() {
        let names: Vec<u64> = (0..10_000).map(|n| n << 6 | 0xffff_8880 << 32).collect();
        let name = |place: usize| names[place];
        for mut index in [Index::default(), Index::for_as_many_as(names.len())] {
            for (place, new) in names.iter().enumerate() {
                assert_eq!(index.find(new, name), None);
                index.add(place, name);
            }
            for (place, wanted) in names.iter().enumerate() {
                assert_eq!(index.find(wanted, name), Some(place));
            }
            assert_eq!(index.find(&1, name), None);
        }
    }
}
