// SPDX-License-Identifier: Apache-2.0
//! Moving aliases: forward through the gates, back at once.

use casemate_access::Decided;
use casemate_store::StoreError;
use casemate_types::{
    Action, Caller, Release, ResourceRef,
    actions::{ModelApprove, ModelPromote, ModelRollback},
};

use super::{AliasName, Place, Reference, Registry, RegistryError, standing::Found, version_of};
use crate::store::{self, AliasRow, ModelRow, VersionRow};

/// An alias that is to point at a version.
#[derive(Debug, Clone)]
pub struct Move {
    /// Which alias.
    pub alias: AliasName,
    /// Which version.
    pub to: Reference,
    /// The number it must point at before, 0 for nothing; none if that does not matter.
    pub from: Option<i64>,
    /// Why, for the book.
    pub why: String,
}

/// An alias that points at another version now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which alias.
    pub alias: String,
    /// Where it pointed, if anywhere.
    pub from: Option<i64>,
    /// Where it points.
    pub to: i64,
}

/// What an alias was when its gates were asked.
#[derive(Debug, Clone, Copy)]
struct Seen {
    generation: i64,
    /// The number of the version it pointed at.
    number: Option<i64>,
    /// Whether that is what the caller thought.
    as_thought: bool,
}

impl Registry {
    /// Points an alias at a version. Of two who do it at the same time, one is told that somebody
    /// else did.
    ///
    /// # Errors
    /// [`RegistryError::Access`] with the gate that is shut, [`RegistryError::Conflict`] when the
    /// alias is not what the caller thought it was.
    pub async fn promote(
        &self,
        caller: &Caller,
        place: &Place,
        wanted: Move,
    ) -> Result<Moved, RegistryError> {
        let found = self.find(caller, place, &wanted.to).await?;
        let mut seen = self.seen(&found, &wanted.alias).await?;
        let thought = wanted.from;
        seen.as_thought = thought.is_none_or(|from| from == seen.number.unwrap_or(0));
        self.point::<ModelPromote>(caller, place, &found, &wanted.alias, &wanted.why, seen)
            .await
    }

    /// Points an alias at the last good version among the earlier ones it pointed at, or at the one
    /// that is named.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when there is none, [`RegistryError::Access`] with the gate that
    /// is shut.
    pub async fn rollback(
        &self,
        caller: &Caller,
        place: &Place,
        alias: &AliasName,
        to: Option<Reference>,
        why: &str,
    ) -> Result<Moved, RegistryError> {
        let current = self
            .find(caller, place, &Reference::Alias(alias.clone()))
            .await?;
        let seen = self.seen(&current, alias).await?;
        let earlier = self.earlier(&current, alias).await?;
        let chosen = match to {
            None => earlier.first().map(|row| Reference::Digest(row.root)),
            Some(reference) => {
                let named = self.find(caller, place, &reference).await?;
                let was = earlier.iter().find(|row| row.id == named.row.id);
                was.map(|row| Reference::Digest(row.root))
            }
        };
        let Some(chosen) = chosen else {
            // Told only to who may roll back.
            let note = note(alias, &current, "no earlier version");
            let asked = self.admit_version::<ModelRollback>(
                caller,
                place,
                &current,
                alias.as_str(),
                &note,
                |asked| asked,
            );
            let text = format!("`{alias}` never pointed at an earlier version that is good now");
            return self.effect(asked.await?, |_| Err(RegistryError::Conflict(text)));
        };
        let found = self.find(caller, place, &chosen).await?;
        self.point::<ModelRollback>(caller, place, &found, alias, why, seen)
            .await
    }

    /// Agrees that an alias may point at a version. It counts for everybody but the one who agrees.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Access`].
    pub async fn approve(
        &self,
        caller: &Caller,
        place: &Place,
        alias: &AliasName,
        reference: &Reference,
        why: &str,
    ) -> Result<(), RegistryError> {
        let found = self.find(caller, place, reference).await?;
        let note = note(alias, &found, why);
        let permit = self
            .admit_version::<ModelApprove>(caller, place, &found, alias.as_str(), &note, |asked| {
                not_quarantined(asked, &found)
            })
            .await?;
        let alias = alias.clone();
        self.blocking(move |registry| {
            registry.effect_by(permit, |resource, caller| {
                let now = registry.inner.parts.clock.now();
                registry.tx("models.approve", |tx| {
                    let (_, version) = version_of(tx, resource)?;
                    not_stopped_meanwhile(&version)?;
                    let author = caller.principal.id;
                    Ok(store::approval_insert(
                        tx,
                        version.id,
                        alias.as_str(),
                        author,
                        now,
                    )?)
                })
            })
        })
        .await
    }

