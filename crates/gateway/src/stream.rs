// SPDX-License-Identifier: Apache-2.0
//! Streamed answers: every text goes through a guard of its own, every event is rebuilt by splices,
//! and the last event waits for the outcome record.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use casemate_http::{HttpError, Timeouts};
use casemate_inspect::{Escape, StreamGuard, Surrogates};
use casemate_types::{
    Channel, GuardAction, Problem, ProblemCode, Usage,
    event::{Ending, Sighting},
    json::escape_body_into,
};
use http_body::Frame as BodyFrame;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    Gateway,
    answer::{Account, withheld},
    dialect::{Dialect, Event, Lane, error_event, make_event, parse_event},
    guard::add_sighting,
    json::Tape,
    splice::Splices,
    sse::{Frame, Frames},
    steps::Inspected,
};

/// Bytes of text that a token has at most, on average over an answer. An answer with more of them
/// than its reservation allows is cut; one below may still turn out dearer when it is settled.
const BYTES_PER_TOKEN_MOST: u64 = 8;
/// Bytes of text that a token has usually, for answers whose upstream does not count.
const BYTES_PER_TOKEN: u64 = 4;
/// Control words (ids, names, kinds) remembered as harmless.
const REMEMBERED: usize = 24;

/// What a stream is made of.
pub(crate) struct StreamParts {
    pub(crate) gateway: Gateway,
    pub(crate) timeouts: Timeouts,
    pub(crate) inspected: Inspected,
    pub(crate) account: Account,
    pub(crate) surrogates: Surrogates,
    pub(crate) hide_usage: bool,
    pub(crate) upstream: Incoming,
}

/// A streamed answer on its way to the caller.
pub(crate) struct GuardedStream {
    gateway: Gateway,
    inspected: Inspected,
    surrogates: Surrogates,
    hide_usage: bool,
    dialect: Dialect,
    upstream: Incoming,
    frames: Frames,
    guards: Vec<(Lane, StreamGuard)>,
    harmless: Vec<String>,
    /// Data of the last event, for events made from scratch.
    last_data: Bytes,
    tally: Tally,
    account: Option<Account>,
    out: BytesMut,
    done: bool,
    timer: Pin<Box<Sleep>>,
    idle: Duration,
    deadline: Instant,
    active_at: Instant,
}

#[derive(Default)]
struct Tally {
    input: Option<u64>,
    output: Option<u64>,
    bytes: u64,
    findings: Vec<Sighting>,
}

/// How a stream ends before its time.
enum Halt {
    Blocked(String),
    Budget,
    Broken(&'static str),
}

impl GuardedStream {
    pub(crate) fn new(parts: StreamParts) -> Self {
        let now = Instant::now();
        let deadline = now + parts.timeouts.total;
        let idle = parts.timeouts.idle;
        Self {
            dialect: parts.inspected.endpoint().dialect(),
            gateway: parts.gateway,
            inspected: parts.inspected,
            surrogates: parts.surrogates,
            hide_usage: parts.hide_usage,
            upstream: parts.upstream,
            frames: Frames::default(),
            guards: Vec::new(),
            harmless: Vec::new(),
            last_data: Bytes::new(),
            tally: Tally::default(),
            account: Some(parts.account),
            out: BytesMut::new(),
            done: false,
            timer: Box::pin(sleep_until((now + idle).min(deadline))),
            idle,
            deadline,
            active_at: now,
        }
    }

