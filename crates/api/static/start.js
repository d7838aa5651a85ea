// SPDX-License-Identifier: Apache-2.0
// The one-time token stands behind `#`, so no server log and no referrer ever has it.
const byId = (id) => document.getElementById(id);
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

function problem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = false;
}

if (!token) {
  byId("form").hidden = true;
  problem("This address needs the whole link that `casemate up` printed, with the part behind #.");
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("problem").hidden = true;
  const answer = await fetch("v1/bootstrap", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token, name: byId("name").value }),
  });
  const body = await answer.json();
  if (!answer.ok) {
    problem(body.detail ?? "That did not work.");
    return;
  }
  byId("form").hidden = true;
  byId("intro").hidden = true;
  byId("key").textContent = body.secret;
  byId("try").textContent = `curl -H "Authorization: Bearer $KEY" ${location.origin}/v1/projects`;
  byId("made").hidden = false;
});
