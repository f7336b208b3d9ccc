use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

const SS: &str = include_str!("fixtures/ss-6.1.0.txt");
const NETSTAT: &str = include_str!("fixtures/netstat-2.10.txt");
const LSOF: &str = include_str!("fixtures/lsof-4.95.0.txt");
const TABLE: &str = include_str!("fixtures/proc-net-tcp.txt");
const LINKS: &str = include_str!("fixtures/proc-fd.txt");
const OLDER: &str = include_str!("fixtures/older.txt");

fn clues(asked: &Asked) -> &Clues {
    let [Reading::Connection(clues)] = asked.readings.as_slice() else {
        panic!("{asked:?}");
    };
    clues
}

/// What every row of a text says; every line must be known.
fn all(text: &str) -> Vec<Clues> {
    let pasted = read(text);
    assert_eq!(pasted.unreadable, []);
    assert!(!pasted.cut);
    pasted
        .asked
        .iter()
        .map(|asked| clues(asked).clone())
        .collect()
}

fn place(text: &str) -> Place {
    Place::parse(text).unwrap()
}

fn word(text: &str) -> Vec<Reading> {
    let asked = arguments(&[text.to_owned()]).unwrap();
    assert_eq!(asked.len(), 1);
    asked[0].readings.clone()
}

fn of(clues: Clues) -> Vec<Reading> {
    vec![Reading::Connection(clues)]
}

#[test]
fn a_word_is_an_id_a_number_or_an_address() {
    assert_eq!(word("#12"), [Reading::Finding(12)]);
    assert_eq!(
        word("1c5f0d5e8a534c3b"),
        [Reading::Incident("1c5f0d5e8a534c3b".into())]
    );
    assert_eq!(
        word("3e2a9111854-9847"),
        [Reading::Socket("3e2a9111854-9847".into())]
    );
    let pair = Clues {
        holders: vec![(4711, 7)],
        ..Clues::default()
    };
    assert_eq!(word("4711:7"), of(pair.clone()));
    assert_eq!(word("/proc/4711/fd/7"), of(pair));
    assert_eq!(word("/proc/4711"), [Reading::Process(4711)]);
    assert_eq!(word("pid=4711"), [Reading::Process(4711)]);
    let inode = of(Clues {
        inode: Some(31337),
        ..Clues::default()
    });
    for text in ["inode:31337", "ino:31337", "socket:[31337]"] {
        assert_eq!(word(text), inode, "{text}");
    }
    for text in ["cookie:2a", "sk:2a", "cookie:0x2a"] {
        assert_eq!(
            word(text),
            of(Clues {
                cookie: Some(42),
                ..Clues::default()
            }),
            "{text}"
        );
    }
    for text in [
        "192.0.2.1:80",
        "[::1]:80",
        "::1:80",
        "[::ffff:192.0.2.1]:80",
        ":8080",
        "localhost:http",
    ] {
        assert_eq!(
            word(text),
            of(Clues {
                ends: vec![place(text)],
                ..Clues::default()
            }),
            "{text}"
        );
    }
}

#[test]
fn a_bare_number_has_all_its_readings() {
    let inode = Clues {
        inode: Some(4711),
        ..Clues::default()
    };
    assert_eq!(
        word("4711"),
        [
            Reading::Finding(4711),
            Reading::Process(4711),
            Reading::Connection(inode)
        ]
    );
    let digits = word("1234567890123456");
    assert!(digits.contains(&Reading::Incident("1234567890123456".into())));
    assert!(digits.contains(&Reading::Finding(1_234_567_890_123_456)));
}

