import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestEsb } from "../../test/support/esb.ts";
import { freePort } from "../../test/support/port.ts";
import { median, type Row } from "../samples.ts";

const run = promisify(execFile);
const invocationPath = "/2015-03-31/functions/static/invocations";
const atLeast = 0.7;

/**
 * Many connections through the gateway, against the least that a proxy in Node can do (`bare-proxy.ts`): both on
 * processor 0, the load (wrk) on processor 1, in turn.
 */
export async function throughput(esb: TestEsb, seconds = 10, rounds = 3): Promise<Row> {
  await (await esb.invoke("static")).arrayBuffer();
  const { workers } = await esb.workers.list({});
  const worker = workers.find(({ id }) => id === "static-0");
  const script = join(esb.containerd.dir, "post.lua");
  await writeFile(script, 'wrk.method = "POST"\nwrk.body = "{}"\nwrk.headers["content-type"] = "application/json"\n');
  const port = await freePort();
  const bare = await startBareProxy(port, `http://${worker?.host}:${worker?.port}`);
  const ours: number[] = [];
  const reference: number[] = [];
  try {
    if (esb.gateway.pid !== undefined) await run("taskset", ["-acp", "0", String(esb.gateway.pid)]);
    await run("taskset", ["-acp", "0", String(bare.pid)]);
    for (let round = 0; round < rounds; round += 1) {
      reference.push(await requestsPerSecond(`http://127.0.0.1:${port}${invocationPath}`, script, seconds));
      ours.push(await requestsPerSecond(`${esb.url}${invocationPath}`, script, seconds));
    }
  } finally {
    const ended = once(bare, "exit");
    bare.kill();
    await ended;
  }
  const value = median(ours) / median(reference);
  return {
    name: "throughput",
    what: `throughput: 32 connections, ${seconds} s, p50 of ${rounds}`,
    against: "a bare `node:http` + undici proxy, same cores",
    unit: "requests/s",
    ours,
    reference,
    goal: `≥ ${atLeast}`,
    value,
    reached: value >= atLeast,
  };
}

async function startBareProxy(port: number, target: string): Promise<ChildProcess> {
  const file = join(import.meta.dirname, "../bare-proxy.ts");
  const child = spawn(process.execPath, [file, String(port), target], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

/** @throws Error when wrk saw anything but answers of the 200s */
async function requestsPerSecond(url: string, script: string, seconds: number): Promise<number> {
  const { stdout } = await run("taskset", ["-c", "1", "wrk", "-t1", "-c32", `-d${seconds}s`, "-s", script, url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`failed requests: ${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}
