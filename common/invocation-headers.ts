/** What the gateway and the process that serves the Runtime API say to each other beside Lambda's own headers. */

/** Of an invocation: when the gateway gives it up, in milliseconds since 1970. */
export const deadlineHeader = "x-esb-deadline-ms";

/** Of an invocation: the function's ARN as it was invoked; absent: the worker's own, without a qualifier. */
export const functionArnHeader = "x-esb-function-arn";

/** Of an invocation: `streaming` where the answer is wanted as it comes. */
export const responseModeHeader = "x-esb-response-mode";

/** Of what is no answer, since the function never got the invocation: why. */
export const undeliveredHeader = "x-esb-undelivered";

/** Of an answer: the worker's extensions may still work on the invocation; `quietPath` tells when they have finished. */
export const extensionsWorkHeader = "x-esb-extensions-work";

/** GET: answered once a worker takes an invocation at once (204), or takes none any more (410). */
export const quietPath = "/esb/quiet";
