//! Progress: what is running, waiting and done. On a terminal the running ones stay at the bottom; on a pipe every change
//! is a plain line. It goes to standard error, so that standard output stays clean.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::step::look;
use super::{BOLD, DIM, GREEN, RED, YELLOW, count, plain_line, styled};
use crate::progress::{Event, Outcome};

/// How often the mark of a running line turns.
const TICK: Duration = Duration::from_millis(100);

/// Shows events as they come.
pub struct Progress<'a> {
    lines: Mutex<Lines>,
    write: &'a (dyn Fn(&str) + Sync),
}

struct Lines {
    /// Nothing where standard error is no terminal.
    terminal: Option<MultiProgress>,
    running: HashMap<String, Running>,
}

struct Running {
    bar: Option<ProgressBar>,
    what: String,
    status: String,
}

impl<'a> Progress<'a> {
    /// Progress that draws on the terminal if there is one, else writes lines.
    pub fn new(terminal: bool, write: &'a (dyn Fn(&str) + Sync)) -> Self {
        let terminal = terminal.then(MultiProgress::new);
        Self { lines: Mutex::new(Lines { terminal, running: HashMap::new() }), write }
    }

    /// Takes an event.
    pub fn event(&self, event: Event) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { address, action, what } => {
                let what = if what.is_empty() { look(action).verb.to_owned() } else { what };
                self.started(&mut lines, address, what);
            }
            Event::Waiting { address, status } => self.waiting(&mut lines, &address, status),
            Event::Note { address, text } => self.say(&lines, YELLOW, "!", &address, &text),
            Event::Done { address, action, what, took } => {
                lines.finish(&address);
                let what = if what.is_empty() { look(action).verb.to_owned() } else { what };
                let took = styled(DIM, &format!("({})", duration(took)));
                self.say(&lines, GREEN, "✓", &address, &format!("{what} {took}"));
            }
            Event::Failed { address, message } => {
                lines.finish(&address);
                self.say(&lines, RED, "✗", &address, &plain_line(&message));
            }
            Event::Skipped { address, because } => {
                self.say(&lines, DIM, "-", &address, &format!("skipped, it needs {}", plain_line(&because)));
            }
        }
    }

    /// Says something between the lines.
    pub fn line(&self, text: &str) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        self.print(&lines, text);
    }

    fn started(&self, lines: &mut Lines, address: String, what: String) {
        let bar = lines.terminal.as_ref().map(|terminal| {
            let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed}");
            let bar = ProgressBar::new_spinner();
            let bar = terminal.add(if let Ok(style) = style { bar.with_style(style) } else { bar });
            bar.set_message(format!("{}: {}", plain_line(&address), plain_line(&what)));
            bar.enable_steady_tick(TICK);
            bar
        });
        if bar.is_none() {
            self.print(lines, &format!("  {} {}: {}", styled(DIM, "…"), plain_line(&address), plain_line(&what)));
        }
        // A resource may start twice (a replacement, a gateway that opens): the newer line stands for it.
        if let Some(Running { bar: Some(old), .. }) =
            lines.running.insert(address, Running { bar, what, status: String::new() })
        {
            old.finish_and_clear();
        }
    }

    fn waiting(&self, lines: &mut Lines, address: &str, status: String) {
        let Some(running) = lines.running.get_mut(address) else { return };
        if running.status == status {
            return;
        }
        running.status = status;
        let (address, status) = (plain_line(address), plain_line(&running.status));
        match &running.bar {
            Some(bar) => bar.set_message(format!("{address}: {}, {status}", plain_line(&running.what))),
            None => self.print(lines, &format!("  {} {address}: waiting, {status}", styled(DIM, "…"))),
        }
    }

    fn say(&self, lines: &Lines, style: anstyle::Style, mark: &str, address: &str, text: &str) {
        self.print(lines, &format!("  {} {}: {text}", styled(style, mark), plain_line(address)));
    }

    fn print(&self, lines: &Lines, text: &str) {
        match &lines.terminal {
            // The running lines step aside while a line is printed above them.
            Some(terminal) => terminal.suspend(|| (self.write)(&format!("{text}\n"))),
            None => (self.write)(&format!("{text}\n")),
        }
    }
}

