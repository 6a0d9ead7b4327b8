import assert from "node:assert/strict";
import { test } from "node:test";
import type { Authorization } from "../auth/authorization.ts";
import { apiRequest, readV1, readV2, routeMatch } from "../testing/api-requests.ts";

const claims = {
  sub: "a993f745",
  email_verified: true,
  auth_time: 1544112503,
  iat: 1544112503,
  exp: 1544116103,
  "cognito:groups": ["admin", "staging-manager"],
  address: { country: "DE" },
  nothing: null,
};

function signedIn(scopes: readonly string[] | undefined): Authorization {
  return { kind: "jwt", claims, scopes };
}

test("G2: claims reach a function of payload 1.0 as a Cognito authorizer's: strings, times written out", () => {
  const { requestContext } = readV1(apiRequest(), routeMatch(), signedIn(["read"]));
  assert.deepEqual(requestContext.authorizer, {
    claims: {
      sub: "a993f745",
      email_verified: "true",
      auth_time: "1544112503",
      iat: "Thu Dec 06 16:08:23 UTC 2018",
      exp: "Thu Dec 06 17:08:23 UTC 2018",
      "cognito:groups": "admin,staging-manager",
      address: '{"country":"DE"}',
    },
  });
});

test("G2: claims reach a function of payload 2.0 as a JWT authorizer's: strings, lists in brackets, and scopes", () => {
  const { requestContext } = readV2(apiRequest(), routeMatch(), signedIn(["read", "write"]));
  assert.deepEqual(requestContext.authorizer, {
    jwt: {
      claims: {
        sub: "a993f745",
        email_verified: "true",
        auth_time: "1544112503",
        iat: "1544112503",
        exp: "1544116103",
        "cognito:groups": "[admin staging-manager]",
        address: '{"country":"DE"}',
      },
      scopes: ["read", "write"],
    },
  });
});

test("G2: without scopes they are null in payload 2.0", () => {
  assert.equal(readV2(apiRequest(), routeMatch(), signedIn(undefined)).requestContext.authorizer.jwt.scopes, null);
});

test("G2: a time that no calendar has is told as the number it is", () => {
  const authorization: Authorization = { kind: "jwt", claims: { exp: 1e20, iat: "soon" }, scopes: undefined };
  const { claims: told } = readV1(apiRequest(), routeMatch(), authorization).requestContext.authorizer;
  assert.deepEqual(told, { exp: "100000000000000000000", iat: "soon" });
});
