//! Tables as tools print them, with what people do to them before they attach them.

use std::path::Path;

use super::*;
use crate::time::TimeDelta;

fn read(text: &str) -> SocketFile {
    SocketFile::read(Path::new("table"), text.as_bytes()).unwrap()
}

/// The line of each socket, and the processes that hold it.
fn pids(file: &SocketFile) -> Vec<(u64, Vec<u32>)> {
    let row = |row: &SocketRow| (row.line, row.processes.iter().map(|process| process.pid).collect());
    file.rows.iter().map(row).collect()
}

/// `ss -tanpoei` of iproute2 6.1.
const SS: &str = "\
State      Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
LISTEN     3      5          127.0.0.1:41195      0.0.0.0:*     users:((\"python3\",pid=19038,fd=3)) ino:1908730 sk:243 cgroup:/ <->
\t bbr cwnd:10 unacked:3
FIN-WAIT-2 0      0          127.0.0.1:59692    127.0.0.1:41195 timer:(timewait,59sec,0) ino:0 sk:245
\t
CLOSE-WAIT 6      0          127.0.0.1:41195    127.0.0.1:59678 users:((\"my, (own) prog\",pid=7,fd=6),(\"b\",pid=8,fd=6)) uid:33 ino:19 sk:24a -->
ESTAB      3      0          127.0.0.1:41195    127.0.0.1:59702 timer:(on,4.384ms,4) ino:0 sk:24b cgroup:/ <->
\t ts sack bbr wscale:10,10 rto:200 rtt:0.006/0.003
";

#[test]
fn a_table_of_ss_with_all_that_it_can_tell() {
    let file = read(SS);
    assert_eq!((file.format, file.unread_lines, file.other_lines), (Format::Ss, 0, 3));
    assert_eq!(pids(&file), [(2, vec![19038]), (4, vec![]), (6, vec![7, 8]), (7, vec![])]);
    let [_, fin_wait, close_wait, open] = &file.rows[..] else { panic!("{file:?}") };
    assert_eq!(close_wait.processes[0].name, "my, (own) prog");
    assert_eq!((close_wait.uid, close_wait.inode), (Some(33), Some(19)));
    let timer = open.timer.as_ref().unwrap();
    assert_eq!((timer.left, timer.retries), (Some(TimeDelta::from_millis(4384)), Some(4)));
    assert_eq!(fin_wait.timer.as_ref().unwrap().name, "timewait");
    assert_eq!(open.inode, Some(0));
}

#[test]
fn programs_as_old_versions_write_them_or_on_a_line_of_their_own() {
    let file = read(
        "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n\
         ESTAB 0 0 192.0.2.1:80 192.0.2.2:4000 users:((\"nginx\",1234,5),(\"nginx\",1235,5))\n\
         ESTAB 0 0 192.0.2.1:80 192.0.2.2:4001\n     users:((\"nginx\",pid=7,proc_ctx=x,fd=6))\n",
    );
    assert_eq!(pids(&file), [(2, vec![1234, 1235]), (3, vec![7])]);
    assert_eq!(file.rows[0].processes[0].fd, Some(5));
    assert_eq!(file.rows[1].processes[0].fd, Some(6));
}

#[test]
fn a_table_of_all_sockets_has_a_column_more() {
    let file = read(
        "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n\
         nl    UNCONN 0      0               rtnl:kernel           *\n\
         u_str ESTAB  0      0                  * 1909            * 1910\n\
         udp   UNCONN 0      0         127.0.0.53%lo:53     0.0.0.0:*\n\
         tcp   LISTEN 0      128          *:80              *:*\n\
         tcp   ESTAB  0      0      192.0.2.1:80    192.0.2.2:4000\n",
    );
    assert_eq!((file.rows.len(), file.other_lines, file.unread_lines), (2, 4, 0));
    assert_eq!(file.rows[0].local.to_string(), "*:80");
}

#[test]
fn where_one_state_was_asked_for_there_is_no_column_for_it() {
    let heading = "Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
    let row = "1      0        192.0.2.1:80    192.0.2.2:4000 users:((\"a\",pid=1,fd=2))\n";
    for text in [heading.to_owned() + row, row.to_owned()] {
        let file = read(&text);
        assert_eq!((file.rows.len(), file.rows[0].state, file.rows[0].recv_q), (1, None, 1));
        assert_eq!(file.rows[0].processes[0].pid, 1);
    }
}

#[test]
fn tables_without_heading_are_known_by_their_lines() {
    assert_eq!(read("CLOSE-WAIT 1 0 192.0.2.1:80 192.0.2.2:4000\n").format, Format::Ss);
    assert_eq!(read("tcp ESTAB 0 0 192.0.2.1:80 192.0.2.2:4000\n").format, Format::Ss);
    let file = read("tcp 1 0 192.0.2.1:80 192.0.2.2:4000 CLOSE_WAIT 7/nginx: master\n");
    assert_eq!((file.format, file.rows[0].processes[0].name.as_str()), (Format::Netstat, "nginx: master"));
    let file = read("0: 0100007F:A0EB 00000000:0000 0A 00000000:00000003 00:00000000 00000000 0 0 19 4\n");
    assert_eq!((file.format, file.rows.len()), (Format::ProcNetTcp, 1));
}

/// `netstat -anpoe` of net-tools 2.10, as a user who is not root.
const NETSTAT: &str = "\
$ netstat -anpoe
(Not all processes could be identified, non-owned process info
 will not be shown, you would have to be root to see it all.)
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       User       Inode      PID/Program name     Timer
tcp        3      0 127.0.0.1:41195         0.0.0.0:*               LISTEN      0          1908730    19038/nginx: master  off (0.00/0/0)
tcp        0      0 127.0.0.1:59692         127.0.0.1:41195         FIN_WAIT2   0          0          -                    timewait (59.85/0/0)
tcp6       6      0 fd77:16::1:8080         fd77:16::2:60928        CLOSE_WAIT  www-data   1908733    19038/nginx: worker  keepalive (7195.02/0/0)
udp        0      0 127.0.0.53:53           0.0.0.0:*                           101        17         -                    off (0.00/0/0)
Active UNIX domain sockets (servers and established)
Proto RefCnt Flags       Type       State         I-Node   PID/Program name     Path
unix  2      [ ACC ]     STREAM     LISTENING     21       1/init               /run/x
";

#[test]
fn a_table_of_netstat_with_all_that_it_can_tell() {
    let file = read(NETSTAT);
    assert_eq!((file.format, file.unread_lines, file.not_root), (Format::Netstat, 0, true));
    let [listen, fin_wait, close_wait] = &file.rows[..] else { panic!("{file:?}") };
    assert_eq!(listen.processes[0].name, "nginx: master");
    assert_eq!((listen.timer.as_ref(), listen.inode), (None, Some(1_908_730)));
    assert_eq!(fin_wait.timer.as_ref().unwrap().left, Some(TimeDelta::from_millis(59_850)));
    assert_eq!(close_wait.local.to_string(), "[fd77:16::1]:8080");
    assert_eq!(close_wait.processes[0].name, "nginx: worker");
    assert_eq!((close_wait.uid, close_wait.inode, close_wait.recv_q), (None, Some(1_908_733), 6));
}

#[test]
fn both_tables_of_the_kernel_are_one() {
    let heading =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let v4 = "   0: 0100007F:A0EB 0100007F:E936 08 00000000:00000003 00:00000000 00000000 0 0 0 1 0\n";
    let v6 = "   0: B80D0120000000000000000001000000:0050 B80D0120000000000000000002000000:E936 01 \
              00000000:00000000 00:00000000 00000000 33 0 17 1 0\n";
    let file = read(&format!("{heading}{v4}{heading}{v6}"));
    assert_eq!((file.rows.len(), file.tables), (2, 1));
    assert_eq!((file.rows[1].uid, file.rows[1].inode), (Some(33), Some(17)));
    let again = read(&format!("{heading}{v4}{heading}{v4}"));
    assert_eq!((again.rows.len(), again.tables, again.rows[0].line), (1, 2, 4));
    let udp = heading.replace("inode", "inode ref pointer drops");
    assert_eq!(read(&format!("{heading}{v4}{udp}{v4}")).rows.len(), 1);
}

#[test]
fn of_several_tables_the_last_counts() {
    let file = read(&format!("{SS}host# ss -tanpoei\n{SS}host# "));
    assert_eq!((file.rows.len(), file.tables, file.unread_lines), (4, 2, 0));
    assert_eq!(file.rows[0].line, 11);
}

#[test]
fn what_is_not_understood_is_told_with_its_line() {
    let file = read(
        "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n\
         ESTAB 0 0 192.0.2.1:http 192.0.2.2:4000\n\
         HALF-OPEN 0 0 192.0.2.1:80 192.0.2.2:4000\n\
         ESTAB 0 0 192.0.2.1:80\n\
         ESTAB 0 0 192.0.2.1:80 192.0.2.2:4000 users:((\"nginx\",pid=1\n\
         ESTAB 0 0 192.0.2.1:80 192.0.2.2:4001\n",
    );
    let whys: Vec<_> = file.unread.iter().map(|unread| (unread.line, unread.why.as_str())).collect();
    let expected = [
        (2, "port \"http\" is a name; run the tool with -n"),
        (3, "\"HALF-OPEN\" is no state"),
        (4, "\"\" has no port"),
        (5, "the programs behind users: are cut or garbled"),
    ];
    assert_eq!(whys, expected);
    assert_eq!((file.rows.len(), file.unread_lines), (1, 4));
}

#[test]
fn what_is_no_table_says_what_it_is() {
    for (text, found) in [("", "it is empty"), ("<html>\n", "it starts with \"<html>\"")] {
        let error = SocketFile::read(Path::new("page"), text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("page: no socket table") && error.contains(found), "{error}");
    }
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let mut text = SS.as_bytes().to_vec();
    text.extend(std::iter::repeat_n(b'x', 3 << 20));
    text.extend_from_slice(b"\nESTAB 0 0 192.0.2.1:80 192.0.2.2:4001\n");
    let file = SocketFile::read(Path::new("table"), &text[..]).unwrap();
    assert_eq!((file.rows.len(), file.unread_lines, file.unread[0].line), (5, 1, 9));
    assert_eq!(file.rows[4].line, 10);
}
