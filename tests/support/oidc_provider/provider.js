// The certified OpenID provider with any user that is asked for, for tests on loopback.
//
// Environment: MODULES (the folder of node_modules), ID_TOKEN_SECONDS (how long ID tokens are good for).
// Prints one line of JSON with its issuer when it listens, and ends when its standard input closes.
// Beside the protocol: PUT /test/clients/ID {"secret", "redirect_uris"} registers a client, because a service's port,
// and with it its redirect URI, is only known once it runs.

import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const modules = process.env.MODULES;
const imported = (path) => import(pathToFileURL(join(modules, path)).href);
const { Provider } = await imported("oidc-provider/lib/index.js");

const clients = new Map();
const stored = new Map(); // model:id -> payload

/** What the provider remembers; nothing expires, tests end first. Codes are marked when used, as the protocol wants. */
class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { stored.set(this.key(id), payload); }
  async find(id) { return this.model === "Client" ? clients.get(id) : stored.get(this.key(id)); }
  async findByUid(uid) { return this.matching((payload) => payload.uid === uid); }
  async findByUserCode(code) { return this.matching((payload) => payload.userCode === code); }
  async consume(id) { stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { stored.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
  matching(condition) {
    for (const [key, payload] of stored) if (key.startsWith(`${this.model}:`) && condition(payload)) return payload;
    return undefined;
  }
}

/** Whoever says a name has it: "ann" is ann@example.test, "ann@league.test" is just that. */
function accountOf(name) {
  const email = name.includes("@") ? name : `${name}@example.test`;
  return {
    accountId: name,
    claims: async () => ({ sub: name, name: `Full name of ${name}`, email, email_verified: !name.startsWith("unverified") }),
  };
}

/** Consent is taken as given for what a client asks for. */
async function grantOf(ctx) {
  const grant = new ctx.oidc.provider.Grant({
    clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
  });
  grant.addOIDCScope("openid email profile");
  await grant.save();
  return grant;
}

const signingKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

function answer(response, status, body, type = "text/html; charset=utf-8") {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(body);
}

const PAGE = (action) => `<!doctype html><html lang="en"><title>Identity provider</title>
<form method="post" action="${action}"><label>Name <input name="login" required autofocus></label>
<button>Continue</button></form></html>`;

async function register(request, response, id) {
  const { secret, redirect_uris } = JSON.parse(await bodyOf(request));
  clients.set(id, {
    client_id: id, client_secret: secret, redirect_uris, grant_types: ["authorization_code"], response_types: ["code"],
  });
  answer(response, 204, "");
}

async function interact(provider, request, response, path) {
  if (request.method === "GET") return answer(response, 200, PAGE(path));
  const accountId = new URLSearchParams(await bodyOf(request)).get("login");
  return provider.interactionFinished(request, response, { login: { accountId } }, { mergeWithLastSubmission: false });
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const seconds = Number(process.env.ID_TOKEN_SECONDS ?? 3600);
  const provider = new Provider(issuer, {
    adapter: Memory,
    clients: [],
    cookies: { keys: [crypto.randomUUID()] },
    jwks: { keys: [signingKey()] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false, // as Google does it: the ID token tells name and e-mail
    features: { devInteractions: { enabled: false } },
    findAccount: async (ctx, name) => accountOf(name),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: grantOf,
    pkce: { required: () => true },
    ttl: { AuthorizationCode: 60, AccessToken: 600, IdToken: seconds, Interaction: 600, Grant: 600, Session: 600 },
  });
  const protocol = provider.callback();
  server.on("request", (request, response) => {
    const path = new URL(request.url, issuer).pathname;
    const failed = (error) => answer(response, 500, String(error), "text/plain");
    if (path.startsWith("/test/clients/")) register(request, response, path.slice(14)).catch(failed);
    else if (path.startsWith("/interaction/")) interact(provider, request, response, path).catch(failed);
    else protocol(request, response);
  });
  console.log(JSON.stringify({ issuer }));
});
process.stdin.on("end", () => process.exit(0)).resume();
