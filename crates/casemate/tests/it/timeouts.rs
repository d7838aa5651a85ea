// SPDX-License-Identifier: Apache-2.0
//! Upstreams that are too slow, in every part of an exchange: the caller hears of it in time, the
//! book knows how it ended, and what was reserved is free again.

use std::{
    io::{Read as _, Result, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::{
    harness::{CONFIG, Home, Reply, Server, chat, post},
    provider::{Provider, Seen, drip, send, silence, well},
};

/// The timeout that is looked at; a caller never has to wait for less.
const SHORT: u64 = 400;
/// All others.
const LONG: u64 = 30_000;
/// An exchange that takes so long has waited for something else than the short timeout.
const BOUND: Duration = Duration::from_secs(15);
/// Between two drops, far below every timeout.
const PACE: Duration = Duration::from_millis(20);

/// How the provider misbehaves stands in the model's name, in front of the timeout that is short.
const MODELS: &[(&str, &str)] = &[
    ("silent", "first_byte"),
    ("half-head", "first_byte"),
    ("drips-head", "first_byte"),
    ("stops", "idle"),
    ("starts", "idle"),
    ("drips", "total"),
    ("floods", "total"),
    ("flows", "total"),
];

fn answer(seen: &Seen, stream: &mut TcpStream) -> Result<()> {
    let head = |stream: &mut TcpStream| {
        let kind = match seen.is_stream() {
            true => "text/event-stream",
            false => "application/json",
        };
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n")
    };
    match seen.model() {
        "silent" => silence(stream),
        "half-head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-ty")?;
            silence(stream)
        }
        "drips-head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ")?;
            drip(stream, b"a", PACE, usize::MAX)
        }
        // A head, and nothing behind it.
        "starts" => {
            head(stream)?;
            silence(stream)
        }
        // A part of the answer, and nothing behind it.
        "stops" => {
            head(stream)?;
            stream.write_all(&part(seen))?;
            silence(stream)
        }
        // Always something, never enough, so that nothing is idle.
        "drips" => {
            head(stream)?;
            stream.write_all(&part(seen))?;
            let drop: &[u8] = if seen.is_stream() { b":\n\n" } else { b" " };
            drip(stream, drop, PACE, usize::MAX)
        }
        // As much of nothing as the wire carries.
        "floods" => {
            head(stream)?;
            let much = b": nothing\n\n".repeat(1000);
            loop {
                stream.write_all(&much)?;
            }
        }
        // The same with events that reach the caller.
        "flows" => {
            head(stream)?;
            let much = event(seen, "").repeat(100);
            loop {
                stream.write_all(&much)?;
            }
        }
        // A head that takes more than a second, and a body that never ends.
        "late" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ")?;
            drip(stream, b"a", PACE, 60)?;
            stream.write_all(b"\r\n")?;
            let kind = match seen.is_stream() {
                true => "text/event-stream",
                false => "application/json",
            };
            write!(stream, "content-type: {kind}\r\n\r\n")?;
            drip(stream, b"\n", PACE, usize::MAX)
        }
        // Slow, but never for too long.
        "slow" => {
            head(stream)?;
            drip(stream, b" ", Duration::from_millis(50), 30)?;
            stream.write_all(well(seen).as_bytes())
        }
        // An error that never ends.
        "fails" => {
            stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-type: application/json\r\n\r\n{\"er")?;
            silence(stream)
        }
        _ => send(stream, 200, &well(seen)),
    }
}

/// The beginning of an answer: of a whole one its first bytes, of a stream its first event.
fn part(seen: &Seen) -> Vec<u8> {
    if seen.is_stream() {
        event(seen, "Here is the first sentence, and ")
    } else {
        well(seen).as_bytes()[..40].to_vec()
    }
}

