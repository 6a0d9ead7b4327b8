import { writeFile } from "node:fs/promises";
import { Client } from "undici";
import { type TestEsb, until } from "../../test/support/esb.ts";
import { differenceRow, type Row, ratioRow, timed } from "../samples.ts";
import { apiRoutes } from "../setting.ts";

const invocationPath = "/2015-03-31/functions/api/invocations";
const batch = 250;
/** Requests of each kind before those that count: by then the gateway's code for both is compiled. */
const warmUp = 3000;
const atMostMs = 0.15;
const manyAtMost = 1.1;
const many = 1000;

type Headers = Readonly<Record<string, string>>;

export const api1 = (esb: TestEsb) => route(esb, "api1", "a route, payload 1.0", "/one/1", {});
export const api2 = (esb: TestEsb) => route(esb, "api2", "a route, payload 2.0", "/two/1", {});

export async function apiToken(esb: TestEsb): Promise<Row> {
  const response = await fetch(`${esb.url}/user/auth/ver1.0`, {
    method: "POST",
    headers: { "x-api-key": "esb-development-key" },
    body: JSON.stringify({ AuthParameters: { USERNAME: "developer", PASSWORD: "developer" } }),
  });
  const { AuthenticationResult } = (await response.json()) as { AuthenticationResult: { IdToken: string } };
  const headers = { authorization: AuthenticationResult.IdToken };
  return route(esb, "apiToken", "a route with a token, payload 2.0", "/mine/1", headers);
}

/** A request to a route, against the Lambda invocation of the same function: one client with one connection. */
async function route(
  esb: TestEsb,
  name: string,
  what: string,
  path: string,
  headers: Headers,
  requests = 5000,
): Promise<Row> {
  await (await esb.invoke("api")).arrayBuffer();
  const ours: number[] = [];
  const reference: number[] = [];
  const client = new Client(esb.url);
  for (let done = -warmUp; done < requests; done += batch) {
    const keep = done >= 0;
    await sendBatch(client, invocationPath, {}, keep ? reference : []);
    await sendBatch(client, path, headers, keep ? ours : []);
  }
  await client.close();
  return differenceRow(
    {
      name,
      what: `${what}: one client, keep-alive, p50 of ${requests}`,
      against: "the Lambda invocation of the same function",
      ours,
      reference,
    },
    atMostMs,
  );
}

/** The same request while routing.yml has 1,000 more routes, and while it has not. */
export async function manyRoutes(esb: TestEsb, rounds = 8): Promise<Row> {
  const ours: number[] = [];
  const reference: number[] = [];
  const client = new Client(esb.url);
  for (let round = -1; round < rounds; round += 1) {
    for (const [others, samples] of [
      [0, reference],
      [many, ours],
    ] as const) {
      await takeRoutes(esb, others);
      await sendBatch(client, "/two/1", {}, []);
      await sendBatch(client, "/two/1", {}, round < 0 ? [] : samples);
      await sendBatch(client, "/two/1", {}, round < 0 ? [] : samples);
    }
  }
  await client.close();
  await takeRoutes(esb, 0);
  return ratioRow(
    {
      name: "manyRoutes",
      what: `one of ${many} routes: one client, keep-alive, p50 of ${ours.length}`,
      against: "one of 3 routes",
      ours,
      reference,
    },
    manyAtMost,
  );
}

async function takeRoutes(esb: TestEsb, others: number): Promise<void> {
  const text = apiRoutes(others);
  await writeFile(esb.settings.ESB_ROUTING ?? "", text);
  const count = text.match(/- \{/g)?.length;
  await until(
    async () => {
      const { routing } = (await (await fetch(`${esb.url}/ready`)).json()) as { routing: { count: number } };
      if (routing.count !== count) throw new Error(`${routing.count} routes hold`);
    },
    10_000,
    async (error) => `the routes were not taken over: ${error}`,
  );
}

async function sendBatch(client: Client, path: string, headers: Headers, samples: number[]): Promise<void> {
  for (let index = 0; index < batch; index += 1) samples.push(await timed(() => send(client, path, headers)));
}

/** @throws Error when it is not answered 200 */
async function send(client: Client, path: string, headers: Headers): Promise<void> {
  const body = "{}";
  const answer = await client.request({
    path,
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`${path} was answered ${answer.statusCode}`);
}
