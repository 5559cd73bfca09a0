//! Who holds a lease, as the tag says it.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use super::LASTS;
use crate::moment::Moment;
use crate::ownership::digest;

/// How much of a caller's ARN a tag has room for.
const BY_LENGTH: usize = 128;

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The run.
    pub run: String,
    /// The caller's ARN, in characters that tags take.
    pub by: String,
    /// When the run began.
    pub since: Moment,
    /// When the lease ends if it is not renewed.
    pub until: Moment,
    /// A digest of the machine, and the process on it; nothing where a machine cannot be told from others.
    pub process: Option<(String, u32)>,
}

impl Holder {
    /// A new run of this process.
    pub fn new(caller: &str, since: Moment) -> Self {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._:/=+@-".contains(letter);
        let by: String =
            caller.chars().take(BY_LENGTH).map(|letter| if allowed(letter) { letter } else { '-' }).collect();
        let run = format!("{:012x}", RandomState::new().hash_one(std::time::Instant::now()) >> 16);
        let process = machine().map(|machine| (machine, std::process::id()));
        Self { run, by, since, until: since.plus(LASTS), process }
    }

    /// What a tag says; nothing if it says no lease.
    pub fn parse(text: &str) -> Option<Self> {
        let of = |name: &str| {
            text.split(' ')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                .filter(|value| !value.is_empty())
        };
        let process = of("process").and_then(|process| {
            let (machine, id) = process.split_once('/')?;
            Some((machine.to_owned(), id.parse().ok()?))
        });
        Some(Self {
            run: of("run")?.to_owned(),
            by: of("by")?.to_owned(),
            since: Moment::parse(of("since")?)?,
            until: Moment::parse(of("until")?)?,
            process,
        })
    }

    /// It was a process of this machine, and that has ended.
    pub fn is_dead(&self) -> bool {
        let runs = |id: u32| Path::new(&format!("/proc/{id}")).exists();
        // Where the first process is hidden, those of other users are too, and absence says nothing.
        self.process.as_ref().is_some_and(|(on, id)| machine().as_ref() == Some(on) && runs(1) && !runs(*id))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, by, since, until, process } = self;
        write!(formatter, "run={run} by={by} since={since} until={until}")?;
        match process {
            Some((machine, id)) => write!(formatter, " process={machine}/{id}"),
            None => Ok(()),
        }
    }
}

/// A digest of what tells this machine, this boot of it and the processes one can see from all others; nothing where the
/// system does not say it. Two containers with one name differ in what they see.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let processes = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(digest(&format!("{} {}", boot.trim(), processes.display()), 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder::new(
            "arn:aws:sts::111122223333:assumed-role/deploy/a,b c",
            Moment::parse("2026-12-01T08:30:00Z").unwrap(),
        )
    }

    #[test]
    fn a_holder_is_text_that_tags_take_and_comes_back() {
        let holder = holder();
        let text = holder.to_string();
        assert_eq!(Holder::parse(&text), Some(holder));
        assert!(text.len() <= 256, "{text}");
        assert!(text.chars().all(|letter| letter.is_ascii_alphanumeric() || " ._:/=+@-".contains(letter)), "{text}");
    }

    #[test]
    fn nonsense_is_nobody() {
        for nonsense in ["", "me", "run=1 by=me", "run=1 by=me since=now until=later", "run= by= since= until="] {
            assert_eq!(Holder::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn this_process_lives_and_another_machine_s_is_never_known_to_be_dead() {
        assert!(!holder().is_dead());
        assert!(!Holder { process: None, ..holder() }.is_dead());
        assert!(!Holder { process: Some(("elsewhere".to_owned(), u32::MAX)), ..holder() }.is_dead());
        if let Some(machine) = machine() {
            assert!(Holder { process: Some((machine, u32::MAX)), ..holder() }.is_dead());
        }
    }
}
