import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { nothing, startImageHost, wait } from "../support/registry-images.ts";

const resources = new AsyncDisposableStack();
let host: Awaited<ReturnType<typeof startImageHost>>;
let archive: string;

before(async () => {
  host = resources.use(await startImageHost());
  const entries = [{ type: "file" as const, path: "/x", content: "x" }];
  archive = await host.build({ name: "localhost/x:1", config: {}, layers: [{ entries }], compression: "gzip" });
});
after(() => resources.disposeAsync());
afterEach(async () => {
  for (const name of (await host.contents()).images) await host.store().remove(name, wait());
  assert.deepEqual(await host.contents(), nothing);
});

/** A docker config.json with one registry's credentials. */
async function authFile(registry: TestRegistry, password = registry.password): Promise<string> {
  const path = join(registry.dir, `config-${password}.json`);
  const auth = Buffer.from(`${registry.username}:${password}`).toString("base64");
  await writeFile(path, JSON.stringify({ auths: { [registry.host]: { auth } } }));
  return path;
}

test("basic auth: with the right credentials, with wrong ones, with none", async () => {
  await using registry = await startRegistry({ auth: "basic" });
  await registry.push(archive, "private/x:1");
  const name = `${registry.host}/private/x:1`;
  const insecureRegistries = [registry.host];

  const wrong = host.store({ insecureRegistries, authFile: await authFile(registry, "wrong") });
  await assert.rejects(wrong.resolve(name, "if-not-present", wait()), {
    code: "IMAGE_PULL_FAILED",
    message: /does not accept the credentials of user \(ESB_REGISTRY_AUTH\)/,
  });
  await assert.rejects(host.store({ insecureRegistries }).resolve(name, "if-not-present", wait()), {
    code: "IMAGE_PULL_FAILED",
    message: /needs credentials \(ESB_REGISTRY_AUTH\)/,
  });
  assert.deepEqual(await host.contents(), nothing);
  const right = host.store({ insecureRegistries, authFile: await authFile(registry) });
  assert.equal((await right.resolve(name, "if-not-present", wait())).name, name);
});

test("a private CA: trusted when its file is named, else refused with the setting's name", async () => {
  await using registry = await startRegistry({ tls: true });
  await registry.push(archive, "x:1");
  const name = `${registry.host}/x:1`;

  await assert.rejects(host.store().resolve(name, "if-not-present", wait()), {
    code: "IMAGE_PULL_FAILED",
    message: /signed by nobody we trust.*ESB_REGISTRY_CA/,
  });
  await assert.rejects(host.store({ caFile: "/nowhere.pem" }).resolve(name, "if-not-present", wait()), {
    message: /ESB_REGISTRY_CA: \/nowhere\.pem cannot be read/,
  });
  const store = host.store({ caFile: registry.authority?.ca });
  assert.equal((await store.resolve(name, "if-not-present", wait())).name, name);
});

test("bearer tokens: with credentials for a private image, anonymously for a public one", async () => {
  await using registry = await startRegistry({ auth: "token" });
  await registry.push(archive, "private/x:1");
  await registry.push(archive, "public/x:1");
  const { tokens, host: address } = registry;
  assert.ok(tokens);
  tokens.asked.length = 0;
  const insecureRegistries = [address, tokens.host];

  const store = host.store({ insecureRegistries, authFile: await authFile(registry) });
  await store.resolve(`${address}/private/x:1`, "if-not-present", wait());
  assert.deepEqual(tokens.asked, ["repository:private/x:pull"], "one token for the whole pull");

  const anonymous = host.store({ insecureRegistries });
  await anonymous.resolve(`${address}/public/x:1`, "if-not-present", wait());
  await anonymous.remove(`${address}/private/x:1`, wait());
  await assert.rejects(anonymous.resolve(`${address}/private/x:1`, "if-not-present", wait()), {
    code: "IMAGE_PULL_FAILED",
    message: /refuses private\/x.*ESB_REGISTRY_AUTH/,
  });
  const wrong = host.store({ insecureRegistries, authFile: await authFile(registry, "wrong") });
  await assert.rejects(wrong.resolve(`${address}/private/x:1`, "if-not-present", wait()), {
    message: /refuses a token for private\/x: it does not accept the credentials of user/,
  });
});

test("a server of tokens over plain HTTP that is not listed gets no credentials", async () => {
  await using registry = await startRegistry({ auth: "token" });
  const store = host.store({ insecureRegistries: [registry.host], authFile: await authFile(registry) });
  await assert.rejects(store.resolve(`${registry.host}/private/x:1`, "if-not-present", wait()), {
    code: "IMAGE_PULL_FAILED",
    message: /not encrypted.*ESB_INSECURE_REGISTRIES/,
  });
  assert.deepEqual(registry.tokens?.asked, []);
});
