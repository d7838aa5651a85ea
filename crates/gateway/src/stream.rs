// SPDX-License-Identifier: Apache-2.0
//! Streamed answers: every text goes through a guard of its own, every event is rebuilt by splices,
//! and the last event waits for the outcome record.

mod others;
mod text;

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use casemate_http::HttpError;
use casemate_inspect::{GuardProfile, Surrogates};
use casemate_types::{
    Finding, GuardAction, Problem, ProblemCode, Usage,
    event::{Ending, Sighting},
    json::escape_body_into,
};
use http_body::Frame as BodyFrame;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    Gateway,
    answer::{Account, withheld},
    dialect::{Dialect, Event, Lane, error_event, has_tokens, make_event, parse_event, tokens},
    guard::{LEAK, add_sighting, unmarked},
    json::Tape,
    splice::Splices,
    sse::{Frame, Frames},
    steps::Inspected,
    stream::text::Guards,
};

/// Bytes of text that a token has at most, on average over an answer. An answer with more of them
/// than its reservation allows is cut; one below may still turn out dearer when it is settled.
const BYTES_PER_TOKEN_MOST: u64 = 8;
/// Bytes of text that a token has usually, for answers whose upstream does not count.
const BYTES_PER_TOKEN: u64 = 4;
/// Texts at the same time, and texts that ended.
const MAX_LANES: usize = 4096;
/// What is said about more.
const TOO_MANY: &str = "the upstream's answer has too many texts";
/// Bytes of events that are no text of the answer: so many anyway, and so many for each token that was
/// reserved. Nothing of them is held, but all of them are looked at.
const BESIDE: u64 = 16 << 20;
const BESIDE_PER_TOKEN: u64 = 2048;

/// What a stream is made of.
pub(crate) struct StreamParts {
    pub(crate) gateway: Gateway,
    /// Longest time between two parts.
    pub(crate) idle: Duration,
    /// When the answer must have ended.
    pub(crate) deadline: Instant,
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
    guards: Guards,
    /// Choices and blocks that have ended.
    ended: HashSet<u64>,
    /// Ends of texts that no rule knows, by choice or block and hash of the name.
    trails: HashMap<(u64, u64), String>,
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
    /// Bytes of events beside those.
    beside: u64,
    findings: Vec<Sighting>,
}

/// How a stream ends before its time.
enum Halt {
    Blocked(String),
    Budget,
    Broken(&'static str),
    Slow,
}

impl GuardedStream {
    pub(crate) fn new(parts: StreamParts) -> Self {
        let now = Instant::now();
        let (idle, deadline) = (parts.idle, parts.deadline);
        Self {
            dialect: parts.inspected.endpoint().dialect(),
            gateway: parts.gateway,
            inspected: parts.inspected,
            surrogates: parts.surrogates,
            hide_usage: parts.hide_usage,
            upstream: parts.upstream,
            frames: Frames::default(),
            guards: Guards::default(),
            ended: HashSet::new(),
            trails: HashMap::new(),
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
            self.settle(Ending::Completed, "");
            self.out.extend_from_slice(b"data: [DONE]\n\n");
            self.done = true;
            return Ok(());
        }
        let stuck = || Halt::Broken("an event could not be made safe");
        let data = unmarked(&self.surrogates, data).ok_or_else(stuck)?;
        let tape = Tape::parse(&data)
            .map_err(|_| Halt::Broken("the upstream sent an event that is not valid JSON"))?;
        let event = parse_event(self.dialect, &tape);
        if event.failed {
            return Err(Halt::Broken(
                "the upstream reported an error in the middle of its answer",
            ));
        }
        if let Some(what) = tokens(tape.root()) {
            return Err(Halt::Blocked(has_tokens(what).detail));
        }
        self.count(&event, data.len() + frame.name().map_or(0, str::len))?;
        let mut splices = Splices::default();
        self.check_others(&event, frame.name(), &mut splices)?;
        self.guard_pieces(&event, &mut splices)?;
        for index in &event.ends {
            self.end(*index)?;
        }
        if event.last {
            self.flush(None)?;
            // The answer is whole: its outcome is recorded before its last event goes out.
            self.settle(Ending::Completed, "");
            self.done = true;
        }
        if !(event.only_usage && self.hide_usage) {
            let edited = splices.apply(&data).ok_or_else(stuck)?;
            self.write_event(frame.name(), &edited);
        }
        drop(event);
        drop(tape);
        self.last_data = data;
        Ok(())
    }

