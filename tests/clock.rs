//! Spans of time across a clock that was set back.

mod support;

use support::outcome::Outcome;
use support::trace::{Place, Trace};

#[test]
fn close_wait_lasts_as_long_as_the_clock_that_was_set_back_says() {
    let text = "\
+0.000000 > S 0:0(0)
+0.000100 < S. 0:0(0) ack 1
+0.000050 > . 1:1(0) ack 1
+0.001000 > F. 1:1(0) ack 1
-3600 < . 1:1(0) ack 2
";
    for (seconds, findings) in [("0.3", 0), ("5", 1)] {
        let trace = Trace::parse(&format!("{text}+{seconds} end")).expect("notation");
        let told = Outcome::of(&trace.entries(&Place::default(), 1)).by_start();
        let [told] = told.as_slice() else { panic!("one flow") };
        let lasted = told.flow.close_wait.expect("CLOSE-WAIT").lasted;
        assert_eq!(lasted.nanos(), if findings == 0 { 300_000_000 } else { 5_000_000_000 });
        assert_eq!(told.findings.len(), findings, "not an hour late: {:?}", told.findings);
    }
}

#[test]
fn a_fin_on_the_other_side_of_the_step_is_neither_late_nor_early() {
    let open = "\
+0.000000 > S 0:0(0)
+0.000100 < S. 0:0(0) ack 1
+0.000050 > . 1:1(0) ack 1
+0.001000 > F. 1:1(0) ack 1
+0.040000 < . 1:1(0) ack 2
-3600 < F. 1:1(0) ack 2
";
    let cases = [("+0.00002 > . 2:2(0) ack 2", "clean_close", 0), ("+0.00002 > R 2:2(0)", "late_fin_rst", 1)];
    for (answer, outcome, findings) in cases {
        let trace = Trace::parse(&format!("{open}{answer}\n+60 end")).expect("notation");
        let told = Outcome::of(&trace.entries(&Place::default(), 1)).by_start();
        let [told] = told.as_slice() else { panic!("one flow") };
        assert_eq!((told.flow.outcome.as_str(), told.flow.fin_delay), (outcome, None));
        assert_eq!(told.findings.len(), findings, "{:?}", told.findings);
        let unknown = |finding: &closewait::diagnose::Finding| {
            finding.lasted.is_none() && finding.summary(&told.flow).contains("an unknown time")
        };
        assert!(told.findings.iter().all(unknown));
    }
}
