// SPDX-License-Identifier: Apache-2.0
//! The real binary on a directory of its own, and clients for it.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use casemate_testkit::TempDir;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Nothing here takes this long; a test that waits longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Both planes on ports that the system chooses, and a small reserve.
pub(crate) const CONFIG: &str = "\
[data_plane]
listen = \"127.0.0.1:0\"

[admin_plane]
listen = \"127.0.0.1:0\"

[ledger]
reserve_mib = 1
";

/// A place for one installation.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) data: PathBuf,
    pub(crate) key_file: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new();
        let home = Self {
            data: dir.join("data"),
            key_file: dir.join("keys/machine.key"),
            dir,
        };
        home.configure(CONFIG);
        home
    }

    /// Another place in the same directory, with the same or another key file.
    pub(crate) fn beside(&self, data: &str, key_file: &str) -> Self {
        let dir = TempDir::of_another(self.dir.path().to_owned());
        Self {
            data: dir.join(data),
            key_file: dir.join(key_file),
            dir,
        }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("casemate.toml")
    }

    pub(crate) fn configure(&self, text: &str) {
        // In one step: a file that is half written may be read by a reload.
        let beside = self.dir.join("casemate.toml.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.config()).unwrap();
    }

    pub(crate) fn kit(&self) -> PathBuf {
        self.key_file.with_extension("recovery-kit.txt")
    }

    /// The binary with this place, and nothing of the environment that could lead elsewhere.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casemate"));
        command
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .arg("--key-file")
            .arg(&self.key_file)
            .env("HOME", self.dir.path())
            .env("NO_COLOR", "1")
            .env_remove("CASEMATE_DATA")
            .env_remove("CASEMATE_KEY_FILE")
            .env_remove("CASEMATE_LOG")
            .env_remove("CASEMATE_PASSPHRASE_FILE")
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            what: arguments.join(" "),
        }
    }

    /// Runs a command that must work; gives what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).exits(0).out
    }

    /// The same, read as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let all = [arguments, &["--format", "json"]].concat();
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Starts a server that must not come up; gives what it said.
    #[track_caller]
    pub(crate) fn fails_to_start(&self) -> Ran {
        let config = self.config();
        let arguments = ["up", "--ready-json", "--config", config.to_str().unwrap()];
        let mut child = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        if stdout.read_line(&mut out).unwrap() > 0 {
            child.kill().unwrap();
            child.wait().unwrap();
            let config = std::fs::read_to_string(config).unwrap();
            panic!("the server came up: {out}\n{config}");
        }
        let output = child.wait_with_output().unwrap();
        let ran = Ran {
            code: output.status.code(),
            out,
            err: String::from_utf8(output.stderr).unwrap(),
            what: arguments.join(" "),
        };
        ran.exits(1)
    }

    pub(crate) fn up(&self, more: &[&str]) -> Server {
        let config = self.config();
        let mut arguments = vec!["up", "--ready-json", "--config", config.to_str().unwrap()];
        arguments.extend_from_slice(more);
        Server::start(self.command(&arguments))
    }

    /// A key of the service `app` in the project `team`, both made when they are not there.
    pub(crate) fn key(&self, options: &[&str]) -> String {
        if !self.ok(&["project", "list"]).contains("team") {
            self.ok(&["project", "create", "team"]);
            self.ok(&["service", "create", "team", "app"]);
        }
        let made = self.json(&[&["key", "create", "team", "app"], options].concat());
        made[0]["secret"].as_str().unwrap().to_owned()
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) what: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "`casemate {}`\n{}\n{}",
            self.what,
            self.out,
            self.err
        );
        self
    }

    /// Everything that was printed holds all of these.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        let all = format!("{}{}", self.out, self.err);
        for word in words {
            assert!(
                all.contains(word),
                "no `{word}` from `casemate {}`:\n{all}",
                self.what
            );
        }
        self
    }
}

