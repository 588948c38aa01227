//! `closewait man`: the manual page.

use clap::CommandFactory;
use clap_mangen::Man;
use closewait::Result;

use super::Ending;
use super::args::{Args, ManArgs};
use super::outputs::print;

/// Prints the manual page, or that of a subcommand.
pub(super) fn run(args: &ManArgs) -> Result<Ending> {
    let mut command = Args::command();
    command.build();
    let page = args.command.as_deref().and_then(|name| command.find_subcommand(name)).unwrap_or(&command);
    // `closewait explain` is one word as the name of a page.
    let name = page.get_bin_name().unwrap_or("closewait").replace(' ', "-");
    let page = Man::new(page.clone()).title(name.to_uppercase());
    print(|mut out| page.render(&mut out))?;
    Ok(Ending::Done)
}
