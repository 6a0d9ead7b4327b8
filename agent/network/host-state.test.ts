import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkHostState,
  formerGuards,
  formerNetworks,
  type Guard,
  guardMetric,
  type HostState,
  identityGuard,
  invocationRoute,
  isGuarded,
} from "./host-state.ts";
import { parseSubnet } from "./subnet.ts";

const subnet = parseSubnet("10.63.0.0/16");
const inet = (local: string, prefixlen: number) => ({ family: "inet", local, prefixlen });
const ours = {
  ifname: "esb0",
  ifalias: "esb network esb",
  linkinfo: { info_kind: "bridge" },
  addr_info: [inet("10.63.0.1", 16)],
};
const routeOf = ({ cidr, metric, type }: Guard) => ({ type, dst: cidr, metric });
const check = (state: Partial<HostState>) =>
  checkHostState({ interfaces: [], routes: [], ...state }, "esb", "esb0", subnet, {
    identities: "240.0.0.0/8",
    invocations: "254.0.0.0/8",
  });

for (const [what, state] of [
  ["nothing", {}],
  ["a default route", { routes: [{ dst: "default", dev: "eth0" }] }],
  ["a default route in two halves", { routes: [{ dst: "0.0.0.0/1", dev: "tun0" }] }],
  [
    "other networks",
    {
      routes: [
        { dst: "10.64.0.0/16", dev: "eth1" },
        { type: "local", dst: "127.0.0.0/8", dev: "lo" },
      ],
    },
  ],
  ["our guard", { routes: [{ type: "unreachable", dst: "10.63.0.0/16", metric: guardMetric }] }],
  ["our guard of identity addresses", { routes: [routeOf(identityGuard("esb", "240.0.0.0/8"))] }],
  ["that of an earlier life with another range", { routes: [routeOf(identityGuard("esb", "240.7.0.0/16"))] }],
  ["our route of invocation addresses", { routes: [routeOf(invocationRoute("esb", "254.0.0.0/8"))] }],
  ["another esb's with another range", { routes: [routeOf(identityGuard("other", "241.0.0.0/8"))] }],
  ["routes to our workers", { routes: [{ dst: "240.1.2.3", dev: "esb0" }] }],
  ["our bridge and its routes", { interfaces: [ours], routes: [{ dst: "10.63.0.0/16", dev: "esb0" }] }],
] as const) {
  test(`a host with ${what} is fine`, () => {
    assert.equal(check(state)?.ifname, "interfaces" in state ? "esb0" : undefined);
  });
}

for (const [what, state, expected] of [
  ["a bridge without our mark", { interfaces: [{ ...ours, ifalias: undefined }] }, /did not make.*LAMBDA_NETWORK/],
  ["a bridge of another network of ours", { interfaces: [{ ...ours, ifalias: "esb network x" }] }, /did not make/],
  ["another kind of interface", { interfaces: [{ ...ours, linkinfo: { info_kind: "dummy" } }] }, /did not make/],
  [
    "an address in the subnet",
    { interfaces: [{ ifname: "eth1", addr_info: [inet("10.63.4.2", 24)] }] },
    /10\.63\.4\.0\/24 of interface eth1/,
  ],
  ["a wider network", { routes: [{ dst: "10.0.0.0/8", dev: "vpn0" }] }, /overlaps the route 10\.0\.0\.0\/8 dev vpn0;/],
  ["a route to one address", { routes: [{ dst: "10.63.9.9", dev: "wg0" }] }, /10\.63\.9\.9/],
  [
    "another esb's guard of the same identity addresses",
    { routes: [routeOf(identityGuard("other", "240.0.0.0/8"))] },
    /identity addresses 240\.0\.0\.0\/8 overlap the route unreachable 240\.0\.0\.0\/8, .*set ESB_IDENTITY_SUBNET/,
  ],
  [
    "a route into our identity addresses",
    { routes: [{ dst: "240.1.2.3", dev: "other0" }] },
    /240\.1\.2\.3 dev other0.*ESB_IDENTITY_SUBNET/,
  ],
  [
    "another esb's route of the same invocation addresses",
    { routes: [{ ...routeOf(invocationRoute("other", "254.0.0.0/8")), dev: "lo" }] },
    /invocation addresses 254\.0\.0\.0\/8 overlap the route local 254\.0\.0\.0\/8 dev lo, .*ESB_INVOCATION_SUBNET/,
  ],
  ["somebody's guard", { routes: [{ type: "unreachable", dst: "10.63.0.0/16", metric: 7 }] }, /unreachable/],
] as const) {
  test(`a host with ${what} is refused`, () => {
    assert.throws(() => check(state as Partial<HostState>), { code: "NETWORK_FAILED", message: expected });
  });
}

test("networks that our bridge had in an earlier life are known by its addresses", () => {
  assert.deepEqual(formerNetworks(undefined, subnet), []);
  assert.deepEqual(formerNetworks(ours, subnet), []);
  const changed = { ...ours, addr_info: [inet("10.9.0.1", 24), inet("10.63.0.1", 16)] };
  assert.deepEqual(formerNetworks(changed, subnet), ["10.9.0.0/24"]);
});

test("guards of identity addresses are known by their metric: those in place, and those of an earlier life", () => {
  const guard = identityGuard("esb", "240.0.0.0/8");
  const old = identityGuard("esb", "241.0.0.0/8");
  const routes = [old, identityGuard("other", "242.0.0.0/8")].map(routeOf);
  assert.equal(isGuarded({ interfaces: [], routes }, guard), false);
  assert.deepEqual(formerGuards({ interfaces: [], routes }, guard), [old]);
  assert.ok(guard.metric > 0 && guard.metric < guardMetric);
});
