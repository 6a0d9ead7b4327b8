import assert from "node:assert/strict";
import { test } from "node:test";
import { clientAddress, trustedProxies } from "./client-address.ts";

const trusted = trustedProxies(["10.0.0.0/8", "192.0.2.9", "2001:db8:1::/48"]);

const cases: [name: string, socket: string, forwardedFor: string[], client: string][] = [
  ["nobody is between", "198.51.100.7", [], "198.51.100.7"],
  ["a client's own word is not believed", "198.51.100.7", ["6.6.6.6"], "198.51.100.7"],
  ["a proxy tells the client", "10.0.0.1", ["198.51.100.7"], "198.51.100.7"],
  ["what the client wrote stands left of it", "10.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"],
  ["two proxies", "10.0.0.1", ["6.6.6.6, 198.51.100.7, 192.0.2.9"], "198.51.100.7"],
  ["several headers are one list", "10.0.0.1", ["6.6.6.6", "198.51.100.7,10.0.0.2"], "198.51.100.7"],
  ["all are proxies: the first", "10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"],
  ["a proxy that tells nothing", "10.0.0.1", [], "10.0.0.1"],
  ["an empty header", "10.0.0.1", [""], "10.0.0.1"],
  ["no address", "10.0.0.1", ["198.51.100.7, unknown"], "10.0.0.1"],
  ["no address behind a proxy", "10.0.0.1", ["999.1.1.1, 10.0.0.2"], "10.0.0.2"],
  ["an empty entry", "10.0.0.1", ["198.51.100.7, "], "10.0.0.1"],
  ["IPv4 in IPv6's clothes", "::ffff:10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"],
  ["the same in hexadecimal", "::ffff:a00:1", ["::ffff:c633:6407"], "198.51.100.7"],
  ["IPv6", "2001:db8:1::1", ["2001:db8:2::7"], "2001:db8:2::7"],
  ["IPv6 with a zone", "fe80::1%eth0", [], "fe80::1"],
  ["with ports", "10.0.0.1", ["198.51.100.7:4711, 10.0.0.2:80"], "198.51.100.7"],
  ["IPv6 with a port", "10.0.0.1", ["[2001:db8:2::7]:4711"], "2001:db8:2::7"],
  ["IPv6 in brackets", "10.0.0.1", ["[2001:db8:2::7]"], "2001:db8:2::7"],
  ["a socket that has gone", "", ["198.51.100.7"], ""],
];
for (const [name, socket, forwardedFor, client] of cases) {
  test(`G5: the client's address: ${name}`, () => {
    const headers = forwardedFor.map((value) => ["X-Forwarded-For", value] as const);
    assert.equal(clientAddress(socket, headers, trusted), client);
  });
}

test("G5: without trusted proxies X-Forwarded-For says nothing", () => {
  assert.equal(clientAddress("10.0.0.1", [["x-forwarded-for", "6.6.6.6"]], trustedProxies([])), "10.0.0.1");
});
