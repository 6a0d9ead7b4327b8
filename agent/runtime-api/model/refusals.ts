/**
 * Why a request of a worker is refused: HTTP status, AWS's name and sentence. Names and statuses are those of the Runtime
 * API's specification and, for what that leaves open, of AWS's own emulator (aws-lambda-runtime-interface-emulator).
 */
export interface Refusal {
  readonly status: number;
  readonly errorType: string;
  readonly errorMessage: string;
}

export const refusals = {
  invalidRequestId: refusal(400, "InvalidRequestID", "Invalid request ID"),
  invalidResponseMode: refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode"),
  truncated: refusal(400, "TruncatedHTTPRequest", "HTTP request detected as truncated"),
  tooLarge: refusal(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes)."),
  bodyTooLarge: refusal(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size."),
  noNext: transition("Ready"),
  noAnswer: transition("RuntimeInvocationResponse"),
  noInitError: transition("RuntimeInitError"),
  notFound: refusal(404, "NotFound", "There is no such path"),
  emptyName: refusal(403, "Extension.InvalidExtensionName", "Empty extension name"),
  invalidFormat: refusal(403, "InvalidRequestFormat", "The body is not what this call takes"),
  invalidEvent: refusal(
    403,
    "Extension.InvalidEventType",
    "An external extension has INVOKE and SHUTDOWN, another INVOKE",
  ),
  nameTaken: refusal(403, "Extension.InvalidExtensionState", "Extension with this name already registered"),
  registrationClosed: refusal(403, "Extension.RegistrationClosed", "Extension registration closed already"),
  tooManyExtensions: refusal(403, "Extension.TooManyExtensions", "Extension limit (10) reached"),
  missingIdentifier: refusal(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
  unknownIdentifier: refusal(403, "Extension.UnknownExtensionIdentifier", "Unknown extension"),
  missingErrorType: refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"),
  invalidExtensionState: refusal(403, "Extension.InvalidExtensionState", "State transition is not allowed"),
  subscriptionClosed: refusal(403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already"),
} as const;

export type RefusalName = keyof typeof refusals;

function refusal(status: number, errorType: string, errorMessage: string): Refusal {
  return { status, errorType, errorMessage };
}

function transition(to: string): Refusal {
  const errorMessage = `State transition to ${to} failed for runtime. Error: State transition is not allowed`;
  return refusal(403, "InvalidStateTransition", errorMessage);
}
