// SPDX-License-Identifier: Apache-2.0
//! Spans as an OTLP receiver gets them: complete, in the words of OpenTelemetry, and without a word of
//! anybody.

use std::{
    collections::{BTreeMap, HashSet},
    io::{Read as _, Result, Write as _},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use casemate_types::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::{
    harness::{CONFIG, Home, PATIENCE, Reply, Server, chat, open_post, post, read_reply, request},
    inbox::{Inbox, Letter},
    provider::{Provider, Seen, drip, send, silence, well},
};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const EMBEDDINGS: &str = "/v1/embeddings";
const CREDENTIAL: &str = "Bearer otlp-7Qm2xLr9ZpT4";

const SECRET: &str = concat!("AKIA", "IOSFODNN7DEMOKEY");
const EMAIL: &str = "ada.lovelace@example.org";
/// Words of a prompt and of an answer, as no other text has them.
const ASKED: &str = "marzipanquokka";
const ANSWERED: &str = "zanzibarflute";

/// How the provider answers stands in the model's name.
fn answer(seen: &Seen, stream: &mut TcpStream) -> Result<()> {
    match seen.model() {
        "fails" => send(stream, 500, r#"{"error": {"message": "oh no"}}"#),
        "silent" => silence(stream),
        "slow" => {
            drip(stream, b"", Duration::from_millis(50), 10)?;
            send(stream, 200, &well(seen))
        }
        "leaks" => send(stream, 200, &well(seen).replace("well", SECRET)),
        "speaks" => {
            let text = format!("{ANSWERED}, {EMAIL}");
            send(stream, 200, &well(seen).replace("well", &text))
        }
        "embeds" => {
            let vector = json!({"object": "embedding", "index": 0, "embedding": [0.5]});
            let usage = json!({"prompt_tokens": 10, "total_tokens": 10});
            let body = json!({"object": "list", "model": "m", "data": [vector], "usage": usage});
            send(stream, 200, &body.to_string())
        }
        "stops" => {
            head(stream)?;
            stream.write_all(&event("Here it begins, and then "))?;
            silence(stream)
        }
        // Ends when the other side has hung up or this many drops fell.
        "drips" => {
            head(stream)?;
            stream.write_all(&event("Here it begins. "))?;
            drip(stream, b":\n\n", Duration::from_millis(50), 30)?;
            stream.write_all(&end())
        }
        _ if seen.is_stream() => {
            head(stream)?;
            stream.write_all(&event(&format!("{ANSWERED}. ")))?;
            stream.write_all(&end())
        }
        _ => send(stream, 200, &well(seen)),
    }
}

fn head(stream: &mut TcpStream) -> Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    )
}

fn event(text: &str) -> Vec<u8> {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    let data = json!({"id": "x", "object": "chat.completion.chunk", "choices": [choice]});
    format!("data: {data}\n\n").into_bytes()
}

fn end() -> Vec<u8> {
    let choice = json!({"index": 0, "delta": {}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12});
    let data = json!({"id": "x", "object": "chat.completion.chunk", "choices": [choice]});
    let last = json!({
        "id": "x", "object": "chat.completion.chunk", "choices": [], "usage": usage,
    });
    format!("data: {data}\n\ndata: {last}\n\ndata: [DONE]\n\n").into_bytes()
}

/// Routes to a provider; a hundred completion tokens cost a hundred millionths.
fn routes(provider: &Provider) -> String {
    let upstream = |name: &str, kind: &str, url: &str| {
        format!(
            "[[gateway.upstream]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{url}\"\n\
             locality = \"external\"\nallow_private = true\n"
        )
    };
    let models = [
        "m", "fails", "silent", "slow", "leaks", "speaks", "embeds", "stops", "drips",
    ];
    let route = |model: &str, upstream: &str| {
        format!(
            "[[gateway.route]]\nmodel = \"{model}\"\nupstream = \"{upstream}\"\n\
             output_micros_per_million = 1000000\n"
        )
    };
    let mut config = [
        upstream("far", "openai", &provider.url),
        upstream("far-a", "anthropic", &provider.url),
        upstream("gone", "openai", &Inbox::nobody()),
        route("m", "far-a"),
        route("gone", "gone"),
    ]
    .concat();
    models
        .iter()
        .for_each(|model| config += &route(model, "far"));
    let block = "{ trusted = \"block\", untrusted = \"block\", output = \"block\" }";
    config + &format!("[gateway.guard]\nsecret = {block}\n")
}

