//! Words that reports and findings share.

/// `1 connection`, `30 connections`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn enumerated(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_people_say_them() {
        let listed =
            |things: &[&str]| enumerated(&things.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!([listed(&[]), listed(&["a"]), listed(&["a", "b", "c"])], ["", "a", "a, b and c"]);
        assert_eq!([counted(1, "port"), counted(2, "port")], ["1 port", "2 ports"]);
    }
}
