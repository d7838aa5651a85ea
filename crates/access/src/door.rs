// SPDX-License-Identifier: Apache-2.0
//! Asking, and committing the answer to the book.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use casemate_ledger::{Draft, Kind, Lane, Reader, Signature, Ticket, Urgency, Writer};
use casemate_policy::{CompiledSet, DecisionCache, Question};
use casemate_store::{Database, Scope};
use casemate_types::{
    AccessContext, Action, ActionName, Caller, Clock, Credential, Decision, Entropy, PolicySetId,
    PrincipalId, RecordId, ResourceRef, Strength, Timestamp, Verdict,
    event::{Class, Event, Facts, Phase, Why},
};

use crate::{AccessError, Conditional, Decided, Denial, Permit, Receipt, Recorder, policies};

/// A permit is for an effect that begins now.
const PERMIT_LIFE: Duration = Duration::from_secs(60);

/// What the door knows of principals. `iam` implements it.
pub trait EntitySource: Send + Sync {
    /// A number that changes with every change of a principal, role or project.
    fn epoch(&self) -> u64;

    /// Whether one hand may have led both principals, because one made the other or somebody made
    /// both. A source that knows of no makers tells names apart only.
    fn one_hand(&self, one: PrincipalId, other: PrincipalId) -> bool {
        one == other
    }
}

/// When the record must be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Before [`Door::commit`] returns; for everything that leaves the house.
    Durable,
    /// Within milliseconds, while a local upstream already works.
    Overlapped,
}

/// What a committed answer is worth.
#[derive(Debug)]
pub enum Grant<A: Action> {
    /// Yes.
    Allowed(Permit<A>),
    /// Yes, once something is done.
    Conditional(Conditional<A>),
    /// No.
    Denied(Denial),
}

/// What a door is made of.
pub struct DoorParts {
    /// The book's writer; nobody else has one.
    pub writer: Writer,
    /// The book's reader.
    pub reader: Reader,
    /// State, for policy versions.
    pub database: Database,
    /// Who tells about changed principals.
    pub entities: Arc<dyn EntitySource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

pub(crate) struct ActiveSet {
    pub(crate) number: i64,
    pub(crate) id: PolicySetId,
    pub(crate) set: CompiledSet,
}

pub(crate) struct Inner {
    pub(crate) parts: DoorParts,
    pub(crate) active: ArcSwap<ActiveSet>,
    cache: DecisionCache,
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    pub(crate) inner: Arc<Inner>,
}

impl Door {
    /// Opens the door with the policy set in force, or the base set on a new installation.
    ///
    /// # Errors
    /// [`AccessError::Policy`] when the stored set cannot be used any more.
    pub fn open(parts: DoorParts) -> Result<Self, AccessError> {
        let active = policies::load(&parts)?;
        let cache = DecisionCache::default();
        Ok(Self {
            inner: Arc::new(Inner {
                parts,
                active: ArcSwap::from_pointee(active),
                cache,
            }),
        })
    }

    /// A new record id, which is also the request id.
    #[must_use]
    pub fn new_record(&self) -> RecordId {
        RecordId::from_parts(self.now(), self.inner.parts.entropy.id_bytes())
    }

    /// Asks whether `caller` may do `A` to `resource`. Nothing is recorded and nothing permitted yet.
    pub fn ask<A: Action>(
        &self,
        record: RecordId,
        caller: &Caller,
        resource: ResourceRef,
        context: &AccessContext,
    ) -> Decided<A> {
        let active = self.inner.active.load();
        let question = Question {
            principal: &caller.principal,
            action: A::NAME,
            resource: &resource,
            context,
        };
        let epoch = self.inner.parts.entities.epoch();
        let set_id = active.id.as_bytes();
        let verdict = self
            .inner
            .cache
            .decide(&active.set, set_id, epoch, &question);
        let name = format!("{}::\"{}\"", resource.kind, resource.id);
        Decided {
            caller: caller.clone(),
            record,
            request: record,
            resource,
            verdict: Verdict::clone(&verdict),
            policy_set: active.id.to_string(),
            operation: A::NAME.as_str().to_owned(),
            model: None,
            facts: Facts {
                resource: name,
                ..Facts::default()
            },
            sealed: Vec::new(),
            action: PhantomData,
        }
    }

    /// The coarse question, before the content is known: could this caller use this resource at
    /// all? Not recorded; a no here leads to [`Door::commit`] with the same no.
    #[must_use]
    pub fn would_allow<A: Action>(
        &self,
        caller: &Caller,
        resource: &ResourceRef,
        context: &AccessContext,
    ) -> bool {
        let active = self.inner.active.load();
        let question = Question {
            principal: &caller.principal,
            action: A::NAME,
            resource,
            context,
        };
        let epoch = self.inner.parts.entities.epoch();
        let answer = self
            .inner
            .cache
            .decide(&active.set, active.id.as_bytes(), epoch, &question);
        answer.decision == Decision::Allow
    }