/// The receiver's part of the configuration.
fn receiver(url: &str) -> String {
    format!("[telemetry]\ntraces = \"{url}\"\nallow_private = true\n")
}

fn ok(_: &Letter, stream: &mut TcpStream) -> Result<()> {
    send(stream, 200, "{}")
}

/// A span with its attributes by name.
struct Span {
    json: Value,
    attributes: BTreeMap<String, Value>,
}

impl Span {
    fn new(json: &Value) -> Self {
        let attributes = json["attributes"].as_array().unwrap().iter();
        let attributes: Vec<_> = attributes
            .map(|one| {
                (
                    one["key"].as_str().unwrap().to_owned(),
                    one["value"].clone(),
                )
            })
            .collect();
        let count = attributes.len();
        let attributes: BTreeMap<_, _> = attributes.into_iter().collect();
        assert_eq!(attributes.len(), count, "an attribute stands twice: {json}");
        Self {
            json: json.clone(),
            attributes,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?["stringValue"].as_str()
    }

    fn number(&self, name: &str) -> Option<u64> {
        // OTLP's JSON has 64-bit numbers as text.
        self.attributes.get(name)?["intValue"]
            .as_str()?
            .parse()
            .ok()
    }

    fn nanos(&self, name: &str) -> u64 {
        self.json[name].as_str().unwrap().parse().unwrap()
    }

    fn id(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap()
    }
}

/// All spans in what came.
fn spans(letters: &[Letter]) -> Vec<Span> {
    let mut found = Vec::new();
    for letter in letters {
        let body: Value = serde_json::from_slice(&letter.body).unwrap();
        for resource in body["resourceSpans"].as_array().unwrap() {
            let service = &resource["resource"]["attributes"][0];
            assert_eq!(service["key"], "service.name", "{resource}");
            assert_eq!(service["value"]["stringValue"], "casemate", "{resource}");
            for scope in resource["scopeSpans"].as_array().unwrap() {
                assert_eq!(scope["scope"]["name"], "casemate.gateway");
                found.extend(scope["spans"].as_array().unwrap().iter().map(Span::new));
            }
        }
    }
    found
}

struct House {
    home: Home,
    server: Server,
    key: String,
    inbox: Inbox,
    provider: Provider,
}

impl House {
    fn new() -> Self {
        Self::with(Inbox::new(ok))
    }

    fn with(inbox: Inbox) -> Self {
        let provider = Provider::new(answer);
        let home = Home::new();
        let credential = home.dir.join("otlp.txt");
        std::fs::write(&credential, format!("{CREDENTIAL}\n")).unwrap();
        let config = [
            CONFIG,
            &routes(&provider),
            &receiver(&inbox.url),
            &format!("credential = \"file:{}\"\n", credential.display()),
        ];
        home.configure(&config.concat());
        let file = home.config();
        let mut command = home.command(&["up", "--ready-json", "--config", file.to_str().unwrap()]);
        command.env("CASEMATE_LOG", "trace");
        let server = Server::start(command);
        let key = home.key(&[]);
        Self {
            home,
            server,
            key,
            inbox,
            provider,
        }
    }

    fn ask(&self, path: &str, body: &Value) -> Reply {
        post(self.server.data_url(), path, &self.key, body)
    }

    /// A request with more header lines, and any body.
    fn raw(&self, path: &str, key: &str, headers: &str, body: &str) -> Reply {
        let host = self.server.data_url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let text = request("POST", host, path, key, body);
        let text = text.replacen("\r\n\r\n", &format!("\r\n{headers}\r\n"), 1);
        stream.write_all(text.as_bytes()).unwrap();
        read_reply(&mut stream).unwrap()
    }

