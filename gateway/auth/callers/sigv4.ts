import { createHash, createHmac, type Hash, type Hmac, timingSafeEqual } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { BodyCheck, Caller, CallerCheck, CallerRequest } from "./check.ts";
import { invalid, refusalOfTerms } from "./signature-terms.ts";
import { queryOf, type SignatureClaim, signatureClaim } from "./signed-request.ts";

type HttpRequest = Parameters<SignatureV4["presign"]>[0];

/** What a request may be signed with. */
export interface Signatory {
  readonly secret: string;
  readonly caller: Caller;
}

/**
 * Finds who has an access key; a key that was given out with a session token is found only together with that.
 * Undefined: it is not known here.
 */
export type FindSignatory = (accessKeyId: string, sessionToken: string | undefined) => Signatory | undefined;

export interface SigV4Options {
  readonly region: string;
  readonly find: FindSignatory;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
}

/** Signature Version 4, as AWS SDKs sign: the signature is made anew over what has come, and compared. */
export class SigV4Check implements CallerCheck {
  readonly #options: SigV4Options;

  constructor(options: SigV4Options) {
    this.#options = options;
  }

  check(request: CallerRequest): BodyCheck | undefined {
    const claim = signatureClaim(request);
    if (claim === undefined) return undefined;
    const { find, region, epochMs } = this.#options;
    const signatory = find(claim.accessKeyId, claim.sessionToken);
    if (signatory === undefined) return undefined;
    const refusal = refusalOfTerms(claim, region, epochMs());
    if (refusal !== undefined) throw refusal;
    requireSigned(request, claim);
    return async (body) => {
      if (!isSame(await signatureOf(request, claim, signatory.secret, body), claim.signature)) throw mismatch();
      return signatory.caller;
    };
  }
}

/** What Lambda acts upon must be signed, else somebody on the way could change it. */
function requireSigned({ headers }: CallerRequest, { signedHeaders }: SignatureClaim): void {
  const missing = Object.keys(headers).filter((name) => name.startsWith("x-amz-") && !signedHeaders.has(name));
  if (!signedHeaders.has("host")) missing.unshift("host");
  if (missing.length === 0) return;
  throw invalid(`There were headers present in the request which were not signed: ${missing.join(", ")}`);
}

/** @returns in hexadecimal; undefined where the request contradicts itself */
async function signatureOf(
  { method, url, headers }: CallerRequest,
  claim: SignatureClaim,
  secret: string,
  body: Buffer,
): Promise<string | undefined> {
  const told = headers["x-amz-content-sha256"];
  // Lambda takes no UNSIGNED-PAYLOAD: whoever says a hash must have the right one.
  if (told !== undefined && told !== createHash("sha256").update(body).digest("hex")) return undefined;
  const signer = new SignatureV4({
    service: claim.service,
    region: claim.region,
    credentials: { accessKeyId: claim.accessKeyId, secretAccessKey: secret },
    sha256: NodeSha256,
    applyChecksum: false,
  });
  const signedHeaders = new Set(claim.signedHeaders);
  const { "X-Amz-Signature": _signature, ...query } = queryOf(url);
  const received: HttpRequest = {
    method,
    protocol: "http:",
    hostname: "",
    path: url.split("?", 1)[0] ?? "",
    query,
    headers: Object.fromEntries([...signedHeaders].map((name) => [name, headerValue(headers, name)])),
    body,
  };
  const signingDate = new Date(claim.dateMs);
  if (claim.by === "header") {
    const { headers: signed } = await signer.sign(received, { signingDate, signableHeaders: signedHeaders });
    return /Signature=([0-9a-f]{64})$/.exec(signed.authorization ?? "")?.[1];
  }
  const { query: signed } = await signer.presign(received, {
    signingDate,
    signableHeaders: signedHeaders,
    unhoistableHeaders: signedHeaders,
    ...(claim.expiresSeconds === undefined ? {} : { expiresIn: claim.expiresSeconds }),
  });
  const signature = signed?.["X-Amz-Signature"];
  return typeof signature === "string" ? signature : undefined;
}

/** HTTP/2 has the host elsewhere (RFC 9113 section 8.3.1). A client may name what no header is, such as `constructor`. */
function headerValue(headers: CallerRequest["headers"], name: string): string {
  const given = Object.hasOwn(headers, name) ? headers[name] : undefined;
  const value = given ?? (name === "host" ? headers[":authority"] : undefined) ?? "";
  return Array.isArray(value) ? value.join(",") : value;
}

/** In constant time. */
function isSame(expected: string | undefined, given: string): boolean {
  return expected !== undefined && timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}

function mismatch() {
  return invalid(
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  );
}

/** SHA-256 as the library wants it, by Node: an event may have 6 MiB. */
class NodeSha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytes(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