/// What a server logs, to be waited for.
#[derive(Default)]
struct Log {
    text: Mutex<(String, bool)>,
    grown: Condvar,
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) ready: Value,
    log: Arc<Log>,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let (stderr, kept) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.text.lock().unwrap().0.push_str(&(line + "\n"));
                kept.grown.notify_all();
            }
            kept.text.lock().unwrap().1 = true;
            kept.grown.notify_all();
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let mut server = Self {
            child,
            ready: Value::Null,
            log,
        };
        match serde_json::from_str(&line) {
            Ok(ready) => server.ready = ready,
            Err(_) => panic!("the server did not start:\n{}", server.log_to_its_end()),
        }
        server
    }

    fn log_to_its_end(&self) -> String {
        let text = self.log.text.lock().unwrap();
        let waited = self
            .log
            .grown
            .wait_timeout_while(text, PATIENCE, |text| !text.1);
        waited.unwrap().0.0.clone()
    }

    /// Waits until the server has logged this after `from` bytes; gives the log's length.
    #[track_caller]
    pub(crate) fn logs(&self, from: usize, word: &str) -> usize {
        let text = self.log.text.lock().unwrap();
        let waits = |text: &mut (String, bool)| !text.0[from..].contains(word) && !text.1;
        let (text, _) = self
            .log
            .grown
            .wait_timeout_while(text, PATIENCE, waits)
            .unwrap();
        assert!(text.0[from..].contains(word), "no `{word}` in:\n{}", text.0);
        text.0.len()
    }

    /// Everything that was logged until now.
    pub(crate) fn logged(&self) -> String {
        self.log.text.lock().unwrap().0.clone()
    }

    pub(crate) fn data_url(&self) -> &str {
        self.ready["data_url"].as_str().unwrap()
    }

    pub(crate) fn admin_url(&self) -> &str {
        self.ready["admin_url"].as_str().unwrap()
    }

    /// The key that `up --try` made.
    pub(crate) fn key(&self) -> &str {
        self.ready["key"].as_str().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn chat(&self, key: &str, model: &str, text: &str) -> Reply {
        post(
            self.data_url(),
            "/v1/chat/completions",
            key,
            &chat(model, text),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}]})
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value).unwrap_or_default()
    }

    /// The id to explain it by.
    pub(crate) fn request(&self) -> &str {
        self.header("x-request-id")
    }
}

/// Sends a body with a key; panics when no whole answer comes.
pub(crate) fn post(url: &str, path: &str, key: &str, body: &Value) -> Reply {
    try_post(url, path, key, body).unwrap()
}

/// The same for servers that may be killed.
pub(crate) fn try_post(url: &str, path: &str, key: &str, body: &Value) -> std::io::Result<Reply> {
    read_reply(&mut open_post(url, path, key, body)?)
}

/// Asks for an address; panics when no whole answer comes.
pub(crate) fn get(url: &str, path: &str, key: &str) -> Reply {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = request("GET", host, path, key, "");
    stream.write_all(request.as_bytes()).unwrap();
    read_reply(&mut stream).unwrap()
}

/// Reads an answer up to the connection's end.
pub(crate) fn read_reply(stream: &mut impl Read) -> std::io::Result<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let cut = || std::io::Error::other("the answer is cut");
    let text = String::from_utf8(bytes).map_err(|_| cut())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(cut)?;
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = if chunked {
        dechunk(body).ok_or_else(cut)?
    } else {
        body.to_owned()
    };
    Ok(Reply {
        status,
        head: head.to_owned(),
        body,
    })
}

/// Sends a body and leaves the answer to be read.
pub(crate) fn open_post(
    url: &str,
    path: &str,
    key: &str,
    body: &Value,
) -> std::io::Result<TcpStream> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = request("POST", host, path, key, &body.to_string());
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// A request as it travels; its answer ends with the connection.
pub(crate) fn request(method: &str, host: &str, path: &str, key: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    )
}

fn dechunk(mut rest: &str) -> Option<String> {
    let mut out = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(out);
        }
        out.push_str(after.get(..size)?);
        rest = after.get(size + 2..)?;
    }
}

/// Waits for something that another process does, with the time it may take.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::yield_now();
    }
}