    /// The span of a request, when it has come.
    #[track_caller]
    fn span(&self, request: &str) -> Span {
        self.inbox.until(request, |letters| {
            let mut all = spans(letters).into_iter();
            all.find(|span| span.text("casemate.request_id") == Some(request))
        })
    }

    /// The only span with an error of this type.
    #[track_caller]
    fn failure(&self, error: &str) -> Span {
        self.inbox.until(error, |letters| {
            let mut all = spans(letters).into_iter();
            all.find(|span| span.text("error.type") == Some(error))
        })
    }
}

fn streamed(model: &str) -> Value {
    let mut body = chat(model, "Hello?");
    body["stream"] = json!(true);
    body
}

#[test]
fn an_answered_request_is_a_span() {
    let house = House::new();
    let embedding = json!({"model": "embeds", "input": "Hello?"});
    // Path, body; operation, provider, upstream, stream; tokens of prompt and answer.
    for (path, body, operation, provider, upstream, stream, usage) in [
        (
            CHAT,
            chat("m", "Hi"),
            "chat",
            "openai",
            "far",
            false,
            [10, 2],
        ),
        (CHAT, streamed("m"), "chat", "openai", "far", true, [10, 2]),
        (
            MESSAGES,
            chat("m", "Hi"),
            "chat",
            "anthropic",
            "far-a",
            false,
            [10, 2],
        ),
        (
            EMBEDDINGS,
            embedding,
            "embeddings",
            "openai",
            "far",
            false,
            [10, 0],
        ),
    ] {
        let before = SystemClock.now().as_millis();
        let reply = house.ask(path, &body);
        let after = SystemClock.now().as_millis();
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let span = house.span(reply.request());
        let model = body["model"].as_str().unwrap();
        assert_eq!(span.json["name"], format!("{operation} {model}"));
        assert_eq!(span.json["kind"], 3, "it is a client's");
        assert_eq!(span.json["status"], json!({}));
        assert!(span.json.get("parentSpanId").is_none());
        for (name, expected) in [
            ("gen_ai.operation.name", operation),
            ("gen_ai.provider.name", provider),
            ("gen_ai.request.model", model),
            ("server.address", "127.0.0.1"),
            ("casemate.upstream", upstream),
        ] {
            assert_eq!(span.text(name), Some(expected), "{name} of {path}");
        }
        let streams = &span.attributes["gen_ai.request.stream"];
        assert_eq!(streams["boolValue"], stream, "{path}");
        let tokens = ["input", "output"].map(|way| {
            let name = format!("gen_ai.usage.{way}_tokens");
            span.number(&name).unwrap()
        });
        assert_eq!(tokens, usage, "{path}");
        assert_eq!(span.text("error.type"), None, "{path}");
        // Nothing but what is listed here.
        assert_eq!(span.attributes.len(), 9, "{:?}", span.attributes.keys());
        let millis = [before - 1, after + 1].map(|at| u64::try_from(at).unwrap() * 1_000_000);
        let (start, end) = (
            span.nanos("startTimeUnixNano"),
            span.nanos("endTimeUnixNano"),
        );
        assert!(
            millis[0] <= start && start < end && end <= millis[1],
            "{start} {end}"
        );
    }
    let all = spans(&house.inbox.letters());
    assert_eq!(all.len(), 4);
    for (name, length) in [("traceId", 32), ("spanId", 16)] {
        let ids: HashSet<_> = all.iter().map(|span| span.id(name)).collect();
        assert_eq!(ids.len(), all.len(), "{name}");
        for id in ids {
            assert_eq!(id.len(), length, "{id}");
            let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert!(
                id.bytes().all(plain) && id.bytes().any(|b| b != b'0'),
                "{id}"
            );
        }
    }
    // As OTLP over HTTP has it.
    for letter in house.inbox.letters() {
        assert!(letter.head.starts_with("POST /v1/traces HTTP/1.1"));
        assert_eq!(letter.header("content-type"), Some("application/json"));
        assert_eq!(letter.header("authorization"), Some(CREDENTIAL));
    }
}

#[test]
fn a_span_lasts_as_long_as_the_answer() {
    let house = House::new();
    for (body, least) in [(chat("slow", "Hi"), 400), (streamed("drips"), 1_000)] {
        let start = Instant::now();
        let reply = house.ask(CHAT, &body);
        let took = start.elapsed();
        assert_eq!(reply.status, 200, "{}", reply.body);
        let span = house.span(reply.request());
        let lasted = span.nanos("endTimeUnixNano") - span.nanos("startTimeUnixNano");
        let lasted = Duration::from_nanos(lasted);
        assert!(lasted >= Duration::from_millis(least), "{lasted:?}");
        assert!(
            lasted <= took + Duration::from_millis(5),
            "{lasted:?} {took:?}"
        );
    }
}

/// Puts the base set in force with one more rule.
fn forbid(home: &Home, when: &str) {
    let rule = format!(
        "\n@id(\"no.more\") @reason(\"not today\")\n\
         forbid (principal, action == Action::\"model:invoke\", resource) when {{ {when} }};\n"
    );
    let file = home.dir.join("more.cedar");
    std::fs::write(&file, home.ok(&["policy", "show"]) + &rule).unwrap();
    home.ok(&["policy", "apply", file.to_str().unwrap()]);
}

#[test]
fn a_refused_request_is_a_span_with_its_reason() {
    let house = House::new();
    forbid(&house.home, "context.tools");
    let mut tools = chat("m", "Hi");
    tools["tools"] = json!([{"type": "function", "function": {"name": "f", "parameters": {}}}]);
    let poor = house.home.key(&["--per-day", "0.00001"]);
    let (key, secret) = (house.key.as_str(), format!("what is {SECRET}?"));
    for (what, key, body, status, error) in [
        ("policy", key, tools.to_string(), 403, "denied"),
        (
            "guard",
            key,
            chat("m", &secret).to_string(),
            403,
            "guard_blocked",
        ),
        (
            "quota",
            &poor,
            chat("m", "Hi").to_string(),
            429,
            "budget_spent",
        ),
        (
            "unknown model",
            key,
            chat("unknown", "Hi").to_string(),
            404,
            "not_found",
        ),
        ("JSON", key, "{\"model\": ".to_owned(), 400, "invalid"),
        ("no model", key, "{}".to_owned(), 400, "invalid"),
    ] {
        let reply = house.raw(CHAT, key, "", &body);
        assert_eq!(reply.status, status, "{what}: {}", reply.body);
        let span = house.span(reply.request());
        assert_eq!(span.text("error.type"), Some(error), "{what}");
        assert_eq!(span.json["status"], json!({"code": 2}), "{what}");
        // It went nowhere, and a name that was made up is nobody's.
        assert_eq!(span.json["name"], "chat", "{what}");
        let names: Vec<_> = span.attributes.keys().map(String::as_str).collect();
        let expected = ["casemate.request_id", "error.type", "gen_ai.operation.name"];
        assert_eq!(names, expected, "{what}");
        assert!(span.nanos("endTimeUnixNano") > span.nanos("startTimeUnixNano"));
    }
    assert!(house.provider.take().is_empty());
}

#[test]
fn a_stranger_is_a_span_too() {
    let house = House::new();
    let reply = house.raw(CHAT, "cm_wrong", "", &chat("m", "Hi").to_string());
    assert_eq!(reply.status, 401, "{}", reply.body);
    let span = house.failure("unauthenticated");
    assert_eq!(span.json["name"], "chat");
    // It names the record that says why.
    assert_eq!(span.text("casemate.request_id"), Some(reply.request()));
}

#[test]
fn a_failed_request_is_a_span_with_its_reason() {
    let house = House::new();
    for (model, stream, status, error, usage) in [
        ("fails", false, 502, "upstream", Some(0)),
        ("fails", true, 502, "upstream", Some(0)),
        ("gone", false, 502, "upstream", Some(0)),
        ("leaks", false, 403, "guard_blocked", Some(2)),
    ] {
        let mut body = chat(model, "Hi");
        body["stream"] = json!(stream);
        let reply = house.ask(CHAT, &body);
        assert_eq!(reply.status, status, "{model}: {}", reply.body);
        let span = house.span(reply.request());
        assert_eq!(span.text("error.type"), Some(error), "{model}");
        assert_eq!(span.json["status"], json!({"code": 2}), "{model}");
        assert_eq!(span.json["name"], format!("chat {model}"));
        let output = span.number("gen_ai.usage.output_tokens");
        // Where nothing was settled there is nothing to say.
        assert!(output == usage || output.is_none(), "{model}: {output:?}");
    }
}

#[test]
fn a_stream_whose_caller_goes_is_aborted() {
    let house = House::new();
    let url = house.server.data_url();
    let mut stream = open_post(url, CHAT, &house.key, &streamed("stops")).unwrap();
    let mut some = [0; 1];
    stream.read_exact(&mut some).unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    let span = house.failure("aborted");
    assert_eq!(span.json["name"], "chat stops");
    assert_eq!(span.json["status"], json!({"code": 2}));
}

#[test]
fn an_answer_whose_caller_goes_is_aborted() {
    let house = House::new();
    let url = house.server.data_url();
    let stream = open_post(url, CHAT, &house.key, &chat("silent", "Hi")).unwrap();
    crate::harness::until("the request", || house.provider.take().pop());
    drop(stream);
    let span = house.inbox.until("a span", |letters| spans(letters).pop());
    assert_eq!(span.json["name"], "chat silent");
    // The book says `aborted`, too.
    assert_eq!(span.text("error.type"), Some("aborted"));
    assert_eq!(span.json["status"], json!({"code": 2}));
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[test]
fn a_span_belongs_to_the_callers_trace() {
    let house = House::new();
    let body = chat("m", "Hi").to_string();
    let ask = |parent: &str| {
        let header = format!("traceparent: {parent}\r\ntracestate: vendor={ASKED}\r\n");
        let reply = house.raw(CHAT, &house.key, &header, &body);
        assert_eq!(reply.status, 200, "{parent}: {}", reply.body);
        reply.request().to_owned()
    };
    // What the caller does not record is not recorded.
    let unsampled = ask(&format!("00-{TRACE}-{PARENT}-00"));
    for good in ["00-T-P-01", "00-T-P-03", "cc-T-P-01-more"] {
        let parent = good.replace('T', TRACE).replace('P', PARENT);
        let span = house.span(&ask(&parent));
        assert_eq!(span.json["traceId"], TRACE, "{good}");
        assert_eq!(span.json["parentSpanId"], PARENT, "{good}");
        assert_ne!(span.json["spanId"], PARENT, "{good}");
    }
    for bad in [
        "nonsense",
        "00-T-P",
        "00-T-P-01-more",
        "ff-T-P-01",
        "00-00000000000000000000000000000000-P-01",
        "00-T-0000000000000000-01",
        "00-T-P-0x",
        &"0".repeat(4000),
    ] {
        let parent = bad.replace('T', TRACE).replace('P', PARENT);
        let span = house.span(&ask(&parent));
        assert_ne!(span.json["traceId"], TRACE, "{bad}");
        assert!(span.json.get("parentSpanId").is_none(), "{bad}");
    }
    let all = spans(&house.inbox.letters());
    let named = |span: &Span| span.text("casemate.request_id") == Some(&unsampled);
    assert!(!all.iter().any(named), "what was not to be recorded was");
    // Nothing of it goes on to a provider.
    let seen = format!("{:?}", house.provider.take());
    assert!(!seen.contains(TRACE) && !seen.contains(ASKED), "{seen}");
}

#[test]
fn nothing_of_anybody_is_sent() {
    let house = House::new();
    let mut spoken = chat("speaks", &format!("{ASKED}: write to {EMAIL}"));
    spoken["user"] = json!("grace.hopper");
    spoken["metadata"] = json!({"ticket": "metadatum4711"});
    let mut streamed = spoken.clone();
    (streamed["stream"], streamed["model"]) = (json!(true), json!("m"));
    let headers = "user-agent: useragent4711\r\ncookie: cookie4711\r\n\
         tracestate: vendor=state4711\r\nx-forwarded-for: 203.0.113.77\r\n";
    let mut asked = Vec::new();
    let attack = format!("{ASKED} {SECRET}");
    for body in [
        spoken.to_string(),
        streamed.to_string(),
        // Refused for what they say.
        chat("m", &attack).to_string(),
        chat(EMAIL, "Hi").to_string(),
        chat(SECRET, "Hi").to_string(),
        chat(ASKED, "Hi").to_string(),
        format!("{{\"{ASKED}\": "),
        format!("{{\"model\": \"m\", \"{ASKED}\": 1}}"),
    ] {
        let path = format!("{CHAT}?q={ASKED}");
        let reply = house.raw(&path, &house.key, headers, &body);
        asked.push(reply.request().to_owned());
    }
    let answers = asked.len();
    let reply = house.raw(CHAT, &format!("cm_{ASKED}"), headers, &spoken.to_string());
    assert_eq!(reply.status, 401);
    house.failure("unauthenticated");
    for one in &asked {
        house.span(one);
    }
    let letters = house.inbox.letters();
    assert_eq!(spans(&letters).len(), answers + 1);
    // Nor is it logged, however much is.
    let logged = house.server.logged();
    assert!(logged.contains("TRACE"), "{logged}");
    let named = [
        "hopper",
        "metadatum4711",
        "useragent4711",
        "cookie4711",
        "state4711",
    ];
    let said = [SECRET, EMAIL, ASKED, ANSWERED, &house.key, CREDENTIAL];
    // Whole words: a port may well have the digits of one.
    for word in named.iter().chain(&said) {
        assert!(!logged.contains(word), "`{word}` was logged: {logged}");
    }
    let services = house.home.json(&["service", "list", "team"]);
    let keys = house.home.json(&["key", "list", "team"]);
    for letter in letters {
        let all = letter.head.clone() + letter.text();
        let all = all.replace(CREDENTIAL, "");
        for word in [
            SECRET,
            EMAIL,
            "ada.lovelace",
            "hopper",
            "metadatum4711",
            "useragent4711",
            "cookie4711",
            "state4711",
            ASKED,
            ANSWERED,
            &house.key,
            &house.key[..12],
            "otlp-7Qm2xLr9ZpT4",
            "203.0.113.77",
            "team",
            services[0]["id"].as_str().unwrap(),
            keys[0]["id"].as_str().unwrap(),
        ] {
            assert!(!all.contains(word), "`{word}` was sent: {all}");
        }
    }
}

#[test]
fn a_receiver_that_is_not_well_slows_nobody() {
    let refuses = |_: &Letter, stream: &mut TcpStream| send(stream, 503, "");
    let hangs_up = |_: &Letter, _: &mut TcpStream| Ok(());
    let floods = |_: &Letter, stream: &mut TcpStream| loop {
        stream.write_all(&[b'a'; 1 << 16])?;
    };
    for (what, inbox, warns) in [
        ("refuses", Inbox::new(refuses), Some("status 503")),
        (
            "hangs up",
            Inbox::new(hangs_up),
            Some("traces could not be sent"),
        ),
        (
            "floods",
            Inbox::new(floods),
            Some("traces could not be sent"),
        ),
        ("is silent", Inbox::new(|_, stream| silence(stream)), None),
    ] {
        let house = House::with(inbox);
        for number in 0..20 {
            let start = Instant::now();
            let reply = house.ask(CHAT, &chat("m", "Hi"));
            assert_eq!(reply.status, 200, "{what}, {number}: {}", reply.body);
            assert!(start.elapsed() < Duration::from_secs(5), "{what}, {number}");
        }
        house.inbox.until(what, |letters| letters.first().map(drop));
        if let Some(words) = warns {
            house.server.logs(0, words);
        }
        assert_eq!(house.ask(CHAT, &chat("m", "Hi")).status, 200, "{what}");
    }
    let house = down();
    assert_eq!(house.ask(CHAT, &chat("m", "Hi")).status, 200);
    house.server.logs(0, "traces could not be sent");
    assert_eq!(house.ask(CHAT, &chat("m", "Hi")).status, 200);
    assert!(house.server.end().success());
}

/// A house whose receiver has gone.
fn down() -> House {
    let mut inbox = Inbox::new(ok);
    inbox.url = Inbox::nobody();
    House::with(inbox)
}

#[test]
fn a_silent_receiver_does_not_hold_up_the_end() {
    let house = House::with(Inbox::new(|_, stream| silence(stream)));
    assert_eq!(house.ask(CHAT, &chat("m", "Hi")).status, 200);
    house
        .inbox
        .until("a message", |letters| letters.first().map(drop));
    let start = Instant::now();
    assert!(house.server.end().success());
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn what_waits_is_sent_at_the_end() {
    let house = House::new();
    let asked: Vec<_> = (0..5)
        .map(|_| house.ask(CHAT, &chat("m", "Hi")).request().to_owned())
        .collect();
    let House {
        home,
        server,
        inbox,
        key: _key,
        provider: _provider,
    } = house;
    assert!(server.end().success());
    let all = spans(&inbox.letters());
    for one in &asked {
        let named = |span: &Span| span.text("casemate.request_id") == Some(one);
        assert_eq!(all.iter().filter(|span| named(span)).count(), 1, "{one}");
    }
    // The book has it as one access that lasted.
    let _server = home.up(&[]);
    let shown = home.json(&["ledger", "tail", "-n", "1000"]);
    let ended = shown
        .as_array()
        .unwrap()
        .iter()
        .find(|record| record["facts"]["note"] == "5 spans sent, 0 dropped");
    let facts = &ended.unwrap()["facts"];
    assert_eq!(
        (&facts["action"], &facts["ending"]),
        (&json!("system:read"), &json!("completed"))
    );
}

#[test]
fn a_request_that_ends_at_the_end_is_sent_too() {
    let house = House::new();
    let url = house.server.data_url();
    let mut stream = open_post(url, CHAT, &house.key, &streamed("drips")).unwrap();
    let mut some = [0; 64];
    stream.read_exact(&mut some).unwrap();
    let House {
        server,
        inbox,
        home: _home,
        key: _key,
        provider: _provider,
    } = house;
    assert!(server.end().success());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("[DONE]"), "{rest}");
    let all = spans(&inbox.letters());
    assert_eq!(all.len(), 1, "the span of the last request is lost");
}

#[test]
fn a_receiver_that_cannot_be_meant_is_refused() {
    let url = "http://127.0.0.1:9";
    for (text, said) in [
        (receiver("nowhere"), "nowhere"),
        (receiver("ftp://127.0.0.1:9"), "ftp://"),
        (receiver("http://me:secretword@127.0.0.1:9"), "127.0.0.1:9"),
        (receiver(url).replace("allow_private = true", ""), url),
        (
            receiver(url) + "credential = \"env:CASEMATE_TEST_NOT_SET\"\n",
            "CASEMATE_TEST_NOT_SET",
        ),
        (
            receiver(url) + "credential = \"file:/nonexistent\"\n",
            "/nonexistent",
        ),
        (
            receiver(url) + "credential = \"Bearer secretword\"\n",
            "no reference",
        ),
        (
            receiver(url) + "metrics = true\n",
            "unknown field `metrics`",
        ),
    ] {
        let home = Home::new();
        home.configure(&format!("{CONFIG}{text}"));
        let ran = home.fails_to_start().says(&[said]);
        assert!(ran.out.is_empty(), "{}", ran.out);
        let own = !text.contains("secretword@");
        assert!(!own || !ran.err.contains("secretword"), "{}", ran.err);
    }
}

#[test]
fn without_a_receiver_nothing_is_sent() {
    let provider = Provider::new(answer);
    let home = Home::new();
    home.configure(&format!("{CONFIG}{}", routes(&provider)));
    let server = home.up(&[]);
    let key = home.key(&[]);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let host = server.data_url().strip_prefix("http://").unwrap();
    let text = request("POST", host, CHAT, &key, &chat("m", "Hi").to_string());
    let text = text.replacen("\r\n\r\n", &format!("\r\ntraceparent: {parent}\r\n\r\n"), 1);
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().status, 200);
    let shown = home.json(&["ledger", "tail", "-n", "1000"]);
    assert!(!shown.to_string().contains("traces"), "{shown}");
    assert!(server.end().success());
}
