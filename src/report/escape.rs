//! Text from captures and file names is not ours: what it may do to a terminal or a spreadsheet ends here.

use std::borrow::Cow;

/// `text` with control characters and bidirectional overrides written as `\u{..}`.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// `text` as a CSV cell that no spreadsheet takes for a formula: an apostrophe goes before `=`, `+`, `-`, `@`,
/// tab and carriage return.
pub fn for_spreadsheet(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Columns that `text` takes on a terminal.
pub(super) fn display_width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// `text` shortened to `width` columns, the cut shown by `…` at its end.
pub(super) fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    if display_width(text) <= width {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += columns(character);
        if used + 1 > width {
            break;
        }
        short.push(character);
    }
    short.push('…');
    Cow::Owned(short)
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Columns that `character` takes: East Asian wide ones two, combining marks none (Unicode UAX #11, the common
/// blocks).
pub(super) const fn columns(character: char) -> usize {
    match character {
        '\u{0300}'..='\u{036f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_move_the_cursor() {
        assert_eq!(for_terminal("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
        assert_eq!(for_terminal("plain é"), "plain é");
    }

    #[test]
    fn a_file_name_cannot_become_a_formula() {
        assert_eq!(for_spreadsheet("=cmd()"), "'=cmd()");
        assert_eq!(for_spreadsheet("a=b"), "a=b");
    }

    #[test]
    fn widths_count_columns_not_bytes() {
        assert_eq!(display_width("→ µs 漢字"), 9);
        assert_eq!(shorten("incident.pcapng", 8), "inciden…");
        assert_eq!(shorten("short", 8), "short");
    }
}
