// Asking the exchange as the person who is signed in: the cookies go by themselves, this adds what protects them.

const REQUEST_TIMEOUT_MS = 15000;
const CSRF_COOKIE = "__Host-waiver_csrf";
const SIGNED_OUT = new Set(["credentials_are_missing", "token_is_wrong"]);

/** What the exchange refused: its code and the sentence for people. */
export class Refused extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.details = error.details ?? {};
  }
}

function csrfToken() {
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${CSRF_COOKIE}=`));
  return pair ? decodeURIComponent(pair.slice(CSRF_COOKIE.length + 1)) : null;
}

async function send(method, path, body) {
  const headers = {};
  const token = csrfToken();
  if (method !== "GET" && token) headers["X-CSRF-Token"] = token;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method, headers, cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  let error = { code: "unknown", message: `The exchange answered ${response.status}.` };
  try {
    error = JSON.parse(text).error;
  } catch {
    // Not from the exchange itself, such as a proxy's page: the status has to do.
  }
  throw new Refused(response.status, error);
}

// A refresh token is good once, and whoever shows a used one ends the session. So of all open pages one refreshes,
// and the others look first whether that has been done.
async function refresh() {
  const once = async () => {
    try {
      await send("GET", "/auth/me");
    } catch (error) {
      if (!(error instanceof Refused) || !SIGNED_OUT.has(error.code)) throw error;
      await send("POST", "/auth/refresh");
    }
  };
  await (navigator.locks ? navigator.locks.request("waiver-refresh", once) : once());
}

/** Return the body of an answer; an access token that has expired is renewed on the way. Throws `Refused`. */
export async function ask(method, path, body) {
  try {
    return await send(method, path, body);
  } catch (error) {
    if (!(error instanceof Refused) || !SIGNED_OUT.has(error.code) || !csrfToken()) throw error;
    await refresh();
    return send(method, path, body);
  }
}

/** Return who is signed in, or null. */
export async function whoAmI() {
  if (!csrfToken()) return null; // nobody: not even asked
  try {
    return await ask("GET", "/auth/me");
  } catch (error) {
    if (error instanceof Refused && error.status < 500) return null;
    throw error;
  }
}
