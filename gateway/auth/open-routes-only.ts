import { ApiError } from "../apigateway/errors.ts";
import type { Authorizer } from "./authorization.ts";

/** Where nobody can be known, only routes that ask for nothing are served. */
export const openRoutesOnly: Authorizer = {
  authorize(auth) {
    if (auth === "none") return { kind: "none" };
    throw new ApiError(auth === "jwt" ? "UNAUTHORIZED" : "FORBIDDEN", "no credentials are configured");
  },
};