fn event(seen: &Seen, text: &str) -> Vec<u8> {
    if seen.is_anthropic() {
        let delta = json!({"type": "text_delta", "text": text});
        let data = json!({"type": "content_block_delta", "index": 0, "delta": delta});
        return format!("event: content_block_delta\ndata: {data}\n\n").into_bytes();
    }
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    let data = json!({"id": "x", "object": "chat.completion.chunk", "choices": [choice]});
    format!("data: {data}\n\n").into_bytes()
}

/// An upstream with one short timeout.
fn upstream(name: &str, kind: &str, url: &str, short: &str) -> String {
    let times = ["connect", "first_byte", "idle", "total"].map(|which| {
        let time = if which == short { SHORT } else { LONG };
        format!("{which}_ms = {time}")
    });
    format!(
        "[[gateway.upstream]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{url}\"\n\
         locality = \"external\"\nallow_private = true\ntimeout = {{ {} }}\n",
        times.join(", ")
    )
}

/// A route on which a hundred completion tokens cost a hundred millionths.
fn route(model: &str, upstream: &str) -> String {
    format!(
        "[[gateway.route]]\nmodel = \"{model}\"\nupstream = \"{upstream}\"\n\
         output_micros_per_million = 1000000\n"
    )
}

/// A wire format with its path.
type Dialect = (&'static str, &'static str);
const DIALECTS: [Dialect; 2] = [
    ("openai", "/v1/chat/completions"),
    ("anthropic", "/v1/messages"),
];

struct House {
    home: Home,
    server: Server,
    key: String,
}

impl House {
    /// A key that one request of a hundred tokens fits into, and never two.
    fn new(config: &str) -> Self {
        let home = Home::new();
        home.configure(&format!("{CONFIG}{config}"));
        let server = home.up(&[]);
        let key = home.key(&["--per-day", "0.00015", "--concurrency", "1"]);
        Self { home, server, key }
    }

    fn ask(&self, path: &str, model: &str, stream: bool) -> (Reply, Duration) {
        let mut body = chat(model, "Hello?");
        body["stream"] = json!(stream);
        let start = Instant::now();
        let reply = post(self.server.data_url(), path, &self.key, &body);
        (reply, start.elapsed())
    }

    /// The records about a request, of a kind.
    fn records(&self, request: &str, kind: &str) -> Vec<Value> {
        let all = self.home.json(&["ledger", "show", request]);
        let all = all.as_array().unwrap().iter();
        all.filter(|record| record["kind"] == kind)
            .map(|record| record["facts"].clone())
            .collect()
    }

    /// A request that took as long as the short timeout, and was refused with this status.
    #[track_caller]
    fn refuses(&self, dialect: Dialect, model: &str, stream: bool, status: u16) {
        let (kind, path) = dialect;
        let what = format!("{kind}, {model}, stream {stream}");
        let (reply, took) = self.ask(path, model, stream);
        assert_eq!(reply.status, status, "{what}: {}", reply.body);
        in_time(took, &what);
        let error: Value = serde_json::from_str(&reply.body).unwrap();
        is_error(kind, &error, status == 504, reply.request(), &what);

        let decisions = self.records(reply.request(), "decision");
        assert_eq!(decisions.len(), 1, "{what}");
        assert_eq!(decisions[0]["decision"], "allow", "{what}");
        assert_eq!(decisions[0]["booking"]["micros"], 100, "{what}");
        let outcomes = self.records(reply.request(), "outcome");
        assert_eq!(outcomes.len(), 1, "{what}");
        let outcome = &outcomes[0];
        assert_eq!(outcome["ending"], "failed", "{what}: {outcome}");
        assert_eq!(outcome["status"], status, "{what}: {outcome}");
        // A failed request costs nothing, and the book says so.
        assert_eq!(outcome["booking"]["tokens"], 0, "{what}: {outcome}");
        assert_eq!(outcome["booking"]["micros"], 0, "{what}: {outcome}");
        assert!(outcome["note"].as_str().is_some_and(|n| !n.is_empty()));
    }

