/** An error of the runtime's own, with AWS's name for it: `Runtime.<what>`. */
export function runtimeError(what, message) {
  const error = new Error(message);
  error.name = `Runtime.${what}`;
  return error;
}

/** An error as AWS's runtime for Node tells it. Anything can be thrown, also what is no error. */
export function payloadOf(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  const { name, message, stack } = error;
  return { errorType: String(name), errorMessage: String(message), trace: String(stack ?? "").split("\n") };
}

/** A header or trailer takes no more than this of Unicode. */
export function headerOf(value) {
  return value.replace(/[^\x20-\x7e]/g, "?");
}
