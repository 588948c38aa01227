//! Whatever stands in a file: no panic, and no line goes missing.

use std::path::Path;

use closewait::flow::Limits;
use closewait::socket_file::{Joiner, SocketFile, SocketTable};
use proptest::prelude::*;

const TABLES: [&str; 3] = [
    include_str!("../../testdata/lab/accept_starved_slots.server.ss.txt"),
    include_str!("../../testdata/lab/proxy_read_timeout.middle.netstat.txt"),
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
     1: 0100007F:A0EB 0100007F:E936 08 00000000:00000003 00:00000000 00000000     0        0 0 1 0000000039c030b3\n",
];

/// Every line is a row, something else, not understood, or blank.
fn holds(octets: &[u8]) -> Result<(), TestCaseError> {
    let Ok(file) = SocketFile::read(Path::new("table"), octets) else { return Ok(()) };
    prop_assert!(file.unread.len() as u64 <= file.unread_lines);
    let connections =
        file.rows.iter().filter(|row| row.local.endpoint().is_some() && row.peer.endpoint().is_some());
    let connections = connections.count();
    let join = Joiner::new(vec![SocketTable { file: file.clone(), taken: None }], Limits::default()).finish();
    prop_assert_eq!(join.files[0].sockets.len(), connections);
    if file.tables > 1 {
        return Ok(());
    }
    let lines = octets.split(|&octet| octet == b'\n');
    let blank = |line: &[u8]| String::from_utf8_lossy(line).trim().is_empty();
    let lines = lines.filter(|line| !blank(line)).count() as u64;
    prop_assert_eq!(file.rows.len() as u64 + file.other_lines + file.unread_lines, lines);
    Ok(())
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-f.:%*\\[\\]]{0,12}",
        prop::sample::select(
            &[
                "State",
                "Recv-Q",
                "Send-Q",
                "Local",
                "Netid",
                "Proto",
                "sl",
                "local_address",
                "tcp",
                "tcp6",
                "udp",
                "ESTAB",
                "CLOSE_WAIT",
                "LISTEN",
                "0",
                "18446744073709551615",
                "1",
                "192.0.2.1:80",
                ":::*",
                "[::1]:5",
                "*:*",
                "-",
                "7/a b",
                "users:((\"a\",pid=1,fd=2))",
                "users:((",
                "\"",
                "timer:(on,4.384ms,4)",
                "timer:(,)",
                "ino:0",
                "uid:x",
                "off (0.00/0/0)",
                "(",
                "0100007F:A0EB",
                "0:",
                "0A",
                "Active",
                "RefCnt",
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

proptest! {
    #[test]
    fn words_in_any_order(lines in prop::collection::vec(prop::collection::vec(word(), 0..9), 0..20)) {
        let lines: Vec<_> = lines.into_iter().map(|words| words.join(" ")).collect();
        holds(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        holds(&octets)?;
    }

    #[test]
    fn tables_with_damage(
        table in 0..TABLES.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        let mut octets = TABLES[table].as_bytes().to_vec();
        for (place, octet, kind) in damage {
            let place = place.index(octets.len().max(1)).min(octets.len());
            match kind {
                0 => octets.truncate(place),
                1 => octets.insert(place, octet),
                2 => drop(octets.splice(place..(place + usize::from(octet)).min(octets.len()), [])),
                _ => octets.iter_mut().skip(place).take(1).for_each(|it| *it = octet),
            }
        }
        holds(&octets)?;
    }
}
