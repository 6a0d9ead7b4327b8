import { z } from "zod";
import type { ApiKey, User } from "../credentials/credentials.ts";
import { type KnownPassword, TooManyAttempts } from "../passwords/check.ts";
import type { PasswordHash } from "../passwords/hash.ts";
import { type Attempt, Throttled } from "./throttle.ts";

/** What the answer says; `message` as API Gateway words it. */
export interface SignInAnswer {
  readonly status: 200 | 400 | 401 | 404 | 429;
  readonly body: { readonly message: string } | { readonly AuthenticationResult: { readonly IdToken: string } };
  readonly retryAfterSeconds?: number;
}

export interface SignInRequest {
  /** Of the header x-api-key. */
  readonly apiKey: string | undefined;
  readonly address: string;
  /** Whether the client may be on another machine than the one that sent the request. */
  readonly throughProxy: boolean;
  readonly body: Buffer;
}

export interface SignInContext {
  readonly apiKey: (key: string) => ApiKey | undefined;
  readonly user: (username: string) => User | undefined;
  readonly anyHash: () => PasswordHash | undefined;
  readonly isRight: (password: string, known: KnownPassword | undefined, like?: PasswordHash) => Promise<boolean>;
  /** Undefined while no key signs tokens. */
  readonly issue: ((user: User) => Promise<string>) | undefined;
  readonly attemptOfAddress: (address: string) => Promise<Attempt>;
  readonly attemptOfKey: (keyId: string) => Promise<Attempt>;
  readonly onRefused: (why: string, fields: { address: string; apiKey?: string }) => void;
}

/** Longer passwords would only cost time. */
const longest = 1024;

const field = (name: string) => z.string(`${name} must be text`).min(1, `${name} must not be empty`).max(longest);

/** As Cognito's InitiateAuth has them; what it has beside is not looked at. */
export const signInBody = z.object(
  {
    AuthParameters: z.object(
      { USERNAME: field("USERNAME"), PASSWORD: field("PASSWORD") },
      "AuthParameters must be there",
    ),
  },
  "the body must be a JSON object",
);

const unauthorized: SignInAnswer = { status: 401, body: { message: "Unauthorized" } };

/** Answers `POST /user/auth/ver1.0`. */
export async function signIn(request: SignInRequest, context: SignInContext): Promise<SignInAnswer> {
  if (context.issue === undefined) return { status: 404, body: { message: "Not Found" } };
  const { address } = request;
  const refuse = (why: string, apiKey?: string): SignInAnswer => {
    context.onRefused(why, apiKey === undefined ? { address } : { address, apiKey });
    return unauthorized;
  };
  const attempts: Attempt[] = [];
  const forgive = () => Promise.all(attempts.map((attempt) => attempt.forgive()));
  try {
    attempts.push(await context.attemptOfAddress(address));
    const key = request.apiKey === undefined ? undefined : context.apiKey(request.apiKey);
    if (key === undefined) return refuse(request.apiKey === undefined ? "no API key" : "wrong API key");
    if (key.isWellKnown && request.throughProxy) return refuse("a well-known API key, through a proxy");
    const parsed = parseBody(request.body);
    if ("problem" in parsed) {
      await forgive();
      return { status: 400, body: { message: parsed.problem } };
    }
    attempts.push(await context.attemptOfKey(key.id));
    const user = context.user(parsed.username);
    const isRight = await context.isRight(parsed.password, user?.password, context.anyHash());
    if (user === undefined || !isRight) return refuse("wrong user or password", key.id);
    await forgive();
    return { status: 200, body: { AuthenticationResult: { IdToken: await context.issue(user) } } };
  } catch (error) {
    if (!(error instanceof Throttled || error instanceof TooManyAttempts)) throw error;
    // No password was looked at.
    await forgive();
    const retryAfterSeconds = error instanceof Throttled ? error.retryAfterSeconds : 1;
    return { status: 429, body: { message: "Too Many Requests" }, retryAfterSeconds };
  }
}

function parseBody(body: Buffer): { username: string; password: string } | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    return { problem: "the body must be JSON" };
  }
  const parsed = signInBody.safeParse(json);
  if (!parsed.success) {
    const told = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
    return { problem: told.join("; ") };
  }
  const { USERNAME: username, PASSWORD: password } = parsed.data.AuthParameters;
  return { username, password };
}
