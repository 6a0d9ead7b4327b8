import { AgentError, type ErrorCode } from "../../../errors.ts";

/** A failure between us and a registry. */
export class RegistryError extends AgentError {
  /** Whether the same request may well succeed a little later. */
  readonly passing: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { passing: boolean }) {
    super(code, message, options);
    this.passing = options.passing;
  }
}

/** OpenSSL's names for "I know nobody who vouches for this certificate". */
const untrustedCodes = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);
const absentCodes = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** What went wrong on a connection to `host`, in words for the one who named the image. */
export function connectionError(error: unknown, host: string): RegistryError {
  const code = codeOf(error);
  const fail = (message: string, passing: boolean) =>
    new RegistryError("IMAGE_PULL_FAILED", message, { cause: error, passing });
  if (untrustedCodes.has(code)) {
    const hint = "if its authority is your own, name its PEM file in ESB_REGISTRY_CA";
    return fail(`the certificate of registry ${host} is signed by nobody we trust (${code}); ${hint}`, false);
  }
  if (code.startsWith("CERT_") || code.startsWith("ERR_TLS_CERT")) {
    return fail(`the certificate of registry ${host} is not valid for it (${code})`, false);
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" || code === "EPROTO") {
    const hint = "if it speaks plain HTTP and you accept that, add it to ESB_INSECURE_REGISTRIES";
    return fail(`registry ${host} does not speak TLS; ${hint}`, false);
  }
  if (absentCodes.has(code)) return fail(`registry ${host} cannot be reached (${code})`, false);
  return fail(`the connection to registry ${host} failed (${code || messageOf(error)})`, true);
}

/** Nobody listens where the registry should be. */
export function isAbsentRegistry(error: unknown): boolean {
  return error instanceof RegistryError && absentCodes.has(codeOf(error.cause));
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  return "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
