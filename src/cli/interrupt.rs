//! Interruptions: Ctrl-C, and what a supervisor sends instead. This is the one place that listens for them.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::exit::{Exit, Failure};
use crate::report::Progress;

/// Counts the signals since somebody began to listen. A clone counts the same.
#[derive(Clone)]
pub(super) struct Interrupt(watch::Receiver<u32>);

impl Interrupt {
    /// Listens from now on; signals end the process no more.
    pub(super) fn listen() -> Result<Self, Failure> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (count, seen) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(seen))
    }

    /// Becomes ready when so many signals have come.
    pub(super) async fn times(&self, wanted: u32) {
        let mut seen = self.0.clone();
        // The sender lives as long as the process.
        drop(seen.wait_for(|count| *count >= wanted).await);
    }

    /// Something that may be left at any moment, because it changes nothing: the first signal ends it.
    pub(super) async fn or<T, E: Into<Failure>>(
        &self,
        harmless: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.times(1) => Err(Failure::new(Exit::Interrupted, "interrupted")),
            result = harmless => result.map_err(Into::into),
        }
    }

    /// While changes are made: the first signal asks the engine to start nothing new; returns at the second.
    pub(super) async fn twice(&self, interrupted: &AtomicBool, progress: &Progress<'_>) {
        self.times(1).await;
        interrupted.store(true, Ordering::Relaxed);
        progress.line("interrupted: finishing what is in hand; once more stops at once");
        self.times(2).await;
    }
}
