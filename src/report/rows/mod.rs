//! The CSV files. Column names and their order are an interface.

mod cell;
mod conn_state;
mod findings;
mod flow_row;
mod flows;
mod timeline;

pub use conn_state::conn_state;
pub use findings::FindingsCsv;
pub(super) use findings::{display_filter, input_filter};
pub use flows::{FlowsCsv, Order};
pub use timeline::TimelineCsv;

use std::borrow::Cow;
use std::io;

use super::escape::for_spreadsheet;

/// One record as the `csv` crate writes it: quoted where needed, ended by a line feed.
fn csv_line<'a>(cells: impl IntoIterator<Item = &'a str>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

/// One text cell, guarded against formulas and quoted where needed.
fn push_text(text: &str, out: &mut Vec<u8>) -> io::Result<()> {
    let safe: Cow<'_, str> = for_spreadsheet(text);
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b',' || byte == b' ';
    if safe.bytes().all(plain) {
        out.extend_from_slice(safe.as_bytes());
        return Ok(());
    }
    let mut cell = csv_line([safe.as_ref()])?;
    cell.pop();
    out.append(&mut cell);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cells_are_quoted_by_the_csv_crate_and_never_formulas() {
        let cell = |text| {
            let mut out = Vec::new();
            push_text(text, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(cell("a.pcapng"), "a.pcapng");
        assert_eq!(cell("a,b.pcap"), "\"a,b.pcap\"");
        assert_eq!(cell("say \"x\"\n"), "\"say \"\"x\"\"\n\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell(""), "");
    }
}
