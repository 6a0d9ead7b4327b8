import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";
import { openRaw } from "../testing/raw.ts";

const health = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
const cases: ReadonlyArray<readonly [string, Record<string, string>, "all" | "address" | undefined]> = [
  ["in all", { ESB_MAX_CONNECTIONS: "3" }, "all"],
  ["of one address", { ESB_MAX_CONNECTIONS_PER_ADDRESS: "3" }, "address"],
  ["in all, which holds for proxies too", { ESB_MAX_CONNECTIONS: "3", ESB_TRUSTED_PROXIES: "127.0.0.0/8" }, "all"],
  [
    "of one address, which does not hold for trusted proxies",
    { ESB_MAX_CONNECTIONS_PER_ADDRESS: "3", ESB_TRUSTED_PROXIES: "127.0.0.0/8" },
    undefined,
  ],
  ["in all, over TLS", { ESB_MAX_CONNECTIONS: "3", ESB_TLS: "on" }, "all"],
];
for (const [what, environment, limit] of cases) {
  test(`G7: one connection more than may be open ${what}`, async () => {
    await using harness = await startHarness(environment);
    using stack = new DisposableStack();
    const open = () => stack.use(openRaw(harness.url));
    const three = [open(), open(), open()];
    await Promise.all(three.map(({ socket }) => once(socket, "connect")));
    const tls = environment.ESB_TLS === "on";
    if (!tls) {
      for (const connection of three) {
        connection.write(health);
        await connection.answers(1);
      }
    }
    const fourth = open();
    if (limit === undefined) {
      fourth.write(health);
      assert.equal((await fourth.answers(1))[0]?.status, 200);
      return;
    }
    await fourth.closed;
    assert.equal(fourth.received(), "");
    if (!tls) {
      three[0]?.write(health);
      assert.equal((await three[0]?.answers(2))?.length, 2);
    }
    three[0]?.socket.destroy();
    await until(async () => {
      try {
        return (await harness.get("/health")).status === 200;
      } catch {
        return false;
      }
    });
    three[1]?.socket.destroy();
    await until(async () => {
      const { body } = await harness.get("/metrics").catch(() => ({ body: "" }));
      const [, refused = "0"] =
        new RegExp(`^esb_connections_refused_total\\{limit="${limit}"\\} (\\d+)$`, "m").exec(body) ?? [];
      return Number(refused) >= 1;
    });
  });
}

test("G7: a thousand connections that are one too many leave nothing behind", async () => {
  await using harness = await startHarness({ ESB_MAX_CONNECTIONS: "1" });
  using first = openRaw(harness.url);
  await once(first.socket, "connect");
  first.write(health);
  await first.answers(1);
  const { port } = new URL(harness.url);
  for (let round = 0; round < 10; round++) {
    const sockets = Array.from({ length: 100 }, () => connect(Number(port), "127.0.0.1").on("error", () => undefined));
    await Promise.all(sockets.map((socket) => once(socket.resume(), "close")));
  }
  first.write("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  const [, metrics] = await first.answers(2);
  assert.match(metrics?.body ?? "", /^esb_connections 1$/m);
  assert.match(metrics?.body ?? "", /^esb_connections_refused_total\{limit="all"\} 1\d{3}$/m);
});
