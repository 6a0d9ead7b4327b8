import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import {
  addressAt,
  counterpart,
  networkOf,
  overlaps,
  parseIdentityRange,
  parseInvocationRange,
  parseSubnet,
} from "./subnet.ts";

test("a subnet's gateway is its first address", () => {
  assert.deepEqual(parseSubnet("10.63.0.0/16"), { cidr: "10.63.0.0/16", prefixLength: 16, gateway: "10.63.0.1" });
  assert.equal(parseSubnet("192.168.7.8/29").gateway, "192.168.7.9");
  assert.equal(parseSubnet("10.0.0.0/8").gateway, "10.0.0.1");
});

for (const [text, expected] of [
  ["10.63.0.0", /must be an IPv4 subnet/],
  ["10.63.0/16", /must be an IPv4 subnet/],
  ["10.63.0.256/24", /must be an IPv4 subnet/],
  ["fd00::/64", /must be an IPv4 subnet/],
  ["10.63.0.0/30", /between \/8 and \/29/],
  ["10.0.0.0/7", /between \/8 and \/29/],
  ["10.63.0.1/16", /begin at its network address, so 10\.63\.0\.0\/16/],
  ["127.0.0.0/8", /loopback/],
  ["224.0.0.0/8", /multicast/],
  ["169.254.0.0/16", /linkLocal/],
] as const) {
  test(`${text} is refused`, () => {
    assert.throws(
      () => parseSubnet(text),
      (error) => error instanceof ConfigurationError && expected.test(error.message),
    );
  });
}

for (const [one, other, expected] of [
  ["10.63.0.0/16", "10.63.4.0/24", true],
  ["10.63.4.0/24", "10.63.0.0/16", true],
  ["10.63.0.0/16", "10.63.255.255", true],
  ["10.63.0.0/16", "10.64.0.0/16", false],
  ["10.63.0.0/29", "10.63.0.8", false],
] as const) {
  test(`${one} and ${other} ${expected ? "overlap" : "do not overlap"}`, () => {
    assert.equal(overlaps(one, other), expected);
  });
}

test("an address and its prefix name their network", () => {
  assert.equal(networkOf("10.63.4.9", 16), "10.63.0.0/16");
});

const workers = parseSubnet("10.63.0.0/16");

test("S7: a range of identity addresses is walked through and begins anew behind its end", () => {
  const range = parseIdentityRange("240.0.0.0/8", workers);
  assert.equal(range.size, 16_777_216);
  assert.equal(addressAt(range, 0), "240.0.0.0");
  assert.equal(addressAt(range, 66_051), "240.1.2.3");
  assert.equal(addressAt(range, range.size - 1), "240.255.255.255");
  assert.equal(addressAt(range, range.size + 5), "240.0.0.5");
});

for (const [text, expected] of [
  ["240.0.0.0/17", /ESB_IDENTITY_SUBNET=.*between \/8 and \/16/],
  ["240.0.0.1/8", /begin at its network address, so 240\.0\.0\.0\/8/],
  ["127.0.0.0/8", /cannot have these/],
  ["224.0.0.0/8", /cannot have these/],
  ["255.255.0.0/16", /cannot have these/],
  ["10.0.0.0/8", /overlaps the workers' own subnet/],
] as const) {
  test(`identity addresses ${text} are refused`, () => {
    assert.throws(
      () => parseIdentityRange(text, workers),
      (error) => error instanceof ConfigurationError && expected.test(error.message),
    );
  });
}

test("L3 S7: each identity address has an invocation address of its own, at the same place of a range as large", () => {
  const identities = parseIdentityRange("240.0.0.0/8", workers);
  const invocations = parseInvocationRange("254.0.0.0/8", workers, identities);
  assert.equal(counterpart("240.0.0.0", identities, invocations), "254.0.0.0");
  assert.equal(counterpart("240.1.2.3", identities, invocations), "254.1.2.3");
  for (const [text, expected] of [
    ["240.0.0.0/8", /overlaps ESB_IDENTITY_SUBNET=240/],
    ["254.0.0.0/16", /is smaller than ESB_IDENTITY_SUBNET/],
    ["10.0.0.0/8", /ESB_INVOCATION_SUBNET=.*overlaps the workers' own subnet/],
  ] as const) {
    assert.throws(() => parseInvocationRange(text, workers, identities), expected);
  }
});
