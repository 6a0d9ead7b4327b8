import assert from "node:assert/strict";
import { test } from "node:test";
import { issueCertificate, makeAuthority } from "../../common/certificates/authority.ts";
import { authorityDays, canStay, isAuthorityNearEnd, stillTrusted } from "./policy.ts";

const dayMs = 86_400_000;
const nowMs = Date.now();
const authority = await makeAuthority({ name: "authority", nowMs, days: authorityDays });
const other = await makeAuthority({ name: "authority", nowMs, days: authorityDays });
const issue = (hosts: readonly string[], days = 730) =>
  issueCertificate(authority, { name: "agent", hosts, usages: ["server"], nowMs, days });
const pair = await issue(["agent", "::1"]);
const foreignKey = { ...pair, key: (await issue(["agent"])).key };

const cases: readonly (readonly [string, boolean, boolean])[] = [
  ["as it was made", true, canStay(pair, authority.certificate, { hosts: ["agent", "::1"] }, nowMs)],
  ["with more hosts than are needed", true, canStay(pair, authority.certificate, { hosts: ["agent"] }, nowMs)],
  ["without a host", false, canStay(pair, authority.certificate, { hosts: ["agent", "10.0.0.1"] }, nowMs)],
  ["364 days old", true, canStay(pair, authority.certificate, { hosts: [] }, nowMs + 364 * dayMs)],
  ["366 days old", false, canStay(pair, authority.certificate, { hosts: [] }, nowMs + 366 * dayMs)],
  ["of another authority of the name", false, canStay(pair, other.certificate, { hosts: [] }, nowMs)],
  ["with another's key", false, canStay(foreignKey, authority.certificate, { hosts: [] }, nowMs)],
  ["spoiled", false, canStay({ ...pair, certificate: "x" }, authority.certificate, { hosts: [] }, nowMs)],
];
for (const [what, expected, actual] of cases) {
  test(`D4: a certificate ${what} ${expected ? "stays" : "is made anew"}`, () => assert.equal(actual, expected));
}

test("D4: an authority gives way before what it issues would outlive it", () => {
  const { certificate } = authority;
  const at = (days: number) => isAuthorityNearEnd(certificate, nowMs + days * dayMs);
  assert.deepEqual([at(0), at(authorityDays - 731), at(authorityDays - 729)], [false, false, true]);
});

test("D4: a former authority is trusted for a week", () => {
  const former = [other.certificate];
  const at = (days: number) => stillTrusted(authority.certificate, former, nowMs + days * dayMs).length;
  assert.deepEqual([at(0), at(6.9), at(7.1)], [1, 1, 0]);
});
