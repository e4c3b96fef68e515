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

async function show() {
  const corner = document.getElementById("corner");
  let me = null;
  try {
    me = await whoAmI();
  } catch {
    // Whether somebody is signed in is not known now; the page says itself that the exchange cannot be reached.
  }
  const links = [];
  if (location.pathname !== "/") {
    const home = link("/", "Market");
    home.className = "home"; // where there is little room, the name of the exchange leads there too
    links.push(home);
  }
  if (me) links.push(link("/security", me.name || "Account"));
  else if (location.pathname !== "/sign-in") links.push(link("/sign-in", "Sign in"));
  corner.replaceChildren(...links);
}

show();
