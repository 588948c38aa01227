//! The options of a SYN.

use crate::tcp::segment::{Mptcp, SynOptions};

/// The largest shift; a larger one counts as this (RFC 7323 §2.3).
const MAX_WINDOW_SCALE: u8 = 14;

/// Reads TCP options (RFC 9293 §3.1). What is cut or malformed ends the list; what came before it counts.
pub(super) fn syn_options(options: &[u8]) -> SynOptions {
    usual(options).unwrap_or_else(|| one_by_one(options))
}

/// The orders in which Linux, with and without time stamps, and Windows write the options of nearly all SYNs.
#[inline]
fn usual(options: &[u8]) -> Option<SynOptions> {
    let (mss, shift, timestamp) = match *options {
        [2, 4, high, low, 4, 2, 8, 10, a, b, c, d, _, _, _, _, 1, 3, 3, shift] => {
            ([high, low], shift, Some(u32::from_be_bytes([a, b, c, d])))
        }
        [2, 4, high, low, 1, 1, 4, 2, 1, 3, 3, shift] | [2, 4, high, low, 1, 3, 3, shift, 1, 1, 4, 2] => {
            ([high, low], shift, None)
        }
        _ => return None,
    };
    Some(SynOptions {
        mss: u16::from_be_bytes(mss),
        window_scale: Some(shift.min(MAX_WINDOW_SCALE)),
        sack_permitted: true,
        timestamp,
        ..SynOptions::default()
    })
}

/// By hand, because etherparse's iterator stops at kinds that it does not know, such as Multipath TCP.
#[inline(never)]
fn one_by_one(mut rest: &[u8]) -> SynOptions {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    let mut options = SynOptions::default();
    loop {
        rest = match *rest {
            [] | [END, ..] => return options,
            [NO_OPERATION, ref after @ ..] => after,
            [kind, length, ref after @ ..] => {
                // The length counts kind and length themselves, so each turn moves on by two octets or more.
                let Some((value, after)) =
                    usize::from(length).checked_sub(2).and_then(|length| after.split_at_checked(length))
                else {
                    return options;
                };
                note(&mut options, kind, value);
                after
            }
            [_] => return options,
        };
    }
}

fn note(options: &mut SynOptions, kind: u8, value: &[u8]) {
    match (kind, value) {
        (2, &[high, low]) => options.mss = u16::from_be_bytes([high, low]),
        (3, &[shift]) => options.window_scale = Some(shift.min(MAX_WINDOW_SCALE)),
        (4, []) => options.sack_permitted = true,
        (8, &[a, b, c, d, _, _, _, _]) => options.timestamp = Some(u32::from_be_bytes([a, b, c, d])),
        (30, &[subtype, ..]) => match subtype >> 4 {
            0 => options.mptcp = Mptcp::Capable,
            1 => options.mptcp = Mptcp::Join,
            _ => {}
        },
        // The second is the experiment's identifier from before the assignment (RFC 7413 §4.1.1, RFC 6994).
        (34, _) | (254, &[0xf9, 0x89, ..]) => options.fast_open = true,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [u8; 36] = [
        2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 9, 34, 2, 30, 12, 0x01, 0, 1, 2, 3,
        4, 5, 6, 7, 8, 0, 0,
    ];

    #[test]
    fn every_option_of_a_syn_is_read() {
        let options = syn_options(&ALL);
        assert_eq!(options.mss, 1460);
        assert_eq!(options.window_scale, Some(9));
        assert_eq!(options.timestamp, Some(7));
        assert!(options.sack_permitted && options.fast_open);
        assert_eq!(options.mptcp, Mptcp::Capable);
    }

    #[test]
    fn the_usual_orders_are_read_as_any_other() {
        let linux = [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7];
        let without_timestamps = [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 99];
        let windows = [2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2];
        for order in [&linux[..], &without_timestamps, &windows] {
            assert_eq!(usual(order), Some(one_by_one(order)));
            for at in 0..order.len() {
                for octet in 0..=255 {
                    let mut changed = order.to_vec();
                    changed[at] = octet;
                    assert_eq!(syn_options(&changed), one_by_one(&changed), "{changed:?}");
                }
                assert_eq!(usual(&order[..at]), None);
            }
        }
    }

    #[test]
    fn cut_options_keep_what_came_before() {
        for length in 0..ALL.len() {
            let options = syn_options(&ALL[..length]);
            assert_eq!(options.mss, if length >= 4 { 1460 } else { 0 }, "{length}");
            assert_eq!(options.timestamp, (length >= 16).then_some(7), "{length}");
        }
    }

    #[test]
    fn a_length_below_two_ends_the_list() {
        assert_eq!(syn_options(&[8, 0, 2, 4, 5, 0xb4]), SynOptions::default());
        assert_eq!(syn_options(&[8, 1, 2, 4, 5, 0xb4]), SynOptions::default());
    }

    #[test]
    fn a_window_scale_beyond_fourteen_counts_as_fourteen() {
        assert_eq!(syn_options(&[3, 3, 255]).window_scale, Some(14));
    }

    #[test]
    fn experimental_fast_open_and_a_joining_subflow_are_known() {
        let options = syn_options(&[254, 4, 0xf9, 0x89, 30, 3, 0x10]);
        assert!(options.fast_open);
        assert_eq!(options.mptcp, Mptcp::Join);
        assert!(!syn_options(&[254, 4, 1, 2]).fast_open);
    }
}
