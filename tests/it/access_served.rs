//! What `access` says of an example is what its gateway answers: every caller of every gateway of every example gets a real token or
//! signs, asks for the tools over MCP, and calls each of them with many inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use gatewright::access::{Access, Caller, Cell, Gateway, ToolAt};
use gatewright::manifest::{self, Options};
use gatewright::stack::Stack;
use model::Tools;
use serde_json::{Map, Value, json};

use crate::brute::Words;
use crate::callers::{header, live};
use crate::command::Terminal;
use crate::issuer::Issuer;
use crate::mutation::policies;
use crate::served::{Served, against};

/// The time of a call matters to no policy of an example.
const NOW: &str = "2026-01-01T12:00:00Z";

/// So many inputs of a tool are called with at most, beside those that are looked for.
const MOST: usize = 24;

/// An example, applied to a served stand-in.
struct Scene {
    terminal: Terminal,
    served: Served,
    stack: Stack,
    issuer: Issuer,
    environment: Vec<String>,
}

impl Scene {
    fn of(example: &str, edit: impl Fn(&Terminal)) -> Self {
        let terminal = Terminal::in_example(example);
        let issuer = Issuer::start();
        // Where Okta and Entra are on the network, somebody here gives out tokens with the same claims.
        match example {
            "okta" => terminal.edit("gatewright.toml", "https://dev-12345678.okta.com", &issuer.base),
            "entra" => terminal.edit("gatewright.toml", "https://login.microsoftonline.com", &issuer.base),
            _ => {}
        }
        edit(&terminal);
        let path = terminal.folder.path().to_owned();
        let loaded = manifest::load(&Options { path, first_environment: true, ..Options::default() });
        let stack = loaded.stack.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let environment = stack.environment.iter().flat_map(|name| ["--env".to_owned(), name.clone()]).collect();
        let served = Served::start(&terminal, &[]);
        let scene = Self { terminal, served, stack, issuer, environment };
        let applied = against(&scene.terminal, &scene.served.url, &scene.with(&["apply", "--yes"]));
        assert_eq!(applied.code, 0, "{}\n{}", applied.out, applied.err);
        scene.let_interceptors_pass();
        scene
    }

    /// A command line for the environment.
    fn with<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        command.iter().copied().chain(self.environment.iter().map(String::as_str)).collect()
    }

    /// Interceptors are functions: what stands for them lets everything through.
    fn let_interceptors_pass(&self) {
        let objects = self.served.objects();
        let configured = objects.iter().filter_map(|object| object["document"]["interceptorConfigurations"].as_array());
        let answer = json!({"interceptorOutputVersion": "1.0", "mcp": {}});
        let functions = configured.flatten().map(|one| one.pointer("/interceptor/lambda/arn").unwrap());
        let answers: Vec<Value> = functions.map(|arn| json!({"resource": arn, "answer": answer})).collect();
        let (status, said) = self.served.ask("POST", "/_localstack/answers", "", &json!(answers).to_string());
        assert!(status < 300, "{said}");
    }

    /// What a gateway answers to a message; nothing where it does not let the caller in.
    fn ask(&self, gateway: &str, header: &str, method: &str, params: &Value) -> Option<Value> {
        let headers =
            format!("{header}content-type: application/json\r\naccept: application/json, text/event-stream\r\n");
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (status, answer) =
            self.served.ask("POST", &format!("/gateways/{gateway}/mcp"), &headers, &message.to_string());
        match status {
            200 => Some(serde_json::from_str(answer.get(answer.find('{').unwrap()..).unwrap().trim()).unwrap()),
            401 | 403 => None,
            _ => panic!("{method}: {status} {answer}"),
        }
    }

    /// The tools that a gateway lists, as `target/tool`.
    fn listed(&self, gateway: &str, header: &str) -> BTreeSet<String> {
        let (mut found, mut params) = (BTreeSet::new(), json!({}));
        while let Some(answer) = self.ask(gateway, header, "tools/list", &params) {
            let tools = answer.pointer("/result/tools").unwrap_or_else(|| panic!("{answer}")).as_array().unwrap();
            found.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().replacen("___", "/", 1)));
            match answer.pointer("/result/nextCursor") {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => break,
            }
        }
        found
    }

    /// Whether a call goes through.
    fn passes(&self, gateway: &str, header: &str, tool: &ToolAt, input: &Map<String, Value>) -> bool {
        let params = json!({"name": tool.name.replacen('/', "___", 1), "arguments": input});
        let Some(answer) = self.ask(gateway, header, "tools/call", &params) else { return false };
        if let Some(code) = answer.pointer("/error/code").and_then(Value::as_i64) {
            assert_eq!(code, -32002, "{answer}");
            return false;
        }
        assert_eq!(answer.pointer("/result/isError"), Some(&json!(false)), "{params}: {answer}");
        true
    }

    /// What the command says of one call.
    fn says(&self, caller: &str, tool: &str, input: &Map<String, Value>) -> bool {
        let input = Value::Object(input.clone()).to_string();
        let said = self.terminal.run(&self.with(&["access", "--why", caller, tool, "--input", &input]));
        assert_eq!(said.code, 0, "{}", said.err);
        let can = said.out.starts_with(&format!("{caller} can call {tool} with this input"));
        assert!(can || said.out.starts_with(&format!("{caller} cannot call {tool} with this input")), "{}", said.out);
        can
    }
}