    /// Leads an alias away from a version that was stopped, to the newest earlier one that the
    /// policies let it point at. Without one it stays, and what it points at is not handed out.
    pub(super) async fn lead_away(
        &self,
        caller: &Caller,
        place: &Place,
        stopped: &Found,
        alias: &AliasName,
        why: &str,
    ) -> Result<Option<Moved>, RegistryError> {
        let seen = self.seen(stopped, alias).await?;
        for row in self.earlier(stopped, alias).await? {
            let found = self
                .find(caller, place, &Reference::Digest(row.root))
                .await?;
            let mut context = self.door().admin_context(caller);
            context.release = Release {
                alias: alias.as_str().to_owned(),
                standing: found.standing(self.door(), caller, alias.as_str()),
            };
            let resource = found.resource(place);
            if !self
                .door()
                .would_allow::<ModelRollback>(caller, &resource, &context)
            {
                continue;
            }
            let moved = self.point::<ModelRollback>(caller, place, &found, alias, why, seen);
            return moved.await.map(Some);
        }
        Ok(None)
    }

    async fn point<A: Action>(
        &self,
        caller: &Caller,
        place: &Place,
        found: &Found,
        alias: &AliasName,
        why: &str,
        seen: Seen,
    ) -> Result<Moved, RegistryError> {
        let note = note(alias, found, why);
        let permit = self
            .admit_version::<A>(caller, place, found, alias.as_str(), &note, |asked| {
                not_quarantined(asked, found)
            })
            .await?;
        let (alias, asked) = (alias.clone(), found.model.clone());
        self.blocking(move |registry| {
            registry.effect_by(permit, |resource, caller| {
                registry.move_alias(resource, caller, &alias, seen, &asked)
            })
        })
        .await
    }

    fn move_alias(
        &self,
        resource: &ResourceRef,
        caller: &Caller,
        alias: &AliasName,
        seen: Seen,
        asked: &ModelRow,
    ) -> Result<Moved, RegistryError> {
        let changed = self.inner.parts.clock.now();
        self.tx("models.alias_move", |tx| {
            let (model, version) = version_of(tx, resource)?;
            // INVARIANT: signers and floor are still those that the gates were asked with.
            if (model.floor, &model.signers) != (asked.floor, &asked.signers) {
                let why = "its signers or its floor were changed meanwhile; look again and repeat";
                return Err(RegistryError::Conflict(why.into()));
            }
            let now = store::alias_get(tx, model.id, alias.as_str())?;
            // INVARIANT: the alias is still the one that the gates were asked about.
            if now.map_or(0, |now| now.generation) != seen.generation || !seen.as_thought {
                return Err(moved_meanwhile(alias));
            }
            not_stopped_meanwhile(&version)?;
            let to = AliasRow {
                name: alias.as_str().to_owned(),
                version: version.id,
                generation: seen.generation + 1,
                changed,
                author: caller.principal.id,
            };
            store::alias_move(tx, model.id, &to)?;
            Ok(Moved {
                alias: to.name,
                from: seen.number,
                to: version.number,
            })
        })
    }

    async fn seen(&self, found: &Found, alias: &AliasName) -> Result<Seen, RegistryError> {
        let (model, alias) = (found.model.id, alias.clone());
        self.blocking(move |registry| {
            registry.tx("models.alias_get", |tx| {
                let Some(row) = store::alias_get(tx, model, alias.as_str())? else {
                    return Ok(Seen {
                        generation: 0,
                        number: None,
                        as_thought: true,
                    });
                };
                let version = VersionRow::by_id(tx, row.version)?;
                Ok(Seen {
                    generation: row.generation,
                    number: version.map(|version| version.number),
                    as_thought: true,
                })
            })
        })
        .await
    }

    /// Good versions with smaller numbers that an alias pointed at, the last one first.
    async fn earlier(
        &self,
        current: &Found,
        alias: &AliasName,
    ) -> Result<Vec<VersionRow>, RegistryError> {
        let (model, number, alias) = (current.model.id, current.row.number, alias.clone());
        self.blocking(move |registry| {
            let rows = registry.tx("models.steps", |tx| {
                let mut rows: Vec<VersionRow> = Vec::new();
                for id in store::step_list(tx, model, alias.as_str())? {
                    if rows.iter().all(|row| row.id != id) {
                        rows.extend(VersionRow::by_id(tx, id)?);
                    }
                }
                Ok::<_, StoreError>(rows)
            })?;
            let good = |row: &VersionRow| row.number < number && row.quarantined.is_none();
            Ok(rows.into_iter().filter(good).collect())
        })
        .await
    }
}

/// No policy lets a version pass that was stopped.
pub(super) fn not_quarantined<A: Action>(asked: Decided<A>, found: &Found) -> Decided<A> {
    match found.is_quarantined() {
        true => asked.deny("registry.quarantined", &found.stopped()),
        false => asked,
    }
}

fn not_stopped_meanwhile(version: &VersionRow) -> Result<(), RegistryError> {
    match version.quarantined {
        None => Ok(()),
        Some(_) => Err(RegistryError::Conflict(format!(
            "version {} was quarantined meanwhile",
            version.number
        ))),
    }
}

fn note(alias: &AliasName, found: &Found, why: &str) -> String {
    let end = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    format!("`{alias}` to version {}{end}", found.row.number)
}

fn moved_meanwhile(alias: &AliasName) -> RegistryError {
    RegistryError::Conflict(format!(
        "somebody else moved `{alias}`; look again and repeat"
    ))
}