    /// A request fits again: place, money and connection are free.
    #[track_caller]
    fn is_free(&self, dialect: Dialect) {
        let (reply, _) = self.ask(dialect.1, "well", false);
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

#[track_caller]
fn in_time(took: Duration, what: &str) {
    assert!(took < BOUND, "{what}: {took:?}");
    assert!(took >= Duration::from_millis(SHORT), "{what}: {took:?}");
}

/// An error in the shape of a wire format.
#[track_caller]
fn is_error(kind: &str, error: &Value, timed_out: bool, request: &str, what: &str) {
    let inner = &error["error"];
    let (word, expected) = match (kind, timed_out) {
        ("openai", true) => (&inner["code"], "upstream_timeout"),
        ("openai", false) => (&inner["code"], "upstream"),
        (_, true) => (&inner["type"], "timeout_error"),
        (_, false) => (&inner["type"], "api_error"),
    };
    assert_eq!(word, expected, "{what}: {error}");
    let (top, id) = match kind {
        "openai" => (&inner["type"], &inner["request_id"]),
        _ => (&error["type"], &error["request_id"]),
    };
    let shape = if kind == "openai" {
        "server_error"
    } else {
        "error"
    };
    assert_eq!(top, shape, "{what}: {error}");
    assert!(id.is_null() || id == request, "{what}: {error}");
    assert!(
        inner["message"]
            .as_str()
            .is_some_and(|m| m.contains("upstream"))
    );
}

/// Every misbehaviour, in both wire formats, and one model that is well.
fn misbehaving(provider: &Provider) -> String {
    let mut config = String::new();
    for (kind, _) in DIALECTS {
        for (model, short) in MODELS {
            let name = format!("{model}-{kind}");
            config += &upstream(&name, kind, &provider.url, short);
            config += &route(model, &name);
        }
        let name = format!("well-{kind}");
        config += &upstream(&name, kind, &provider.url, "none");
        config += &route("*", &name);
    }
    config
}

#[test]
fn a_whole_answer_that_is_too_slow_is_an_error() {
    let provider = Provider::new(answer);
    let house = House::new(&misbehaving(&provider));
    for dialect in DIALECTS {
        for model in [
            "silent",
            "half-head",
            "drips-head",
            "starts",
            "stops",
            "drips",
        ] {
            house.refuses(dialect, model, false, 504);
            assert_eq!(provider.take().len(), 1, "{model} was asked again");
            house.is_free(dialect);
            provider.take();
        }
    }
}

#[test]
fn a_stream_that_does_not_begin_is_an_error() {
    let provider = Provider::new(answer);
    let house = House::new(&misbehaving(&provider));
    for dialect in DIALECTS {
        for model in ["silent", "half-head", "drips-head"] {
            house.refuses(dialect, model, true, 504);
            house.is_free(dialect);
        }
    }
}

/// Streams that are cut by a timeout: the dialect's error is their last event. Gives that event.
#[track_caller]
fn cut(house: &House, dialect: Dialect, model: &str) -> (Value, String) {
    let (kind, path) = dialect;
    let what = format!("{kind}, {model}");
    let (reply, took) = house.ask(path, model, true);
    assert_eq!(reply.status, 200, "{what}: {}", reply.body);
    in_time(took, &what);
    let begins = reply.body.contains("first sentence");
    assert_eq!(begins, ["stops", "drips"].contains(&model), "{what}");
    assert!(!reply.body.contains("[DONE]"), "{what}");
    let last = reply.body.trim_end().rsplit("\n\n").next().unwrap();
    assert_eq!(
        last.starts_with("event: error\n"),
        kind == "anthropic",
        "{last}"
    );
    let data = last.lines().last().unwrap().strip_prefix("data: ").unwrap();
    let error: Value = serde_json::from_str(data).unwrap();

    let outcomes = house.records(reply.request(), "outcome");
    assert_eq!(outcomes.len(), 1, "{what}");
    let outcome = &outcomes[0];
    assert_eq!(outcome["ending"], "failed", "{what}: {outcome}");
    // What the caller has got is counted, and never more than was reserved for it.
    let micros = outcome["booking"]["micros"].as_u64().unwrap();
    assert_eq!(micros > 0, begins, "{what}: {outcome}");
    assert!(micros < 20, "{what}: {outcome}");
    assert_eq!(outcome["usage"]["estimated"], true, "{what}: {outcome}");
    (error, reply.request().to_owned())
}

#[test]
fn a_stream_that_is_too_slow_is_cut() {
    let provider = Provider::new(answer);
    let house = House::new(&misbehaving(&provider));
    for dialect in DIALECTS {
        for model in ["starts", "stops", "drips", "floods", "flows"] {
            let (error, request) = cut(&house, dialect, model);
            let id = match dialect.0 {
                "openai" => &error["error"]["request_id"],
                _ => &error["request_id"],
            };
            assert_eq!(id, request.as_str(), "{error}");
            house.is_free(dialect);
        }
    }
}

#[test]
fn a_stream_that_is_too_slow_says_that_it_timed_out() {
    let provider = Provider::new(answer);
    let house = House::new(&misbehaving(&provider));
    for dialect in DIALECTS {
        for model in ["stops", "drips"] {
            let (error, request) = cut(&house, dialect, model);
            is_error(dialect.0, &error, true, &request, model);
        }
    }
}

/// A listener whose queue is full: who connects hears nothing. It lasts as long as what is given.
fn full() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let patience = Duration::from_millis(500);
    while let Ok(stream) = TcpStream::connect_timeout(&address, patience) {
        waiting.push(stream);
        assert!(waiting.len() < 5000, "this system's queues have no end");
    }
    (address, listener, waiting)
}

#[test]
fn a_connection_that_does_not_come_is_an_error() {
    let provider = Provider::new(answer);
    let (address, _listener, _waiting) = full();
    let mut config = misbehaving(&provider);
    for (kind, _) in DIALECTS {
        let name = format!("full-{kind}");
        let far = upstream(&name, kind, &format!("http://{address}"), "connect");
        // The first route that fits counts.
        config = far + &route("full", &name) + &config;
    }
    let house = House::new(&config);
    for dialect in DIALECTS {
        for stream in [false, true] {
            house.refuses(dialect, "full", stream, 502);
            house.is_free(dialect);
        }
    }
}

#[test]
fn a_handshake_that_does_not_come_is_an_error() {
    // Accepts, and says nothing of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || stream.read_to_end(&mut Vec::new()));
        }
    });
    let home = Home::new();
    // Machines without authorities of their own have this one.
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let authority = home.dir.join("authority.pem");
    std::fs::write(&authority, params.self_signed(&key).unwrap().pem()).unwrap();
    let config = upstream("far", "openai", &url, "first_byte") + &route("far", "far");
    home.configure(&format!("{CONFIG}{config}"));
    let file = home.config();
    let mut command = home.command(&["up", "--ready-json", "--config", file.to_str().unwrap()]);
    command.env("SSL_CERT_FILE", &authority);
    let server = Server::start(command);
    let key = home.key(&["--per-day", "0.00015", "--concurrency", "1"]);
    let house = House { home, server, key };
    for stream in [false, true] {
        house.refuses(DIALECTS[0], "far", stream, 504);
    }
}

