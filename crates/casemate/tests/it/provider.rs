// SPDX-License-Identifier: Apache-2.0
//! A provider that keeps heads and bodies, and answers as a function of the test says.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    /// Header lines with their names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn model(&self) -> &str {
        self.body["model"].as_str().unwrap()
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.body["stream"] == json!(true)
    }

    /// Whether it came in Anthropic's wire format.
    pub(crate) fn is_anthropic(&self) -> bool {
        self.path == "/v1/messages"
    }
}

/// The provider; its threads end with the process or with their connection.
pub(crate) struct Provider {
    seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) url: String,
}

impl Provider {
    /// Each connection carries one request and ends when `answer` returns.
    pub(crate) fn new<A>(answer: A) -> Self
    where
        A: Fn(&Seen, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let kept = seen.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || {
                    // Connections that the other side ends are no news here.
                    let Ok(seen) = receive(&stream) else { return };
                    kept.lock().unwrap().push(seen.clone());
                    let _ = answer(&seen, &mut stream);
                });
            }
        });
        Self { seen, url }
    }

    /// Requests since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn receive(stream: &TcpStream) -> std::io::Result<Seen> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<_> = lines[1..]
        .iter()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body)?;
    Ok(Seen {
        path,
        headers,
        body: serde_json::from_slice(&body).unwrap(),
    })
}

/// A whole answer of ten prompt tokens and two completion tokens.
pub(crate) fn well(seen: &Seen) -> String {
    if seen.is_anthropic() {
        return json!({
            "id": "x", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": "well"}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 10, "output_tokens": 2},
        })
        .to_string();
    }
    json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "well"},
        }],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    })
    .to_string()
}

/// Sends an answer with its length.
pub(crate) fn send(stream: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Says nothing more until the other side ends the connection.
pub(crate) fn silence(stream: &mut TcpStream) -> std::io::Result<()> {
    drip(stream, b"", Duration::ZERO, usize::MAX)
}

/// Sends `drop` again and again, up to `times`, with `pace` between, until the other side ends the
/// connection.
pub(crate) fn drip(
    stream: &mut TcpStream,
    drop: &[u8],
    pace: Duration,
    times: usize,
) -> std::io::Result<()> {
    let pace = (!pace.is_zero()).then_some(pace);
    stream.set_read_timeout(pace)?;
    for _ in 0..times {
        stream.write_all(drop)?;
        // The pace is the time that the other side has to hang up.
        match stream.read(&mut [0; 64]) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
