import assert from "node:assert/strict";
import { test } from "node:test";
import { uplinkMtu, uplinkOf } from "./mtu.ts";

const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";

test("the way out is the interface of the default route, as /proc/net/route has it", () => {
  const lan = "eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0";
  const byDefault = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0";
  assert.equal(uplinkOf([header, lan, byDefault, ""].join("\n")), "eth0");
  assert.equal(uplinkOf([header, lan, ""].join("\n")), undefined);
  assert.equal(uplinkOf(""), undefined);
});

test("half a default route is not one", () => {
  assert.equal(uplinkOf(`${header}\ntun0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0`), undefined);
});

test("every machine has an MTU that can be used", async () => {
  const mtu = await uplinkMtu();
  assert.ok(mtu >= 576 && mtu <= 65_535);
});
