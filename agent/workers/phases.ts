import type { MeasurePhase, StartPhase } from "./runtime.ts";

export type PhaseDurations = Readonly<Record<StartPhase, number>>;

/** Adds up how long each phase of a start took, in milliseconds. */
export function phaseTimer(): { readonly durations: PhaseDurations; readonly measure: MeasurePhase } {
  const durations: Record<StartPhase, number> = { image: 0, snapshot: 0, network: 0, create: 0, start: 0, ready: 0 };
  const measure: MeasurePhase = async (phase, work) => {
    const begun = performance.now();
    try {
      return await work();
    } finally {
      durations[phase] += performance.now() - begun;
    }
  };
  return { durations, measure };
}
