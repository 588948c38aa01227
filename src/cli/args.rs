//! What was typed, as close to the command line as can be.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::parser::ValueSource;
use clap::{Args as ClapArgs, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use closewait::diagnose::{CATALOGUE, Severity};
use closewait::narrow::Network;
use closewait::report::Order;

use super::moment::Moment;
use super::ports::PortRange;
use super::size::Size;
use super::span::Span;

const COLOR_HELP: &str = "auto (on a terminal, unless NO_COLOR is set), always or never";

const FIN_TIMEOUT_HELP: &str =
    "How long the hosts keep a closed socket in FIN-WAIT-2 (sysctl net.ipv4.tcp_fin_timeout)";

const LOCAL_PORTS_HELP: &str = "From which local ports the clients connect (sysctl net.ipv4.ip_local_port_range), to tell when these run out";

const AFTER_HELP: &str = "\
Exit status:
  0  done (and no finding as severe as --fail-on says)
  1  done, and there are such findings
  2  not all that was asked could be done; damaged captures still yield their results

A capture that is named like a subcommand is given as ./explain.";

/// Says who did not close a TCP connection, since when, who waited for it, and which ports are poisoned as a
/// result.
///
/// Reads packet captures (pcap, pcapng, gzip, zstd; told by content) after an incident and prints a page:
/// what happened and who must act, what would confirm it, how the flows ended, what was found. Text for a ticket and
/// rows for tables and programs go to files.
#[derive(Debug, Parser)]
#[command(
    name = "closewait",
    version,
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    subcommand_negates_reqs = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) analyse: AnalyseArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Explains findings: what was seen, why it matters, what to do
    Explain(ExplainArgs),
    /// Lists all findings
    Rules(RulesArgs),
    /// Tells flows step by step
    Timeline(Box<TimelineArgs>),
    /// Lists how long well-known programs, kernels and devices wait, or which of them wait so long
    Timers(TimersArgs),
    /// Shows the sockets of every host as they must have looked at a moment
    Netstat(Box<NetstatArgs>),
    /// Prints completions for a shell
    Completions(CompletionsArgs),
    /// Prints the manual page (roff)
    Man(ManArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct AnalyseArgs {
    /// Exit with 1 when there are findings at least this severe
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub(super) fail_on: Option<SeverityArg>,
    /// Print neither the summary nor progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// What ss -tanp, netstat -anp or cat /proc/net/tcp printed on a host, to be joined with the flows. May be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) sockets: Vec<PathBuf>,
    /// When that was, as in --since; found out from the states of the sockets unless said. Once, or once per file
    #[arg(long, value_name = "TIME", requires = "sockets")]
    pub(super) sockets_at: Vec<Moment>,
    #[arg(long, value_name = "LOW-HIGH", help = LOCAL_PORTS_HELP)]
    pub(super) local_ports: Option<PortRange>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    // A heading holds for what follows it, so arguments with headings come last.
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) narrow: NarrowArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// What is read.
#[derive(Debug, ClapArgs)]
pub(super) struct SourceArgs {
    /// Files, directories, patterns; - is standard input
    #[arg(value_name = "CAPTURE", required = true)]
    pub(super) captures: Vec<PathBuf>,
    /// Timers of this site, one a line: value | kind | product | setting. They go before those of closewait timers
    #[arg(long, value_name = "FILE")]
    pub(super) timers: Vec<PathBuf>,
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum, help = COLOR_HELP, hide_possible_values = true)]
    pub(super) color: ColorChoice,
    /// Threads that work at a time; all that the machine has unless said. The output is the same for any number
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Outputs (FILE - is standard output)")]
pub(super) struct OutputArgs {
    /// Everything into a directory: report.md, flows.csv, timeline.csv, findings.csv, report.json
    #[arg(long, short, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// One row per flow
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// One row per event of the flows with findings
    #[arg(long, value_name = "FILE")]
    pub(super) timeline: Option<PathBuf>,
    /// One row per finding
    #[arg(long, value_name = "FILE")]
    pub(super) findings: Option<PathBuf>,
    /// Everything as one document
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Text for a ticket, in Markdown: incidents, tables, details; less than 60 kB
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
    /// What led to what, as a graph for Graphviz
    #[arg(long, value_name = "FILE")]
    pub(super) dot: Option<PathBuf>,
    /// Tell all flows in the timeline, not only those with findings
    #[arg(long)]
    pub(super) all: bool,
    /// Order of the rows of flows
    #[arg(long, value_name = "ORDER", default_value = "finished", value_enum)]
    pub(super) sort: SortArg,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Narrowing (each may be repeated; verdicts stay the same)")]
pub(super) struct NarrowArgs {
    #[command(flatten)]
    pub(super) flows: FlowArgs,
    /// Only these findings, e.g. FIN102
    #[arg(long, value_name = "CODE", value_parser = codes(), ignore_case = true, hide_possible_values = true)]
    pub(super) only: Vec<String>,
    /// Not these findings
    #[arg(long, value_name = "CODE", value_parser = codes(), ignore_case = true, hide_possible_values = true)]
    pub(super) ignore: Vec<String>,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Narrowing (each may be repeated; verdicts stay the same)")]
pub(super) struct FlowArgs {
    /// Flows with this host at either end
    #[arg(long, value_name = "ADDRESS")]
    pub(super) host: Vec<Network>,
    /// Flows with this port at either end
    #[arg(long, value_name = "PORT")]
    pub(super) port: Vec<u16>,
    /// Flows with an end in this network, e.g. 10.1.0.0/16
    #[arg(long, value_name = "CIDR")]
    pub(super) net: Vec<Network>,
    /// Flows that were alive at or after this time: RFC 3339, a time of day (UTC, of the capture's first day), or
    /// +SECONDS from the capture's start
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<Moment>,
    /// Flows that were alive at or before this time
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<Moment>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Thresholds (seconds, or with a unit: 500ms, 90s, 2min)")]
pub(super) struct LimitArgs {
    /// A second FIN this much after the first is late
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    pub(super) fin_delay: Span,
    /// How long a closed flow is kept for late segments
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(super) linger: Span,
    /// How long the ports of a closed connection count as not yet free
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(super) time_wait: Span,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Thresholds (seconds, or with a unit: 500ms, 90s, 2min)")]
pub(super) struct TableArgs {
    /// Most connections to follow at once; beyond, closed ones, unanswered SYNs and the longest quiet are told early
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_flows: u64,
    /// Most memory for connections, live and remembered (e.g. 512M); beyond, they leave as with --max-flows
    #[arg(long, value_name = "SIZE")]
    pub(super) max_memory: Option<Size>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ExplainArgs {
    /// Code of a finding, e.g. FIN102
    #[arg(required = true, value_parser = codes(), ignore_case = true, hide_possible_values = true)]
    pub(super) code: Vec<String>,
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum, help = COLOR_HELP, hide_possible_values = true)]
    pub(super) color: ColorChoice,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RulesArgs {
    /// As a Markdown table
    #[arg(long)]
    pub(super) markdown: bool,
}

/// Tells flows step by step.
///
/// Without --flow or --stream: the events of all flows with findings in the order of time.
#[derive(Debug, ClapArgs)]
pub(super) struct TimelineArgs {
    /// This flow as a ladder; flows are numbered by the record of their first segment. May be repeated
    #[arg(long, value_name = "N")]
    pub(super) flow: Vec<u64>,
    /// The flows of this tcp.stream (Wireshark) as ladders. May be repeated
    #[arg(long, value_name = "N")]
    pub(super) stream: Vec<u64>,
    /// Tell all flows, not only those with findings
    #[arg(long, conflicts_with_all = ["flow", "stream"])]
    pub(super) all: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) narrow: NarrowArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// Lists how long well-known programs, kernels and devices wait, or which of them wait so long.
///
/// What a capture shows is a delay; which timer it was is a guess that this list supports.
#[derive(Debug, ClapArgs)]
pub(super) struct TimersArgs {
    /// Only those that fire after this delay: seconds, or with a unit (500ms, 90s, 4min)
    pub(super) delay: Option<Span>,
    /// How much the delay may be off either way
    #[arg(long, value_name = "SECONDS", requires = "delay")]
    pub(super) within: Option<Span>,
    /// As CSV
    #[arg(long, conflicts_with = "delay")]
    pub(super) csv: bool,
    /// Timers of this site, one a line: value | kind | product | setting, and if need be | basis | source | late
    #[arg(long, value_name = "FILE")]
    pub(super) timers: Vec<PathBuf>,
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum, help = COLOR_HELP, hide_possible_values = true)]
    pub(super) color: ColorChoice,
}

/// Shows the sockets of every host as they must have looked at a moment.
///
/// State as ss spells it, ? where it is presumed: what led to it is not shown to have arrived, or a timer is overdue.
/// Recv-Q: the most that can have lain unread, and where a closed window proves it, the least.
/// With --host and --net: the tables of these hosts alone. --since and --until bound the moments.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("when").required(true).multiple(true).args(["at", "at_file", "every"]))]
pub(super) struct NetstatArgs {
    /// At this time: RFC 3339, a time of day (UTC, of the capture's first day), +SECONDS from the capture's start, or
    /// nanoseconds since 1970. May be repeated
    #[arg(long, value_name = "TIME")]
    pub(super) at: Vec<Moment>,
    /// At the times in this file, one a line
    #[arg(long, value_name = "FILE")]
    pub(super) at_file: Option<PathBuf>,
    /// At round times, so far apart (10s, 1min), while the capture lasts
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["at", "at_file"])]
    pub(super) every: Option<Span>,
    /// How many sockets in each state, not each of them
    #[arg(long)]
    pub(super) counts: bool,
    /// One row per moment and socket into a file, nothing onto standard output; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    #[arg(long, value_name = "SECONDS", default_value = "60", help = FIN_TIMEOUT_HELP)]
    pub(super) fin_timeout: Span,
    /// How long they keep one in TIME-WAIT
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(super) time_wait: Span,
    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) narrow: FlowArgs,
    #[command(flatten)]
    pub(super) table: TableArgs,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CompletionsArgs {
    /// The shell
    pub(super) shell: Shell,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ManArgs {
    /// The page of a subcommand
    #[arg(value_parser = ["explain", "rules", "timeline", "timers", "netstat", "completions", "man"])]
    pub(super) command: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SeverityArg {
    /// Anything
    Note,
    /// What may be wrong
    Warning,
    /// What is wrong
    Fault,
}

impl From<SeverityArg> for Severity {
    fn from(severity: SeverityArg) -> Self {
        match severity {
            SeverityArg::Note => Self::Note,
            SeverityArg::Warning => Self::Warning,
            SeverityArg::Fault => Self::Fault,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SortArg {
    /// As flows are finished
    Finished,
    /// By the time of the first segment
    Start,
}

impl From<SortArg> for Order {
    fn from(order: SortArg) -> Self {
        match order {
            SortArg::Finished => Self::Finished,
            SortArg::Start => Self::Start,
        }
    }
}

/// Parses `arguments`. Second come the options as typed that decide what is told, as (name, value), for the
/// reports; where output goes is left out, so that equal runs make equal reports.
pub(super) fn parse(
    arguments: impl Iterator<Item = OsString>,
) -> Result<(Args, Vec<(String, String)>), clap::Error> {
    let matches = Args::command().try_get_matches_from(arguments)?;
    let args = Args::from_arg_matches(&matches)?;
    let mut typed = Vec::new();
    if matches.subcommand_name().is_none() {
        for option in Args::command().get_opts().filter(|option| decides_content(option)) {
            let id = option.get_id().as_str();
            if matches.value_source(id) == Some(ValueSource::CommandLine) {
                let values = matches.get_raw(id).into_iter().flatten();
                let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
                typed.push((option.get_long().unwrap_or(id).to_owned(), values.join(" ")));
            }
        }
    }
    Ok((args, typed))
}

fn decides_content(option: &clap::Arg) -> bool {
    let elsewhere = [
        "output", "csv", "timeline", "findings", "json", "markdown", "dot", "color", "quiet", "fail_on",
        "threads", "help", "version",
    ];
    !elsewhere.contains(&option.get_id().as_str())
}

fn codes() -> PossibleValuesParser {
    CATALOGUE.iter().map(|rule| PossibleValue::new(rule.code).help(rule.title)).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Args, Vec<(String, String)>), clap::Error> {
        parse(["closewait"].iter().chain(arguments).map(OsString::from))
    }

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn options_that_decide_content_are_told_as_typed() {
        let (_, typed) =
            parsed(&["a.pcap", "--port", "80", "--port=443", "--fin-delay", "2s", "--json", "x"]).unwrap();
        let expected = [("port", "80 443"), ("fin-delay", "2s")];
        assert_eq!(typed, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn subcommand_names_are_captures_once_a_capture_or_option_was_given() {
        let (args, _) = parsed(&["a.pcap", "explain"]).unwrap();
        assert_eq!(args.analyse.source.captures, [PathBuf::from("a.pcap"), PathBuf::from("explain")]);
        let (args, _) = parsed(&["./explain"]).unwrap();
        assert_eq!(args.analyse.source.captures, [PathBuf::from("./explain")]);
        assert!(matches!(parsed(&["explain", "fin102"]).unwrap().0.command, Some(Command::Explain(_))));
    }

    #[test]
    fn a_capture_is_needed() {
        assert!(parsed(&["--all"]).is_err() && parsed(&[]).is_err() && parsed(&["timeline"]).is_err());
    }
}