#[test]
fn an_answer_that_is_slow_but_never_idle_is_taken() {
    let provider = Provider::new(answer);
    let config = upstream("slow", "openai", &provider.url, "none")
        .replace(&format!("idle_ms = {LONG}"), "idle_ms = 1200")
        + &route("slow", "slow");
    let house = House::new(&config);
    let (reply, took) = house.ask(DIALECTS[0].1, "slow", false);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(took > Duration::from_millis(1200), "{took:?}");
    let outcome = &house.records(reply.request(), "outcome")[0];
    assert_eq!(outcome["ending"], "completed", "{outcome}");
    // What was counted takes the place of what was reserved.
    assert_eq!(outcome["booking"]["micros"], 2, "{outcome}");
    assert_eq!(outcome["booking"]["tokens"], 12, "{outcome}");
}

#[test]
fn a_fallback_is_asked_when_the_first_is_too_slow() {
    let provider = Provider::new(answer);
    let (address, _listener, _waiting) = full();
    let far = format!("http://{address}");
    let mute = Provider::new(|_, stream| silence(stream));
    let config = [
        upstream("full", "openai", &far, "connect"),
        upstream("mute", "openai", &mute.url, "first_byte"),
        upstream("well", "openai", &provider.url, "none"),
        route("full", "full") + "fallback = \"well\"\n",
        route("mute", "mute") + "fallback = \"well\"\n",
        route("both", "full") + "fallback = \"mute\"\n",
    ];
    let house = House::new(&config.concat());
    for model in ["full", "mute"] {
        let (reply, took) = house.ask(DIALECTS[0].1, model, false);
        assert_eq!(reply.status, 200, "{model}: {}", reply.body);
        in_time(took, model);
        let decisions = house.records(reply.request(), "decision");
        let names: Vec<_> = decisions.iter().map(|d| d["upstream"].clone()).collect();
        assert_eq!(names, [model, "well"], "{model}");
        let outcomes = house.records(reply.request(), "outcome");
        let endings: Vec<_> = outcomes
            .iter()
            .map(|o| (o["ending"].clone(), o["booking"]["micros"].clone()))
            .collect();
        assert_eq!(
            endings,
            [(json!("failed"), json!(0)), (json!("completed"), json!(2))]
        );
    }
    let (reply, took) = house.ask(DIALECTS[0].1, "both", false);
    assert_eq!(reply.status, 504, "{}", reply.body);
    in_time(took, "both");
    for outcome in house.records(reply.request(), "outcome") {
        assert_eq!(outcome["ending"], "failed", "{outcome}");
        assert_eq!(outcome["booking"]["micros"], 0, "{outcome}");
    }
}

