//! One small file per finding, in a folder per family.

mod lookup;

/// Declares a [`Rule`](super::Rule) whose doc comment is its explanation, with the `check` and `summary` that
/// stand beside it in its file. `needs`: `check` finds nothing in a flow that has none of these. `input static` is for
/// rules about the input, `party static` for those about many connections of a party: these have a `check` alone.
macro_rules! rule {
    (
        $(#[doc = $line:literal])+
        static $name:ident = {
            code: $code:literal, title: $title:literal, severity: $severity:ident, needs: $needs:expr
        }
    ) => {
        rule! { @of [$($line)+] $name, $code, $title, $severity, $crate::diagnose::Check::Flow {
            needs: $crate::diagnose::Signs::of(&$needs),
            find: check,
            summary,
        } }
    };
    (
        $(#[doc = $line:literal])+
        input static $name:ident = { code: $code:literal, title: $title:literal, severity: $severity:ident }
    ) => {
        rule! { @of [$($line)+] $name, $code, $title, $severity, $crate::diagnose::Check::Input(check) }
    };
    (
        $(#[doc = $line:literal])+
        party static $name:ident = { code: $code:literal, title: $title:literal, severity: $severity:ident }
    ) => {
        rule! { @of [$($line)+] $name, $code, $title, $severity, $crate::diagnose::Check::Parties(check) }
    };
    (@of [$($line:literal)+] $name:ident, $code:literal, $title:literal, $severity:ident, $check:expr) => {
        $(#[doc = $line])+
        pub(in $crate::diagnose) static $name: $crate::diagnose::Rule = $crate::diagnose::Rule {
            code: $code,
            title: $title,
            severity: $crate::diagnose::Severity::$severity,
            explanation: concat!($($line, "\n"),+),
            check: $check,
        };
    };
}

pub(super) mod app;
pub(super) mod capture;
pub(super) mod fin;
pub(super) mod rst;
pub(super) mod service;
pub(super) mod syn;
pub(super) mod tuple;
