//! Arguments to paths: directories, patterns, standard input.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::order::is_capture;
use crate::{Error, Result};

/// The files that `arguments` mean, without duplicates, in the order given.
///
/// A directory means every file in it and below that is a capture by its content, sorted by path; names that
/// start with a dot are left out and links to directories are not followed. A name that does not exist and
/// holds `*`, `?` or `[` is a pattern. `-` is standard input. Everything else is taken as it is, whether it
/// can be read or not.
///
/// # Errors
///
/// A usage error if a directory holds no capture, cannot be read, or a pattern is malformed or matches nothing.
pub fn expand<P: AsRef<Path>>(arguments: &[P]) -> Result<Vec<PathBuf>> {
    let mut found = Found::default();
    for argument in arguments {
        let argument = argument.as_ref();
        match pattern(argument) {
            Some(pattern) => add_matches(pattern, &mut found)?,
            None => add(argument, &mut found)?,
        }
    }
    Ok(found.paths)
}

#[derive(Default)]
struct Found {
    paths: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
}

impl Found {
    /// Adds `path` unless it, or another name of the same file, is there.
    fn add(&mut self, path: PathBuf) {
        let identity = match fs::canonicalize(&path) {
            Ok(canonical) if path != Path::new("-") => canonical,
            _ => path.clone(),
        };
        if self.seen.insert(identity) {
            self.paths.push(path);
        }
    }
}

/// The argument as a pattern, if it is one.
fn pattern(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    let is_pattern = text.contains(['*', '?', '[']) && fs::symlink_metadata(argument).is_err();
    is_pattern.then_some(text)
}

fn add_matches(pattern: &str, found: &mut Found) -> Result<()> {
    // As shells do: a name that starts with a dot must be asked for.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
    let matches = glob::glob_with(pattern, options)
        .map_err(|error| Error::usage(format!("{pattern}: not a pattern: {error}")))?;
    let mut any = false;
    for path in matches {
        // An unreadable directory on the way is told as the file that could not be reached.
        add(&path.unwrap_or_else(|error| error.path().to_owned()), found)?;
        any = true;
    }
    if any { Ok(()) } else { Err(Error::usage(format!("{pattern}: matches no file"))) }
}

fn add(path: &Path, found: &mut Found) -> Result<()> {
    if path == Path::new("-") || !path.is_dir() {
        found.add(path.to_owned());
        return Ok(());
    }
    let mut captures = Vec::new();
    walk(path, &mut captures).map_err(|error| Error::read(path, 0, error))?;
    if captures.is_empty() {
        return Err(Error::usage(format!("{}: no capture in this directory", path.display())));
    }
    captures.sort();
    for capture in captures {
        found.add(capture);
    }
    Ok(())
}

/// Captures in `top` and below. Links to directories are not followed, so there are no cycles; a directory
/// below `top` that cannot be read is left out.
fn walk(top: &Path, captures: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut waiting = take_captures(top, captures)?;
    while let Some(directory) = waiting.pop() {
        waiting.extend(take_captures(&directory, captures).unwrap_or_default());
    }
    Ok(())
}

/// The captures in `directory`, and the directories in it. Those are opened later, one at a time: a process
/// may hold few open.
fn take_captures(directory: &Path, captures: &mut Vec<PathBuf>) -> std::io::Result<Vec<PathBuf>> {
    let mut below = Vec::new();
    for entry in fs::read_dir(directory)?.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if is_hidden(&entry.file_name()) {
            continue;
        }
        if kind.is_dir() {
            below.push(entry.path());
        } else if is_capture(&entry.path()) {
            captures.push(entry.path());
        }
    }
    Ok(below)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}
