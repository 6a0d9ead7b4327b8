import type { RouteAuth } from "../routing/definition.ts";

/** Who the caller is, as a route's `auth` has found out. */
export type Authorization =
  | { readonly kind: "none" }
  | {
      readonly kind: "jwt";
      /** As the token has them. */
      readonly claims: Readonly<Record<string, unknown>>;
      /** From the claim `scope` or `scp`; undefined when the token has neither. */
      readonly scopes: readonly string[] | undefined;
    }
  /** `key` is the key itself, which API Gateway hands to functions as `identity.apiKey`. */
  | { readonly kind: "api-key"; readonly key: string; readonly keyId: string };

/** A header's value by its name in lower case; undefined when there is none, or several. */
export type HeaderLookup = (name: string) => string | undefined;

/** Finds out who calls a route. */
export interface Authorizer {
  /** @throws (or rejects with) ApiError that tells the client no more than API Gateway does */
  authorize(auth: RouteAuth, header: HeaderLookup): Authorization | Promise<Authorization>;
}
