import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { isPortFree, parsePortRange, portsFrom } from "./ports.ts";

test("a range has a first and a last port", () => {
  assert.deepEqual(parsePortRange("20000-20999"), { first: 20000, last: 20999 });
  assert.deepEqual(parsePortRange("80-80"), { first: 80, last: 80 });
});

for (const text of ["", "20000", "20000-", "3-2", "0-10", "65000-65536", "a-b"]) {
  test(`range "${text}" is refused`, () => {
    assert.throws(() => parsePortRange(text), ConfigurationError);
  });
}

test("ports are tried round and round", () => {
  const range = { first: 5, last: 8 };
  assert.deepEqual(portsFrom(range, 7), [7, 8, 5, 6]);
  assert.deepEqual(portsFrom(range, 9), [5, 6, 7, 8]);
});

for (const host of ["127.0.0.1", "0.0.0.0"]) {
  test(`a port is not free while somebody listens on ${host}, and free again afterwards`, async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    assert.equal(await isPortFree(address.port), false);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await isPortFree(address.port), true);
  });
}
