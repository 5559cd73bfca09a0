//! The stand-in as a process of its own: how fast it is there, how much memory it takes at rest, and how many requests it answers,
//! beside `moto_server` where `tests/peers/run` has installed it below `target/`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How many requests are timed.
const REQUESTS: u32 = 500;

/// How many connections ask at once.
const CONNECTIONS: u32 = 16;

fn main() -> Result<()> {
    println!("{:<52} {:>12} {:>10}", "median", "is", "aim");
    let mut starts = Vec::new();
    let mut rests = Vec::new();
    for _ in 0..20 {
        let (started, server) = Server::ours()?;
        starts.push(started);
        rests.push(server.resident()?);
    }
    line("start to first answer", &milliseconds(middle(starts)), "10 ms");
    line("memory at rest", &megabytes(middle(rests)), "20 MB");
    let (_, ours) = Server::ours()?;
    let raw = ours.raw(REQUESTS * 10)?;
    line("GetGateway, one connection", &rate(raw), "–");
    line(&format!("GetGateway, {CONNECTIONS} connections"), &rate(ours.many(REQUESTS)?), "–");
    line("memory after that", &megabytes(ours.resident()?), "–");

    let Some((started, moto)) = Server::moto()? else {
        println!("moto_server is not installed: `tests/peers/run` installs it; nothing was compared");
        return Ok(());
    };
    line("moto_server: start to first answer", &milliseconds(started), "–");
    let theirs = moto.raw(REQUESTS)?;
    line("moto_server: memory", &megabytes(moto.resident()?), "–");
    line("moto_server: GetGateway, one client", &rate(theirs), "–");
    line("raw, times moto_server's", &times(raw / theirs), "10");
    let (through, their_through) = boto3(&ours, &moto)?;
    line("GetGateway through boto3", &rate(through), "–");
    line("moto_server: GetGateway through boto3", &rate(their_through), "–");
    line("through boto3, times moto_server's", &times(through / their_through), "4");
    Ok(())
}

fn line(what: &str, is: &str, aim: &str) {
    println!("{what:<52} {is:>12} {aim:>10}");
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

fn megabytes(kilobytes: u64) -> String {
    format!("{}.{} MB", kilobytes / 1000, kilobytes / 100 % 10)
}

fn rate(rate: f64) -> String {
    format!("{rate:.0}/s")
}

fn times(ratio: f64) -> String {
    format!("{ratio:.1}")
}

fn middle<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// How many requests a second two servers answer through boto3, asked in turns.
fn boto3(one: &Server, other: &Server) -> Result<(f64, f64)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("target/peers/bin/python"));
    command.arg(root.join("benches/get_gateway.py")).arg(REQUESTS.to_string());
    command.args([one, other].map(|server| format!("http://127.0.0.1:{}", server.port)));
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    let output = command.stderr(Stdio::inherit()).output()?;
    let rates: Vec<f64> =
        String::from_utf8(output.stdout)?.lines().map(str::parse).collect::<std::result::Result<_, _>>()?;
    match rates[..] {
        [one, other] => Ok((one, other)),
        _ => Err("boto3 could not ask both".into()),
    }
}

/// A server that runs until it is dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Server {
    /// Starts the stand-in and asks it once. Answers how long that took.
    fn ours() -> Result<(Duration, Self)> {
        let begun = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatewright"));
        let mut process = command.arg("local").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut export = String::new();
        let out = process.stdout.take().ok_or("no output")?;
        BufReader::new(out).read_line(&mut export)?;
        let port = export.trim().rsplit(':').next().unwrap_or_default().parse()?;
        let server = Self { process, port };
        Connection::open(port)?.ask("GET", "/gateways/", "")?;
        Ok((begun.elapsed(), server))
    }

    /// The same for `moto_server`, if there is one.
    fn moto() -> Result<Option<(Duration, Self)>> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/moto_server");
        if !program.exists() {
            return Ok(None);
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let begun = Instant::now();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { process: command.spawn()?, port };
        while begun.elapsed() < Duration::from_secs(30) {
            if let Ok(mut connection) = Connection::open(port) {
                connection.ask("GET", "/gateways/", "")?;
                return Ok(Some((begun.elapsed(), server)));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("moto_server does not answer".into())
    }

    /// How many kilobytes of memory it has.
    fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// A gateway to ask for.
    fn gateway(&self, name: &str) -> Result<String> {
        let body = format!(
            r#"{{"name":"{name}","roleArn":"arn:aws:iam::111122223333:role/bench","protocolType":"MCP","authorizerType":"NONE"}}"#
        );
        let answer = Connection::open(self.port)?.ask("POST", "/gateways/", &body)?;
        let id = answer.split(r#""gatewayId":"#).nth(1).and_then(|rest| rest.split('"').nth(1));
        Ok(id.ok_or_else(|| format!("no gateway: {answer}"))?.to_owned())
    }

    /// How many requests a second it answers on one connection, one after the other.
    fn raw(&self, requests: u32) -> Result<f64> {
        let path = format!("/gateways/{}/", self.gateway("raw")?);
        self.ask(&path, requests / 10)?;
        let begun = Instant::now();
        self.ask(&path, requests)?;
        Ok(f64::from(requests) / begun.elapsed().as_secs_f64())
    }

    /// How many requests a second it answers on many connections.
    fn many(&self, requests: u32) -> Result<f64> {
        let path = format!("/gateways/{}/", self.gateway("many")?);
        let begun = Instant::now();
        let failed = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| self.ask(&path, requests).is_err())).collect();
            asking.into_iter().any(|asking| asking.join().unwrap_or(true))
        });
        if failed {
            return Err("a connection failed".into());
        }
        Ok(f64::from(CONNECTIONS * requests) / begun.elapsed().as_secs_f64())
    }

    fn ask(&self, path: &str, requests: u32) -> Result<()> {
        let mut connection = Connection::open(self.port)?;
        for _ in 0..requests {
            connection.ask("GET", path, "")?;
        }
        Ok(())
    }
}

/// A connection that is kept, and made again where the server ends it. Answers have a `content-length`.
struct Connection {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { port, stream: BufReader::new(stream) })
    }

    /// The body of a successful answer.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        // moto finds the service by the scope of the signature, which neither checks.
        let scope = "AWS4-HMAC-SHA256 Credential=local/20261124/us-east-1/bedrock-agentcore/aws4_request, \
                     SignedHeaders=host, Signature=0";
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {scope}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length, mut status, mut ends) = (String::new(), 0, String::new(), false);
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err("the connection ended".into());
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if status.is_empty() {
                text.clone_into(&mut status);
            } else if let Some(value) = text.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            } else {
                ends |= text.eq_ignore_ascii_case("connection: close");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let body = String::from_utf8(body)?;
        if ends {
            *self = Self::open(self.port)?;
        }
        if status.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) { Ok(body) } else { Err(body.into()) }
    }
}
