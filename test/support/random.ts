import type { TestContext } from "node:test";

/**
 * Random whole numbers from 0 to below `limit`, out of a seed that the test's output tells; ESB_TEST_SEED repeats a run
 * as far as the machine's own timing does.
 */
export function randomNumbers(test: TestContext): (limit: number) => number {
  const seed = Number(process.env.ESB_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  test.diagnostic(`ESB_TEST_SEED=${seed}`);
  return numbersFrom(seed);
}

/** The whole numbers from 0 to below `limit` that belong to this seed, the same ones each time. */
export function numbersFrom(seed: number): (limit: number) => number {
  // A linear congruential generator with the multiplier of L'Ecuyer's table for 2^32; its low bits are poor.
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 2891336453) + 1) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
