import { execFile } from "node:child_process";
import { createSign, randomUUID, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * A server of bearer tokens for a registry (distribution, docs/spec/auth/jwt.md). Its user may do what it asks for;
 * everybody may read repositories below `public/`.
 */
export interface TokenServer extends AsyncDisposable {
  readonly host: string;
  readonly realm: string;
  readonly issuer: string;
  /** PEM file by which the registry checks tokens. */
  readonly certificate: string;
  /** Scopes that tokens were asked for. */
  readonly asked: string[];
}

export async function startTokenServer(dir: string, username: string, password: string): Promise<TokenServer> {
  await mkdir(dir, { recursive: true });
  const keyPath = join(dir, "key.pem");
  const certificate = join(dir, "certificate.pem");
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens"],
    ...["-keyout", keyPath, "-out", certificate],
  ]);
  const key = await readFile(keyPath);
  const x5c = [new X509Certificate(await readFile(certificate)).raw.toString("base64")];
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const issuer = "test-tokens";
  const asked: string[] = [];

  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    const scopes = query.getAll("scope");
    asked.push(...scopes);
    const { authorization } = request.headers;
    if (authorization !== undefined && authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    const access = scopes.map((scope) => {
      const [type = "", name = "", actions = ""] = scope.split(":");
      const anonymous = name.startsWith("public/") ? ["pull"] : [];
      return { type, name, actions: authorization === expected ? actions.split(",") : anonymous };
    });
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, nbf: now - 10, exp: now + 300 };
    const claims = { iss: issuer, sub: username, aud: query.get("service"), jti: randomUUID(), ...times, access };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ token: sign({ typ: "JWT", alg: "RS256", x5c }, claims, key), expires_in: 300 }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const host = `127.0.0.1:${address.port}`;
  return {
    host,
    realm: `http://${host}/token`,
    issuer,
    certificate,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function sign(header: object, claims: object, key: Buffer): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode(header)}.${encode(claims)}`;
  return `${body}.${createSign("RSA-SHA256").update(body).sign(key).toString("base64url")}`;
}
