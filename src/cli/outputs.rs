//! Where reports go: files and standard output, each of which knows its name when writing fails.

use std::cell::OnceCell;
use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use closewait::report::{
    DotReport, FindingsCsv, FlowsCsv, JsonReport, MarkdownReport, Order, Report, TimelineCsv,
};
use closewait::{Error, Result};

use super::args::OutputArgs;

const FILE_BUFFER: usize = 1 << 17;
const STDOUT_BUFFER: usize = 1 << 16;

/// The reports that go to files or standard output.
#[derive(Clone, Debug)]
pub(super) struct Outputs {
    targets: Vec<Target>,
    /// Created before the first file.
    directory: Option<PathBuf>,
    all: bool,
    order: Order,
}

#[derive(Clone, Debug)]
struct Target {
    kind: Kind,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Dot,
    Findings,
    Flows,
    Json,
    Markdown,
    Timeline,
}

const BUNDLE: [(Kind, &str); 5] = [
    (Kind::Markdown, "report.md"),
    (Kind::Flows, "flows.csv"),
    (Kind::Timeline, "timeline.csv"),
    (Kind::Findings, "findings.csv"),
    (Kind::Json, "report.json"),
];

impl Outputs {
    /// What `args` ask for.
    ///
    /// # Errors
    /// A usage error when two outputs would go to one place, or one of them over one of `inputs`.
    pub(super) fn new(args: OutputArgs, inputs: &[PathBuf]) -> Result<Self> {
        let singles = [
            (Kind::Flows, args.csv),
            (Kind::Timeline, args.timeline),
            (Kind::Findings, args.findings),
            (Kind::Json, args.json),
            (Kind::Markdown, args.markdown),
            (Kind::Dot, args.dot),
        ];
        let mut targets = Vec::new();
        if let Some(directory) = &args.output {
            if is_stdout(directory) {
                return Err(Error::usage("-o takes a directory; single outputs can go to standard output"));
            }
            targets.extend(BUNDLE.map(|(kind, name)| Target { kind, path: directory.join(name) }));
        }
        targets.extend(singles.into_iter().filter_map(|(kind, path)| Some(Target { kind, path: path? })));
        let outputs = Self { targets, directory: args.output, all: args.all, order: args.sort.into() };
        outputs.check(inputs)?;
        Ok(outputs)
    }

    /// True when standard output is taken.
    pub(super) fn take_stdout(&self) -> bool {
        self.targets.iter().any(|target| is_stdout(&target.path))
    }

    /// Opens every output.
    ///
    /// # Errors
    /// When a file or the directory cannot be created.
    pub(super) fn open(&self, failure: &Failure) -> Result<Vec<Box<dyn Report>>> {
        if let Some(directory) = &self.directory {
            fs::create_dir_all(directory).map_err(|error| Error::write(directory, error))?;
        }
        self.targets.iter().map(|target| self.open_one(target, failure)).collect()
    }

    fn open_one(&self, target: &Target, failure: &Failure) -> Result<Box<dyn Report>> {
        // A reader that goes away stops the run only when nobody else waits for its results.
        let out = failure.open(&target.path, self.targets.len() > 1)?;
        Ok(match target.kind {
            Kind::Dot => Box::new(DotReport::new(out)),
            Kind::Findings => Box::new(FindingsCsv::new(out)),
            Kind::Flows => Box::new(FlowsCsv::new(out, self.order)),
            Kind::Json => Box::new(JsonReport::new(out)),
            Kind::Markdown => Box::new(MarkdownReport::new(out)),
            Kind::Timeline => Box::new(TimelineCsv::new(out, self.all)),
        })
    }

    fn check(&self, inputs: &[PathBuf]) -> Result<()> {
        if self.targets.iter().filter(|target| is_stdout(&target.path)).count() > 1 {
            return Err(Error::usage("only one output can go to standard output (-)"));
        }
        let inputs = places(inputs);
        let mut taken = Vec::new();
        for Target { path, .. } in self.targets.iter().filter(|target| !is_stdout(&target.path)) {
            refuse_input(path, &inputs)?;
            let place = place(path);
            if taken.contains(&place) && !is_device(&place) {
                return Err(Error::usage(format!("{}: two outputs for one file", path.display())));
            }
            taken.push(place);
        }
        Ok(())
    }
}

/// The first writer that failed, with the name of what it wrote to: reports pass on a bare [`io::Error`].
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Rc<OnceCell<Error>>);

impl Failure {
    /// What stopped a run that ended with `error`.
    pub(super) fn explain(self, error: io::Error) -> Error {
        match Rc::try_unwrap(self.0).ok().and_then(OnceCell::into_inner) {
            Some(named) => named,
            // What no writer of ours failed at is a temporary file in which rows are sorted.
            None => Error::write(&env::temp_dir(), error),
        }
    }

    /// The file at `path`, or standard output for `-`; see [`Self::stdout`] for `forgiving`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub(super) fn open(&self, path: &Path, forgiving: bool) -> Result<Box<dyn Write>> {
        if is_stdout(path) { Ok(self.stdout(forgiving)) } else { self.file(path) }
    }

    fn file(&self, path: &Path) -> Result<Box<dyn Write>> {
        let file = File::create(path).map_err(|error| Error::write(path, error))?;
        let named = Named { out: file, path: path.to_owned(), failure: self.clone(), forgiving: false };
        Ok(Box::new(BufWriter::with_capacity(FILE_BUFFER, named)))
    }

    /// Standard output; when `forgiving`, it swallows everything once its reader has gone.
    pub(super) fn stdout(&self, forgiving: bool) -> Box<dyn Write> {
        let named = Named { out: stdout().lock(), path: "-".into(), failure: self.clone(), forgiving };
        Box::new(BufWriter::with_capacity(STDOUT_BUFFER, named))
    }
}

/// Prints with `print` onto standard output.
///
/// # Errors
/// What writing says.
pub(super) fn print(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(STDOUT_BUFFER, stdout().lock());
    print(&mut out)
        .and_then(|()| out.flush())
        .map_err(|error| Error::write(Path::new("standard output"), error))
}

struct Named<W> {
    out: W,
    path: PathBuf,
    failure: Failure,
    forgiving: bool,
}

impl<W: Write> Named<W> {
    fn note<T>(&self, result: io::Result<T>, swallowed: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.forgiving => Ok(swallowed),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                let name = if is_stdout(&self.path) { Path::new("standard output") } else { &self.path };
                // Only the first failure is told.
                let _ = self.failure.0.set(Error::write(name, error));
                Err(kind.into())
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let result = self.out.write(octets);
        self.note(result, octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.out.flush();
        self.note(result, ())
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// The places of `inputs` that exist.
pub(super) fn places(inputs: &[PathBuf]) -> Vec<PathBuf> {
    inputs.iter().filter_map(|path| fs::canonicalize(path).ok()).collect()
}

/// # Errors
/// A usage error when what is written to `path` would go over one of `inputs`, which are places.
pub(super) fn refuse_input(path: &Path, inputs: &[PathBuf]) -> Result<()> {
    if inputs.contains(&place(path)) {
        return Err(Error::usage(format!("{}: would overwrite an input", path.display())));
    }
    Ok(())
}

/// One name for each file, existing or not.
fn place(path: &Path) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}
