import { LambdaError } from "../http/errors.ts";

/** A parameter that is not as Lambda's model has it, in Lambda's own words. */
export function invalid(member: string, value: string, constraint: string): LambdaError {
  return new LambdaError(
    "ValidationException",
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}

/** @param most in characters */
export function tooLong(member: string, value: string, most: number): LambdaError {
  return invalid(member, value, `Member must have length less than or equal to ${most}`);
}

/**
 * @param values what the parameter may be
 * @returns undefined: it is not given
 * @throws LambdaError ValidationException
 */
export function oneOf<T extends string>(
  values: readonly T[],
  given: string | string[] | undefined,
  member: string,
): T | undefined {
  if (given === undefined || given === "") return undefined;
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  throw invalid(member, String(given), `Member must satisfy enum value set: [${values.join(", ")}]`);
}