    /// Takes bytes of the upstream; what may go out is in `self.out` afterwards.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        self.frames.push(bytes);
        while !self.done {
            match self.frames.next() {
                Ok(Some(frame)) => self.frame(&frame)?,
                Ok(None) => break,
                Err(_) => return Err(Halt::Broken("the upstream sent an event that is too large")),
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), Halt> {
        let Some(data) = frame.payload() else {
            return Ok(());
        };
        if data.as_ref() == b"[DONE]" {
            self.flush(None)?;
            self.complete(&frame.bytes);
            return Ok(());
        }
        let tape = Tape::parse(&data)
            .map_err(|_| Halt::Broken("the upstream sent an event that is not valid JSON"))?;
        let event = parse_event(self.dialect, &tape);
        if event.failed {
            return Err(Halt::Broken(
                "the upstream reported an error in the middle of its answer",
            ));
        }
        self.count(&event)?;
        self.check_others(&event)?;
        let splices = self.guard_pieces(&event)?;
        for index in &event.ends {
            self.flush(Some(*index))?;
        }
        if event.last {
            self.flush(None)?;
        }
        if !(event.only_usage && self.hide_usage) {
            let range = frame.data.clone();
            match (splices.is_empty(), range) {
                (true, _) if event.last => self.complete(&frame.bytes),
                (true, _) => self.out.extend_from_slice(&frame.bytes),
                (false, range) => {
                    let stuck = || Halt::Broken("an event could not be made safe");
                    let edited = splices.apply(&data).ok_or_else(stuck)?;
                    self.write_event(&frame.bytes, range, &edited);
                }
            }
        }
        drop(event);
        drop(tape);
        self.last_data = data;
        Ok(())
    }

    /// An event with other data; its other lines stay.
    fn write_event(&mut self, frame: &Bytes, range: Option<std::ops::Range<usize>>, data: &Bytes) {
        match range {
            Some(range) => {
                self.out.extend_from_slice(&frame[..range.start]);
                self.out.extend_from_slice(data);
                self.out.extend_from_slice(&frame[range.end..]);
            }
            None => {
                self.out.extend_from_slice(b"data: ");
                // Data of several lines was put together with line feeds, which JSON does not need.
                self.out.extend(data.iter().filter(|byte| **byte != b'\n'));
                self.out.extend_from_slice(b"\n\n");
            }
        }
    }

    fn count(&mut self, event: &Event<'_, '_>) -> Result<(), Halt> {
        self.tally.input = event.input_tokens.or(self.tally.input);
        self.tally.output = event.output_tokens.or(self.tally.output);
        let bytes: usize = event
            .pieces
            .iter()
            .map(|(_, piece)| piece.inside().len())
            .sum();
        self.tally.bytes += bytes as u64;
        let allowed = self.inspected.demand.output;
        let over = self.tally.bytes > allowed.saturating_mul(BYTES_PER_TOKEN_MOST)
            || self.tally.output.is_some_and(|output| output > allowed);
        // What the provider counts in its last event was produced already; it is settled, not cut.
        if over && !event.pieces.is_empty() {
            Err(Halt::Budget)
        } else {
            Ok(())
        }
    }

    /// Texts that are no part of the answer proper: nothing in them is edited, so anything that
    /// would have to be ends the stream.
    fn check_others(&mut self, event: &Event<'_, '_>) -> Result<(), Halt> {
        for value in &event.others {
            let Some(text) = value.text() else { continue };
            if text.len() < 8 || self.harmless.iter().any(|known| *known == text) {
                continue;
            }
            let active = self.inspected.route().active().clone();
            for finding in active.inspector.inspect_exact(&text) {
                let action = active.config.guard.action(
                    &finding,
                    casemate_types::Direction::Output,
                    casemate_types::Trust::Untrusted,
                );
                self.saw(&finding, action);
                if action > GuardAction::Flag {
                    return Err(Halt::Blocked(withheld(&[finding.kind.class()])));
                }
            }
            if self.harmless.len() < REMEMBERED && text.len() <= 64 {
                self.harmless.push(text.into_owned());
            }
        }
        Ok(())
    }

    /// Sends each piece through the guard of its text and replaces it by what may go out.
    fn guard_pieces(&mut self, event: &Event<'_, '_>) -> Result<Splices, Halt> {
        let mut splices = Splices::default();
        let active = self.inspected.route().active().clone();
        for (lane, value) in &event.pieces {
            let Some(text) = value.text() else { continue };
            let guard = guard_of(&mut self.guards, *lane);
            let piece = guard.push(
                &active.inspector,
                &active.config.guard,
                &self.surrogates,
                &text,
            );
            for (finding, action) in &piece.findings {
                self.saw(finding, *action);
            }
            if piece.cut {
                let class = piece
                    .findings
                    .last()
                    .map(|(finding, _)| finding.kind.class());
                // What was found safe before the cut still goes out.
                self.out.extend_from_slice(&make_event_if(
                    self.dialect,
                    *lane,
                    &piece.text,
                    &self.last_data,
                ));
                return Err(Halt::Blocked(withheld(class.as_slice())));
            }
            if piece.text != text {
                let mut inside = Vec::with_capacity(piece.text.len() + 8);
                escape_body_into(&mut inside, &piece.text);
                splices.replace(value.inside(), inside);
            }
        }
        Ok(splices)
    }

    /// Gives out what guards of ended texts still hold, as events of their own.
    fn flush(&mut self, index: Option<u64>) -> Result<(), Halt> {
        let active = self.inspected.route().active().clone();
        let mut guards = std::mem::take(&mut self.guards);
        let mut halt = None;
        guards.retain_mut(|(lane, guard)| {
            if index.is_some_and(|index| index != lane.index) || halt.is_some() {
                return true;
            }
            let piece = guard.finish(&active.inspector, &active.config.guard, &self.surrogates);
            for (finding, action) in &piece.findings {
                self.saw(finding, *action);
            }
            let event = make_event_if(self.dialect, *lane, &piece.text, &self.last_data);
            self.out.extend_from_slice(&event);
            if piece.cut {
                let class = piece
                    .findings
                    .last()
                    .map(|(finding, _)| finding.kind.class());
                halt = Some(Halt::Blocked(withheld(class.as_slice())));
            }
            false
        });
        self.guards = guards;
        halt.map_or(Ok(()), Err)
    }

    fn saw(&mut self, finding: &casemate_types::Finding, action: GuardAction) {
        if action == GuardAction::Allow {
            return;
        }
        self.gateway
            .inner()
            .metrics
            .finding(finding.kind, action, 1);
        let all = &mut self.tally.findings;
        add_sighting(
            all,
            finding.kind,
            action,
            finding.rule,
            finding.score,
            "answer",
        );
    }

    /// The answer is whole: its outcome is recorded before its last event goes out.
    fn complete(&mut self, last: &[u8]) {
        self.settle(Ending::Completed, "");
        self.out.extend_from_slice(last);
        self.done = true;
    }

    fn halt(&mut self, halt: Halt) {
        let (ending, problem) = match halt {
            Halt::Blocked(text) => (Ending::Cut, Problem::new(ProblemCode::GuardBlocked, text)),
            Halt::Budget => {
                let text = "the answer used up what was reserved for it and was cut";
                let problem = Problem::new(ProblemCode::BudgetSpent, text);
                (Ending::Cut, problem.hint("ask with a higher `max_tokens`"))
            }
            Halt::Broken(text) => (Ending::Failed, Problem::new(ProblemCode::Upstream, text)),
        };
        let mut problem = problem;
        problem.request_id = Some(self.inspected.record());
        self.settle(ending, &problem.detail);
        self.out
            .extend_from_slice(&error_event(self.dialect, &problem));
        self.done = true;
    }

    fn settle(&mut self, ending: Ending, note: &str) {
        let Some(account) = self.account.take() else {
            return;
        };
        let usage = self.usage();
        self.gateway
            .inner()
            .metrics
            .tokens(usage.input, usage.output);
        let findings = std::mem::take(&mut self.tally.findings);
        account.settle(ending, self.inspected.route(), usage, findings, note);
    }

    /// Tokens as reported, or as estimated from what was produced until now.
    fn usage(&self) -> Usage {
        let estimate = self.tally.bytes.div_ceil(BYTES_PER_TOKEN);
        let complete = self.tally.output.is_some() && self.tally.input.is_some();
        Usage {
            input: self.tally.input.unwrap_or(self.inspected.demand.input),
            // A provider that counts as it goes may be behind what it has sent.
            output: self.tally.output.map_or(estimate, |output| {
                if self.done || complete {
                    output.max(1)
                } else {
                    output.max(estimate)
                }
            }),
            estimated: !complete,
        }
    }

    /// Waits until the decision of an overlapped access is durable.
    fn poll_decision(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &mut self.account {
            Some(account) => account
                .receipt
                .poll_durable(cx)
                .map(|result| result.is_ok()),
            None => Poll::Ready(true),
        }
    }

    fn timed_out(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let due = (self.active_at + self.idle).min(self.deadline);
            if Instant::now() >= due {
                return true;
            }
            self.timer.as_mut().reset(due);
        }
        false
    }
}

fn guard_of(guards: &mut Vec<(Lane, StreamGuard)>, lane: Lane) -> &mut StreamGuard {
    let at = guards.iter().position(|(known, _)| *known == lane);
    let at = at.unwrap_or_else(|| {
        let escape = match lane.channel {
            Channel::ToolArguments => Escape::Json,
            _ => Escape::None,
        };
        guards.push((lane, StreamGuard::new(escape)));
        guards.len() - 1
    });
    &mut guards[at].1
}

fn make_event_if(dialect: Dialect, lane: Lane, text: &str, like: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        Vec::new()
    } else {
        make_event(dialect, lane, text, like)
    }
}

