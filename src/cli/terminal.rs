//! What standard output is: how wide, and whether it takes colours.

use std::env;
use std::io::{IsTerminal, stdout};

use clap::ColorChoice;
use closewait::report::TextOptions;
use terminal_size::{Width, terminal_size_of};

/// Columns of what is no terminal.
const PLAIN_WIDTH: usize = 80;

/// How to lay out what is printed on standard output.
pub(super) fn text_options(color: ColorChoice) -> TextOptions {
    TextOptions { width: width(), color: takes_color(color) }
}

fn width() -> usize {
    terminal_size_of(stdout()).map_or(PLAIN_WIDTH, |(Width(columns), _)| columns.into())
}

/// `NO_COLOR` as on <https://no-color.org>: present and not empty.
fn takes_color(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            stdout().is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
        }
    }
}
