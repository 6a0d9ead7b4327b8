import { LambdaError } from "../../http/errors.ts";
import type { CallerCheck } from "./check.ts";

/** Lets in nobody; workers, who may always, are met elsewhere. */
export const closedCheck: CallerCheck = {
  check: () => {
    throw new LambdaError("AccessDeniedException", "Lambda's API is closed to clients here (ESB_LAMBDA_AUTH=off)");
  },
};
