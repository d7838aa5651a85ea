// SPDX-License-Identifier: Apache-2.0
//! From what was inspected to what may go: the door, its obligations, and the reservation.

use casemate_access::{Decided, Door, Grant, Timing};
use casemate_inspect::Surrogates;
use casemate_quota::{Refusal, Reservation};
use casemate_types::{
    AccessContext, Booking, Locality, Obligation, RecordId, actions::ModelInvoke,
};

use super::{Inspected, Permitted, Stop, model_resource, tokens_at_least};
use crate::{
    datamark::datamark,
    dialect::StreamUsage,
    gateway::{Inner, ProjectKeys},
    splice::Splices,
    upstream::Upstream,
};

impl Inspected {
    /// Asks the door about one upstream, reserves, and commits both in one record. `unverified` says
    /// why it may not be asked, if so.
    pub(crate) async fn permit(
        &mut self,
        inner: &Inner,
        upstream: &Upstream,
        attempt: u32,
        unverified: Option<&str>,
    ) -> Result<Permitted, Stop> {
        let door = &inner.parts.door;
        let record = if attempt == 0 {
            self.read.record
        } else {
            door.new_record()
        };
        let mut decided = self.ask(door, inner, upstream, record);
        if let Some(why) = unverified {
            decided = decided.deny("route.unverified", why);
        }
        if !self.inspection.blocked().is_empty() {
            // The base policies say so too; a set that forgets it must not open the door.
            decided = decided.deny("guard.blocked", "a guard found content that may not pass");
        }
        let obligations = decided.verdict().obligations.clone();
        self.inspection.oblige(&obligations);
        decided.describe(|facts| facts.findings = self.inspection.sightings());
        let project = self.read.guest.caller.principal.project;
        let keys = inner
            .project_keys(project)
            .map_err(|error| Stop::Access(error.into()))?;
        let mut surrogates = Surrogates::default();
        let mut splices = Splices::default();
        let marks = obligations.contains(&Obligation::Datamark);
        let edited = match decided.is_allowed() {
            true => self.edit(
                &keys,
                marks.then_some(record),
                &mut surrogates,
                &mut splices,
            ),
            false => Some(()),
        };
        let hide_usage = self.adapt(upstream, &mut splices);
        let body = edited.and_then(|()| splices.apply(&self.read.body));
        if marks && let Some(body) = &body {
            // Marks are longer than blanks, and what explains them is text too.
            self.demand.input = self.demand.input.max(tokens_at_least(body));
        }
        if body.is_none() {
            decided = decided.deny(
                "guard.stuck",
                "a finding stands where it cannot be replaced",
            );
        }
        let (decided, reservation) = self.reserve(inner, decided);
        let refusal = match &reservation {
            Some(Err(refusal)) => Some(*refusal),
            _ => None,
        };
        let timing = match upstream.locality {
            Locality::External => Timing::Durable,
            Locality::Local => Timing::Overlapped,
        };
        let grant = match door.commit(decided, timing).await {
            Ok(grant) => grant,
            Err(error) => {
                // Nothing left the house, so nothing is spent.
                if let Some(Ok(reservation)) = reservation {
                    reservation.settle(Booking::default());
                }
                return Err(Stop::Access(error));
            }
        };
        let permit = match grant {
            Grant::Allowed(permit) => permit,
            Grant::Conditional(conditional) => {
                let mut evidence = self.inspection.evidence(&obligations);
                if marks && body.is_some() {
                    evidence.met(Obligation::Datamark);
                }
                conditional.discharge(&evidence).map_err(Stop::Access)?
            }
            Grant::Denied(denial) => {
                return Err(refusal.map_or(Stop::Access(denial.into()), Stop::Quota));
            }
        };
        match (reservation, body) {
            (Some(Ok(reservation)), Some(body)) => Ok(Permitted {
                permit,
                reservation,
                body,
                surrogates,
                hide_usage,
            }),
            // INVARIANT: whatever is allowed was edited and reserved, or it would have been denied.
            _ => Err(Stop::Stuck),
        }
    }

