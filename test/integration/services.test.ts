import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseSubnet } from "../../agent/network/subnet.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { servicesArchive, servicesImage } from "../support/images.ts";
import { freePort } from "../support/port.ts";
import { startDynamoDb, startS3, type TestS3 } from "../support/services/aws.ts";

/** Functions that use S3 and DynamoDB with the AWS SDK as it is (D3); servers of npm stand in by the same endpoints. */

const functions = `
defaults: { timeout: 20, memory: 512, concurrency: { max: 1 } }
functions:
  shop: { image: "${servicesImage}" }
  second: { image: "${servicesImage}" }
  elsewhere: { image: "${servicesImage}", environment: { AWS_ENDPOINT_URL_S3: "http://192.0.2.1:9000" } }
  independent: { image: "${servicesImage}", environment: { AWS_ACCESS_KEY_ID: mine, AWS_SECRET_ACCESS_KEY: mine } }
`;
const [s3Port, dynamoDbPort] = [9000, 8001];
const [accessKeyId, secretAccessKey] = ["ESBSERVICES", "services-secret"];
const credentialsFile = join(tmpdir(), `esb-services-${process.pid}.env`);

const stack = new AsyncDisposableStack();
let esb: TestEsb;
let s3: TestS3;
/** Address of the workers' bridge. */
let host: string;
before(async () => {
  stack.defer(() => rm(credentialsFile, { force: true }));
  await writeFile(credentialsFile, `AWS_ACCESS_KEY_ID=${accessKeyId}\nAWS_SECRET_ACCESS_KEY=${secretAccessKey}\n`);
  const settings = {
    ESB_S3_URL: `http://host.esb.internal:${s3Port}`,
    ESB_DYNAMODB_URL: `http://host.esb.internal:${dynamoDbPort}`,
    ESB_SERVICE_CREDENTIALS: credentialsFile,
  };
  esb = stack.use(await startEsb({ archives: [await servicesArchive()], functions, settings }));
  host = parseSubnet(esb.subnet).gateway;
  s3 = stack.use(await startS3({ host, port: s3Port }, accessKeyId));
  stack.use(await startDynamoDb({ host, port: dynamoDbPort }));
});
after(() => stack.disposeAsync());

interface Told {
  readonly text?: string;
  readonly url?: string;
  readonly status?: number;
  readonly error?: string;
  readonly code?: string;
  readonly message?: string;
}

async function ask<T = Told>(name: string, payload: object): Promise<T> {
  const response = await esb.invoke(name, payload);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}
const environmentOf = (name: string) => ask<NodeJS.Dict<string>>(name, { op: "env" });

test("D3: a function puts and gets an object; bucket and key are in the path", async () => {
  const object = { bucket: "orders", key: "2026/a b.txt", text: "twelve" };
  assert.deepEqual(await ask("shop", { op: "object", ...object }), { text: "twelve" });
  assert.ok(
    s3.paths.some((path) => path.startsWith("/orders/2026/a%20b.txt")),
    s3.paths.join(" "),
  );
  const { url = "", status, text } = await ask("shop", { op: "presigned", ...object });
  assert.deepEqual([status, text], [200, "twelve"]);
  assert.ok(url.startsWith(`http://${host}:${s3Port}/orders/2026/a%20b.txt?`), url);
  assert.equal(await (await fetch(url)).text(), "twelve", "also from the host");
});

test("D3: a function puts and gets an item", async () => {
  const item = { table: "Orders", id: "1", text: "twelve" };
  assert.deepEqual(await ask("shop", { op: "item", ...item }), { text: "twelve" });
});

test("D3 L7: with the services' credentials, a function still calls others as itself", async () => {
  const environment = await environmentOf("shop");
  assert.deepEqual([environment.AWS_ACCESS_KEY_ID, environment.AWS_SECRET_ACCESS_KEY], [accessKeyId, secretAccessKey]);
  assert.equal(environment.AWS_SESSION_TOKEN, undefined, "S3 would refuse it");
  const answer = await ask<NodeJS.Dict<string>>("shop", { op: "call", name: "second", payload: { op: "env" } });
  assert.equal(answer.AWS_LAMBDA_FUNCTION_NAME, "second");
  const token = /\/token\/([\w-]{43})$/.exec(environment.AWS_ENDPOINT_URL_LAMBDA ?? "")?.[1] ?? assert.fail("no token");
  assert.notEqual(answer.AWS_ENDPOINT_URL_LAMBDA, environment.AWS_ENDPOINT_URL_LAMBDA, "each has its own");
  for (const log of [await esb.agent.log(), await esb.gateway.log()])
    for (const secret of [token, secretAccessKey]) assert.ok(!log.includes(secret));
});

test("D3: what a function's own environment says wins", async () => {
  const elsewhere = await environmentOf("elsewhere");
  assert.equal(elsewhere.AWS_ENDPOINT_URL_S3, "http://192.0.2.1:9000");
  assert.equal(elsewhere.AWS_ENDPOINT_URL_DYNAMODB, `http://${host}:${dynamoDbPort}`);
  const independent = await environmentOf("independent");
  for (const name of ["S3", "DYNAMODB", "LAMBDA"]) assert.equal(independent[`AWS_ENDPOINT_URL_${name}`], undefined);
  assert.equal(independent.AWS_ACCESS_KEY_ID, "mine");
});

test("W5 D3: the services' ports are open to workers at the bridge's address, and nothing beside them", async () => {
  const besides = [`http://${host}:${s3.innerPort}/`, `http://${host}:${await freePort()}/`];
  assert.equal((await fetch(besides[0] ?? "")).ok, true, "the host itself gets an answer");
  for (const url of besides) assert.equal((await ask("shop", { op: "request", url })).error, "TimeoutError", url);
  const inside = await ask("shop", { op: "request", url: `http://127.0.0.1:${s3Port}/` });
  assert.equal(inside.code, "ECONNREFUSED");
  assert.equal((await ask("shop", { op: "request", url: `http://${host}:${s3Port}/` })).status, 403);
});
