// The sign-in page: which providers there are, and what to do about a sign-in that did not succeed.

import { element, say, whileBusy } from "/web/page-parts.js";
import { ask, whoAmI } from "/web/session.js";

// What a person can do about it. Whoever makes a link chooses the code, so of one that is not listed nothing is shown.
const ADVICE = {
  sign_in_is_unknown: "This sign-in was begun somewhere else, took longer than ten minutes or came back twice. Begin again here.",
  provider_refused: "The provider did not sign you in: you said no there, or it does not know you. Try again, or take another one.",
  provider_is_unavailable: "The provider does not answer now. Try again in a minute, or take another one.",
  provider_answer_is_wrong: "What the provider answered cannot be trusted, so nobody was signed in. If this goes on, tell the operator.",
  sign_up_is_closed: "You have no account here, and new ones are not opened. Ask the operator.",
  invitation_is_wrong: "A new account needs an invitation. Enter your code and try again; a code is good for one person and not for ever.",
  email_domain_is_not_allowed: "New accounts are for certain e-mail addresses only, which the provider has to vouch for. Take the provider where you have such an address.",
  identity_is_unavailable: "Nobody can be signed in now. Try again in a minute.",
  journal_is_unavailable: "Nobody can be signed in now. Try again in a minute.",
  exchange_is_busy: "The exchange is busy. Try again in a minute.",
  exchange_is_stopping: "The exchange is about to restart. Try again in a minute.",
  engine_is_unavailable: "The exchange is about to restart. Try again in a minute.",
  outcome_is_unknown: "It is not known whether you were signed in. Try again.",
  provider_not_found: "There is no such sign-in provider any more. Take one of these.",
  account_is_halted: "This account is frozen. Ask the operator.",
  request_rate_is_too_high: "Too many attempts from here. Wait a minute and try again.",
  signed_out: "You are signed out.",
  signed_out_everywhere: "You are signed out here and everywhere else.",
  erased: "Who you were is erased, and you are signed out.",
  session_ended: "Your session has ended. Sign in again.",
};
const GOOD = new Set(["signed_out", "signed_out_everywhere", "erased"]);

const query = new URLSearchParams(location.search);

/** Return the page to go on to: a path of this site and nothing else. */
function returnTo() {
  const wanted = query.get("return_to") ?? "/";
  try {
    const url = new URL(wanted, location.origin);
    return wanted.startsWith("/") && url.origin === location.origin ? url.pathname + url.search : "/";
  } catch {
    return "/";
  }
}

function showOutcome() {
  const code = query.get("error") ?? query.get("done");
  if (!code) return;
  const isGood = GOOD.has(code);
  const text = Object.hasOwn(ADVICE, code) ? ADVICE[code] : "You are not signed in. Try again.";
  say(text, isGood ? "good" : "bad");
  if (code === "invitation_is_wrong") element("invitation").focus();
}

async function begin(provider) {
  const invitation = element("invitation").value.trim();
  const wanted = { return_to: returnTo() };
  if (invitation) wanted.invitation = invitation;
  const begun = await ask("POST", `/auth/sign-in/${encodeURIComponent(provider)}`, wanted);
  location.assign(begun.location);
}

function showProviders({ providers, sign_up: signUp, demo }) {
  const buttons = providers.map((provider) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button first";
    made.textContent = `Continue with ${provider.label}`;
    made.addEventListener("click", () => whileBusy(made, () => begin(provider.name)));
    return made;
  });
  element("providers").replaceChildren(...buttons);
  element("no-providers").hidden = providers.length > 0;
  element("ways").hidden = providers.length === 0 && demo;
  // Who is invited to an account that is there already is sent to /sign-in?invited.
  const isInvited = signUp === "invitation" || new URLSearchParams(location.search).has("invited");
  element("invitation-field").hidden = !isInvited || providers.length === 0;
  element("new-here").hidden = signUp === "closed" || providers.length === 0;
  if (signUp === "closed" && providers.length) element("new-here").textContent = "New accounts are not opened here.";
  element("demo").hidden = !demo;
}

element("demo-form").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(event.submitter ?? element("demo-form").querySelector("button"), async () => {
    await ask("POST", "/auth/demo", { name: element("demo-name").value.trim() });
    location.assign(returnTo());
  });
});

async function show() {
  showOutcome();
  try {
    const [ways, me] = await Promise.all([ask("GET", "/auth/providers"), whoAmI()]);
    if (me && !query.has("error")) {
      location.replace(returnTo());
      return;
    }
    showProviders(ways);
  } catch (error) {
    say(`The exchange cannot say now how to sign in. ${error.message}`, "bad");
  }
}

show();
