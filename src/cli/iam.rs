//! `gatewright iam`: the permissions that a stack needs, without an account.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::manifest::{Checked, Read};
use super::options::{Global, Manifest};
use super::output;
use crate::iam::{ACCOUNT, Part, Policy, REGION, Role, Where, guard, roles};
use crate::report::diagnostic::render;
use crate::report::plain;

/// Shows the least permissions that a stack needs in IAM, without an account
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An account that the manifest does not state shows as ACCOUNT_ID, which matches nothing until it is replaced: pass `--account`.
Everything here is explained in docs/iam.md.")]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    /// Only the roles with this part
    #[arg(long, value_enum, value_name = "ROLE")]
    role: Option<Wanted>,
    /// The account where the manifest states none: twelve digits
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    account: Option<String>,
    /// Shows the policy that lets only the deployer write the tags that say what is whose
    #[arg(long, conflicts_with = "role")]
    guard: bool,
    /// With `--guard`: the ARN of the deployer's role
    #[arg(long, value_name = "ARN", requires = "guard", value_parser = role_arn)]
    deployer: Option<String>,
    /// Writes each policy into a file of this folder, ready for a managed policy: `deployer-1.json`
    #[arg(long, value_name = "FOLDER", conflicts_with = "guard")]
    out: Option<PathBuf>,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// What gateways take.
    Gateway,
    /// What runtimes take.
    Runtime,
    /// Who plans.
    Planner,
    /// Who applies and destroys.
    Deployer,
}

