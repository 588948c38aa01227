use super::counted;
use crate::diagnose::{InputFinding, Sight};

/// Files that are told one by one.
const FILES: usize = 5;

rule! {
    /// ## What we saw
    /// A capture file ends inside a record, holds something that makes no sense, or could not be read at all.
    ///
    /// ## Why it matters
    /// Everything that could be read was analysed, but what lies behind the damage is lost. Flows that were alive there and
    /// would be judged by what did not follow are `undecided`.
    ///
    /// ## What to do
    /// Copy the file again and compare its size: most cut files were copied while they were still being written. Stop
    /// the capture first, or have it write a new file from time to time (`-G`, `-W`, `-b`) and copy those that are
    /// finished. A full disk cuts files as well.
    ///
    /// ## What else it can be
    /// A capture that is still running or was killed: its last record is cut and nothing else is wrong. A file that went
    /// through a text-mode transfer. A file that is no capture.
    ///
    /// ## See
    /// `capinfos FILE`; the file formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
    input static DAMAGED_FILE = { code: "CAP105", title: "damaged or cut capture file", severity: Warning }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let damages = &sight.files.damages;
    let told = damages.iter().take(if damages.len() > FILES { FILES - 1 } else { FILES });
    let mut findings: Vec<InputFinding> = told
        .map(|damage| {
            let more = match damage.more {
                0 => String::new(),
                more => format!("; and {}", counted(more, "more place")),
            };
            let finding = InputFinding::new(&DAMAGED_FILE, format!("{}{more}", damage.what));
            let before = damage.before.into_iter();
            before.fold(finding, |finding, record| {
                finding.and_number(record, "the last whole record before it")
            })
        })
        .collect();
    let rest = damages.len() - findings.len();
    if rest > 0 {
        let text =
            format!("… and {} of which something could not be read", counted(rest as u64, "more file"));
        findings.push(InputFinding::new(&DAMAGED_FILE, text));
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::found_in_input;
    use crate::diagnose::{DamageSight, Sight};

    fn damaged(files: usize) -> Sight {
        let mut sight = Sight::default();
        let damage = |file| DamageSight { what: format!("{file}.pcap: cut short"), more: 2, before: Some(7) };
        sight.files.damages = (0..files).map(damage).collect();
        sight
    }

    #[test]
    fn each_damaged_file_is_told() {
        let findings = found_in_input("CAP105", &damaged(2));
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[1].summary, "1.pcap: cut short; and 2 more places");
        assert_eq!(findings[1].evidence[0].record, 7);
    }

    #[test]
    fn a_directory_of_damaged_files_is_told_in_five_lines() {
        let findings = found_in_input("CAP105", &damaged(100));
        assert_eq!(findings.len(), 5);
        assert!(findings[4].summary.starts_with("… and 96 more files"));
    }
}
