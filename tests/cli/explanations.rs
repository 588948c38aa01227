//! `explain`, `rules`, `completions`, `man`.

use closewait::diagnose::{CATALOGUE, markdown_table};

use crate::{run, succeed};

#[test]
fn every_code_is_explained_within_80_columns() {
    for rule in CATALOGUE {
        let text = succeed(&["explain", &rule.code.to_lowercase()]);
        let title = text.lines().next().unwrap();
        assert!(title.starts_with(&format!("{}  {}", rule.code, rule.title)), "{title}");
        assert!(title.ends_with(rule.severity.as_str()) && title.chars().count() == 80, "{title}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for (heading, _) in rule.sections() {
            assert!(text.contains(&format!("\n{heading}")), "{}: {heading}", rule.code);
        }
    }
}

#[test]
fn an_unknown_code_is_answered_with_the_known_ones() {
    let ran = run(&["explain", "FIN999"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(CATALOGUE.iter().all(|rule| ran.err.contains(rule.code)), "{}", ran.err);
}

#[test]
fn rules_are_listed_for_people_and_for_documents() {
    assert_eq!(succeed(&["rules"]).lines().count(), CATALOGUE.len());
    assert_eq!(succeed(&["rules", "--markdown"]), markdown_table());
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = succeed(&["completions", shell]);
        assert!(script.contains("fin-delay") && script.contains("explain"), "{shell}");
    }
    assert_eq!(run(&["completions", "csh"]).status, 2);
}

#[test]
fn there_is_a_manual_page_for_the_command_and_for_each_subcommand() {
    let page = succeed(&["man"]);
    assert!(page.contains(".TH CLOSEWAIT 1") && page.contains("fail"), "{page}");
    for command in ["explain", "rules", "timeline", "timers", "completions", "man"] {
        let page = succeed(&["man", command]);
        assert!(page.contains(&format!(".TH CLOSEWAIT-{} 1", command.to_uppercase())), "{page}");
    }
}
