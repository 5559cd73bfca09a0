//! `gatewright reap`: removes the stacks whose time is over.

use super::connect::{Connected, reach};
use super::exit::{Exit, Failure};
use super::options::Global;
use super::output;
use super::walk::{self, Consent, Purpose};
use crate::moment::Moment;
use crate::report::count;
use crate::stacks::{Expiry, Found};
use crate::{engine, report, stacks};

/// Removes the stacks that have expired, each after asking
///
/// A stack that has not expired, or never does, is not touched. What one stack meets does not stop the others.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only stacks whose NAME/INSTANCE fits; `*` stands for any text, `?` for one character
    #[arg(long = "match", value_name = "PATTERN", default_value = "*")]
    pattern: String,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    arguments.consent.can_be_had()?;
    // A pattern that begins with a whole name tells whose local state is meant.
    let name = arguments.pattern.split_once('/').map(|(name, _)| name).filter(|name| !name.contains(['*', '?']));
    let connected = reach(global, stacks::named(name.unwrap_or_default(), "")).await?;
    let now = Moment::now();
    let stacks = connected.interrupt.or(async { Ok::<_, Failure>(stacks::find(&connected.aws).await) }).await?;
    output::err(&report::unread(&stacks.unread));
    let mut exits = vec![if stacks.unread.is_empty() { Exit::Done } else { Exit::Failed }];
    let chosen: Vec<&Found> =
        stacks.found.iter().filter(|found| stacks::matches(&arguments.pattern, &found.owner)).collect();
    for found in &chosen {
        if let Expiry::Unreadable(value) = &found.expires {
            output::err(&report::odd_expiry(&found.owner, value));
        }
    }
    let expired: Vec<&&Found> = chosen.iter().filter(|found| found.expires.is_over(now)).collect();
    if expired.is_empty() {
        output::out(&format!(
            "{}\n\nNothing to reap: {} looked at, none has expired.\n",
            report::account(&connected.aws),
            count(chosen.len(), "stack")
        ))?;
        return Ok(worst(&exits));
    }
    for found in expired {
        let exit = match Box::pin(destroy(&connected, found, &arguments.consent)).await {
            Ok(exit) => exit,
            Err(failure) => {
                output::failure(&failure);
                failure.exit
            }
        };
        exits.push(exit);
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(worst(&exits))
}

/// Removes one stack, if it is still expired when its lease is held.
async fn destroy(connected: &Connected, found: &Found, consent: &Consent) -> Result<Exit, Failure> {
    let Ok(Owner { name, instance }) = owner(&found.owner) else {
        return Err(Failure::new(Exit::Guard, format!("`{}` is no name of a stack", found.owner))
            .help("somebody edited the tag `gatewright:stack`: set it right, or take it off"));
    };
    let one = connected.for_stack(stacks::named(&name, &instance));
    Box::pin(destroy_stack(&one, consent, true)).await
}

/// Shows what a destroy without a manifest would remove, asks, and removes it.
pub(super) async fn destroy_stack(
    connected: &Connected,
    consent: &Consent,
    only_expired: bool,
) -> Result<Exit, Failure> {
    let plan = || engine::plan_destroy_named(&connected.aws, &connected.stack, only_expired);
    let planned = connected.interrupt.or(plan()).await?;
    if planned.plan.steps.is_empty() && !planned.plan.is_incomplete() {
        output::out(&report::nothing_left(&planned.plan))?;
        return Ok(Exit::Done);
    }
    Box::pin(walk::walk(connected, planned, plan(), consent, Purpose::Destroy)).await
}

/// How it ends as a whole: an interruption, else a failure, else a refusal.
fn worst(exits: &[Exit]) -> Exit {
    let order = [Exit::Interrupted, Exit::Failed, Exit::Guard];
    order.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Done)
}

/// Whose stack it is.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) instance: String,
}

/// The name and the instance of `NAME/INSTANCE`.
pub(super) fn owner(text: &str) -> Result<Owner, String> {
    let part = |part: &str| {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        !part.is_empty() && part.chars().all(letter)
    };
    match text.split_once('/') {
        Some((name, instance)) if part(name) && part(instance) => {
            Ok(Owner { name: name.to_owned(), instance: instance.to_owned() })
        }
        _ => Err("expected NAME/INSTANCE, as `gatewright stacks` lists them".to_owned()),
    }
}