#[test]
fn two_ends_are_one_connection_and_a_row_without_quotes_is_a_row() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let pair = arguments(&words("192.0.2.10:8080 198.51.100.7:51234")).unwrap();
    let ends = vec![place("192.0.2.10:8080"), place("198.51.100.7:51234")];
    assert_eq!(pair.len(), 1);
    assert_eq!(clues(&pair[0]).ends, ends);
    let row = arguments(&words("CLOSE-WAIT 1 0 192.0.2.10:8080 198.51.100.7:51234")).unwrap();
    assert_eq!(clues(&row[0]).ends, ends);
    assert_eq!(arguments(&words("#1 #2 4711:7")).unwrap().len(), 3);
    assert_eq!(arguments(&words("#1 ???")), Err("???".into()));
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let v4 = Host::Address("192.0.2.1".parse::<IpAddr>().unwrap());
    assert_eq!(place("[::ffff:192.0.2.1]:80").host, v4);
    assert_eq!(place("::ffff:192.0.2.1:80").host, v4);
    let link = Host::Address("fe80::1".parse::<IpAddr>().unwrap());
    for text in [
        "[fe80::1]%eth0:80",
        "[fe80::1%eth0]:80",
        "fe80::1%eth0:80",
        "fe80::1:80",
    ] {
        assert_eq!(place(text).host, link, "{text}");
    }
    for text in ["*:80", "0.0.0.0:80", "[::]:80", ":::80"] {
        assert_eq!(
            place(text),
            Place {
                host: Host::Any,
                port: Port::Number(80)
            },
            "{text}"
        );
    }
    assert_eq!(place("localhost:http").port, Port::Named("http".into()));
    for text in ["", ":", "1.2.3.4", "a b:80", "x:99999", "x:-1", "[::1:80\n"] {
        assert_eq!(Place::parse(text), None, "{text}");
    }
}

#[test]
fn every_row_of_ss_is_read() {
    let rows = all(SS);
    // Nine lists with all of them (one also with other families), and one with three.
    assert_eq!(rows.len(), 9 * 14 + 3);
    let full: Vec<&Clues> = rows
        .iter()
        .filter(|row| row.cookie.is_some() && row.inode.is_some())
        .collect();
    assert!(full.contains(&&Clues {
        inode: Some(28_132_812),
        cookie: Some(0x31_da3b),
        holders: vec![(19546, 5)],
        pid: None,
        ends: vec![place("127.0.0.1:18080"), place("127.0.0.1:47880")],
    }));
    let mapped = place("127.0.0.1:18082");
    assert!(
        rows.iter()
            .any(|row| row.ends[0] == mapped && row.holders == [(19546, 9)])
    );
    let scoped = place("fe80::a837:88ff:fede:f0d7:18085");
    assert!(rows.iter().any(|row| row.ends[0] == scoped));
    let time_wait = rows
        .iter()
        .filter(|row| row.ends[0] == place("[::1]:46090"));
    assert!(time_wait.clone().count() > 0 && time_wait.clone().all(|row| row.inode.is_none()));
}

#[test]
fn every_row_of_netstat_is_read_and_a_cut_address_is_none() {
    let rows = all(NETSTAT);
    assert_eq!(rows.len(), 6 * 14);
    let whole = Clues {
        inode: Some(28_132_812),
        pid: Some(19546),
        ends: vec![place("127.0.0.1:18080"), place("127.0.0.1:47880")],
        ..Clues::default()
    };
    assert!(rows.contains(&whole));
    let cut = rows
        .iter()
        .filter(|row| row.ends[0].port == Port::Number(18085));
    let hosts: Vec<&Host> = cut.map(|row| &row.ends[0].host).collect();
    assert_eq!(hosts.iter().filter(|host| ***host == Host::Any).count(), 5);
    assert_eq!(
        hosts
            .iter()
            .filter(|host| matches!(***host, Host::Address(_)))
            .count(),
        1
    );
}

#[test]
fn every_socket_of_lsof_is_read_and_other_files_are_left_out() {
    let rows = all(LSOF);
    assert_eq!(rows.len(), 11 + 10 + 10);
    let unlisted = Clues {
        inode: Some(28_132_821),
        holders: vec![(19546, 12)],
        ..Clues::default()
    };
    assert!(rows.contains(&unlisted), "protocol: TCP");
    assert!(rows.contains(&Clues {
        inode: Some(28_132_812),
        holders: vec![(19546, 5)],
        ends: vec![place("127.0.0.1:18080"), place("127.0.0.1:47880")],
        ..Clues::default()
    }));
    assert!(read(LSOF).others > 5);
}

#[test]
fn rows_of_the_kernel_s_tables_and_links_of_descriptors_are_read() {
    let rows = all(TABLE);
    assert_eq!(rows.len(), 8 + 6);
    assert!(rows.contains(&Clues {
        inode: Some(28_132_812),
        ends: vec![place("127.0.0.1:18080"), place("127.0.0.1:47880")],
        ..Clues::default()
    }));
    assert!(
        rows.iter()
            .any(|row| row.ends[0] == place("[fe80::a837:88ff:fede:f0d7]:18085"))
    );
    assert!(
        rows.iter()
            .any(|row| row.ends[1] == place("127.0.0.1:38590")),
        "mapped"
    );
    let links = all(LINKS);
    assert_eq!(links.len(), 11);
    assert!(links.contains(&Clues {
        inode: Some(28_132_821),
        ..Clues::default()
    }));
}

