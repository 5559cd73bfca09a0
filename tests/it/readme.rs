//! Pages are run: every command of their `console` blocks, and its output held against what stands there.

use std::process::Command;

use crate::command::Terminal;

const README: &str = include_str!("../../README.md");

/// A command and the lines that should follow it.
struct Shown {
    command: String,
    lines: Vec<String>,
}

fn shown(page: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    for block in page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        // In a list all of a block is indented.
        let indent = block.len() - block.trim_start().len();
        for line in block.trim_end().lines().map(|line| line.get(indent..).unwrap_or_default()) {
            if let Some(command) = line.strip_prefix("$ ") {
                shown.push(Shown { command: command.to_owned(), lines: Vec::new() });
            } else {
                shown.last_mut().unwrap().lines.push(line.to_owned());
            }
        }
    }
    shown
}

#[test]
fn what_the_readme_shows_is_what_happens() {
    is_what_happens(README, &Terminal::with_examples(), &[]);
}

/// Runs every command that a page shows, and holds what it says against the page.
pub(crate) fn is_what_happens(page: &str, terminal: &Terminal, environment: &[(&str, &str)]) {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_gatewright"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let shown = shown(page);
    assert!(shown.len() > 7);
    for Shown { command, lines } in shown {
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .env_clear()
            .env("HOME", terminal.folder.path())
            .env("PATH", &path)
            .envs(environment.iter().copied())
            .current_dir(terminal.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let said: Vec<&str> = said.lines().collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert!(follows(&lines, &said), "$ {command}\nshown:\n{}\nsaid:\n{}", lines.join("\n"), said.join("\n"));
    }
}

/// The lines are those, where a line of `…` stands for any number of lines.
fn follows(shown: &[&str], said: &[&str]) -> bool {
    match (shown.split_first(), said.split_first()) {
        (None, None) => true,
        (Some((&"…", shown)), _) => (0..=said.len()).any(|skipped| follows(shown, &said[skipped..])),
        (Some((line, shown)), Some((text, said))) => matches(line, text) && follows(shown, said),
        _ => false,
    }
}

/// The line is that, where `…` stands for any text.
fn matches(line: &str, text: &str) -> bool {
    let mut rest = text;
    let mut pieces = line.split('…');
    let Some(after) = rest.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    rest = after;
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}
