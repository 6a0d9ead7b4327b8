import assert from "node:assert/strict";
import { test } from "node:test";
import { trustedProxies } from "./client-address.ts";
import { forwardedBy } from "./forwarded.ts";
import type { Forwarded, HeaderList } from "./request.ts";

const trusted = trustedProxies(["10.0.0.0/8"]);
const client = { address: "198.51.100.7", port: 8443, encrypted: true };
const proxy = { address: "::ffff:10.0.0.1", port: 8080, encrypted: false };

const cases: [name: string, arrival: typeof client, headers: HeaderList, forwarded: Forwarded][] = [
  ["a client", client, [], { for: "198.51.100.7", proto: "https", port: "8443" }],
  [
    "a client that has written some itself",
    client,
    [
      ["X-Forwarded-For", "6.6.6.6"],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Port", "1"],
    ],
    { for: "6.6.6.6, 198.51.100.7", proto: "https", port: "8443" },
  ],
  [
    "a proxy",
    proxy,
    [
      ["x-forwarded-for", "6.6.6.6"],
      ["X-Forwarded-For", "198.51.100.7"],
      ["X-Forwarded-Proto", "HTTPS"],
      ["X-Forwarded-Port", "444"],
    ],
    { for: "6.6.6.6, 198.51.100.7, 10.0.0.1", proto: "https", port: "444" },
  ],
  [
    "a proxy that names no port",
    proxy,
    [["X-Forwarded-Proto", "https"]],
    { for: "10.0.0.1", proto: "https", port: "443" },
  ],
  [
    "a proxy that talks nonsense",
    proxy,
    [
      ["X-Forwarded-Proto", "gopher"],
      ["X-Forwarded-Port", "http"],
    ],
    { for: "10.0.0.1", proto: "http", port: "8080" },
  ],
];
for (const [name, arrival, headers, forwarded] of cases) {
  test(`G5: X-Forwarded-* of what came from ${name}`, () => {
    assert.deepEqual(forwardedBy(arrival, headers, trusted), forwarded);
  });
}
