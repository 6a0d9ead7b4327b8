import type { FunctionEntry } from "./functions.ts";
import type { PlannedRequest } from "./plan.ts";

/** How a request ended, as its client saw it. */
export type Ending =
  | { readonly kind: "answer"; readonly status: number; readonly headers: Headers; readonly body: string }
  /** The connection was refused or broken off; `worker`: of the head that had come, if any. */
  | { readonly kind: "broken"; readonly why: string; readonly worker: string | undefined }
  | { readonly kind: "no answer"; readonly afterMs: number }
  | { readonly kind: "left" };

/** Of an answer's headers, in lower case. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What was going on while the request ran. */
export interface Circumstances {
  readonly gatewayDown: boolean;
  /** Whether we did something to this worker that may cost one request; it is used up by asking. */
  excuse(worker: string): boolean;
  /** What functions.yml said of the function at any time that matters; undefined: it was absent. */
  readonly definitions: readonly (FunctionEntry | undefined)[];
}

/** What is counted of a request, and what was wrong with it. */
export interface Verdict {
  readonly kind: string;
  readonly violation?: string;
}

/** Whether a request's end is right, or an honest failure. */
export function judge(request: PlannedRequest, ending: Ending, circumstances: Circumstances): Verdict {
  switch (ending.kind) {
    case "left":
      return { kind: "client left" };
    case "no answer":
      return { kind: "no answer", violation: `no answer within ${ending.afterMs} ms` };
    case "broken":
      return judgeBroken(ending, circumstances);
    case "answer":
      return judgeAnswer(request, ending, circumstances);
  }
}

function judgeBroken(ending: Ending & { kind: "broken" }, circumstances: Circumstances): Verdict {
  if (circumstances.gatewayDown) return { kind: "gateway away" };
  // An answer that was on its way cannot become an error any more: it is cut.
  if (ending.worker !== undefined && circumstances.excuse(ending.worker)) return { kind: "answer cut" };
  return { kind: "broken", violation: `the connection broke while the gateway was there: ${ending.why}` };
}

type Answer = Ending & { kind: "answer" };

function judgeAnswer(request: PlannedRequest, answer: Answer, circumstances: Circumstances): Verdict {
  if (answer.status !== 200) return judgeRefusal(answer, circumstances);
  const start = text(answer.headers["x-esb-start"]) ?? "no start";
  if (answer.headers["x-amz-function-error"] !== undefined) return judgeFunctionError(request, answer, circumstances);
  const wrong = findWrong(request, answer, circumstances);
  return wrong === undefined ? { kind: `ok, ${start}` } : { kind: "wrong", violation: wrong };
}

function findWrong(request: PlannedRequest, answer: Answer, circumstances: Circumstances): string | undefined {
  const told = parse(answer.body) as
    | { function?: string; version?: string; event?: object; mostAtOnce?: number }
    | undefined;
  if (told === undefined) return `not JSON: ${shortened(answer.body)}`;
  if (request.event.op !== "introduce") return `${request.event.op} was answered: ${shortened(answer.body)}`;
  if (told.function !== request.function) return `answered by ${told.function}, asked was ${request.function}`;
  if (canonical(told.event) !== canonical(request.event)) {
    return `another event than was sent, ${shortened(canonical(request.event))}: ${shortened(answer.body)}`;
  }
  // G6: one request per worker. The static server, which has one thread, does not tell.
  if ((told.mostAtOnce ?? 1) !== 1) return `its worker had ${told.mostAtOnce} requests at once`;
  const versions = circumstances.definitions.map((definition) => definition?.environment.VERSION);
  return versions.includes(told.version) ? undefined : `of version ${told.version}, valid was ${versions.join(", ")}`;
}

/** A function fails when it was asked to, or when we harmed its worker. */
function judgeFunctionError(request: PlannedRequest, answer: Answer, circumstances: Circumstances): Verdict {
  const { errorType, errorMessage } = (parse(answer.body) ?? {}) as Record<string, unknown>;
  if (typeof errorType !== "string" || typeof errorMessage !== "string") {
    return { kind: "wrong", violation: `a function error without type and message: ${shortened(answer.body)}` };
  }
  if (request.event.op !== "introduce") return { kind: `function error, own: ${errorType}` };
  if (circumstances.excuse(text(answer.headers["x-esb-worker"]) ?? "")) return { kind: `function error: ${errorType}` };
  const worker = text(answer.headers["x-esb-worker"]);
  return { kind: "wrong", violation: `a function error though nobody harmed ${worker}: ${shortened(answer.body)}` };
}

const honest: Readonly<Record<number, RegExp>> = {
  429: /^TooManyRequestsException$/,
  502: /^(ServiceException|EC2UnexpectedException|SubnetIPAddressLimitReachedException|InvalidRuntimeException)$/,
  503: /^ServiceException$/,
  504: /^ServiceException$/,
};

function judgeRefusal({ status, headers, body }: Answer, circumstances: Circumstances): Verdict {
  const type = text(headers["x-amzn-errortype"]) ?? "";
  const { message, Message } = (parse(body) ?? {}) as Record<string, unknown>;
  const kind = `${status} ${type}`;
  const shown = `${kind}: ${shortened(body)}`;
  if (typeof (message ?? Message) !== "string") return { kind, violation: `not in Lambda's shape: ${shown}` };
  if (status === 404 && circumstances.definitions.includes(undefined)) return { kind: "404, not in the file" };
  if (!honest[status]?.test(type)) return { kind, violation: `not an honest failure: ${shown}` };
  const waits = status === 429 || status === 503;
  if (waits && !/^\d+$/.test(text(headers["retry-after"]) ?? "")) {
    return { kind, violation: `without Retry-After: ${shown}` };
  }
  return { kind };
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function parse(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The same text for the same fields, whatever their order. */
function canonical(event: object | undefined): string {
  return JSON.stringify(Object.entries(event ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function shortened(body: string): string {
  return body.length > 300 ? `${body.slice(0, 300)}… (${body.length} characters)` : body;
}
