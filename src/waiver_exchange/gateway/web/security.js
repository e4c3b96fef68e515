// The security page: everything by which somebody gets in as the reader, and how to take it away.

import { addPasskey, confirmed, stepUp } from "/web/passkeys.js";
import { button, deviceText, element, question, row, say, timeText, whileBusy } from "/web/page-parts.js";
import { Refused, ask, whoAmI } from "/web/session.js";

const ERASE_WORDS = "erase me";
let scopes = []; // what the session may do, and a key of it at most

// ---- you

function showFacts(me) {
  const facts = [
    ["Name", me.name], ["E-mail", me.email], ["Account", me.account_id], ["Role", me.role],
    ["Signed in with", me.provider],
  ].filter(([, value]) => value);
  element("you").replaceChildren(...facts.flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    return [term, said];
  }));
}

function leave(done) {
  location.replace(`/sign-in?done=${done}`);
}

// ---- passkeys

function showStepUp(until, hasPasskeys) {
  element("step-up-part").hidden = !hasPasskeys;
  const isUp = until !== null && new Date(until) > new Date();
  element("step-up-state").textContent = isUp ? `Confirmed until ${timeText(until)}.` : "";
}

function passkeyRow(passkey) {
  const name = passkey.name || "Passkey";
  const rename = button("Rename", async () => {
    const wanted = await question("Give this passkey another name.", { yes: "Rename", label: "Name", value: passkey.name });
    if (wanted === null) return;
    await ask("PATCH", `/auth/passkeys/${passkey.id}`, { name: wanted.trim() });
    await showPasskeys();
  }, { label: `Rename ${name}` });
  const remove = button("Remove", async () => {
    if (await question(`Remove ${name}? It opens nothing any more.`, { yes: "Remove", grave: true }) === null) return;
    await confirmed(() => ask("DELETE", `/auth/passkeys/${passkey.id}`));
    say(`${name} is removed. Delete it on your device too.`, "good");
    await showPasskeys();
  }, { grave: true, label: `Remove ${name}` });
  return row([
    ["Name", name], ["Added", timeText(passkey.created_at), "time"], ["Last used", timeText(passkey.last_used_at), "time"],
    ["Kept", passkey.is_backed_up ? "synchronized" : "on one device"],
  ], [rename, remove]);
}

async function showPasskeys() {
  const { passkeys, stepped_up_until: until } = await ask("GET", "/auth/passkeys");
  element("passkeys").replaceChildren(...passkeys.map(passkeyRow));
  element("passkeys-table").hidden = passkeys.length === 0;
  showStepUp(until, passkeys.length > 0);
}

element("passkey-form").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(event.submitter ?? element("passkey-form").querySelector("button"), async () => {
    await confirmed(() => addPasskey(element("passkey-name").value.trim()));
    element("passkey-name").value = "";
    say("The passkey is added.", "good");
    await showPasskeys();
  });
});

element("step-up").addEventListener("click", (event) => whileBusy(event.currentTarget, async () => {
  const done = await stepUp();
  say("Confirmed: for ten minutes you may do what needs a passkey.", "good");
  showStepUp(done.stepped_up_until, true);
  await showPasskeys();
}));

// ---- sessions

function sessionRow(session) {
  const device = deviceText(session.device);
  const buttons = session.is_current ? [] : [button("Sign out", async () => {
    await ask("DELETE", `/auth/sessions/${session.id}`);
    say(`${device} is signed out.`, "good");
    await showSessions();
  }, { grave: true, label: `Sign out ${device}` })];
  return row([
    ["Device", session.is_current ? `${device} (this one)` : device, "", session.device], ["Address", session.address],
    ["Last used", timeText(session.last_used_at), "time"], ["Since", timeText(session.created_at), "time"],
  ], buttons);
}

async function showSessions() {
  const sessions = await ask("GET", "/auth/sessions");
  element("sessions").replaceChildren(...sessions.map(sessionRow));
}

element("sign-out").addEventListener("click", (event) => whileBusy(event.currentTarget, async () => {
  await ask("POST", "/auth/sign-out");
  leave("signed_out");
}));

