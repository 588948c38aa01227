//! Curves as one line of text.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One block per level, as high as the level is to the highest: the lowest block is nothing.
pub(super) fn sparkline(levels: &[u64]) -> String {
    let highest = u128::from(levels.iter().copied().max().unwrap_or(0).max(1));
    let block = |&level: &u64| {
        let height = usize::try_from((u128::from(level) * 7).div_ceil(highest)).unwrap_or(0);
        BLOCKS.get(height).copied().unwrap_or('█')
    };
    levels.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_seen_and_the_highest_is_highest() {
        assert_eq!(sparkline(&[0, 1, 500, 1000]), "▁▂▅█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[u64::MAX, 1, 0]), "█▂▁");
    }
}
