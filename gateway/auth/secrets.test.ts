import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { freePort } from "../../test/support/port.ts";
import { runGateway } from "../testing/gateway-process.ts";
import { send } from "../testing/harness.ts";

test("G2: nothing of a key, password, secret or token is in the log or at /ready, however much is logged", async () => {
  const dir = await mkdtemp(join(tmpdir(), "esb-secrets-"));
  await using _dir = { [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
  const secrets = {
    ESB_API_KEY: "api-key-that-nobody-may-see",
    ESB_AUTH_PASSWORD: "password-that-nobody-may-see",
    ESB_AWS_SECRET_ACCESS_KEY: "secret-key-that-nobody-may-see",
    ESB_JWT_SECRET: "jwt-secret-that-nobody-may-see-at-all",
  };
  await writeFile(join(dir, "functions.yml"), "functions: { hello: { image: x } }");
  await writeFile(join(dir, "routing.yml"), 'routes: [{ path: "/who", method: GET, function: hello }]');
  await writeFile(join(dir, "auth.yml"), "apiKeys: [{ id: file, key: file-key-that-nobody-may-see }]\n");
  const port = await freePort();
  await using gateway = runGateway({
    ...secrets,
    ESB_MODE: "production",
    LOG_LEVEL: "trace",
    ESB_GATEWAY_PORT: String(port),
    ESB_AGENT_ADDRESS: `unix://${dir}/no-agent.sock`,
    ESB_FUNCTIONS: join(dir, "functions.yml"),
    ESB_ROUTING: join(dir, "routing.yml"),
    ESB_AUTH_FILE: join(dir, "auth.yml"),
    ESB_AUTH_USER: "ada",
    ESB_AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  });
  await gateway.logged("gateway listens");
  const url = `http://127.0.0.1:${port}`;
  const signIn = (key: string, PASSWORD: string) =>
    send(
      `${url}/user/auth/ver1.0`,
      "POST",
      { "x-api-key": key },
      JSON.stringify({ AuthParameters: { USERNAME: "ada", PASSWORD } }),
    );
  await signIn("wrong-key-that-nobody-may-see", "x");
  await signIn(secrets.ESB_API_KEY, "wrong-password-that-nobody-may-see");
  const { AuthenticationResult } = JSON.parse((await signIn(secrets.ESB_API_KEY, secrets.ESB_AUTH_PASSWORD)).body);
  const token: string = AuthenticationResult.IdToken;
  await send(`${url}/who`, "GET", { authorization: token });
  await send(`${url}/who`, "GET", { authorization: `${token}x` });
  const client = new LambdaClient({
    endpoint: url,
    region: "us-east-1",
    maxAttempts: 1,
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: secrets.ESB_AWS_SECRET_ACCESS_KEY },
  });
  await assert.rejects(client.send(new InvokeCommand({ FunctionName: "hello" })), { name: "ServiceException" });
  await writeFile(join(dir, "auth.yml"), "apiKeys: [{ id: file, key:file-key-that-nobody-may-see }]\n");
  await gateway.logged("credentials file refused");
  const ready = (await send(`${url}/ready`, "GET")).body;
  assert.match(ready, /auth\.yml:1:\d+: apiKeys\.0/);
  const shown = gateway.output.out + gateway.output.error + ready;
  assert.match(shown, /wrong user or password/);
  assert.doesNotMatch(shown, /nobody-may-see/);
  for (const part of token.split(".")) assert.ok(!shown.includes(part));
});