element("sign-out-everywhere").addEventListener("click", (event) => whileBusy(event.currentTarget, async () => {
  const keysToo = element("keys-too").checked;
  const fate = keysToo ? "All API keys end too, and programs that use them stop." : "API keys go on working.";
  const sure = await question(`Sign out here and on all other devices? ${fate}`, { yes: "Sign out everywhere", grave: true });
  if (sure === null) return;
  await ask("POST", `/auth/sign-out-everywhere${keysToo ? "?revoke_keys=true" : ""}`);
  leave("signed_out_everywhere");
}));

// ---- API keys

function keyRow(key) {
  const revoke = key.revoked_at ? [] : [button("Revoke", async () => {
    const named = key.name || key.id;
    if (await question(`Revoke ${named}? Programs that use it are locked out at once.`, { yes: "Revoke", grave: true }) === null) return;
    await ask("DELETE", `/api/v1/keys/${encodeURIComponent(key.id)}`);
    await showKeys();
  }, { grave: true, label: `Revoke ${key.name || key.id}` })];
  const made = row([
    ["Key", key.id], ["Name", key.name], ["May", key.scopes.join(", ")],
    ["Last used", key.revoked_at ? `revoked ${timeText(key.revoked_at)}` : timeText(key.last_used_at)],
  ], revoke);
  made.classList.toggle("ended", Boolean(key.revoked_at));
  return made;
}

async function showKeys() {
  const keys = await ask("GET", "/api/v1/keys");
  element("keys").replaceChildren(...keys.map(keyRow));
  element("keys-table").hidden = keys.length === 0;
}

function showScopes() {
  const boxes = scopes.filter((scope) => scope !== "operate").map((scope) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = scope;
    box.checked = scope === "read" || scope === "trade";
    label.append(box, scope);
    return label;
  });
  element("key-scopes").append(...boxes);
}

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(event.submitter ?? element("key-form").querySelector("button"), async () => {
    const chosen = [...element("key-scopes").querySelectorAll("input:checked")].map((box) => box.value);
    if (!chosen.length) throw new Error("Tick what the key may do.");
    const wanted = { name: element("key-name").value.trim(), scopes: chosen };
    const made = await confirmed(() => ask("POST", "/api/v1/keys", wanted));
    element("key-name").value = "";
    element("new-key-id").textContent = made.api_key;
    element("new-key-secret").textContent = made.api_secret;
    element("new-key").hidden = false;
    await showKeys();
  });
});

for (const copy of document.querySelectorAll("[data-copies]")) {
  copy.addEventListener("click", async () => {
    const shown = element(copy.dataset.copies);
    try {
      await navigator.clipboard.writeText(shown.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(shown); // the browser does not let us: one key press is left
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
}

// ---- data

element("export").addEventListener("click", (event) => whileBusy(event.currentTarget, async () => {
  const kept = await confirmed(() => ask("GET", "/auth/export"));
  const file = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = file;
  link.download = "waiver-exchange-my-data.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 1000);
}));

element("erase-words").textContent = ERASE_WORDS;
element("erase-form").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(event.submitter ?? element("erase-form").querySelector("button"), async () => {
    const confirmation = element("erase-confirmation").value.trim();
    if (confirmation !== ERASE_WORDS) throw new Error(`Type ${ERASE_WORDS} to be erased.`);
    const sure = await question("Erase who you are, for good? This account is lost to you.", { yes: "Erase me", grave: true });
    if (sure === null) return;
    await confirmed(() => ask("POST", "/auth/erase", { confirmation }));
    leave("erased");
  });
});

// ---- the page

element("question-no").addEventListener("click", () => element("question").close("no"));

async function show() {
  try {
    const me = await whoAmI();
    if (me === null) {
      location.replace("/sign-in?return_to=/security");
      return;
    }
    scopes = me.scopes ?? [];
    showFacts(me);
    showScopes();
    element("content").hidden = false;
    const parts = await Promise.allSettled([showPasskeys(), showSessions(), showKeys()]);
    const failed = parts.find((part) => part.status === "rejected");
    if (failed) say(`Not everything can be shown. ${failed.reason.message}`, "bad");
  } catch (error) {
    say(error instanceof Refused ? error.message : "The exchange cannot be reached. Try again in a moment.", "bad");
  }
}

show();
