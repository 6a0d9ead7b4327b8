import { setTimeout as delay } from "node:timers/promises";

/** How one request ended. */
export interface SteadyAnswer {
  /** 0: no answer at all. */
  readonly status: number;
  /** Of the header x-esb-start. */
  readonly start: string | null;
  readonly functionError: string | null;
  readonly body: string;
  readonly tookMs: number;
}

/** Requests one after the other, from now on until `stop`. */
export interface Steady {
  /** Waits until so many more are answered. */
  more(count: number): Promise<void>;
  /** Ends it and tells of all that were sent. */
  stop(): Promise<SteadyAnswer[]>;
}

/** Sends a request every `everyMs`, or as soon as the one before is answered. */
export function steadily(invoke: () => Promise<Response>, everyMs: number): Steady {
  const answers: SteadyAnswer[] = [];
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      const begunMs = performance.now();
      answers.push(await one(invoke));
      await delay(Math.max(0, everyMs - (performance.now() - begunMs)));
    }
  })();
  return {
    async more(count) {
      const enough = answers.length + count;
      while (answers.length < enough) await delay(2);
    },
    async stop() {
      stopped = true;
      await running;
      return answers;
    },
  };
}

/** An answer, whatever it is. */
export async function one(invoke: () => Promise<Response>): Promise<SteadyAnswer> {
  const begunMs = performance.now();
  try {
    const response = await invoke();
    const body = await response.text();
    const { headers, status } = response;
    const functionError = headers.get("x-amz-function-error");
    return { status, start: headers.get("x-esb-start"), functionError, body, tookMs: performance.now() - begunMs };
  } catch (error) {
    return { status: 0, start: null, functionError: null, body: String(error), tookMs: performance.now() - begunMs };
  }
}

/** Those that were not plainly served. */
export function failuresOf(answers: readonly SteadyAnswer[]): readonly SteadyAnswer[] {
  return answers.filter(({ status, functionError }) => status !== 200 || functionError !== null);
}