    /// An event with nothing but its name and data: comments and fields that clients of these wire
    /// formats have no use for are left out, for nobody looked at them.
    fn write_event(&mut self, name: Option<&str>, data: &Bytes) {
        if let Some(name) = name {
            self.out.extend_from_slice(b"event: ");
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"\n");
        }
        self.out.extend_from_slice(b"data: ");
        // Data of several lines was put together with line feeds, which JSON does not need.
        for part in data.split(|byte| *byte == b'\n') {
            self.out.extend_from_slice(part);
        }
        self.out.extend_from_slice(b"\n\n");
    }

    /// Ends a choice or block.
    fn end(&mut self, index: u64) -> Result<(), Halt> {
        if self.ended.contains(&index) {
            return Ok(());
        }
        self.flush(Some(index))?;
        if self.guards.len() + self.ended.len() >= MAX_LANES {
            return Err(Halt::Broken(TOO_MANY));
        }
        self.ended.insert(index);
        Ok(())
    }

    /// Counts an event of `size` bytes.
    fn count(&mut self, event: &Event<'_, '_>, size: usize) -> Result<(), Halt> {
        self.tally.input = event.input_tokens.or(self.tally.input);
        self.tally.output = event.output_tokens.or(self.tally.output);
        let bytes: usize = event
            .pieces
            .iter()
            .map(|(_, piece)| piece.inside().len())
            .sum();
        self.tally.bytes += bytes as u64;
        let allowed = self.inspected.demand.output;
        self.tally.beside += size.saturating_sub(bytes) as u64;
        if self.tally.beside > BESIDE.saturating_add(allowed.saturating_mul(BESIDE_PER_TOKEN)) {
            return Err(Halt::Broken("the upstream sent too much beside its answer"));
        }
        let over = self.tally.bytes > allowed.saturating_mul(BYTES_PER_TOKEN_MOST)
            || self.tally.output.is_some_and(|output| output > allowed);
        // What the provider counts in its last event was produced already; it is settled, not cut.
        if over && !event.pieces.is_empty() {
            Err(Halt::Budget)
        } else {
            Ok(())
        }
    }