    /// Writes the answer into the book and gives what it is worth.
    ///
    /// # Errors
    /// [`AccessError::Ledger`] when it cannot be written: unknown means deny.
    pub async fn commit<A: Action>(
        &self,
        decided: Decided<A>,
        timing: Timing,
    ) -> Result<Grant<A>, AccessError> {
        let allowed = decided.is_allowed();
        // A refusal leaves nothing out of the house, so nobody has to wait for it.
        let timing = if allowed { timing } else { Timing::Overlapped };
        let mut decided = decided;
        let ticket = self.write_decision(&mut decided, timing)?;
        let ticket = match timing {
            Timing::Durable => {
                ticket.durable().await?;
                None
            }
            Timing::Overlapped => Some(ticket),
        };
        Ok(self.grant(decided, ticket))
    }

    /// Asks and commits an administrative access in one step.
    ///
    /// # Errors
    /// [`AccessError::Denied`] with the reasons, [`AccessError::Ledger`] when it cannot be recorded.
    pub async fn admit<A: Action>(
        &self,
        caller: &Caller,
        resource: ResourceRef,
        note: &str,
    ) -> Result<Permit<A>, AccessError> {
        let context = self.admin_context(caller);
        self.admit_in(caller, resource, &context, note, |decided| decided)
            .await
    }

    /// The same in circumstances that the asking code knows, with its own rules on top: `stricter`
    /// may turn the answer to no.
    ///
    /// # Errors
    /// Those of [`Door::admit`].
    pub async fn admit_in<A: Action>(
        &self,
        caller: &Caller,
        resource: ResourceRef,
        context: &AccessContext,
        note: &str,
        stricter: impl FnOnce(Decided<A>) -> Decided<A>,
    ) -> Result<Permit<A>, AccessError> {
        let mut decided = self.ask::<A>(self.new_record(), caller, resource, context);
        decided.describe(|facts| note.clone_into(&mut facts.note));
        if let Some(address) = caller.address {
            decided.sealed("source", address.to_string());
        }
        match self.commit(stricter(decided), Timing::Durable).await? {
            Grant::Allowed(permit) => Ok(permit),
            // No administrative effect knows obligations, so none can be met.
            Grant::Conditional(conditional) => conditional.discharge(&crate::Evidence::new()),
            Grant::Denied(denial) => Err(denial.into()),
        }
    }

    /// Records what is not an answer: sign-ins, findings, notices.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.clone())
    }