impl Lines {
    fn finish(&mut self, address: &str) {
        if let Some(Running { bar: Some(bar), .. }) = self.running.remove(address) {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for running in lines.running.drain().filter_map(|(_, running)| running.bar) {
            running.finish_and_clear();
        }
    }
}

/// How a run ended, in a few lines.
pub fn summary(outcome: &Outcome, took: Duration) -> String {
    let interrupted = outcome.interrupted;
    let mut text = String::new();
    for (address, message) in &outcome.failed {
        _ = writeln!(text, "{} {}: {}", styled(RED, "failed"), plain_line(address), plain_line(message));
    }
    if !outcome.cut_off.is_empty() {
        let names: Vec<String> = outcome.cut_off.iter().map(|address| plain_line(address)).collect();
        _ = writeln!(text, "{} {} had not ended", styled(YELLOW, "cut off:"), names.join(", "));
    }
    if let Some(why) = &outcome.stopped {
        _ = writeln!(text, "{} {}", styled(RED, "stopped:"), plain_line(why));
    }
    for note in &outcome.notes {
        _ = writeln!(text, "{} {}", styled(YELLOW, "note:"), plain_line(note));
    }
    let mut line = count(outcome.done.len(), "change");
    if !outcome.failed.is_empty() {
        _ = write!(line, ", {} failed", outcome.failed.len());
    }
    if !outcome.skipped.is_empty() {
        _ = write!(line, ", {} skipped", outcome.skipped.len());
    }
    let state = if interrupted {
        "Interrupted"
    } else if outcome.failed.is_empty() && outcome.stopped.is_none() {
        "Done"
    } else {
        "Not done"
    };
    _ = write!(text, "\n{} in {}", styled(BOLD, &format!("{state}: {line}")), duration(took));
    text.push_str(
        if interrupted || outcome.stopped.is_some() || !outcome.failed.is_empty() || !outcome.skipped.is_empty() {
            ". The same command again finishes the work.\n"
        } else {
            ".\n"
        },
    );
    text
}

/// `40 ms`, `0.4 s`, `12 s`, `3 min 5 s`.
fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0 if took.as_millis() < 100 => format!("{} ms", took.as_millis()),
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;

    #[test]
    fn on_a_pipe_every_change_is_a_line_and_a_status_that_stays_is_said_once() {
        let written = Mutex::new(String::new());
        let write = |text: &str| written.lock().unwrap().push_str(text);
        let progress = Progress::new(false, &write);
        let address = || "gateway.hr".to_owned();
        progress.event(Event::Started { address: address(), action: Action::Create, what: "creating, locked".into() });
        for _ in 0..3 {
            progress.event(Event::Waiting { address: address(), status: "CREATING".into() });
        }
        let took = Duration::from_millis(1250);
        progress.event(Event::Done { address: address(), action: Action::Create, what: "created".into(), took });
        progress.event(Event::Failed { address: "policy.a".into(), message: "no\u{1b}[1m".into() });
        progress.event(Event::Skipped { address: "policy.b".into(), because: "policy.a".into() });
        let text = anstream::adapter::strip_str(&written.lock().unwrap()).to_string();
        assert_eq!(
            text,
            "  … gateway.hr: creating, locked\n  … gateway.hr: waiting, CREATING\n  ✓ gateway.hr: created (1.2 s)\n  \
             ✗ policy.a: no\\u{1b}[1m\n  - policy.b: skipped, it needs policy.a\n"
        );
    }

    #[test]
    fn the_summary_names_what_failed_and_how_to_go_on() {
        let outcome = Outcome {
            done: vec!["a".into()],
            failed: vec![("policy.a".into(), "it does not fit; change the action".into())],
            skipped: vec![("policy.b".into(), "policy.a".into())],
            ..Outcome::default()
        };
        let text = anstream::adapter::strip_str(&summary(&outcome, Duration::from_secs(75))).to_string();
        assert_eq!(
            text,
            "failed policy.a: it does not fit; change the action\n\nNot done: 1 change, 1 failed, 1 skipped in 1 min 15 s. \
             The same command again finishes the work.\n"
        );
        let done = Outcome { done: vec!["a".into(), "b".into()], ..Outcome::default() };
        let text = anstream::adapter::strip_str(&summary(&done, Duration::from_millis(400))).to_string();
        assert_eq!(text, "\nDone: 2 changes in 0.4 s.\n");
    }
}
