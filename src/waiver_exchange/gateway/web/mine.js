// What belongs to the reader, beside the market: cash, shares and open orders, asked for every few seconds.
// Whatever comes from the exchange reaches the page as text, never as markup.

import { element, row } from "/web/page-parts.js";
import { Refused, ask, whoAmI } from "/web/session.js";

const POLL_MS = 4000;
const ORDERS = 50;

function grouped(decimal) {
  const [whole, fraction] = decimal.split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${text}.${fraction}` : text;
}

/** Return dollars with cents; what is behind them is cut off. */
function dollars(decimal) {
  const [whole, fraction = ""] = decimal.split(".");
  return `$${grouped(whole)}.${fraction.padEnd(2, "0").slice(0, 2)}`;
}

function fill(name, rows) {
  element(name).replaceChildren(...rows);
  element(`${name}-table`).hidden = rows.length === 0;
}

function plain(cells) {
  const made = row(cells);
  made.lastElementChild.remove(); // the place for buttons
  return made;
}

function positionRow(position) {
  return plain([
    ["", position.symbol, "ticker"], ["", grouped(position.quantity), "number"],
    ["", position.market_value === null ? "\u2013" : dollars(position.market_value), "number"],
  ]);
}

function orderRow(order) {
  return plain([
    ["", order.symbol, "ticker"], ["", order.side, order.side],
    ["", `${grouped(order.filled_quantity)} / ${order.quantity === null ? dollars(order.notional) : grouped(order.quantity)}`, "number"],
    ["", order.limit_price ?? "\u2013", "number"],
  ]);
}

async function show() {
  if (document.hidden) return;
  try {
    const [account, positions, orders] = await Promise.all([
      ask("GET", "/api/v1/account"), ask("GET", "/api/v1/positions"), ask("GET", `/api/v1/orders?status=open&limit=${ORDERS}`),
    ]);
    element("cash").textContent = dollars(account.cash);
    element("available").textContent = dollars(account.cash_available);
    element("equity").textContent = dollars(account.equity);
    const open = orders.items;
    fill("positions", positions.map(positionRow));
    fill("orders", open.map(orderRow));
    element("mine-empty").hidden = positions.length + open.length > 0;
    element("mine-state").textContent = account.status === "halted" ? "This account is frozen. Ask the operator." : "";
    element("mine").hidden = false;
  } catch (error) {
    if (error instanceof Refused && error.status < 429) element("mine").hidden = true; // signed out elsewhere
    else element("mine-state").textContent = "These figures may be out of date.";
  }
}

const me = await whoAmI().catch(() => null);
if (me) {
  await show();
  setInterval(show, POLL_MS);
  document.addEventListener("visibilitychange", show);
}