    /// Edits what findings and obligations ask for; texts of tools and documents are marked for a
    /// record. `None` when something cannot be edited that must be.
    fn edit(
        &self,
        keys: &ProjectKeys,
        marks: Option<RecordId>,
        surrogates: &mut Surrogates,
        splices: &mut Splices,
    ) -> Option<()> {
        let profile = &self.route.active().config.guard;
        self.inspection
            .edit(profile, &keys.surrogates, surrogates, splices)?;
        if let Some(record) = marks {
            let marks = datamark(&self.read.body, self.endpoint(), record, splices)?;
            surrogates.marked_with(marks);
        }
        Some(())
    }

    fn ask(
        &self,
        door: &Door,
        inner: &Inner,
        upstream: &Upstream,
        record: RecordId,
    ) -> Decided<ModelInvoke> {
        let caller = &self.read.guest.caller;
        let resource = model_resource(&self.demand.model, caller.principal.project);
        let context = AccessContext {
            blocked: self.inspection.blocked(),
            data_classes: self.demand.classes.clone(),
            dialect: self.read.endpoint.dialect().as_str(),
            hour: inner.hour(),
            injection: self.inspection.injection(),
            locality: upstream.locality,
            purpose: self.read.purpose(),
            region: upstream.region.clone(),
            release: casemate_types::Release::default(),
            risk: caller.risk.value(),
            stream: self.demand.stream,
            strength: caller.strength,
            tokens: self.demand.input.saturating_add(self.demand.output),
            tools: self.demand.tools,
            untrusted: self.demand.untrusted,
            upstream: upstream.name.clone(),
        };
        let mut decided = door.ask::<ModelInvoke>(record, caller, resource, &context);
        decided.attempt_of(self.read.record);
        decided.operation(self.read.endpoint.operation());
        decided.model(upstream.kind.as_str(), &self.demand.model);
        let digest = inner.digest(caller.principal.project, &self.read.body);
        decided.describe(|facts| {
            facts.dialect = context.dialect.to_owned();
            facts.upstream = context.upstream;
            facts.locality = Some(context.locality);
            facts.classes = context.data_classes;
            facts.digest = digest;
        });
        if let Some(address) = caller.address {
            decided.sealed("source", address.to_string());
        }
        decided
    }

    fn reserve(
        &self,
        inner: &Inner,
        mut decided: Decided<ModelInvoke>,
    ) -> (Decided<ModelInvoke>, Option<Result<Reservation, Refusal>>) {
        if !decided.is_allowed() {
            return (decided, None);
        }
        let booking = Booking {
            tokens: self.demand.input.saturating_add(self.demand.output),
            micros: self
                .route
                .get()
                .price(self.demand.input, self.demand.output),
        };
        let now = inner.parts.clock.now();
        match inner
            .parts
            .quota
            .reserve(now, &self.read.guest.accounts, booking)
        {
            Ok(reservation) => {
                decided.book(booking, reservation.account_names());
                (decided, Some(Ok(reservation)))
            }
            Err(refusal) => {
                let rule = format!("quota.{}", refusal.limit.as_str());
                (
                    decided.deny(&rule, &refusal.to_string()),
                    Some(Err(refusal)),
                )
            }
        }
    }

    /// Edits that have nothing to do with guards: the model's name at the upstream, and usage in
    /// streams. Tells whether usage was asked for on our own account.
    fn adapt(&self, upstream: &Upstream, splices: &mut Splices) -> bool {
        if let Some(name) = &self.route.get().config.upstream_model {
            let mut quoted = Vec::with_capacity(name.len() + 2);
            casemate_types::json::escape_into(&mut quoted, name);
            splices.replace(self.demand.model_span.clone(), quoted);
        }
        if !self.demand.stream || !upstream.stream_usage {
            return false;
        }
        match &self.demand.stream_usage {
            StreamUsage::Given => false,
            StreamUsage::Absent => {
                let option = br#","stream_options":{"include_usage":true}"#.to_vec();
                splices.insert(self.root_end - 1, option);
                true
            }
            StreamUsage::Edit(range, text) => {
                splices.replace(range.clone(), text.as_bytes().to_vec());
                true
            }
        }
    }
}