impl http_body::Body for GuardedStream {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, HttpError>>> {
        let this = &mut *self;
        loop {
            if !this.out.is_empty() {
                let out = this.out.split().freeze();
                return Poll::Ready(Some(Ok(BodyFrame::data(out))));
            }
            if this.done {
                return Poll::Ready(None);
            }
            if !ready!(this.poll_decision(cx)) {
                this.halt(Halt::Broken("the access could not be recorded"));
                continue;
            }
            match Pin::new(&mut this.upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.active_at = Instant::now();
                    let Ok(bytes) = frame.into_data() else {
                        continue;
                    };
                    if let Err(halt) = this.take(&bytes) {
                        this.halt(halt);
                    }
                }
                Poll::Ready(Some(Err(_))) => {
                    this.halt(Halt::Broken("the connection to the upstream broke off"));
                }
                Poll::Ready(None) => {
                    this.halt(Halt::Broken("the upstream ended its answer too early"));
                }
                Poll::Pending => {
                    if this.timed_out(cx) {
                        this.halt(Halt::Broken(
                            "the upstream stopped in the middle of its answer",
                        ));
                        continue;
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Drop for GuardedStream {
    fn drop(&mut self) {
        // The caller went away: what was produced until now is charged.
        self.settle(Ending::Aborted, "the caller closed the connection");
    }
}