    /// Reads the book, for projections.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.inner.parts.reader
    }

    /// The id of the policy set in force.
    #[must_use]
    pub fn policy_set(&self) -> PolicySetId {
        self.inner.active.load().id
    }

    /// Whether one hand may have led both principals: then they are no two persons.
    #[must_use]
    pub fn one_hand(&self, one: PrincipalId, other: PrincipalId) -> bool {
        self.inner.parts.entities.one_hand(one, other)
    }

    /// Whether the ledger refuses new egress because its disk is full.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.inner.parts.writer.is_pressed()
    }

    /// Writes everything that waits and a last checkpoint. Afterwards every access is refused.
    pub fn close(&self) {
        self.inner.parts.writer.close();
    }

    /// Asks for a checkpoint over everything written so far.
    pub fn checkpoint_soon(&self) {
        self.inner.parts.writer.checkpoint_soon();
    }

    /// Keeps what a witness signed, under the access in which it was asked.
    ///
    /// # Errors
    /// [`AccessError::Ledger`] when it cannot be written.
    pub fn keep_cosignature(
        &self,
        _under: &Receipt,
        witness: &str,
        size: u64,
        signatures: &[Signature],
    ) -> Result<(), AccessError> {
        let writer = &self.inner.parts.writer;
        Ok(writer.cosignature_put(witness, size, self.now(), signatures)?)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.parts.clock.now()
    }

    /// The circumstances of an administrative access, now.
    #[must_use]
    pub fn admin_context(&self, caller: &Caller) -> AccessContext {
        let hour = u8::try_from(self.now().as_secs().rem_euclid(86_400) / 3_600).unwrap_or(0);
        let strength = match caller.credential {
            Credential::Peer(_) => Strength::Local,
            _ => caller.strength,
        };
        AccessContext::admin(hour, caller.risk.value(), strength)
    }

    fn grant<A: Action>(&self, decided: Decided<A>, ticket: Option<Ticket>) -> Grant<A> {
        if !decided.is_allowed() {
            return Grant::Denied(Denial {
                record: decided.record,
                verdict: decided.verdict,
            });
        }
        let Decided {
            caller,
            record,
            request,
            resource,
            verdict,
            operation,
            model,
            facts,
            ..
        } = decided;
        let receipt = Receipt {
            door: self.clone(),
            caller,
            record,
            request,
            operation,
            model,
            base: Facts {
                action: Some(A::NAME),
                ..facts
            },
            durable: ticket,
            settled: false,
        };
        let expires = self.now().plus(PERMIT_LIFE);
        let permit = Permit {
            resource,
            expires,
            receipt,
            action: PhantomData,
        };
        if verdict.obligations.is_empty() {
            Grant::Allowed(permit)
        } else {
            Grant::Conditional(Conditional {
                permit,
                obligations: verdict.obligations,
            })
        }
    }

    fn write_decision<A: Action>(
        &self,
        decided: &mut Decided<A>,
        timing: Timing,
    ) -> Result<Ticket, AccessError> {
        let allowed = decided.is_allowed();
        let facts = &mut decided.facts;
        if !allowed {
            // INVARIANT: what is refused books nothing; readers of the book need not look twice.
            facts.booking = None;
            facts.accounts.clear();
        }
        facts.phase = Some(Phase::Decision);
        facts.action = Some(A::NAME);
        facts.decision = Some(decided.verdict.decision);
        facts.policy_set.clone_from(&decided.policy_set);
        facts.reasons = decided
            .verdict
            .reasons
            .iter()
            .map(|reason| Why {
                policy: reason.policy.clone(),
                text: reason.text.clone(),
            })
            .collect();
        facts.set_obligations(&decided.verdict.obligations);
        let lane = match A::NAME {
            ActionName::ModelInvoke if allowed => Lane::Egress,
            _ => Lane::Essential,
        };
        let model = decided
            .model
            .as_ref()
            .map(|(p, n)| (p.as_str(), n.as_str()));
        let (class, activity) = class_of(A::NAME);
        let event = Event {
            class,
            activity,
            id: decided.record,
            request: decided.request,
            time: self.now(),
            caller: &decided.caller,
            operation: &decided.operation,
            model,
            facts,
        };
        // What is allowed begins at once, so the writer does too, even if nobody waits here.
        let timing = if allowed { Timing::Durable } else { timing };
        self.append(Kind::Decision, &event, &decided.sealed, lane, timing)
    }

    pub(crate) fn write_outcome(&self, receipt: &Receipt, facts: &Facts, timing: Timing) {
        let action = receipt.base.action.unwrap_or(ActionName::SystemRead);
        let (class, activity) = class_of(action);
        let event = Event {
            class,
            activity,
            id: self.new_record(),
            request: receipt.record,
            time: self.now(),
            caller: &receipt.caller,
            operation: &receipt.operation,
            model: receipt
                .model
                .as_ref()
                .map(|(p, n)| (p.as_str(), n.as_str())),
            facts,
        };
        if let Err(error) = self.append(Kind::Outcome, &event, &[], Lane::Essential, timing) {
            // Recovery writes `outcome unknown` for it at the next start.
            tracing::error!(%error, request = %receipt.record, "an outcome could not be recorded");
        }
    }

    pub(crate) fn append(
        &self,
        kind: Kind,
        event: &Event<'_>,
        sealed: &[(&'static str, String)],
        lane: Lane,
        timing: Timing,
    ) -> Result<Ticket, AccessError> {
        let writer = &self.inner.parts.writer;
        let subject = Scope::Subject(event.caller.principal.id);
        let sealed = sealed
            .iter()
            .map(|(name, text)| writer.seal(subject, event.id, name, text.as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        let draft = Draft {
            kind,
            id: event.id,
            about: event.request,
            project: event.caller.principal.project,
            event: event.to_json(),
            sealed,
        };
        let urgency = match timing {
            Timing::Durable => Urgency::Durable,
            Timing::Overlapped => Urgency::Lazy,
        };
        Ok(writer.append(draft, lane, urgency)?)
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Door({})", self.policy_set())
    }
}

/// OCSF class and activity of an action.
const fn class_of(action: ActionName) -> (Class, i64) {
    use ActionName as A;
    match action {
        A::ModelInvoke => (Class::ApiActivity, 1),
        A::ModelList
        | A::ModelPull
        | A::ModelRead
        | A::ModelVerify
        | A::LedgerRead
        | A::LedgerExport
        | A::LedgerWitness
        | A::KeyRead
        | A::PersonRead
        | A::PolicyRead
        | A::ProjectRead
        | A::ServiceRead
        | A::SystemRead => (Class::ApiActivity, 2),
        A::KeyCreate | A::ModelPush | A::PersonBootstrap | A::ProjectCreate | A::ServiceCreate => {
            (Class::EntityManagement, 1)
        }
        A::KeyRevoke | A::LedgerErase => (Class::EntityManagement, 4),
        A::ConfigReload
        | A::KeyRotate
        | A::ModelApprove
        | A::ModelAttest
        | A::ModelGovern
        | A::ModelPromote
        | A::ModelQuarantine
        | A::ModelRollback
        | A::PolicyApply
        | A::ProjectUpdate
        | A::SystemBackup
        | A::SystemDrill
        | A::SystemRotate
        | A::SystemSeal => (Class::EntityManagement, 3),
    }
}
