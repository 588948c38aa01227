//! Octets, a capture or not, through the whole program with every report.

#![no_main]

use closewait_fuzz::support::whole::{hold, hold_again};
use libfuzzer_sys::{Corpus, fuzz_target};

/// zstd packs a thousand times denser than this: no more of it than can be read in a moment.
const MOST_ZSTD: usize = 512;

fuzz_target!(|content: &[u8]| -> Corpus {
    if content.starts_with(&[0x28, 0xb5]) && content.len() > MOST_ZSTD {
        return Corpus::Reject;
    }
    let (_, pages) = hold(content);
    if content.len() % 2 == 0 {
        hold_again(content, &pages);
    }
    Corpus::Keep
});
