// The conservation page: the totals that must agree, read anew every few seconds, and the newest signed checkpoint.

import { element, timeText } from "/web/page-parts.js";

const REFRESH_MS = 5000;
const ROWS_FIRST = 25; // so that a phone is not scrolled through 250 players
const UNITS = 10000n; // of a share, the smallest that there is

let newest = null;
let showsAll = false;

// Amounts stay exact: text as it came, or whole units; never a float.
function units(text) {
  const [whole, part = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole) * UNITS + BigInt(part.padEnd(4, "0"));
  return text.startsWith("-") ? -value : value;
}

function grouped(text) {
  const [, sign, whole, part = ""] = text.match(/^(-?)(\d+)(\..*)?$/);
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + part;
}

function quantity(value) {
  const size = value < 0n ? -value : value;
  const part = (size % UNITS).toString().padStart(4, "0").replace(/0+$/, "");
  return grouped(`${value < 0n ? "-" : ""}${size / UNITS}${part ? `.${part}` : ""}`);
}

const dollars = (text) => `$${grouped(text)}`.replace("$-", "-$");

function cell(row, label, text, name) {
  const made = row.insertCell();
  made.dataset.label = label;
  made.className = name;
  made.textContent = text;
}

function shareRow(share) {
  const made = document.createElement("tr");
  const difference = units(share.held) - units(share.issued);
  cell(made, "Player", share.symbol, "player");
  cell(made, "Issued", grouped(share.issued), "number");
  cell(made, "Held", grouped(share.held), "number");
  cell(made, "Customers", grouped(share.owed), "number");
  cell(made, "House", grouped(share.house), "number");
  cell(made, "Difference", difference ? quantity(difference) : "0", difference ? "number off" : "number");
  return made;
}

function showShares() {
  const wanted = element("filter").value.trim().toUpperCase();
  const found = newest.shares.filter((share) => share.symbol.includes(wanted));
  const shown = showsAll || wanted ? found : found.slice(0, ROWS_FIRST);
  element("shares").replaceChildren(...shown.map(shareRow));
  const all = element("all");
  all.hidden = shown.length === found.length;
  all.textContent = `Show all ${found.length} players`;
  const sum = (name) => newest.shares.reduce((total, share) => total + units(share[name]), 0n);
  element("shares-hint").textContent = newest.shares.length
    ? `${newest.shares.length} players: ${quantity(sum("issued"))} shares issued, ${quantity(sum("held"))} held.`
    : "No player is listed yet.";
}

function showFacts(facts) {
  element("verified").replaceChildren(...facts.flatMap(([name, value, kind = ""]) => {
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    said.className = kind;
    return [term, said];
  }));
}

function showVerified() {
  const { verified } = newest;
  element("verified-hint").textContent = verified
    ? "The journal up to this row was replayed from what it holds, compared hash by hash and event by event, and signed."
    : "The first checkpoint is made about a minute after an exchange has begun.";
  const now = [
    ["Journal now", `row ${grouped(String(newest.sequence))}, ${timeText(newest.time)}`],
    ["Chain now", newest.chain, "hash"],
  ];
  showFacts(verified ? [
    ["Checkpoint", `${grouped(String(verified.number))}, of row ${grouped(String(verified.sequence))}, ${timeText(verified.time)}`],
    ["State", verified.state_hash, "hash"],
    ["Chain", verified.chain, "hash"],
    ...now,
  ] : now);
}

function show() {
  const verdict = element("verdict");
  verdict.textContent = newest.is_conserved
    ? "Every cent and every share that was issued is held by somebody, and nothing else is."
    : "The totals do not agree. Trading is halted until it is known why.";
  verdict.dataset.state = newest.is_conserved ? "good" : "bad";
  for (const name of ["issued", "held", "owed", "house"]) {
    element(`cash-${name}`).textContent = dollars(newest[`cash_${name}`]);
  }
  showVerified();
  showShares();
  element("content").hidden = false;
}

function remark(text, state) {
  const banner = element("banner");
  banner.dataset.state = state;
  if (banner.textContent !== text) banner.textContent = text; // said again, it would be read out again
}

async function refresh() {
  try {
    const answer = await fetch("/api/v1/conservation", { signal: AbortSignal.timeout(REFRESH_MS * 2) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    newest = await answer.json();
    show();
    remark(newest.problem ?? "", "");
  } catch {
    remark("The exchange does not answer now. What stands here may be old; it is asked again.", "bad");
  }
  setTimeout(refresh, REFRESH_MS);
}

element("filter").addEventListener("input", () => newest && showShares());
element("all").addEventListener("click", () => {
  showsAll = true;
  showShares();
});
refresh();
