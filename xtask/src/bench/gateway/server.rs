// SPDX-License-Identifier: Apache-2.0
//! What mock and floor share: one thread, one listener, an end when the parent ends.

use std::convert::Infallible;
use std::io::Read;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Serves on 127.0.0.1 until standard input ends; the first line printed is the base URL.
pub(super) fn run<B, F, Fut>(port: u16, respond: F) -> Result<()>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .context("cannot listen")?;
        println!("http://{}", listener.local_addr()?);
        tokio::select! {
            () = accept(&listener, respond) => {}
            _ = end_of_input() => {}
        }
        Ok(())
    })
}

async fn accept<B, F, Fut>(listener: &TcpListener, respond: F)
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
{
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        // A socket without it is slower, not wrong.
        let _ = socket.set_nodelay(true);
        let service = service_fn(respond.clone());
        let mut http = hyper::server::conn::http1::Builder::new();
        let connection = http
            .pipeline_flush(true)
            .serve_connection(TokioIo::new(socket), service);
        tokio::spawn(async move {
            // The other side is ours: when it goes away in mid-answer, its run is over.
            let _ = connection.await;
        });
    }
}

/// Ends when the parent has ended, however it did, without costing anything until then.
async fn end_of_input() {
    let (sender, receiver) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = sender.send(());
    });
    let _ = receiver.await;
}

/// The whole body, or none when it breaks off or is larger than anything we send.
pub(super) async fn read_body(mut body: Incoming) -> Option<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        match first.is_empty() && rest.is_empty() {
            true => first = data,
            false => {
                if rest.is_empty() {
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&data);
            }
        }
        if rest.len() > LARGEST_BODY {
            return None;
        }
    }
    Some(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

const LARGEST_BODY: usize = 1 << 20;
