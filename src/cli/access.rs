//! `gatewright access`: who can call what, by a manifest without an account, or on live gateways without a manifest.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::exit::{Exit, Failure};
use super::manifest::{Checked, Read};
use super::options::{Global, Manifest};
use super::{live, output};
use crate::access::why::{Why, why};
use crate::access::{Access, Caller, Gateway, Matrix, matrix};
use crate::check::deep::deep;
use crate::diagnostic::Sources;
use crate::manifest::nearest::suggestion;
use crate::report::diagnostic::render;
use crate::report::{self, Tested};

/// Shows who can call what, by the manifest or on live gateways
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    manifest: Manifest,
    /// Says why PERSONA can call TOOL (`target/tool`), or why not
    #[arg(long, num_args = 2, value_names = ["PERSONA", "TOOL"])]
    why: Option<Vec<String>>,
    /// With `--why`: the arguments of one call, as JSON
    #[arg(long, value_name = "JSON", requires = "why")]
    input: Option<String>,
    /// Adds the holder of a decoded token: a file with its claims as JSON, which is read and not kept
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Without a manifest: who can call what on a live gateway, `gateway:ID`, or on every gateway of the account
    #[arg(long, value_name = "gateway:ID", num_args = 0..=1, conflicts_with_all = ["test", "path"])]
    #[expect(clippy::option_option, reason = "the option may be absent, bare, or with a gateway")]
    pub(super) live: Option<Option<String>>,
    /// Holds every `[[expect]]` of the manifest, and fails where one does not hold
    #[arg(long, conflicts_with_all = ["why", "token"])]
    test: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
    /// With `--test`, for test reports.
    Junit,
}

/// What the holder of a token from a file is called.
const TOKEN: &str = "token";

pub(super) fn run(global: &Global, arguments: &Args) -> Result<Exit, Failure> {
    if arguments.format == Format::Junit && !arguments.test {
        return Err(Failure::new(Exit::Usage, "`--format junit` is for `--test`"));
    }
    if let Some(gateway) = &arguments.live {
        return super::block_on(live::run(global, arguments, gateway.as_deref()));
    }
    let checked = Checked::read_unheld(global, &arguments.manifest);
    output::err(&render(&checked.diagnostics, &checked.sources, true));
    if checked.has_errors() {
        return Ok(Exit::Refused);
    }
    // Policies may go deep.
    let answered =
        deep(|| if arguments.test { test(&checked, arguments.format) } else { of_manifest(&checked, arguments) });
    answered.unwrap_or_else(|| Err(Failure::new(Exit::Failed, "no memory is left to evaluate the policies")))
}

fn of_manifest(checked: &Checked, arguments: &Args) -> Result<Exit, Failure> {
    answer(checked.read.iter().map(|read| (read, Access::of(&read.stack))), arguments)
}

