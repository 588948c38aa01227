//! Makes captures for measurements: the same shape gives the same bytes on every machine.
//!
//! Connections start at random moments and go through handshake, requests with answers, and one of six endings,
//! or stay idle; their segments are then put in order of time, a minute at a time, so that a capture may be
//! larger than memory. Headers are complete (lengths, checksums, sequence numbers, window, MSS, window scale and
//! time stamp options); payload is letters without sense, which pack about as well as text does. One connection
//! in ten is IPv6. No four-tuple occurs twice.

mod frame;

use std::collections::BTreeMap;
use std::io::{self, Write};

use frame::{ACK, FIN, PSH, RST, SYN, push_record};

/// What most of the capture consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Answers of about fifty kilobytes: full-size frames.
    Bulk,
    /// Many connections of one small request each: one frame in three opens or closes.
    Short,
    /// Answers of about a hundred kilobytes, of which 96 octets a frame were captured.
    Snapped,
    /// Handshakes, and nothing more.
    Idle,
    /// As `Bulk`, with every segment of an answer sent twice: no segment brings what is expected next.
    Odd,
}

/// A capture to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// What it consists of.
    pub(crate) profile: Profile,
    /// Connections, at most a hundred million.
    pub(crate) connections: u32,
    /// Over which their starts are spread: as many each minute.
    pub(crate) minutes: u32,
    /// Another seed gives another capture of the same shape.
    pub(crate) seed: u64,
}

/// What a capture has in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// Records.
    pub(crate) records: u64,
    /// Connections by the outcome that closewait must find.
    pub(crate) outcomes: BTreeMap<&'static str, u64>,
}

impl Shape {
    /// Writes the capture as classic pcap: microseconds, Ethernet.
    pub(crate) fn write(self, out: &mut impl Write) -> io::Result<Content> {
        let mut random = Random(self.seed);
        let mut content = Content::default();
        let snaplen = if self.profile == Profile::Snapped { 96 } else { 262_144 };
        let mut octets = frame::file_header(snaplen);
        let mut waiting = Vec::new();
        for minute in 0..self.minutes {
            for connection in self.started(minute)..self.started(minute + 1) {
                let outcome = Script::new(connection, minute, &mut random, &mut waiting).play(self.profile);
                *content.outcomes.entry(outcome).or_default() += 1;
            }
            waiting.sort_by_key(|segment: &Segment| segment.micros);
            let end = if minute + 1 == self.minutes { u64::MAX } else { u64::from(minute + 1) * MINUTE };
            let due = waiting.partition_point(|segment| segment.micros < end);
            for segment in waiting.drain(..due) {
                push_record(&segment, snaplen, &mut octets);
                out.write_all(&octets)?;
                octets.clear();
            }
            content.records += due as u64;
        }
        out.write_all(&octets)?;
        Ok(content)
    }

    /// Connections that have started when `minutes` have passed.
    fn started(self, minutes: u32) -> u32 {
        let share = u64::from(self.connections) * u64::from(minutes) / u64::from(self.minutes.max(1));
        u32::try_from(share).unwrap_or(self.connections)
    }
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Clean,
    HalfClosed,
    DelayedFin,
    Reset,
    Refused,
    Unanswered,
}

impl Ending {
    fn draw(random: &mut Random) -> Self {
        match random.below(100) {
            0..4 => Self::HalfClosed,
            4..8 => Self::DelayedFin,
            8..12 => Self::Reset,
            12..14 => Self::Refused,
            14 => Self::Unanswered,
            _ => Self::Clean,
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Self::Clean => "clean_close",
            Self::HalfClosed => "half_closed",
            Self::DelayedFin => "delayed_fin",
            Self::Reset => "reset_initiator",
            Self::Refused => "refused",
            Self::Unanswered => "syn_unanswered",
        }
    }
}

/// A segment before it becomes octets.
struct Segment {
    /// Microseconds since the capture began.
    micros: u64,
    connection: u32,
    from_client: bool,
    flags: u8,
    seq: u32,
    ack: u32,
    octets: u16,
    /// IP identification: the segment's place in its connection.
    id: u16,
}

const CLIENT: bool = true;
const SERVER: bool = false;
/// Payload of a full segment, with a time stamp option on Ethernet.
const FULL: u16 = 1448;
const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;

/// One connection as it is played.
struct Script<'a> {
    connection: u32,
    now: u64,
    round_trip: u64,
    id: u16,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
    random: &'a mut Random,
    out: &'a mut Vec<Segment>,
}

