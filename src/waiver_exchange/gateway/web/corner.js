// The corner of every page that says whether somebody is signed in, and leads to where that is changed.

import { whoAmI } from "/web/session.js";

function link(href, text) {
  const item = document.createElement("li");
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.textContent = text;
  item.append(anchor);
  return item;
}

/** Return a link that is left out where there is little room. */
function secondary(href, text) {
  const item = link(href, text);
  item.className = "home";
  return item;
}

async function show() {
  const corner = document.getElementById("corner");
  let me = null;
  try {
    me = await whoAmI();
  } catch {
    // Whether somebody is signed in is not known now; the page says itself that the exchange cannot be reached.
  }
  const links = [];
  if (location.pathname === "/") links.push(secondary("/conservation", "Conservation"), secondary("/docs", "API"));
  if (location.pathname !== "/") {
    links.push(secondary("/", "Market")); // the name of the exchange leads there too
  }
  if (me) links.push(link("/security", me.name || "Account"));
  else if (location.pathname !== "/sign-in") links.push(link("/sign-in", "Sign in"));
  corner.replaceChildren(...links);
}

show();
