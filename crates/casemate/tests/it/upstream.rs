// SPDX-License-Identifier: Apache-2.0
//! A model's server that keeps what it received and answers when the test says so.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

use serde_json::{Value, json};

use crate::harness::{CONFIG, PATIENCE};

/// The server; its threads end with the process.
pub(crate) struct Upstream {
    shared: Arc<Shared>,
    url: String,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    received: Vec<Value>,
    /// Requests beyond this many wait, plain ones before their answer, streams after one frame.
    answered: usize,
}

impl Upstream {
    /// A server that answers the first `answered` requests.
    pub(crate) fn new(answered: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        shared.state.lock().unwrap().answered = answered;
        let threads = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = threads.clone();
                // A client that is killed breaks its connections; that is no news here.
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { shared, url }
    }

    /// A configuration that sends `load-*` here, a hundred millionths an answer.
    pub(crate) fn config(&self) -> String {
        format!(
            "{CONFIG}\n[[gateway.upstream]]\nname = \"there\"\nkind = \"openai\"\nurl = \"{}\"\n\
             locality = \"external\"\nallow_private = true\n\n[[gateway.route]]\n\
             model = \"load-*\"\nupstream = \"there\"\n\
             output_micros_per_million = 1000000\n",
            self.url
        )
    }

    /// Answers so many requests in all.
    pub(crate) fn answer(&self, answered: usize) {
        self.shared.state.lock().unwrap().answered = answered;
        self.shared.changed.notify_all();
    }

    /// Bodies received so far.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.shared.state.lock().unwrap().received.clone()
    }

    /// Waits until so many have been received.
    #[track_caller]
    pub(crate) fn has_received(&self, count: usize) {
        let state = self.shared.state.lock().unwrap();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.received.len() < count)
            .unwrap();
        assert!(
            state.received.len() >= count,
            "{} of {count}",
            state.received.len()
        );
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let stream_wanted = body["stream"] == json!(true);
        let number = {
            let mut state = self.state.lock().unwrap();
            state.received.push(body);
            self.changed.notify_all();
            state.received.len()
        };
        if stream_wanted {
            self.stream(stream, number)
        } else {
            self.plain(stream, number)
        }
    }

    fn wait(&self, number: usize) {
        let state = self.state.lock().unwrap();
        let waits = |state: &mut State| state.answered < number;
        drop(self.changed.wait_while(state, waits).unwrap());
    }

    fn plain(&self, mut stream: TcpStream, number: usize) -> std::io::Result<()> {
        self.wait(number);
        let message = json!({"role": "assistant", "content": "well"});
        let answer = json!({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110},
        })
        .to_string();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{answer}",
            answer.len()
        )
    }

    fn stream(&self, mut stream: TcpStream, number: usize) -> std::io::Result<()> {
        let chunk = |text: &str, reason: Value| {
            let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": reason});
            let chunk = json!({
                "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [choice],
            });
            format!("data: {chunk}\n\n")
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{}",
            chunk("The first sentence is here. ", Value::Null)
        )?;
        stream.flush()?;
        self.wait(number);
        write!(
            stream,
            "{}data: [DONE]\n\n",
            chunk("The last one too.", json!("stop"))
        )
    }
}
