// The browser's side of WebAuthn: what the exchange asks becomes what the browser wants, and back.

import { ask } from "/web/session.js";

function bytesOf(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

function textOf(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const described = (known) => (known ?? []).map((each) => ({ ...each, id: bytesOf(each.id) }));

function credentialOf(made) {
  const { response } = made;
  const shown = { clientDataJSON: textOf(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) shown[name] = textOf(response[name]);
  }
  if (response.getTransports) shown.transports = response.getTransports();
  return { id: made.id, rawId: textOf(made.rawId), type: made.type, response: shown };
}

async function told(ceremony) {
  if (!window.PublicKeyCredential) throw new Error("This browser has no passkeys, or this page is not secure.");
  try {
    return await ceremony();
  } catch (error) {
    if (error.name === "InvalidStateError") throw new Error("This device has a passkey of yours already.");
    if (error.name === "NotAllowedError") throw new Error("The passkey was not shown in time, or you took it back.");
    throw error;
  }
}

/** Make a passkey and have it kept. */
export async function addPasskey(name) {
  const options = await ask("POST", "/auth/passkeys/options");
  const publicKey = {
    ...options,
    challenge: bytesOf(options.challenge),
    user: { ...options.user, id: bytesOf(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  };
  const made = await told(() => navigator.credentials.create({ publicKey }));
  return ask("POST", "/auth/passkeys", { name, credential: credentialOf(made) });
}

/** Show a passkey: for ten minutes this session may do what needs one. */
export async function stepUp() {
  const options = await ask("POST", "/auth/passkeys/step-up/options");
  const publicKey = {
    ...options, challenge: bytesOf(options.challenge), allowCredentials: described(options.allowCredentials),
  };
  const shown = await told(() => navigator.credentials.get({ publicKey }));
  return ask("POST", "/auth/passkeys/step-up", { credential: credentialOf(shown) });
}

/** Do something that may need a passkey; when it does, ask for it and do it again. */
export async function confirmed(act) {
  try {
    return await act();
  } catch (error) {
    if (error.code !== "step_up_is_required") throw error;
    await stepUp();
    return act();
  }
}