    /// Sends each piece through the guard of its text and replaces it by what may go out.
    fn guard_pieces(&mut self, event: &Event<'_, '_>, splices: &mut Splices) -> Result<(), Halt> {
        let active = self.inspected.route().active().clone();
        let last = last_pieces(event);
        for (at, (lane, value)) in event.pieces.iter().enumerate() {
            let Some(text) = value.text() else { continue };
            if self.ended.contains(&lane.index) {
                if text.is_empty() {
                    continue;
                }
                return Err(Halt::Broken("the upstream went on after an end"));
            }
            if !self.guards.has(*lane) && self.guards.len() + self.ended.len() >= MAX_LANES {
                return Err(Halt::Broken(TOO_MANY));
            }
            let (inspector, profile) = (&active.inspector, &active.config.guard);
            let guarded = self.guards.of(*lane);
            let guard = &mut guarded.guard;
            let mut piece = guard.push(inspector, profile, &self.surrogates, &text);
            // With the event that ends a text goes out all of it, in its place.
            let is_last = last.get(lane).is_none_or(|last| *last == at);
            let ends = is_last && is_ending(event, *lane);
            if ends && !piece.cut {
                let rest = guard.finish(inspector, profile, &self.surrogates);
                piece.text.push_str(&rest.text);
                piece.findings.extend(rest.findings);
                piece.cut = rest.cut;
            }
            let instructions = self.inspected.demand.instructions.as_ref();
            let quotes = guarded.quotes(instructions, &piece.text, ends);
            let arrived = (text.as_ref(), ends);
            let late = guarded.look_back(inspector, profile, &self.surrogates, arrived);
            if ends && !piece.cut {
                self.guards.end(*lane);
            }
            for (finding, action) in &piece.findings {
                self.saw(finding, *action);
            }
            if quotes {
                self.leaks(profile)?;
            }
            self.found_late(&late)?;
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
        Ok(())
    }

    /// Gives out what guards of ended texts still hold, as events of their own.
    fn flush(&mut self, index: Option<u64>) -> Result<(), Halt> {
        let active = self.inspected.route().active().clone();
        for mut guarded in self.guards.take(index) {
            let (inspector, profile) = (&active.inspector, &active.config.guard);
            let piece = guarded.guard.finish(inspector, profile, &self.surrogates);
            for (finding, action) in &piece.findings {
                self.saw(finding, *action);
            }
            let late = guarded.look_back(inspector, profile, &self.surrogates, ("", true));
            let instructions = self.inspected.demand.instructions.as_ref();
            if guarded.quotes(instructions, &piece.text, true) {
                self.leaks(profile)?;
            }
            self.found_late(&late)?;
            let event = make_event_if(self.dialect, guarded.lane, &piece.text, &self.last_data);
            self.out.extend_from_slice(&event);
            if piece.cut {
                let class = piece
                    .findings
                    .last()
                    .map(|(finding, _)| finding.kind.class());
                return Err(Halt::Blocked(withheld(class.as_slice())));
            }
        }
        Ok(())
    }

    /// What was found behind what was given out.
    fn found_late(&mut self, found: &[(Finding, GuardAction)]) -> Result<(), Halt> {
        for (finding, action) in found {
            self.saw(finding, *action);
        }
        let stop = found.iter().find(|(_, action)| *action > GuardAction::Flag);
        match stop {
            Some((finding, _)) => Err(Halt::Blocked(withheld(&[finding.kind.class()]))),
            None => Ok(()),
        }
    }

    /// The instructions were said back: nothing that was given out can be taken back, so anything
    /// stricter than a record ends the stream.
    fn leaks(&mut self, profile: &GuardProfile) -> Result<(), Halt> {
        let action = profile.output_action(&LEAK);
        self.saw(&LEAK, action);
        match action > GuardAction::Flag {
            true => Err(Halt::Blocked(withheld(&[LEAK.kind.class()]))),
            false => Ok(()),
        }
    }

    fn saw(&mut self, finding: &Finding, action: GuardAction) {
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

    fn halt(&mut self, halt: Halt) {
        let (ending, problem) = match halt {
            Halt::Blocked(text) => (Ending::Cut, Problem::new(ProblemCode::GuardBlocked, text)),
            Halt::Budget => {
                let text = "the answer used up what was reserved for it and was cut";
                let problem = Problem::new(ProblemCode::BudgetSpent, text);
                (Ending::Cut, problem.hint("ask with a higher `max_tokens`"))
            }
            Halt::Broken(text) => (Ending::Failed, Problem::new(ProblemCode::Upstream, text)),
            Halt::Slow => {
                let text = "the upstream stopped in the middle of its answer";
                let problem = Problem::new(ProblemCode::UpstreamTimeout, text);
                (Ending::Failed, problem)
            }
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
        let usage = self.usage(ending);
        self.gateway
            .inner()
            .metrics
            .tokens(usage.input, usage.output);
        let findings = std::mem::take(&mut self.tally.findings);
        account.settle(ending, self.inspected.route(), usage, findings, note);
    }

    /// Tokens as reported, or as estimated from what was produced until now.
    fn usage(&self, ending: Ending) -> Usage {
        let estimate = self.tally.bytes.div_ceil(BYTES_PER_TOKEN);
        let reported = self.tally.output.is_some() && self.tally.input.is_some();
        // What a provider counts on the way may be behind what it has sent.
        let complete = reported && ending == Ending::Completed;
        let output = match self.tally.output {
            Some(output) if complete => output,
            Some(output) => output.max(estimate),
            None => estimate,
        };
        Usage {
            input: self.tally.input.unwrap_or(self.inspected.demand.input),
            output,
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

/// Whether a text ends with an event.
fn is_ending(event: &Event<'_, '_>, lane: Lane) -> bool {
    event.last || event.ends.contains(&lane.index)
}

/// Which piece of an event is the last one of each text that ends; nothing where there is one piece.
fn last_pieces(event: &Event<'_, '_>) -> HashMap<Lane, usize> {
    if event.pieces.len() < 2 {
        return HashMap::new();
    }
    let pieces = event.pieces.iter().enumerate();
    let ending = pieces.filter(|(_, (lane, _))| is_ending(event, *lane));
    ending.map(|(at, (lane, _))| (*lane, at)).collect()
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
                    // Some servers leave out the blank line behind the last event.
                    if let Some(frame) = this.frames.rest()
                        && let Err(halt) = this.frame(&frame)
                    {
                        this.halt(halt);
                    }
                    if this.done {
                        continue;
                    }
                    this.halt(Halt::Broken("the upstream ended its answer too early"));
                }
                Poll::Pending => {
                    if this.timed_out(cx) {
                        this.halt(Halt::Slow);
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
