// What the pages of text share: banners, tables, times, and questions that are asked before something is done.
// Whatever comes from the exchange reaches the page as text, never as markup.

export const element = (id) => document.getElementById(id);

/** Say something above the page: state is "bad", "good" or "" for a plain remark; no text takes the banner away. */
export function say(text, state = "") {
  const banner = element("banner");
  banner.dataset.state = state;
  banner.textContent = text;
  if (text) banner.scrollIntoView({ block: "nearest" });
}

/** Return a date and time as the reader's clock and calendar write it, or a word for never. */
export function timeText(value, never = "never") {
  if (!value) return never;
  const moment = new Date(value);
  const now = new Date();
  const time = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  const year = moment.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return `${moment.toLocaleDateString([], { ...year, month: "short", day: "numeric" })}, ${time}`;
}

const BROWSERS = [
  [/\bEdg/, "Edge"], [/\bOPR\//, "Opera"], [/\bFirefox\//, "Firefox"], [/Chrom(?:e|ium)\//, "Chrome"], [/\bSafari\//, "Safari"],
];
const SYSTEMS = [
  [/\biPhone\b/, "iPhone"], [/\biPad\b/, "iPad"], [/\bAndroid\b/, "Android"], [/\bWindows\b/, "Windows"], [/\bMac OS X\b/, "Mac"], [/\bLinux\b/, "Linux"],
];

/** Return what a person calls the device behind a User-Agent, as far as it says; programs are shown as they call themselves. */
export function deviceText(userAgent) {
  const named = (words) => words.find(([pattern]) => pattern.test(userAgent))?.[1];
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? (userAgent.slice(0, 40) || "Unknown device");
}

/** Return a button; `grave` marks what takes something away. */
export function button(text, act, { grave = false, label = "" } = {}) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = grave ? "button small grave" : "button small";
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", () => whileBusy(made, act));
  return made;
}

/** Return a row of a table: cells are [label, text, class, title], the last two as they may be; the buttons come last. */
export function row(cells, buttons = []) {
  const made = document.createElement("tr");
  for (const [label, text, name = "", title = ""] of cells) {
    const cell = made.insertCell();
    cell.dataset.label = label;
    cell.textContent = text;
    if (name) cell.className = name;
    if (title) cell.title = title;
  }
  const acts = made.insertCell();
  acts.className = "acts";
  acts.append(...buttons);
  return made;
}

/** Do something with a button that cannot be pressed meanwhile; what goes wrong is said. */
export async function whileBusy(pressed, act) {
  pressed.disabled = true;
  try {
    await act();
  } catch (error) {
    say(error.message, "bad");
  } finally {
    pressed.disabled = false;
  }
}

/** Ask before something is done; resolves to the text typed ("" without a field), or null for no. */
export function question(text, { yes = "Yes", grave = false, label = "", value = "" } = {}) {
  const dialog = element("question");
  element("question-text").textContent = text;
  element("question-yes").textContent = yes;
  element("question-yes").classList.toggle("grave", grave);
  element("question-field").hidden = !label;
  element("question-label").textContent = label;
  element("question-input").value = value;
  dialog.returnValue = "no";
  dialog.showModal();
  element(label ? "question-input" : "question-no").focus(); // what takes something away is never one key press off
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? element("question-input").value : null);
    }, { once: true });
  });
}
