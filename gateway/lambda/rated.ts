import { clientAddress, type TrustedProxies } from "../apigateway/client-address.ts";
import type { BodyCheck, Caller, CallerRequest } from "../auth/callers/check.ts";
import type { RateLimit } from "../http/rate-limit.ts";
import type { CallerGate } from "./admission.ts";

/** Counts calls against the rates of their addresses, before a gate is asked, and of API keys that it has let in. */
export class RatedGate implements CallerGate {
  readonly #gate: CallerGate;
  readonly #rates: Pick<RateLimit, "admit">;
  readonly #trusted: TrustedProxies;

  constructor(gate: CallerGate, rates: Pick<RateLimit, "admit">, trusted: TrustedProxies) {
    this.#gate = gate;
    this.#rates = rates;
    this.#trusted = trusted;
  }

  /** @throws (or rejects with) LambdaError, RateExceeded */
  admit(request: CallerRequest): Caller | BodyCheck | Promise<Caller | BodyCheck> {
    this.#countAddress(request);
    const result = this.#gate.admit(request);
    return result instanceof Promise ? result.then((found) => this.#count(found)) : this.#count(result);
  }

  #count(found: Caller | BodyCheck): Caller | BodyCheck {
    if (typeof found === "function") return async (body) => this.#counted(await found(body));
    return this.#counted(found);
  }

  #counted(caller: Caller): Caller {
    if (caller.kind === "api-key") this.#rates.admit({ kind: "key", keyId: caller.name });
    return caller;
  }

  #countAddress({ remoteAddress = "", headers }: CallerRequest): void {
    const forwarded = headers["x-forwarded-for"];
    const list = forwarded === undefined ? [] : [["x-forwarded-for", String(forwarded)] as const];
    this.#rates.admit({ kind: "address", address: clientAddress(remoteAddress, list, this.#trusted) });
  }
}