/// Answers with the access of each environment, or of each live gateway.
pub(super) fn answer<'a>(
    accesses: impl Iterator<Item = (&'a Read, Access<'a>)>,
    arguments: &Args,
) -> Result<Exit, Failure> {
    let token = arguments.token.as_ref().map(|path| {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot read {}: {error}", path.display())))
    });
    let token = token.transpose()?;
    let accesses = accesses.map(|(read, mut access)| {
        if let Some(token) = &token {
            access.add_token(TOKEN, token).map_err(|problem| {
                Failure::new(Exit::Usage, format!("the token cannot be used: {problem}"))
                    .help("give the decoded claims as JSON, `{\"sub\": \"…\", \"scope\": \"…\"}`; a token itself is not wanted")
            })?;
        }
        Ok((read, access))
    });
    let accesses: Vec<(&Read, Access<'_>)> = accesses.collect::<Result<_, Failure>>()?;
    match &arguments.why {
        Some(names) => {
            let [persona, tool] = names.as_slice() else { return Ok(Exit::Usage) };
            explain(&accesses, persona, tool, arguments)?;
        }
        None => show(&accesses, arguments.format)?,
    }
    Ok(Exit::Done)
}

fn test(checked: &Checked, format: Format) -> Result<Exit, Failure> {
    let held: Vec<Tested<'_>> = checked
        .read
        .iter()
        .map(|read| Tested {
            environment: read.stack.environment.clone(),
            holding: &read.holding,
            sources: &read.sources,
        })
        .collect();
    let failed = held.iter().flat_map(|tested| &tested.holding.outcomes).any(|outcome| !outcome.failures.is_empty());
    output::out(&match format {
        Format::Human => report::expectations(&held),
        Format::Markdown => report::expectations_markdown(&held),
        Format::Json => serde_json::to_string_pretty(&report::expectations_json(&held))? + "\n",
        Format::Junit => report::expectations_junit(&held),
    })?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn show(accesses: &[(&Read, Access<'_>)], format: Format) -> Result<(), Failure> {
    let mut matrices: Vec<(Option<String>, Matrix)> = Vec::new();
    for (read, access) in accesses {
        let mut matrix = matrix(access);
        match matrices.last_mut().filter(|_| read.stack.is_live()) {
            Some((_, account)) => account.sheets.append(&mut matrix.sheets),
            None => matrices.push((read.stack.environment.clone(), matrix)),
        }
    }
    if format == Format::Json {
        output::out(&(serde_json::to_string_pretty(&report::access_json(&matrices))? + "\n"))?;
        return Ok(());
    }
    // Environments that agree are shown once.
    let mut groups: Vec<(Vec<String>, &Matrix)> = Vec::new();
    for (environment, matrix) in &matrices {
        match groups.iter_mut().find(|(_, other)| *other == matrix) {
            Some((names, _)) => names.extend(environment.clone()),
            None => groups.push((environment.iter().cloned().collect(), matrix)),
        }
    }
    let print = if format == Format::Markdown { report::access_markdown } else { report::access };
    let texts: Vec<String> = groups.iter().map(|(names, matrix)| print(names, matrix)).collect();
    output::out(&texts.join("\n"))?;
    Ok(())
}

fn explain(accesses: &[(&Read, Access<'_>)], persona: &str, tool: &str, arguments: &Args) -> Result<(), Failure> {
    let input = arguments.input.as_deref().map(|text| {
        serde_json::from_str::<Map<String, Value>>(text).map_err(|error| {
            Failure::new(Exit::Usage, format!("`--input` is no JSON object: {error}"))
                .help("write the arguments of the call, `--input '{\"id\": 7}'`")
        })
    });
    let input = input.transpose()?;
    // Cedar reads no fractions but thousandths.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = aws_smithy_types::DateTime::from_secs(i64::try_from(now).unwrap_or_default());
    let now = now.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap_or_default();
    let mut answers: Vec<(Option<String>, Why, Sources)> = Vec::new();
    let gateways = || {
        accesses.iter().flat_map(|(read, access)| access.gateways.iter().map(move |gateway| (read, access, gateway)))
    };
    let is_asked = |(_, access, gateway): &(_, &Access<'_>, &Gateway<'_>)| {
        access.callers_of(gateway).iter().any(|caller| caller.name == persona)
            && gateway.tools.iter().any(|known| known.is_named(tool))
    };
    // That a gateway wants something else than the caller has is an answer where there is no other.
    let anywhere = !gateways().any(|all| is_asked(&all));
    for (read, access, gateway) in gateways() {
        if anywhere || is_asked(&(read, access, gateway)) {
            let callers = access.callers.iter().cloned().chain(access.callers_of(gateway)).collect::<Vec<_>>();
            let caller = callers.iter().find(|caller| caller.name == persona);
            let tools = gateway.tools.iter().filter(|known| known.is_named(tool));
            for (caller, tool) in caller.into_iter().flat_map(|caller| tools.clone().map(move |tool| (caller, tool))) {
                let answer = why(gateway, &read.sources, caller, tool, input.as_ref(), &now).map_err(|problem| {
                    Failure::new(Exit::Usage, format!("the input does not fit `{}`: {problem}", tool.name))
                })?;
                answers.push((read.stack.environment.clone(), answer, read.sources.clone()));
            }
        }
    }
    if answers.is_empty() {
        return Err(nothing_named(accesses, persona, tool));
    }
    if arguments.format == Format::Json {
        output::out(&(serde_json::to_string_pretty(&report::why_json(&answers))? + "\n"))?;
        return Ok(());
    }
    // Environments that agree are shown once.
    let mut texts: Vec<(Vec<String>, String)> = Vec::new();
    for (environment, answer, sources) in &answers {
        let text = report::why(answer, sources);
        match texts.iter_mut().find(|(_, other)| *other == text) {
            Some((names, _)) => names.extend(environment.clone()),
            None => texts.push((environment.iter().cloned().collect(), text)),
        }
    }
    let all = texts.len() == 1;
    for (names, text) in texts {
        if !all && !names.is_empty() {
            output::out(&format!("environment {}\n", names.join(", ")))?;
        }
        output::out(&text)?;
    }
    Ok(())
}

/// The failure that there is no such caller or tool, with the nearest one.
fn nothing_named(accesses: &[(&Read, Access<'_>)], persona: &str, tool: &str) -> Failure {
    let gateways =
        || accesses.iter().flat_map(|(_, access)| access.gateways.iter().map(move |gateway| (access, gateway)));
    let callers: Vec<Caller> = gateways().flat_map(|(access, gateway)| access.callers_of(gateway)).collect();
    if callers.iter().all(|caller| caller.name != persona) {
        let failure = Failure::new(Exit::Usage, format!("there is no persona or client `{persona}`"));
        return match suggestion(persona, callers.iter().map(|caller| caller.name.as_str())) {
            Some(help) => failure.help(help),
            None => failure,
        };
    }
    let tools: Vec<&str> =
        gateways().flat_map(|(_, gateway)| gateway.tools.iter().map(|tool| tool.name.as_str())).collect();
    let failure = Failure::new(Exit::Usage, format!("there is no tool `{tool}`"));
    match suggestion(tool, tools) {
        Some(help) => failure.help(help),
        None => failure.help("a tool is named `target/tool`"),
    }
}
