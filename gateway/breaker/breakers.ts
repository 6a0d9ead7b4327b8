import { type Functions, sameDefinition } from "../functions/definition.ts";
import type { StartGuard } from "../pool/start-guard.ts";
import { Breaker, type BreakerOptions, type BreakerState } from "./breaker.ts";

export interface BreakersOptions extends Pick<BreakerOptions, "clock" | "counts"> {
  readonly onOpen: (functionName: string, lastError: unknown, restMs: number) => void;
  readonly onClose: (functionName: string) => void;
}

/** A breaker for each function (G8). */
export class Breakers implements StartGuard {
  readonly #options: BreakersOptions;
  readonly #breakers = new Map<string, Breaker>();
  #functions: Functions = new Map();

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  run<T>(functionName: string, start: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const breaker = this.#breakers.get(functionName) ?? this.#add(functionName);
    return breaker.run(start, signal);
  }

  state(functionName: string): BreakerState {
    return this.#breakers.get(functionName)?.state ?? "closed";
  }

  /** Takes a new functions.yml over: what was learnt of a function that has changed or gone holds no more. */
  onFunctions(functions: Functions): void {
    for (const [name, breaker] of this.#breakers) {
      if (sameDefinition(this.#functions.get(name), functions.get(name))) continue;
      this.#breakers.delete(name);
      if (breaker.state !== "closed") this.#options.onClose(name);
    }
    this.#functions = functions;
  }

  #add(name: string): Breaker {
    const { clock, counts, onOpen, onClose } = this.#options;
    const breaker: Breaker = new Breaker({
      clock,
      counts,
      // A late word of a breaker that has been replaced is nobody's news.
      onOpen: (error, restMs) => this.#breakers.get(name) === breaker && onOpen(name, error, restMs),
      onClose: () => this.#breakers.get(name) === breaker && onClose(name),
    });
    this.#breakers.set(name, breaker);
    return breaker;
  }
}
