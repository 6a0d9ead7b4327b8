import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { listening } from "../../gateway/testing/listen.ts";
import { afterInstalling } from "./look.ts";
import { readScriptSettings } from "./settings.ts";

/** What the check of the agent's port says; undefined where there is none. */
async function agentPort(address: string): Promise<{ ok: boolean; found: string; advice?: string } | undefined> {
  const settings = readScriptSettings({ ESB_AGENT_ADDRESS: address, ESB_RUN_DIR: "/nowhere" });
  const check = (await afterInstalling(settings)).find(({ name }) => name === "agent port");
  return check?.look();
}

test("a port is free, or taken and told with what to do; an address elsewhere is not told as taken", async () => {
  await using server = createServer();
  const taken = await listening(server);
  assert.match((await agentPort(`127.0.0.1:${taken}`))?.advice ?? "", /^stop what listens there.*ESB_AGENT_ADDRESS$/);
  assert.match((await agentPort("192.0.2.1:50051"))?.advice ?? "", /^not an address to listen at here/);
  server.close();
  assert.equal((await agentPort(`127.0.0.1:${taken}`))?.ok, true);
});

test("an IPv6 address stands in brackets", async () => {
  await using server = createServer();
  const port = await listening(server);
  server.close();
  const finding = await agentPort(`[::1]:${port}`);
  // Where the machine has no IPv6, the address is at least understood.
  assert.match(finding?.found ?? "", / is free$|EADDRNOTAVAIL|EAFNOSUPPORT/);
});

test("a socket needs no port", async () => {
  assert.equal(await agentPort("unix:///run/esb/agent.sock"), undefined);
});