/// What an example showed.
#[derive(Default)]
struct Shown {
    callers: usize,
    calls: usize,
    cells: BTreeMap<&'static str, usize>,
    /// How many tools each caller can call.
    counts: Vec<usize>,
    /// What is otherwise than the matrix says.
    otherwise: Vec<String>,
}

/// Compares the answers of the gateways of an example with the matrix for each caller and tool.
fn shown(example: &str, edit: impl Fn(&Terminal)) -> Shown {
    let scene = Scene::of(example, edit);
    let access = Access::of(&scene.stack);
    let policies = policies(&scene.stack);
    let mut shown = Shown::default();
    for gateway in &access.gateways {
        let id = live(&scene.served, &scene.stack, &gateway.resource.address)["id"].as_str().unwrap().to_owned();
        for caller in access.callers_of(gateway) {
            let header = header(&scene.served, &scene.stack, gateway, &caller, &scene.issuer);
            let listed = scene.listed(&id, &header);
            shown.callers += 1;
            shown.counts.push(listed.len());
            for tool in &gateway.tools {
                let words = Words::of(policies.values());
                let inputs = inputs(&scene.stack, tool, &words);
                compare(&scene, gateway, &caller, (&id, &header), tool, &inputs, &listed, &mut shown);
            }
            let known: BTreeSet<String> = gateway.tools.iter().map(|tool| tool.name.clone()).collect();
            assert!(listed.is_subset(&known), "{listed:?}");
        }
    }
    shown
}

#[expect(clippy::too_many_arguments, reason = "one comparison, and everything that is compared")]
fn compare(
    scene: &Scene,
    gateway: &Gateway<'_>,
    caller: &Caller,
    (id, header): (&str, &str),
    tool: &ToolAt,
    inputs: &[Map<String, Value>],
    listed: &BTreeSet<String>,
    shown: &mut Shown,
) {
    let visitor = gateway.visitor(caller);
    let cell = gateway.verdict(&visitor, tool).cell;
    let who = format!("{} {} {}", gateway.resource.address, caller.name, tool.name);
    *shown.cells.entry(cell.word()).or_default() += 1;
    if listed.contains(&tool.name) == (cell == Cell::Never) {
        shown.otherwise.push(format!("{who} is {}, and listed: {}", cell.word(), cell == Cell::Never));
    }
    let decided = |input: &Map<String, Value>| gateway.decide(&visitor, tool, input, NOW).unwrap().cell == Cell::Always;
    let mut chosen = sample(inputs.to_vec());
    if cell == Cell::Sometimes {
        chosen.extend(
            [true, false].into_iter().filter_map(|may| inputs.iter().find(|input| decided(input) == may)).cloned(),
        );
    }
    let mut examples = BTreeMap::new();
    for input in &chosen {
        let passes = scene.passes(id, header, tool, input);
        let predicted = if cell == Cell::Sometimes { decided(input) } else { cell == Cell::Always };
        shown.calls += 1;
        if passes != predicted {
            let input = Value::Object(input.clone());
            shown.otherwise.push(format!("{who} is {}, and a call with {input} passes: {passes}", cell.word()));
        }
        examples.insert(passes, input);
    }
    if cell == Cell::Sometimes {
        for passes in [true, false] {
            match examples.get(&passes) {
                Some(input) => assert_eq!(scene.says(&caller.name, &tool.name, input), passes, "{who}: {input:?}"),
                None => shown.otherwise.push(format!("{who} is sometimes, and no call passes: {passes}")),
            }
        }
    }
}

