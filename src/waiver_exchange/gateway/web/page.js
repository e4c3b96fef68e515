"use strict";

// The market page: it asks the public routes about once a second and shows what changed.
// Whatever comes from the exchange reaches the page as text, never as markup.

const POLL_MS = 900;
const REQUEST_TIMEOUT_MS = 5000;
// Silence that is called an outage; the banner must stand within two seconds.
const SILENCE_MS = 1700;
const WATCH_MS = 200;
const TAPE_ROWS = 60;
const FLASH_MS = 900;

const NUMERIC = new Set(["last_price", "best_bid", "best_ask", "volume"]);
const element = (id) => document.getElementById(id);
const page = {
  pill: element("pill"), banner: element("banner"), filter: element("filter"), count: element("count"),
  markets: element("markets"), marketsEmpty: element("markets-empty"),
  tape: element("tape"), tapeEmpty: element("tape-empty"),
};

const rows = new Map(); // symbol -> what is shown of it, in the order of listing
const etags = new Map(); // route -> the content that is shown
const sorting = { key: null, isDescending: false };
let heardAt = performance.now();
let updatedAt = null;
let newestTrade = null;
let polling = false;

// ---- text of the figures

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function grouped(decimal) {
  const [whole, fraction] = decimal.split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${text}.${fraction}` : text;
}

function roundly(decimal) {
  const [whole, fraction] = decimal.split(".");
  return grouped(fraction && whole.length < 4 ? `${whole}.${fraction.slice(0, 2)}` : whole);
}

function priceText(value) {
  return value === null ? "\u2013" : value;
}

function cellOf(row, className) {
  const cell = document.createElement("td");
  cell.className = className;
  row.append(cell);
  return cell;
}

function spanOf(parent, className) {
  const span = document.createElement("span");
  span.className = className;
  parent.append(span);
  return span;
}

// ---- players

function buildRow(symbol) {
  const row = document.createElement("tr");
  const player = cellOf(row, "player");
  const shown = {
    row, market: null, place: rows.size,
    ticker: spanOf(player, "ticker"), badge: null, name: null, facts: null,
    team: cellOf(row, "wide"), position: cellOf(row, "wide"),
    last: cellOf(row, "number last"), bid: cellOf(row, "number"), ask: cellOf(row, "number"), volume: cellOf(row, "number"),
  };
  shown.badge = spanOf(player, "badge");
  shown.name = spanOf(player, "name");
  shown.facts = spanOf(player, "narrow");
  rows.set(symbol, shown);
  return shown;
}

function flash(cell, direction) {
  cell.dataset.move = direction;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const wash = getComputedStyle(document.documentElement).getPropertyValue(`--${direction}-wash`);
  cell.animate([{ backgroundColor: wash }, { backgroundColor: "transparent" }], { duration: FLASH_MS });
}

function showMarket(market) {
  const shown = rows.get(market.symbol) ?? buildRow(market.symbol);
  const before = shown.market;
  shown.market = market;
  shown.text = `${market.symbol} ${market.name} ${market.team} ${market.position}`.toLowerCase();
  setText(shown.ticker, market.symbol);
  setText(shown.badge, market.status === "halted" ? "halted" : "");
  setText(shown.name, market.name);
  setText(shown.facts, `${market.team} ${market.position}`);
  setText(shown.team, market.team);
  setText(shown.position, market.position);
  setText(shown.last, priceText(market.last_price));
  setText(shown.bid, priceText(market.best_bid));
  setText(shown.ask, priceText(market.best_ask));
  setText(shown.volume, roundly(market.volume));
  shown.volume.title = grouped(market.volume);
  for (const [cell, value] of [[shown.last, market.last_price], [shown.bid, market.best_bid], [shown.ask, market.best_ask]]) {
    cell.classList.toggle("missing", value === null);
  }
  if (before?.last_price && market.last_price && before.last_price !== market.last_price) {
    flash(shown.last, Number(market.last_price) > Number(before.last_price) ? "up" : "down");
  }
}

function valueOf(shown, key) {
  const value = shown.market[key];
  if (!NUMERIC.has(key)) return value;
  return value === null ? -1 : Number(value); // for the order of rows only
}

function compare(one, other) {
  if (sorting.key === null) return one.place - other.place;
  const a = valueOf(one, sorting.key);
  const b = valueOf(other, sorting.key);
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return (sorting.isDescending ? -order : order) || one.place - other.place;
}

function arrange() {
  const words = page.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const visible = [...rows.values()].filter((shown) => words.every((word) => shown.text.includes(word)));
  visible.sort(compare);
  const wanted = visible.map((shown) => shown.row);
  const isSame = wanted.length === page.markets.children.length
    && wanted.every((row, index) => row === page.markets.children[index]);
  if (!isSame) page.markets.replaceChildren(...wanted);
  setText(page.count, visible.length === rows.size ? `${rows.size}` : `${visible.length} of ${rows.size}`);
  page.marketsEmpty.hidden = visible.length > 0;
  setText(page.marketsEmpty, rows.size ? "No player matches the filter." : "No players are listed yet.");
}

function showMarkets(markets) {
  markets.forEach(showMarket);
  if (markets.length < rows.size) {
    // Another exchange answers than before: what it does not list is gone.
    const listed = new Set(markets.map((market) => market.symbol));
    [...rows.keys()].filter((symbol) => !listed.has(symbol)).forEach((symbol) => rows.delete(symbol));
  }
  arrange();
}

// ---- tape

function tapeRow(trade) {
  const row = document.createElement("tr");
  cellOf(row, "").textContent = new Date(trade.time).toLocaleTimeString([], { hour12: false });
  cellOf(row, "ticker").textContent = trade.symbol;
  cellOf(row, trade.side === "buy" ? "buy" : "sell").textContent = trade.side;
  cellOf(row, "number").textContent = grouped(trade.quantity);
  cellOf(row, "number").textContent = trade.price;
  return row;
}

function showTrades(trades) {
  const known = trades.findIndex((trade) => trade.id === newestTrade);
  const fresh = known < 0 ? trades : trades.slice(0, known);
  if (known < 0) page.tape.replaceChildren();
  page.tape.prepend(...fresh.map(tapeRow));
  while (page.tape.children.length > TAPE_ROWS) page.tape.lastElementChild.remove();
  newestTrade = trades.length ? trades[0].id : null;
  page.tapeEmpty.hidden = trades.length > 0;
  setText(page.tapeEmpty, "No trades yet.");
}

// ---- state of the service

const PILLS = { open: "Open", halted: "Halted", unavailable: "Not ready", offline: "Offline" };

function showState(state, sentence) {
  page.pill.dataset.state = state;
  setText(page.pill, PILLS[state]);
  page.banner.dataset.state = state;
  setText(page.banner, sentence); // announced by screen readers, so it is set only when it changes
  document.body.classList.toggle("stale", state === "offline");
}

function showOffline() {
  if (page.pill.dataset.state === "offline") return;
  const since = updatedAt === null ? "" : ` The figures are those of ${updatedAt} and may be out of date.`;
  showState("offline", `The exchange cannot be reached.${since} Trying again.`);
}

function showReadiness(readiness) {
  if (readiness.status !== "ready") {
    showState("unavailable", `The exchange takes no orders now. ${readiness.error?.details?.problem ?? ""}`.trim());
  } else if (readiness.trading === "halted") {
    showState("halted", "Trading is halted everywhere. Orders are accepted again when it resumes.");
  } else {
    showState("open", readiness.warning ?? "");
  }
}

// ---- asking

async function ask(route, show) {
  const response = await fetch(route, { cache: "no-cache", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  heardAt = performance.now();
  if (!response.ok) throw new Error(`${route} answered ${response.status}`);
  const etag = response.headers.get("etag");
  if (etags.get(route) === etag) return;
  show(await response.json());
  etags.set(route, etag);
}

async function askReadiness() {
  const response = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  heardAt = performance.now();
  return response.json();
}

async function poll() {
  if (polling || document.hidden) return;
  polling = true;
  try {
    const [readiness] = await Promise.all([
      askReadiness(),
      ask("/api/v1/markets", showMarkets),
      ask(`/api/v1/trades?limit=${TAPE_ROWS}`, showTrades),
    ]);
    updatedAt = new Date().toLocaleTimeString([], { hour12: false });
    showReadiness(readiness);
  } catch {
    showOffline();
  } finally {
    polling = false;
  }
}

function watch() {
  if (!document.hidden && performance.now() - heardAt > SILENCE_MS) showOffline();
}

// ---- the reader's hands

function sortBy(button) {
  const key = button.dataset.sort;
  const isDescendingFirst = NUMERIC.has(key);
  if (sorting.key !== key) {
    sorting.key = key;
    sorting.isDescending = isDescendingFirst;
  } else if (sorting.isDescending === isDescendingFirst) {
    sorting.isDescending = !isDescendingFirst;
  } else {
    sorting.key = null; // the third press returns to the order of listing
  }
  for (const other of document.querySelectorAll("th button")) {
    const isSorted = other.dataset.sort === sorting.key;
    if (isSorted) other.parentElement.setAttribute("aria-sort", sorting.isDescending ? "descending" : "ascending");
    else other.parentElement.removeAttribute("aria-sort");
  }
  arrange();
}

document.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => sortBy(button)));
page.filter.addEventListener("input", arrange);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== page.filter && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    page.filter.focus();
  }
});
document.addEventListener("visibilitychange", () => {
  heardAt = performance.now();
  poll();
});
setInterval(poll, POLL_MS);
setInterval(watch, WATCH_MS);
poll();
