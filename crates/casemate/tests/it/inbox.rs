// SPDX-License-Identifier: Apache-2.0
//! A server that keeps every byte it is sent, and answers as a function of the test says.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use tokio::net::TcpSocket;

use crate::harness::PATIENCE;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Letter {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

#[derive(Default)]
struct Shared {
    letters: Mutex<Vec<Letter>>,
    grown: Condvar,
}

/// The server; its threads end with the process or with their connection.
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    pub(crate) url: String,
}

impl Inbox {
    /// Each connection carries one request and ends when `answer` returns.
    pub(crate) fn new<A>(answer: A) -> Self
    where
        A: Fn(&Letter, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (shared, answer) = (Arc::new(Shared::default()), Arc::new(answer));
        let kept = shared.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || {
                    // Connections that the other side ends are no news here.
                    let Ok(letter) = receive(&stream) else { return };
                    kept.letters.lock().unwrap().push(letter.clone());
                    kept.grown.notify_all();
                    let _ = answer(&letter, &mut stream);
                });
            }
        });
        Self { shared, url }
    }

    /// An address at which nobody listens.
    pub(crate) fn nobody() -> String {
        format!("http://{}", taken_and_silent())
    }

    /// Everything that came so far.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.shared.letters.lock().unwrap().clone()
    }

    /// Waits until what came is enough.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, look: impl FnMut(&[Letter]) -> Option<T>) -> T {
        let found = self.within(PATIENCE, look);
        found.unwrap_or_else(|| panic!("{what} does not come: {:#?}", self.letters()))
    }

    /// The same with a time of its own; nothing when that is over.
    pub(crate) fn within<T>(
        &self,
        time: Duration,
        mut look: impl FnMut(&[Letter]) -> Option<T>,
    ) -> Option<T> {
        let mut found = None;
        let letters = self.shared.letters.lock().unwrap();
        let waits = |letters: &mut Vec<Letter>| {
            found = look(letters);
            found.is_none()
        };
        let waited = self.shared.grown.wait_timeout_while(letters, time, waits);
        drop(waited.unwrap());
        found
    }
}

fn receive(stream: &TcpStream) -> std::io::Result<Letter> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if head[start..].trim().is_empty() {
            break;
        }
    }
    let mut letter = Letter {
        head,
        body: Vec::new(),
    };
    let length = letter.header("content-length").map(str::parse);
    letter.body = vec![0; length.map_or(0, Result::unwrap)];
    reader.read_exact(&mut letter.body)?;
    Ok(letter)
}

/// An address of this machine that is taken and at which nobody listens, until the process ends. One
/// that was given back would be the next listener's, perhaps that of another test.
pub(crate) fn taken_and_silent() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}
