//! What time does to the objects: how each one settles, by the clock or by reads, and how far listings lag behind.

use std::collections::{BTreeMap, BTreeSet};

use super::{Before, Kind, Object, Settle, State};
use crate::clock::millis;
use crate::delay::{Delay, Delays};
use crate::identifier::number;

/// How far listings may lag behind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lag {
    /// Milliseconds at most.
    pub(crate) most: u64,
    /// What decides how far each object lags.
    pub(crate) seed: u64,
}

impl State {
    /// Lets every change happen that is due, in the order of the clock.
    pub(crate) fn settle(&mut self, now: u64) {
        self.seen = self.seen.max(now);
        while let Some((at, serial)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, serial));
            // An object that was changed meanwhile may be due at another moment, which is here as well.
            let Some(object) = self.objects.get_mut(&serial) else { continue };
            if next(object) != Some((at, serial)) {
                continue;
            }
            self.pass(serial, at);
        }
        self.keep();
    }

    /// Lets the next change of an object happen.
    fn pass(&mut self, serial: u64, at: u64) {
        let Some(object) = self.objects.get_mut(&serial).filter(|object| !object.settles.is_empty()) else { return };
        let change = object.settles.remove(0);
        let kind = object.kind;
        if let Some(status) = change.status {
            object.status = Some(status);
            object.reasons = change.reasons;
            object.settled_at = at;
            self.schedule(serial);
        } else {
            self.leave(serial, at);
        }
        self.note_change(kind);
    }

    /// Keeps in mind what an object waits for.
    pub(super) fn schedule(&mut self, serial: u64) {
        let Some(object) = self.objects.get(&serial) else { return };
        self.due.extend(next(object));
        if object.settles.first().is_some_and(|change| change.polls.is_some()) {
            self.polled.insert(serial);
        } else {
            self.polled.remove(&serial);
        }
    }

    /// The same state at a later moment: what was under way goes on from there.
    pub(crate) fn resumed(&self, now: u64) -> Self {
        let later = now.saturating_sub(self.seen);
        let mut state = Self { counter: self.counter, seen: now, answers: self.answers.clone(), ..Self::default() };
        for object in self.objects.values() {
            let mut object = object.clone();
            object.settles.iter_mut().for_each(|change| change.at = change.at.saturating_add(later));
            if object.listed_at > self.seen {
                object.listed_at = object.listed_at.saturating_add(later);
            }
            object.settled_at = object.settled_at.saturating_add(later);
            state.put(object);
        }
        state
    }

    /// Gives what began since the last time that changes were kept the time of its kind. Every kind begins as if it took `usual`.
    pub(crate) fn pace(&mut self, now: u64, usual: u64, delays: &Delays) {
        let mut settled: BTreeMap<u64, &[Settle]> = BTreeMap::new();
        for before in &self.before {
            match before {
                Before::Was(was) => _ = settled.entry(was.serial).or_insert(&was.settles),
                Before::Nothing(serial) => _ = settled.entry(*serial).or_insert(&[]),
                Before::Unused(_) => {}
            }
        }
        for (serial, before) in settled {
            let Some(object) = self.objects.get_mut(&serial).filter(|object| !object.gone) else { continue };
            match delays.of(object.kind) {
                Some(delay) if object.settles != before => pace(&mut object.settles, now, usual, delay),
                _ => {}
            }
        }
    }

    /// Counts a read of the objects of a kind that `seen` says it is of, and lets happen what waited for it.
    pub(crate) fn poll(&mut self, kind: Kind, seen: impl Fn(&Object) -> bool) {
        let is_read = |object: &Object| object.kind == kind && seen(object);
        let read: Vec<u64> =
            self.polled.iter().copied().filter(|serial| self.objects.get(serial).is_some_and(is_read)).collect();
        for serial in read {
            let Some(change) = self.objects.get_mut(&serial).and_then(|object| object.settles.first_mut()) else {
                continue;
            };
            change.polls = change.polls.map(|left| left.saturating_sub(1));
            if change.polls == Some(0) {
                self.pass(serial, self.seen);
            }
        }
        self.keep();
    }

    /// Lets an object go at a moment, with what lives in it. Listings may notice later.
    pub(super) fn leave(&mut self, serial: u64, at: u64) {
        let Some(object) = self.take(serial) else { return };
        if object.parent.is_none() && !object.gone {
            let children: Vec<u64> = self.by_parent.get(&object.id).into_iter().flatten().copied().collect();
            for child in children {
                self.withdraw(child);
            }
        }
        let noticed = self.noticed(at, serial);
        if noticed > at && !object.gone {
            let settles = vec![Settle::gone(noticed)];
            self.put(Object { gone: true, settles, ..object.clone() });
        }
        self.before.push(Before::Was(Box::new(object)));
    }

    /// When listings notice what happened to an object at a moment.
    pub(super) fn noticed(&self, at: u64, serial: u64) -> u64 {
        at.saturating_add(number(self.lag.seed, "lag", serial, self.lag.most))
    }

    /// What contradicts itself: indexes and objects, children and parents.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        let again = self.resumed(self.seen);
        let mut found = Vec::new();
        for (what, same) in [
            ("identifiers", self.by_id == again.by_id),
            ("parents", self.by_parent == again.by_parent),
            ("kinds", self.by_kind == again.by_kind),
            ("ARNs", self.by_arn == again.by_arn),
            ("reads", self.polled == again.polled),
            ("the clock", again.due.is_subset(&self.due)),
        ] {
            if !same {
                found.push(format!("the index of {what} is not that of the objects"));
            }
        }
        let ids: BTreeSet<&str> = self.objects().map(|object| object.id.as_str()).collect();
        for object in self.objects() {
            if object.parent.as_deref().is_some_and(|parent| !ids.contains(parent)) {
                found.push(format!("{:?} {} has no parent", object.kind, object.id));
            }
        }
        found
    }
}

/// The next change that the clock brings an object: when, and whose.
fn next(object: &Object) -> Option<(u64, u64)> {
    let change = object.settles.first()?;
    change.polls.is_none().then_some((change.at, object.serial))
}

/// Moves changes that begin as if they took `usual` to the time that they take.
fn pace(changes: &mut [Settle], now: u64, usual: u64, delay: Delay) {
    let time = match delay {
        Delay::After(time) => millis(&time),
        Delay::Polls(_) => 0,
    };
    for change in changes.iter_mut() {
        change.at = now.saturating_add(time).saturating_add(change.at.saturating_sub(now).saturating_sub(usual));
    }
    if let (Delay::Polls(count @ 1..), Some(first)) = (delay, changes.first_mut()) {
        first.polls = Some(count);
    }
}