#[test]
fn rows_of_older_versions_are_read() {
    let rows = all(OLDER);
    assert_eq!(rows[0].holders, [(4711, 7)]);
    assert_eq!(rows[1].ends, [place("*:80"), place("*:*")]);
    assert_eq!(rows[2].holders, [(900, 3), (901, 3)]);
    assert_eq!(rows[2].ends[0], place("192.0.2.10:22"));
    assert_eq!(rows[3].ends[0].port, Port::Named("http-alt".into()));
    assert_eq!(rows[4].holders, [(4711, 8)], "the line that follows");
    assert_eq!((rows[5].inode, rows[5].ends.len()), (Some(31_337_000), 0));
    assert_eq!(rows[6].ends[0].port, Port::Named("webcache".into()));
    assert_eq!(
        (rows[7].inode, &*rows[7].holders),
        (Some(31_337_002), &[(4711, 107)][..])
    );
    assert_eq!(rows[8].pid, Some(4711));
    assert_eq!(rows[9].ends[0], place("192.0.2.10:8080"));
    assert_eq!(rows[10].inode, Some(31_337_000));
    assert_eq!(rows[11].holders, [(4711, 105)]);
    assert_eq!(rows.len(), 12);
}

#[test]
fn a_line_that_says_nothing_is_named_and_the_rest_goes_on() {
    let pasted = read(
        "hello, can you look at this please?\nESTAB 0 0 192.0.2.1:80 192.0.2.2:5000\n\n4711:7\n",
    );
    assert_eq!(pasted.asked.len(), 2);
    let [line] = pasted.unreadable.as_slice() else {
        panic!("{pasted:?}");
    };
    assert_eq!(
        (line.line, &*line.text),
        (1, "hello, can you look at this please?")
    );
}

#[test]
fn pasted_text_is_bounded() {
    let row = "ESTAB 0 0 192.0.2.1:80 192.0.2.2:5000\n";
    let pasted = read(&row.repeat(LINES_MAX + 5));
    assert!(pasted.cut);
    assert_eq!(pasted.asked.len(), LINES_MAX);
    let long = format!(
        "ESTAB 0 0 192.0.2.1:80 192.0.2.2:5000 {}",
        "x".repeat(TEXT_MAX)
    );
    assert_eq!(read(&long).unreadable.len(), 1);
    let holders = r#"("a",pid=1,fd=1),"#.repeat(150);
    let many = format!(
        "ESTAB 0 0 192.0.2.1:80 192.0.2.2:5000 users:({}",
        holders.trim_end_matches(',')
    );
    assert!(clues(&read(&format!("{many})")).asked[0]).holders.len() <= 64);
}

#[test]
fn a_process_s_name_cannot_pretend_to_be_an_address() {
    let row = r#"ESTAB 0 0 192.0.2.1:80 192.0.2.2:5000 users:(("x ino:9 sk:9",pid=4711,fd=7)) ino:5 sk:6"#;
    let pasted = read(row);
    let clues = clues(&pasted.asked[0]);
    assert_eq!((clues.inode, clues.cookie), (Some(5), Some(6)));
    assert_eq!(clues.holders, [(4711, 7)]);
}

proptest! {
    #[test]
    fn nothing_that_is_pasted_panics(text in "\\PC{0,200}", at in 0_usize..4000, cut in 0_usize..400) {
        read(&text);
        drop(arguments(&[text]));
        // Real rows that were cut anywhere.
        for fixture in [SS, NETSTAT, LSOF, TABLE, LINKS, OLDER] {
            let start = fixture.floor_char_boundary(at);
            let end = fixture.floor_char_boundary(at + cut);
            read(&fixture[start..end]);
        }
    }

    #[test]
    fn words_of_rows_in_any_order_do_not_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "tcp", "ESTAB", "0", "1", "192.0.2.1:80", "[::1]:80", "*:*", "users:((", "\"a\",pid=1,fd=2))", "ino:1",
                "sk:", "->", "socket:[1]", "IPv4", "sock", "5u", "TCP", "3:", "0100007F:46A0", "::", ":", "é:é",
            ]),
            0..14,
        )
    ) {
        read(&words.join(" "));
    }
}