#[test]
fn the_total_is_counted_from_the_request() {
    let provider = Provider::new(answer);
    let mut config = String::new();
    for (kind, _) in DIALECTS {
        config += &upstream(kind, kind, &provider.url, "total");
        config += &route("*", kind);
    }
    let house = House::new(&config);
    for dialect in DIALECTS {
        for stream in [false, true] {
            house.refuses(dialect, "silent", stream, 504);
        }
    }
}

#[test]
fn the_time_before_the_head_counts_for_the_total() {
    let provider = Provider::new(answer);
    let config = upstream("late", "openai", &provider.url, "none")
        .replace(&format!("total_ms = {LONG}"), "total_ms = 2500")
        + &route("late", "late");
    let house = House::new(&config);
    for (stream, status) in [(false, 504), (true, 200)] {
        let (reply, took) = house.ask(DIALECTS[0].1, "late", stream);
        assert_eq!(reply.status, status, "{}", reply.body);
        assert!(reply.body.contains("upstream_timeout"), "{}", reply.body);
        // Counted from the head it would be 3.7 seconds or more.
        let bounds = Duration::from_millis(2500)..Duration::from_millis(3600);
        assert!(bounds.contains(&took), "stream {stream}: {took:?}");
    }
}

#[test]
fn an_error_that_never_ends_keeps_to_the_timeouts() {
    let provider = Provider::new(answer);
    let config = upstream("far", "openai", &provider.url, "idle") + &route("fails", "far");
    let house = House::new(&config);
    let (reply, took) = house.ask(DIALECTS[0].1, "fails", false);
    assert_eq!(reply.status, 502, "{}", reply.body);
    assert!(took < Duration::from_secs(4), "{took:?}");
}
