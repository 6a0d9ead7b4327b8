import { LambdaError } from "../../http/errors.ts";
import type { CallerCheck } from "./check.ts";

/** Lets in nobody: after the checks of those who may always. */
export const closedCheck: CallerCheck = {
  check: () => {
    throw new LambdaError("AccessDeniedException", "Lambda's API is closed to clients here (ESB_LAMBDA_AUTH=off)");
  },
};