impl<'a> Script<'a> {
    fn new(connection: u32, minute: u32, random: &'a mut Random, out: &'a mut Vec<Segment>) -> Self {
        let now = u64::from(minute) * MINUTE + random.below(MINUTE);
        let round_trip = 200 + random.below(20_000);
        #[expect(clippy::cast_possible_truncation, reason = "initial sequence numbers are any 32 bits")]
        let next = [random.next() as u32, random.next() as u32];
        Self { connection, now, round_trip, id: 0, next, random, out }
    }

    /// Plays the whole connection; gives its outcome.
    fn play(mut self, profile: Profile) -> &'static str {
        if profile == Profile::Idle {
            self.shake_hands();
            return "open";
        }
        let ending = Ending::draw(self.random);
        match ending {
            Ending::Unanswered => self.ask_in_vain(),
            Ending::Refused => self.be_refused(),
            _ => {
                self.shake_hands();
                self.talk(profile);
                self.end(ending);
            }
        }
        ending.outcome()
    }

    fn talk(&mut self, profile: Profile) {
        let (requests, answer) = match profile {
            Profile::Bulk | Profile::Odd => (2, 10_000 + self.random.below(30_000)),
            Profile::Short => (1, 20 + self.random.below(280)),
            Profile::Snapped => (3, 15_000 + self.random.below(20_000)),
            Profile::Idle => (0, 0),
        };
        for _ in 0..requests {
            self.exchange(answer, profile == Profile::Odd);
        }
    }

    fn ask_in_vain(&mut self) {
        for wait in [SECOND, 2 * SECOND, 0] {
            self.send(CLIENT, SYN, 0);
            self.next = [self.next[0].wrapping_sub(1), self.next[1]];
            self.now += wait;
        }
    }

    fn be_refused(&mut self) {
        self.next[1] = 0;
        self.send(CLIENT, SYN, 0);
        self.now += self.round_trip;
        self.send(SERVER, RST | ACK, 0);
    }

    fn shake_hands(&mut self) {
        self.send(CLIENT, SYN, 0);
        self.now += self.round_trip;
        self.send(SERVER, SYN | ACK, 0);
        self.now += 20;
        self.send(CLIENT, ACK, 0);
    }

    /// A request and `octets` of answer, every second segment acknowledged.
    fn exchange(&mut self, mut octets: u64, twice: bool) {
        self.now += 50 + self.random.below(1_000);
        self.send(CLIENT, PSH | ACK, 180);
        self.now += self.round_trip;
        let mut unacknowledged = 0;
        while octets > 0 {
            let size = u16::try_from(octets).unwrap_or(u16::MAX).min(FULL);
            octets -= u64::from(size);
            let flags = if octets == 0 { PSH | ACK } else { ACK };
            self.send(SERVER, flags, size);
            if twice {
                self.next[1] = self.next[1].wrapping_sub(u32::from(size));
                self.send(SERVER, flags, size);
            }
            self.now += 12;
            unacknowledged += 1;
            if unacknowledged == 2 || octets == 0 {
                self.send(CLIENT, ACK, 0);
                unacknowledged = 0;
            }
        }
    }

    fn end(&mut self, ending: Ending) {
        self.now += 100 + self.random.below(SECOND);
        if ending == Ending::Reset {
            return self.send(CLIENT, RST | ACK, 0);
        }
        self.send(CLIENT, FIN | ACK, 0);
        self.now += self.round_trip;
        match ending {
            Ending::HalfClosed => return self.send(SERVER, ACK, 0),
            Ending::DelayedFin => {
                self.send(SERVER, ACK, 0);
                self.now += 2 * SECOND + self.random.below(20 * SECOND);
            }
            _ => {}
        }
        self.send(SERVER, FIN | ACK, 0);
        self.now += 20;
        self.send(CLIENT, ACK, 0);
    }

    fn send(&mut self, from_client: bool, flags: u8, octets: u16) {
        let [client, server] = self.next;
        let (seq, peer) = if from_client { (client, server) } else { (server, client) };
        let ack = if flags & ACK == 0 { 0 } else { peer };
        self.id = self.id.wrapping_add(1).max(1);
        let Self { connection, now: micros, id, .. } = *self;
        self.out.push(Segment { micros, connection, from_client, flags, seq, ack, octets, id });
        let length = u32::from(octets) + u32::from(flags & (SYN | FIN) != 0);
        let [client, server] = &mut self.next;
        *(if from_client { client } else { server }) = seq.wrapping_add(length);
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// 0 to `limit` exclusive; the bias is far below what a measurement sees.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