impl Wanted {
    fn part(self) -> Part {
        match self {
            Self::Gateway => Part::Gateway,
            Self::Runtime => Part::Runtime,
            Self::Planner => Part::Planner,
            Self::Deployer => Part::Deployer,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// For programs.
    Json,
}

pub(super) fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    let checked = Checked::read_unheld(global, &arguments.manifest);
    output::err(&render(&checked.diagnostics, &checked.sources, true));
    if checked.has_errors() {
        return Ok(Exit::Refused);
    }
    let places = checked.read.iter().map(|read| Ok((read, place(read, arguments)?)));
    let places: Vec<(&Read, Where)> = places.collect::<Result<_, Failure>>()?;
    if arguments.guard {
        // It says nothing about a stack: one for each account.
        let mut policies: Vec<Policy> = Vec::new();
        for (_, place) in &places {
            let policy = guard(place, arguments.deployer.as_deref());
            if !policies.contains(&policy) {
                policies.push(policy);
            }
        }
        if arguments.deployer.is_none() {
            output::err(
                "note: `role/DEPLOYER_ROLE` stands for the deployer's role; name it with `--deployer ARN`: as it is, the policy \
                 refuses everybody\n",
            );
        }
        return show_guard(&policies, arguments.format);
    }
    let wanted = |role: &Role| arguments.role.is_none_or(|wanted| wanted.part() == role.part);
    let found = places.iter().map(|(read, place)| {
        let roles: Vec<Role> = roles(&read.stack, place).into_iter().filter(wanted).collect();
        (*read, place, roles)
    });
    let found: Vec<(&Read, &Where, Vec<Role>)> = found.collect();
    if let Some(folder) = &arguments.out {
        write_files(folder, &found)?;
        return Ok(Exit::Done);
    }
    match arguments.format {
        Format::Json => output::out(&(serde_json::to_string_pretty(&to_json(&found))? + "\n"))?,
        Format::Human => output::out(&to_text(&found)?)?,
    }
    Ok(Exit::Done)
}

/// Writes the policies of each role, and says where.
fn write_files(folder: &Path, found: &[(&Read, &Where, Vec<Role>)]) -> Result<(), Failure> {
    let cannot = |path: &Path, error: &std::io::Error| {
        Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let mut names = BTreeSet::new();
    for (read, _, roles) in found {
        for role in roles {
            for (name, policy) in files(read, role, roles) {
                let path = folder.join(&name);
                let text = serde_json::to_string(&policy)? + "\n";
                std::fs::write(&path, text).map_err(|error| cannot(&path, &error))?;
                output::err(&format!("wrote {}\n", path.display()));
                names.insert(name);
            }
        }
    }
    // Of a longer policy that was there before a part would be left.
    let entries = std::fs::read_dir(folder).map_err(|error| cannot(folder, &error))?.flatten();
    for entry in entries.filter(|entry| is_part(&entry.file_name().to_string_lossy(), &names)) {
        output::err(&format!("note: {} is not of this run: it may be of a larger policy\n", entry.path().display()));
    }
    Ok(())
}

/// A part of a policy of which this run wrote the first, and not this one.
fn is_part(file: &str, names: &BTreeSet<String>) -> bool {
    let stem = file.strip_suffix(".json").and_then(|stem| stem.rsplit_once('-'));
    stem.is_some_and(|(stem, number)| {
        number.parse::<usize>().is_ok() && names.contains(&format!("{stem}-1.json")) && !names.contains(file)
    })
}

/// The policies of a role by the names of their files: `prod-gateway-hr-trust.json`, `prod-gateway-hr-1.json`, `prod-deployer-1.json`.
fn files(read: &Read, role: &Role, all: &[Role]) -> Vec<(String, Policy)> {
    let mut name = role.part.word().to_owned();
    // Several roles of one part are told apart by their names.
    if all.iter().filter(|other| other.part == role.part).count() > 1 {
        let own = role.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        let own: String = own.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
        name = format!("{name}-{own}");
    }
    if let Some(environment) = &read.stack.environment {
        name = format!("{}-{name}", environment.replace(':', "-"));
    }
    let trust = role.trust.iter().map(|trust| (format!("{name}-trust.json"), trust.clone()));
    let parts = role.managed_policies().into_iter().zip(1..);
    trust.chain(parts.map(|(policy, number)| (format!("{name}-{number}.json"), policy))).collect()
}

/// Where a stack is, as far as the manifest and the command line say.
fn place(read: &Read, arguments: &Args) -> Result<Where, Failure> {
    let stated = read.stack.account.as_deref();
    if let (Some(stated), Some(given)) = (stated, arguments.account.as_deref())
        && stated != given
    {
        return Err(Failure::new(Exit::Usage, format!("the manifest is for account {stated}, not {given}"))
            .help("leave `--account` out, or choose the environment of that account with `--env`"));
    }
    Ok(Where::new(stated.or(arguments.account.as_deref()), read.stack.region.as_deref()))
}

fn show_guard(policies: &[Policy], format: Format) -> Result<Exit, Failure> {
    let mut text = String::new();
    if format == Format::Human {
        text += "Refuses everybody but the deployer to write tags `gatewright:*`. Attach it as a service control policy or as part \
                 of a\npermissions boundary: it allows nothing by itself.\n\n";
    }
    for policy in policies {
        text += &(serde_json::to_string_pretty(policy)? + "\n");
    }
    output::out(&text)?;
    Ok(Exit::Done)
}

fn to_json(found: &[(&Read, &Where, Vec<Role>)]) -> Value {
    let environments = found.iter().map(|(read, place, roles)| {
        let roles = roles.iter().map(|role| {
            json!({
                "role": role.part.word(),
                "arn": role.arn,
                "used_by": role.used_by,
                "trust": role.trust,
                "policy": role.policy,
                "managed_policies": role.managed_policies(),
                "notes": role.notes,
            })
        });
        json!({
            "env": read.stack.environment,
            "account": Some(place.account()).filter(|account| *account != ACCOUNT),
            "region": Some(place.region()).filter(|region| *region != REGION),
            "roles": roles.collect::<Vec<_>>(),
        })
    });
    json!({"format_version": 1, "environments": environments.collect::<Vec<_>>()})
}

fn to_text(found: &[(&Read, &Where, Vec<Role>)]) -> Result<String, Failure> {
    let mut text = String::new();
    for (read, place, roles) in found {
        if !text.is_empty() {
            text.push('\n');
        }
        _ = writeln!(text, "{} · account {} · {}", read.stack.owner(), place.account(), place.region());
        for role in roles {
            _ = writeln!(text, "\n# {}", heading(role));
            for note in &role.notes {
                _ = writeln!(text, "# note: {}", plain(note));
            }
            if let Some(trust) = &role.trust {
                _ = writeln!(text, "\ntrust policy\n{}", plain(&serde_json::to_string_pretty(trust)?));
            }
            let parts = role.managed_policies();
            for (policy, number) in parts.iter().zip(1..) {
                let of = if parts.len() > 1 {
                    format!(", managed policy {number} of {}", parts.len())
                } else {
                    String::new()
                };
                _ = writeln!(text, "\npermissions{of}\n{}", plain(&serde_json::to_string_pretty(policy)?));
            }
        }
    }
    Ok(text)
}

fn heading(role: &Role) -> String {
    let used_by: Vec<String> = role.used_by.iter().map(ToString::to_string).collect();
    match (role.part, &role.arn) {
        (Part::Planner, _) => "planner: runs `plan`, `outputs`, `stacks`".to_owned(),
        (Part::Deployer, _) => "deployer: runs `apply` and `destroy`".to_owned(),
        (part, arn) => {
            let arn = plain(arn.as_deref().unwrap_or_default());
            format!("{}: {arn}, taken by {}", part.word(), used_by.join(", "))
        }
    }
}

fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { Ok(text.to_owned()) } else { Err("expected twelve digits".to_owned()) }
}

fn role_arn(text: &str) -> Result<String, String> {
    let is_role = text.starts_with("arn:") && text.contains(":iam::") && text.contains(":role/");
    if is_role { Ok(text.to_owned()) } else { Err("expected `arn:aws:iam::ACCOUNT:role/NAME`".to_owned()) }
}
