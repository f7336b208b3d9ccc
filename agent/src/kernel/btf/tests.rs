use std::time::Instant;

use proptest::prelude::*;

use super::*;

/// Builds a type table by hand.
#[derive(Default)]
struct Builder {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Builder {
    fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: vec![0],
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let offset = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        offset
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.types.extend_from_slice(&word.to_ne_bytes());
        }
    }

    fn plain(&mut self, name: &str, kind: u8, count: u32, flag: bool, last: u32) {
        let name = self.name(name);
        self.words(&[
            name,
            u32::from(kind) << 24 | count | u32::from(flag) << 31,
            last,
        ]);
    }

    fn member(&mut self, name: &str, type_id: u32, offset: u32) {
        let name = self.name(name);
        self.words(&[name, type_id, offset]);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC.to_ne_bytes());
        bytes.extend_from_slice(&[1, 0]);
        let types = u32::try_from(self.types.len()).unwrap();
        for word in [
            24,
            0,
            types,
            types,
            u32::try_from(self.strings.len()).unwrap(),
        ] {
            bytes.extend_from_slice(&u32::to_ne_bytes(word));
        }
        bytes.extend_from_slice(&self.types);
        bytes.extend_from_slice(&self.strings);
        bytes
    }
}

/// 1 int, 2 struct inner {x, y:3 bits}, 3 const inner, 4 unnamed union {u, in: const inner}, 5 struct outer, 6 proto, 7 func.
fn sample() -> Vec<u8> {
    let mut b = Builder::new();
    b.plain("int", kind::INT, 0, false, 4);
    b.words(&[32]);
    b.plain("inner", kind::STRUCT, 2, true, 8);
    b.member("x", 1, 32);
    b.member("y", 1, 3 << 24 | 64);
    b.plain("", kind::CONST, 0, false, 2);
    b.plain("", kind::UNION, 2, false, 8);
    b.member("u", 1, 0);
    b.member("in", 3, 0);
    b.plain("outer", kind::STRUCT, 2, false, 24);
    b.member("first", 1, 0);
    b.member("", 4, 64);
    b.plain("", kind::FUNC_PROTO, 2, false, 0);
    b.words(&[0, 1, 0, 1]);
    b.plain("do_it", kind::FUNC, 1, false, 6);
    b.plain("btf_trace_it_happened", kind::TYPEDEF, 0, false, 1);
    b.bytes()
}

#[test]
fn members_are_found_through_unnamed_ones_and_qualifiers() {
    let bytes = sample();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.len(), 8);
    assert_eq!(btf.member_offset("outer", "first", 4), Ok(0));
    assert_eq!(btf.member_offset("outer", "u", 4), Ok(8));
    assert_eq!(btf.member_offset("outer", "in.x", 4), Ok(12));
    assert_eq!(btf.function("do_it"), Some(7));
    assert_eq!(btf.tracepoint("it_happened"), Some(8));
    assert_eq!(btf.function("do_that"), None);
}

#[test]
fn refusals_name_struct_and_member() {
    let bytes = sample();
    let btf = Btf::parse(&bytes).unwrap();
    let message = |strukt, path| btf.member_offset(strukt, path, 4).unwrap_err().to_string();
    assert_eq!(message("outer", "in.y"), "outer.in.y is a bit field");
    assert_eq!(
        message("outer", "z"),
        "this kernel has no member z in struct outer"
    );
    assert_eq!(message("other", "z"), "this kernel has no struct other");
    assert_eq!(
        message("outer", "first.x"),
        "this kernel has no member first.x in struct outer"
    );
}

#[test]
fn a_member_that_is_too_small_is_refused() {
    let bytes = sample();
    let btf = Btf::parse(&bytes).unwrap();
    let refusal = btf.member_offset("outer", "u", 8).unwrap_err().to_string();
    assert_eq!(refusal, "outer.u takes 4 bytes, 8 were expected");
    assert_eq!(btf.member_offset("outer", "in", 8), Ok(8));
    assert_eq!(
        btf.member_offset("outer", "in", 0),
        Ok(8),
        "only its place counts"
    );
}

#[test]
fn what_stands_behind_a_kind_from_the_future_is_not_found() {
    let mut b = Builder::new();
    b.plain("int", kind::INT, 0, false, 4);
    b.words(&[32]);
    b.plain("before", kind::STRUCT, 2, false, 8);
    b.member("known", 1, 0);
    b.member("later", 4, 32);
    b.plain("", 31, 0, false, 0);
    b.plain("after", kind::STRUCT, 1, false, 4);
    b.member("known", 1, 0);
    let bytes = b.bytes();
    let btf = Btf::parse(&bytes).unwrap();
    assert_eq!(btf.len(), 2);
    assert_eq!(btf.member_offset("before", "known", 4), Ok(0));
    assert!(btf.member_offset("before", "later", 4).is_err());
    let refusal = btf
        .member_offset("after", "known", 4)
        .unwrap_err()
        .to_string();
    assert_eq!(refusal, "this kernel has no struct after");
}

#[test]
fn a_struct_that_contains_itself_ends() {
    let mut b = Builder::new();
    b.plain("loop", kind::STRUCT, 1, false, 8);
    b.member("", 1, 0);
    b.plain("", kind::CONST, 0, false, 2);
    let bytes = b.bytes();
    let btf = Btf::parse(&bytes).unwrap();
    assert!(btf.member_offset("loop", "x", 4).is_err());
    assert!(btf.resolve(2).is_none());
}

#[test]
fn every_cut_is_refused_or_read_without_a_panic() {
    let bytes = sample();
    for end in 0..bytes.len() {
        if let Ok(btf) = Btf::parse(&bytes[..end]) {
            panic!(
                "{end} of {} bytes were taken for {} types",
                bytes.len(),
                btf.len()
            );
        }
    }
}

#[test]
fn the_running_kernels_types_are_read_in_time() {
    let bytes = std::fs::read(PATH).expect("the kernel of the test machine shows its types");
    let start = Instant::now();
    let btf = Btf::parse(&bytes).unwrap();
    let took = start.elapsed();
    println!("{} types in {took:?}", btf.len());
    assert_eq!(btf.member_offset("sock_common", "skc_daddr", 4), Ok(0));
    assert!(btf.tracepoint("inet_sock_set_state").is_some());
    assert!(btf.function("tcp_connect").is_some());
    assert!(btf.function("finback_has_no_such_function").is_none());
    assert!(took.as_millis() < 500, "{took:?}");
}

proptest! {
    #[test]
    fn garbage_never_panics(garbage in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Btf::parse(&garbage));
    }

    #[test]
    fn damaged_tables_never_panic(at in 0_usize..300, value: u8, second in 0_usize..300, other: u8) {
        let mut bytes = sample();
        let length = bytes.len();
        bytes[at % length] = value;
        bytes[second % length] = other;
        if let Ok(btf) = Btf::parse(&bytes) {
            for path in ["first", "u", "in.x", "in.y"] {
                drop(btf.member_offset("outer", path, 4));
                drop(btf.member_offset("inner", path, 4));
            }
        }
    }
}

/// Two unnamed members of a struct in itself: each level would have twice as many as the one above.
#[test]
fn a_struct_in_itself_has_an_end() {
    let mut b = Builder::new();
    b.plain("outer", kind::STRUCT, 2, false, 8);
    b.member("", 1, 0);
    b.member("", 1, 0);
    let bytes = b.bytes();
    let btf = Btf::parse(&bytes).unwrap();
    let begun = Instant::now();
    let found = btf.member_offset("outer", "x", 0);
    assert!(matches!(found, Err(BtfError::NoMember { .. })));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}
