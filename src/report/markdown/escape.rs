//! Text that Markdown takes for nothing else.
//!
//! File names, names of programs and a site's own timers are not ours: none of them may become a heading, a link, an
//! image, a mention, a formula or HTML, nor end a table cell or a block of code.

use std::net::{IpAddr, SocketAddr};

use crate::report::escape::for_terminal;

/// Characters of a name or title that are told, and of a sentence.
pub(super) const NAME: usize = 160;
pub(super) const SENTENCE: usize = 1200;

/// `text` in one line, letter by letter; addresses, and plain words between backquotes, are set as code. Of more than
/// `most` characters the first are told.
pub(super) fn prose(text: &str, most: usize) -> String {
    let text = clip(text, most);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('`') {
        push_words(before, &mut out);
        rest = match after.split_once('`') {
            Some((inside, behind)) if is_code(inside) => {
                out.extend(["`", inside, "`"]);
                behind
            }
            _ => {
                out.push_str("\\`");
                after
            }
        };
    }
    push_words(rest, &mut out);
    out
}

/// `text` as code in one line, at most `most` characters of it.
pub(super) fn code(text: &str, most: usize) -> String {
    let text = clip(text, most);
    if text.is_empty() {
        return text;
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // A blank at both ends is taken away again.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The same inside a table, where a bar ends the cell even in code.
pub(super) fn code_cell(text: &str, most: usize) -> String {
    code(text, most).replace('|', "\\|")
}

/// Lines of code in a language, each at most `most` characters long.
pub(super) fn block<'a>(language: &str, lines: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| clip(line, most)).collect();
    let fence = "`".repeat(lines.iter().map(|line| longest_run(line) + 1).max().unwrap_or(0).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// One line without control characters.
fn clip(text: &str, most: usize) -> String {
    let clipped = match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    };
    for_terminal(&clipped).into_owned()
}

/// Words between backquotes: what stands between two of them by chance has blanks at its ends.
fn is_code(inside: &str) -> bool {
    !inside.is_empty() && inside.trim() == inside && inside.chars().all(is_plain)
}

const fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, ' ' | '_' | '-' | '.' | '/' | '=' | ',' | ':')
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

fn push_words(text: &str, out: &mut String) {
    for (place, word) in text.split(' ').enumerate() {
        if place > 0 {
            out.push(' ');
        }
        match address(word) {
            Some((before, address, after)) => {
                push_letters(before, out);
                out.extend(["`", address, "`"]);
                push_letters(after, out);
            }
            None => push_letters(word, out),
        }
    }
}

/// A word that is an address, with the marks around it.
fn address(word: &str) -> Option<(&str, &str, &str)> {
    let start = word.len() - word.trim_start_matches('(').len();
    let end = word.trim_end_matches([',', ';', ':', '.', ')', '?']).len();
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok();
    let inside = word.get(start..end).filter(|text| is_address(text))?;
    Some((word.get(..start)?, inside, word.get(end..)?))
}

fn push_letters(text: &str, out: &mut String) {
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '!' | '$'
            | '^' => {
                out.extend(['\\', letter]);
            }
            // What looks like a link is none.
            ':' if letters.peek() == Some(&'/') => out.push_str("\\:"),
            '.' if matches!(before, 'w' | 'W') => out.push_str("\\."),
            // Nor is it a person or an issue: a comment keeps the sign apart from what follows.
            '@' | '#' => {
                out.extend(['\\', letter]);
                out.push_str("<!-- -->");
            }
            _ => out.push(letter),
        }
        before = letter;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_is_told_letter_by_letter() {
        for (text, told) in [
            ("<b>*a* _b_ [c](d) ![e](f)", r"\<b\>\*a\* \_b\_ \[c\](d) \!\[e\](f)"),
            ("a|b & $c$ ~d~ \\", r"a\|b \& \$c\$ \~d\~ \\"),
            ("http://x www.y", r"http\://x www\.y"),
            ("@joe #7", r"\@<!-- -->joe \#<!-- -->7"),
            ("one\ntwo\u{202e}", r"one\\u\{a\}two\\u\{202e\}"),
            ("set `tcp_fin_timeout` to 30", "set `tcp_fin_timeout` to 30"),
            ("`<b>` and `", r"\`\<b\>\` and \`"),
            ("at 10.0.0.1:80: (2001:db8::1), [::1]:443.", "at `10.0.0.1:80`: (`2001:db8::1`), `[::1]:443`."),
        ] {
            assert_eq!(prose(text, NAME), told);
        }
        assert_eq!(prose("12345678", 5), "1234…");
    }

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(code("a``b", NAME), "```a``b```");
        assert_eq!(code("`a", NAME), "`` `a ``");
        assert_eq!(code("", NAME), "");
        assert_eq!(code_cell("a || b", NAME), r"`a \|\| b`");
        assert_eq!(block("sh", ["a", "````"], NAME), "`````sh\na\n````\n`````\n");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_line(text in any::<String>(), most in 1_usize..200) {
            for told in [prose(&text, most), code(&text, most), code_cell(&text, most)] {
                prop_assert!(!told.chars().any(char::is_control));
            }
            prop_assert!(!prose(&text, most).replace("<!-- -->", "").replace("\\<", "").contains('<'));
            prop_assert!(code(&text, most).chars().count() < 20 * most + 20);
        }
    }
}
