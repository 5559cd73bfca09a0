//! The door to the terminal. Printers write colour codes; the streams take them out where nobody would see colour.
//!
//! Plans, JSON and everything meant for pipes go to standard output, the rest to standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use super::exit::Failure;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Makes the choice for the whole process.
    pub(super) fn choose(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Writes to standard output. A reader that went away is not an error: `gatewright plan | head` is no reason to fail.
pub(super) fn out(text: &str) -> io::Result<()> {
    heard(write(&mut anstream::stdout().lock(), text))
}

/// Writes to standard error. Nobody could be told if that fails.
pub(super) fn err(text: &str) {
    drop(write(&mut anstream::stderr().lock(), text));
}

/// Both standard input and standard error are terminals: there is somebody to ask.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, and says whether the answer was exactly this word.
///
/// The line is read in a thread of its own, which ends with the process: nothing else could leave a read that waits.
pub(super) async fn ask(question: &str, wanted: &str) -> io::Result<bool> {
    err(question);
    let (send, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        drop(send.send(io::stdin().read_line(&mut line).map(|_| line)));
    });
    let line = answer.await.map_err(io::Error::other)??;
    Ok(line.trim() == wanted)
}

/// Shows why a command stopped.
pub(super) fn failure(failure: &Failure) {
    if failure.message.is_empty() {
        return;
    }
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let mut text = format!("{red}error{red:#}: {}\n", crate::report::plain(&failure.message));
    if let Some(help) = &failure.help {
        _ = writeln!(text, "  = help: {}", crate::report::plain(help));
    }
    err(&text);
}

fn write(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn heard(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|error| io::Error::new(error.kind(), format!("cannot write to standard output: {error}")))
        }
    }
}

/// How wide prose may be: the terminal, up to what is pleasant to read.
pub(super) fn width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)).clamp(40, 120)
}

/// Standard error is a terminal that can redraw lines.
pub(super) fn progress_is_seen() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