/// Inputs that a tool takes: those that the policies could tell apart, and every member alone with every value.
fn inputs(stack: &Stack, tool: &ToolAt, words: &Words) -> Vec<Map<String, Value>> {
    let Tools::Known(tools) = stack.resource(&tool.target).unwrap().tools() else {
        panic!("examples state their tools")
    };
    let name = tool.name.split_once('/').unwrap().1;
    let schema = tools.into_iter().find(|tool| tool.name == name).unwrap().input_schema;
    let found = words.inputs(&schema);
    let first = found.first().unwrap().clone();
    let alone = schema["properties"].as_object().into_iter().flatten().flat_map(|(name, property)| {
        let with = |value| {
            let mut input = first.clone();
            input.insert(name.clone(), value);
            input
        };
        words.values(property).into_iter().map(with).collect::<Vec<_>>()
    });
    let mut seen = BTreeSet::new();
    found.iter().cloned().chain(alone).filter(|input| seen.insert(json!(input).to_string())).collect()
}

/// As many as there is time for, none of them preferred, and the same ones each time.
fn sample(mut inputs: Vec<Map<String, Value>>) -> Vec<Map<String, Value>> {
    inputs.sort_by_cached_key(|input| {
        let mut hasher = DefaultHasher::new();
        json!(input).to_string().hash(&mut hasher);
        hasher.finish()
    });
    inputs.truncate(MOST);
    inputs
}

#[test]
fn every_gateway_of_every_example_answers_what_the_matrix_says() {
    let mut examples: Vec<String> = std::fs::read_dir("manifests")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    examples.sort();
    let mut cells: BTreeMap<&str, usize> = BTreeMap::new();
    for example in examples {
        let shown = shown(&example, |_| ());
        eprintln!("{example}: {} callers, {} calls, {:?}", shown.callers, shown.calls, shown.cells);
        assert_eq!(shown.otherwise, Vec::<String>::new(), "{example}");
        if example == "three-roles" {
            assert_eq!(shown.counts, [6, 4, 2]);
        }
        // Only the smallest example has no tools.
        assert_eq!(shown.calls == 0, example == "minimal", "{example} has callers and tools");
        for (cell, count) in shown.cells {
            *cells.entry(cell).or_default() += count;
        }
    }
    assert_eq!(cells.len(), 3, "each word occurs: {cells:?}");
}

#[test]
fn so_it_does_where_a_tool_depends_on_its_arguments_and_scopes_are_careless() {
    let edit = |terminal: &Terminal| {
        terminal.edit(
            "policies/records.cedar",
            "principal.getTag(\"scope\") == \"api/admin\"",
            "principal.getTag(\"scope\") like \"*api/*\"",
        );
        let path = terminal.folder.path().join("policies/records.cedar");
        let text = std::fs::read_to_string(&path).unwrap();
        let forbid = "@id(\"limit\")\nforbid(principal, action == AgentCore::Action::\"records___list_records\", \
                      resource == AgentCore::Gateway::\"${gateway.records.arn}\")\n\
                      unless { context.input has limit && context.input.limit < 100 };\n";
        std::fs::write(path, text + forbid).unwrap();
    };
    let shown = shown("three-roles", edit);
    assert_eq!((shown.otherwise, shown.counts), (Vec::new(), vec![6, 6, 4]));
}
